"""A trial in words: who is asked, what a solution and the ways to choose come to."""

from __future__ import annotations

from collections.abc import Iterator

from sapo_studio.app.commands.try_session import Side
from sapo_studio.requests.play import GREEDY, ContinueResult, SolutionDone, Verdict, Verdicts

NO_ANSWER = "-"
WAYS = ("mean", "min", "last")


def title(side: Side) -> str:
    """The checkpoint and who scores it."""
    return f"{side.name}, {f'scored by {side.scored_by}' if side.verifier else 'not scored'}"


def name_of(solution: str) -> str:
    """`greedy`, or the solution's number from 1 on."""
    last = solution.rpartition("/")[2]
    return last if last == GREEDY else str(int(last) + 1)


def outcome(correct: bool | None) -> str:
    """In a word; empty where nobody knows."""
    return "" if correct is None else "right" if correct else "wrong"


def facts(one: SolutionDone) -> str:
    """What a solution comes to, in a line."""
    told = [one.answer or NO_ANSWER, outcome(one.correct)]
    if one.mean is not None:
        told.append(f"mean {one.mean:.2f}")
    if not one.finished:
        told.append(f"cut off at {one.tokens} tokens")
    return "  ".join(part for part in told if part)


def steps(one: SolutionDone) -> Iterator[str]:
    """Each step behind its score, lines of a step one below the other."""
    for place, step in enumerate(one.steps):
        score = f"{one.scores[place]:.2f}" if one.scores else "    "
        first, *others = step.split("\n")
        yield f"  {score}  {first}"
        yield from (f"        {line}" for line in others)


def chosen(found: Verdicts) -> Iterator[tuple[str, str]]:
    """The ways to choose that say something, and what they say."""
    if found.greedy is not None:
        yield "Greedy", _said(found.greedy, "")
    if found.majority is not None:
        yield "Majority", _said(found.majority, f"{found.majority.votes} of {found.majority.of}")
    for way, best in zip(WAYS, (found.best_mean, found.best_min, found.best_last), strict=True):
        if best is not None:
            yield f"Best by {way}", _said(best, f"{name_of(best.solution)}, {best.score:.2f}")


def _said(verdict: Verdict, more: str) -> str:
    return "  ".join(part for part in (verdict.answer or NO_ANSWER, outcome(verdict.correct), more) if part)


def success_rate(found: ContinueResult) -> str:
    """How often rollouts from the changed step succeed."""
    if found.successes is None:
        return f"{found.done} rollouts from the changed step; nobody knows the answer, so none is graded"
    return (
        f"{found.successes} of {found.done} rollouts from the changed step are right "
        f"(95 % interval {found.low:.2f} to {found.high:.2f})"
    )
