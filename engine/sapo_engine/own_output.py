"""Standard output for what a program has to say alone: whatever libraries print goes elsewhere."""

from __future__ import annotations

import os
import sys
from typing import BinaryIO


def take_standard_output() -> BinaryIO:
    """What was standard output; file descriptor 1 now leads to standard error."""
    own = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return os.fdopen(own, "wb")
