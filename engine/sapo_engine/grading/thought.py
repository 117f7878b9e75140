"""What a completion says beside its thinking (`<think>...</think>`), and without the marks that end a turn."""

from __future__ import annotations

TURN_ENDS = (
    *("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end|>", "<end_of_turn>", "</s>"),
    *("<|end_of_text|>", "<|eom_id|>", "<|return|>", "<eos>", "<\uff5cend\u2581of\u2581sentence\uff5c>"),
)
_OPEN, _CLOSE = "<think>", "</think>"
_NEAR = 200
"""Characters of its line that are looked at around a mark."""


def without_turn_ends(text: str) -> str:
    """`text` without the marks at its end that end a turn."""
    end = len(text)
    while True:
        while end and text[end - 1].isspace():
            end -= 1
        mark = next((mark for mark in TURN_ENDS if text.endswith(mark, 0, end)), "")
        if not mark:
            return text[:end]
        end -= len(mark)


def without_thought(text: str) -> str:
    """`text` without its thinking. A thought that began in the prompt is only closed; one that is not goes to the end.

    A mark within a string in a line (`text.replace("</think>", "")`) is none.
    """
    kept: list[str] = []
    at = 0
    opened, closed = _find(text, _OPEN, 0), _find(text, _CLOSE, 0)
    while opened >= 0 or closed >= 0:
        if opened < 0 or 0 <= closed < opened:  # it began before, in the prompt or within a thought
            kept.clear()
        else:
            kept.append(text[at:opened])
            closed = closed if closed > opened else _find(text, _CLOSE, opened)
            if closed < 0:
                return "".join(kept)
        at = closed + len(_CLOSE)
        closed = _find(text, _CLOSE, at)
        opened = opened if opened < 0 or opened >= at else _find(text, _OPEN, at)
    return "".join((*kept, text[at:]))


def _find(text: str, mark: str, at: int) -> int:
    while (found := text.find(mark, at)) >= 0 and _is_quoted(text, found, found + len(mark)):
        at = found + 1
    return found


def _is_quoted(text: str, begin: int, end: int) -> bool:
    """Whether a string of a program is around it, in its line."""
    before = text[max(0, begin - _NEAR) : begin].rpartition("\n")[2]
    after = text[end : end + _NEAR].partition("\n")[0]
    for quote in ('"', "'", "`"):
        if before.count(quote) % 2 and after.count(quote) % 2:
            opening = before.rfind(quote)
            if quote != "'" or not before[:opening][-1:].isalpha() or before[:opening][-1:] in "rbfu":
                return True
    return False
