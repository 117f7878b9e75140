"""A terminal that obeys the program and never its data."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from sapo_studio.readable import printable


class SafeConsole(Console):
    """rich's console: colours and cursor movements of its own stay, control characters in texts are written out. In a
    file or a pipe no line ends with the spaces that fill a table's last column."""

    def print(self, *objects: Any, **how: Any) -> None:
        """As rich does."""
        if self.is_terminal:
            super().print(*objects, **how)
            return
        with self.capture() as captured:
            super().print(*objects, **how)
        self.file.write(re.sub(" +\n", "\n", captured.get()))

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Each piece of text as something to be shown."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(printable(segment.text), segment.style)
