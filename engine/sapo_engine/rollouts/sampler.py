"""To be worded."""

from __future__ import annotations
