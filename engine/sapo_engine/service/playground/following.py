"""One solution followed while it is written: its text so far, and the steps that are complete."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sapo_engine.grading.extract import MARK
from sapo_engine.text.trajectory_builder import TrajectoryBuilder

_HALF = "\ufffd"
"""What a letter reads as of which not all tokens are there yet."""
_LAST_WORD = re.compile(r"\w+\Z")


@dataclass(frozen=True, slots=True)
class Change:
    """The text is now its first `at` characters and `text`."""

    at: int
    text: str


class Follower:
    """Takes the tokens of one completion and says what has changed. `begun`: tokens that it goes on from."""

    def __init__(self, builder: TrajectoryBuilder, begun: tuple[int, ...] = ()) -> None:
        self._builder = builder
        self._tokens = list(begun)
        self._told = ""
        self._open = True  # whether the last line may still turn out to begin a step, or not to
        self.begun = len(begun)
        self.steps: tuple[str, ...] = ()
        """Those that are complete."""

    @property
    def tokens(self) -> tuple[int, ...]:
        """All so far, those that were there at first included."""
        return tuple(self._tokens)

    @property
    def written(self) -> int:
        """How many were written."""
        return len(self._tokens) - self.begun

    def add(self, token: int) -> None:
        """One more."""
        self._tokens.append(token)

    def change(self) -> Change | None:
        """How the text differs from what was told last; None where it does not. A letter that is half written waits."""
        return self._to(self._text().rstrip(_HALF))

    def end(self, text: str) -> Change | None:
        """The same for the whole text, as it is kept."""
        return self._to(text)

    def _text(self) -> str:
        # As a list: texts on the way are asked for once, and need not be remembered.
        return self._builder.text_of(self._tokens)

    def _to(self, text: str) -> Change | None:
        if text == self._told:
            return None
        at = _alike(self._told, text)
        self._open = self._open or "\n" in text[at:] or at < len(self._told)
        self._told = text
        return Change(at, text[at:])

    def new_steps(self) -> bool:
        """Look which steps are complete by the text that was told last; whether these are others than before.

        A step is complete where the next one has begun. Whether a line begins one is decided by its whole words: of a
        line that is being written the last one may go on. Where a line turns out otherwise as it grows on, steps that
        were complete are so no more, or have become longer.
        """
        if not self._open:
            return False
        lines = self._told.split("\n")
        whole = _LAST_WORD.sub("", lines[-1])
        self._open = len(whole.strip()) < len(MARK)
        shown = [*lines[:-1], whole] if not self._open else lines[:-1]
        if not shown:
            return False
        _, cut = self._builder.cut(self._tokens, "\n".join(shown))
        before, self.steps = self.steps, cut[:-1]
        return self.steps != before


def _alike(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginnings."""
    if other.startswith(one):
        return len(one)
    shorter = min(len(one), len(other))
    return next((at for at in range(shorter) if one[at] != other[at]), shorter)
