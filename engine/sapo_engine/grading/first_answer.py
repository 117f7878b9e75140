"""Where the first complete answer of a completion ends.

A reasoner that is not stopped goes on: it makes up a question of its own and answers it. What counts is what it
answered to the question that was asked.
"""

from __future__ import annotations

from collections.abc import Iterator

from sapo_engine.grading.thought import TURN_ENDS, without_thought, without_turn_ends

_LABELS = frozenset((
    "question", "q", "problem", "exercise", "task", "user", "human", "instruction", "instructions", "input",
    "prompt", "example",
))  # fmt: skip
_TURNS = (
    "<|im_start|>",
    "<|user|>",
    "<|start_header_id|>user",
    "[inst]",
    "<start_of_turn>",
    *TURN_ENDS,
)
_INSIDE = (" Question:", " Problem:", " Q:")
_TALK = frozenset((
    "wait", "hmm", "but", "so", "let", "is", "are", "oh", "actually", "double-check", "check", "why", "what's",
    "right", "correct", "ok", "okay", "could", "should", "can", "does", "do", "did", "hold", "alternatively",
    "maybe", "no", "yes", "now", "then",
))  # fmt: skip
"""How a reasoner begins to ask itself; such a line is no new question."""
_LOWER = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
"""Not `lower()`, which makes some letters two: places would not be those in the text."""
_LONGEST_LINE = 2_000
_FEWEST_WORDS = 7


def goes_on(text: str) -> int | None:
    """Where a completion ends that goes on with a question of its own after its answer; None where it does not.

    `text[:goes_on(text)]` is the first complete answer. One pass: a sampler may ask after every few tokens.
    """
    if "####" not in text and "boxed" not in text and "nswer" not in text:
        return None
    begin = _after_thought(text)
    if begin is None:
        return None
    answered = False
    end = begin  # of the last line that says anything
    blank = False
    for start, line in _lines(text, begin):
        stripped = line.strip()
        if not stripped:
            blank = True
            continue
        if answered and _labelled(stripped):
            return end
        if answered or _answers(stripped):
            at = start + line.find(stripped)
            inside, turn = _labelled_inside(stripped, answered), _turn(stripped)
            if inside is not None and (turn is None or inside < turn):
                return at + inside
            if turn is not None and (answered or _answers(stripped[:turn])):
                said = at + turn if stripped[:turn].strip() else end
                return said if _says_more(text[at + turn :]) else None
            # Last, because only the whole line says it: a place that a sampler stopped at before stays one.
            if answered and blank and _asks(stripped):
                return end
            answered = True
        end = start + len(line.rstrip())
        blank = False
    return None


def answer_part(text: str) -> str:
    """A completion without its thinking, and without what comes after its first complete answer."""
    end = goes_on(text)
    return without_thought(without_turn_ends(text if end is None else text[:end]))


def _after_thought(text: str) -> int | None:
    """Where the thinking ends; None where it does not."""
    closed = text.find("</think>")
    if closed >= 0:
        return closed + len("</think>")
    return None if "<think>" in text else 0


def _lines(text: str, at: int) -> Iterator[tuple[int, str]]:
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        yield at, text[at:end]
        at = end + 1


def _answers(line: str) -> bool:
    """Whether a line gives a final answer."""
    if line.partition("####")[2].strip("# "):
        return True
    near = line[:_LONGEST_LINE]
    return "\\boxed" in near or "nswer is" in near or bool(near.partition("nswer:")[2].strip(" *"))


def _labelled(line: str) -> bool:
    """Whether a line begins a question: `Question:`, `**Problem 2.**`, `### Instruction`, `Q: ...`."""
    head = line[:80].lstrip("#*>-_ \t").lower()
    hashed = line.startswith("#") and not line.startswith("####")
    for before in ("", "new ", "next ", "another ", "the next ", "follow-up ", "second "):
        if not head.startswith(before):
            continue
        rest = head[len(before) :]
        word = _letters(rest)
        if word not in _LABELS:
            continue
        behind = rest[len(word) :].lstrip(" *_#")
        behind = behind.lstrip("0123456789").lstrip(" *_")
        if behind[:1] == ":" or (behind[:1] in (".", ")") and behind != rest[len(word) :].lstrip()):
            return True
        if not behind and (hashed or rest.rstrip(" *_")[-1:].isdigit()):
            return True  # ### Problem, Problem 3
    return False


def _labelled_inside(line: str, answered: bool) -> int | None:
    """Where a line that gives an answer goes on with a labelled question; None where it does not."""
    near = line[:_LONGEST_LINE]
    at = 0
    while (at := min((k for k in (near.find(label, at + 1) for label in _INSIDE) if k > 0), default=0)) > 0:
        if answered or _answers(line[:at]):
            return at
    return None


def _letters(text: str) -> str:
    end = 0
    while end < len(text) and text[end].isalpha():
        end += 1
    return text[:end]


def _asks(line: str) -> bool:
    """Whether a paragraph is a question with numbers of its own, and not the reasoner asking itself."""
    line = line.lstrip("0123456789.) ")  # of a list
    words = line[:_LONGEST_LINE].split()
    if len(words) < _FEWEST_WORDS or not line.rstrip(' *"”').endswith("?"):
        return False
    return words[0].strip("*_,.").lower() not in _TALK and line[:1].isalpha() and any(char.isdigit() for char in line)


def _turn(line: str) -> int | None:
    """Where another speaker begins in a line; None where nobody does."""
    low = line[:_LONGEST_LINE].translate(_LOWER)
    found = [at for turn in _TURNS if (at := low.find(turn)) >= 0]
    return min(found, default=None)


def _says_more(rest: str) -> bool:
    """Whether anything but the ends of turns is in a text."""
    for mark in TURN_ENDS:
        rest = rest.replace(mark, "")
    return bool(rest.strip())
