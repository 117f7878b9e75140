"""Whether a completion that is being written has gone on with a question of its own: then nothing more of it counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

THOUGHT, THOUGHT_ENDS = "<think>", "</think>"
_SIGNS = ("####", "boxed", "nswer")
"""Without one of these in it no text has an answer that could be gone on from."""
_LONGEST_SIGN = max(map(len, _SIGNS))


class AnswerWatch:
    """Follows the tokens of one completion. Implements Watch (`rollouts.base`).

    `end_of` says where the first complete answer of a text ends, None where the text does not go on from one
    (`Task.answer_end`); `decode` turns tokens into text. `begun`: tokens of the completion that were written before.
    `thinking`: the prompt has opened a thought, so that nothing counts before it is closed.

    `end_of` is asked about whole lines alone, or up to a colon: a line may come to mean something else as it grows, but
    what is said then stays so, whatever is written next. It is asked once there is an answer and each time that there
    is such a place after it; everything else costs the decoding of the new tokens.
    """

    __slots__ = ("_answered", "_decode", "_end_of", "_tail", "_thinking", "_tokens")

    def __init__(
        self,
        end_of: Callable[[str], int | None],
        decode: Callable[[list[int]], str],
        begun: Sequence[int] = (),
        *,
        thinking: bool = False,
    ) -> None:
        self._end_of = end_of
        self._decode = decode
        self._tokens = list(begun)
        self._thinking = thinking
        self._tail = ""
        self._answered = False
        if begun:
            self._look_for_signs(self._tokens)

    def ended(self, new: Sequence[int]) -> bool:
        """See Watch."""
        self._tokens += new
        piece = self._look_for_signs(new)
        if not self._answered or ("\n" not in piece and ":" not in piece):
            return False
        text = self._decode(self._tokens)
        text = text[: max(text.rfind("\n"), text.rfind(":")) + 1]
        return not (self._thinking and THOUGHT_ENDS not in text) and self._end_of(text) is not None

    def _look_for_signs(self, new: Sequence[int]) -> str:
        # Pieces decoded apart may differ from the whole in a space or a broken letter: no sign has any, and what is
        # decided is decided on the whole.
        piece = self._decode(list(new))
        if not self._answered:
            self._tail += piece
            self._answered = any(sign in self._tail for sign in _SIGNS)
            self._tail = self._tail[-_LONGEST_SIGN:]
        return piece
