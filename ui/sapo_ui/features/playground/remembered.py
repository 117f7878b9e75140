"""What the page remembers from one start to the next: the question, the sides and the numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from sapo_studio.domain.aggregation import Aggregation
from sapo_studio.requests.limits import ROLLOUTS
from sapo_studio.requests.play import Asking
from sapo_ui.features.playground.step_editor import MOST_ROLLOUTS
from sapo_ui.services.playground import Sampling
from sapo_ui.services.playground_questions import TakenQuestion
from sapo_ui.services.playground_state import BEST


@dataclass(frozen=True, slots=True)
class Remembered:
    """`first` and `second`: checkpoint and verifier of each side, by the keys of the choosers. `known`: it was saved by
    an earlier start."""

    question: str = ""
    answer: str = ""
    tests: tuple[str, ...] = ()
    first: tuple[str, str] = ("", "")
    second: tuple[str, str] = ("", "")
    how: Sampling = field(default_factory=Sampling)
    by: Aggregation = "mean"
    cpu: bool = False
    known: bool = False
    rollouts: int = int(ROLLOUTS.default)
    taken: tuple[str, str, str] = ("", "", "")
    """Of a question of a task: its run, its number there, and which one it is in words."""

    @property
    def question_taken(self) -> TakenQuestion | None:
        """The question with where it comes from; None: it was typed."""
        run_id, number, where = self.taken
        if not (run_id and number.isdecimal() and self.question.strip()):
            return None
        asking = Asking(text=self.question, answer=self.answer, tests=self.tests, number=int(number))
        return TakenQuestion(asking, run_id, where)

    def texts(self) -> dict[str, str]:
        """As the settings keep it."""
        return {
            "question": self.question,
            "answer": self.answer,
            "tests": json.dumps(self.tests),
            "first": json.dumps(self.first),
            "second": json.dumps(self.second),
            "how": json.dumps(asdict(self.how)),
            "by": self.by,
            "cpu": "1" if self.cpu else "",
            "rollouts": str(self.rollouts),
            "taken": json.dumps(self.taken),
        }


def read(texts: Mapping[str, str]) -> Remembered:
    """What `texts` has kept. What cannot be read is as at first."""
    rollouts, taken = texts.get("rollouts", ""), _strings(texts.get("taken", ""))
    return Remembered(
        texts.get("question", ""),
        texts.get("answer", ""),
        _strings(texts.get("tests", "")),
        _pair(texts.get("first", "")),
        _pair(texts.get("second", "")),
        _sampling(texts.get("how", "")),
        _score(texts.get("by", "")),
        bool(texts.get("cpu")),
        bool(texts),
        int(rollouts) if rollouts.isdecimal() and 0 < int(rollouts) <= MOST_ROLLOUTS else Remembered().rollouts,
        (taken[0], taken[1], taken[2]) if len(taken) == 3 else Remembered().taken,
    )


def _score(text: str) -> Aggregation:
    for known in BEST:
        if known == text:
            return known
    return Remembered().by


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _strings(text: str) -> tuple[str, ...]:
    found = _json(text)
    return tuple(str(one) for one in found) if isinstance(found, list) else ()


def _pair(text: str) -> tuple[str, str]:
    found = _strings(text)
    return (found[0], found[1]) if len(found) == 2 else ("", "")


def _sampling(text: str) -> Sampling:
    found, usual = _json(text), Sampling()
    if not isinstance(found, dict):
        return usual

    def whole(name: str, other: int) -> int:
        value = found.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else other

    warmth: object = found.get("temperature")
    known = isinstance(warmth, int | float) and not isinstance(warmth, bool) and warmth >= 0
    return Sampling(
        whole("solutions", usual.solutions),
        float(warmth) if isinstance(warmth, int | float) and known else usual.temperature,
        whole("max_tokens", usual.max_tokens),
        whole("seed", usual.seed),
    )
