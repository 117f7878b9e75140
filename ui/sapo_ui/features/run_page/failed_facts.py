"""What a failed run's page shows, read in the background: the setting to blame, what a change would do, what was kept,
and the log around the error."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sapo_studio.config.blame import Blame, blame, with_change
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import PHASE_LABELS
from sapo_studio.errors import SapoError
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import ErrorText, LogLine, PhaseInfo, RunSummary
from sapo_ui import format as fmt

if TYPE_CHECKING:
    from sapo_studio.app.set_up.effect import Effect

LOOKED = 400
"""Lines of the log, the newest, among which the error is looked for."""
BEFORE, AFTER = 5, 4
"""Lines shown before and behind the error's first."""
_FRAME = re.compile(r'^\s*File "([^"]+)", line (\d+), in (\S+)$')


@dataclass(frozen=True)
class Folded:
    """A line of the log as it is shown: the first line of its text, the program's own line of a traceback in it (empty:
    none), and whether there is more."""

    line: LogLine
    text: str
    own: str
    more: bool


@dataclass(frozen=True)
class Failure:
    """All of it. `kept` is what the run has behind it, `phase` the name of the one that it failed in, and
    `under_way` the same in words; `lines` are
    those around the error, of `lines_in_all`; `done` names the phases that do not come again."""

    run: RunSummary
    error: ErrorText
    config: RunConfig | None
    blame: Blame
    phase: str = ""
    kept: tuple[str, ...] = ()
    under_way: str = ""
    lines: tuple[Folded, ...] = ()
    lines_in_all: int = 0
    done: frozenset[str] = frozenset()


def read_failure(store: Store, run: RunSummary) -> Failure:
    """What there is to say about a run that failed. Reads the store; not for the GUI thread."""
    error = run.error or ErrorText("The run failed", "It left no reason.", "The log may say more.")
    config: RunConfig | None = None
    with suppress(SapoError):  # a damaged row is no reason to say nothing
        config = queries.get_config(store, run.id)
    phases = queries.phases(store, run.id)
    left = {phase.name for phase in phases if phase.status != "done"}
    done = frozenset({phase.name for phase in phases} - left)
    at = phase_under_way(phases)
    phase = run.phase or (at.name if at is not None else "")
    found = Blame("", (), not error.bad_input, "unknown")
    if config is not None:
        found = blame(error.what, error.why, bad_input=error.bad_input, config=config, phase=phase, done=done)
    newest = queries.log(store, run.id, limit=LOOKED)
    total = int(store.value("SELECT count(*) FROM events WHERE run_id = ?", (run.id,)))
    return Failure(
        run=run,
        error=error,
        config=config,
        blame=found,
        phase=phase,
        kept=kept(phases),
        under_way=under_way(phases),
        lines=tuple(fold(line) for line in around_error(newest)),
        lines_in_all=total,
        done=done,
    )


def effects(failure: Failure) -> dict[str, Effect]:
    """What each proposal would change of memory and time. Forecasts; not for the GUI thread."""
    config = failure.config
    if config is None or failure.blame.rule != "memory":
        return {}
    # Only a run that lacked memory needs the forecast; the window starts without.
    from sapo_studio.app.set_up.effect import effect_of
    from sapo_studio.forecast import Machine

    machine = Machine.here()
    found: dict[str, Effect] = {}
    for one in failure.blame.proposals:
        effect = effect_of(config, with_change(config, one.path, one.after), failure.phase, machine)
        if effect is not None:
            found[one.path] = effect
    return found


def kept(phases: Sequence[PhaseInfo]) -> tuple[str, ...]:
    """The phases that are done, newest last, each with how much it came to."""
    return tuple(
        " ".join(
            part
            for part in (
                PHASE_LABELS.get(phase.name, phase.name),
                f"it {phase.iteration}" if phase.iteration else "",
                f"({phase.total:,} {phase.unit})" if phase.total > 1 and phase.unit else "",
            )
            if part
        )
        for phase in phases
        if phase.status == "done"
    )


def phase_under_way(phases: Sequence[PhaseInfo]) -> PhaseInfo | None:
    """The phase that had begun and is not done. (Of a run that has ended it counts as pending again.)"""
    begun = [one for one in phases if one.status != "done" and one.started_at is not None]
    return max(begun, key=lambda one: one.started_at or 0.0, default=None)


def under_way(phases: Sequence[PhaseInfo]) -> str:
    """The phase that had begun and is not done; empty where there is none."""
    phase = phase_under_way(phases)
    if phase is None:
        return ""
    where = f" of iteration {phase.iteration}" if phase.iteration else ""
    far = fmt.how_far(phase.done, phase.total, phase.unit)
    return f"{PHASE_LABELS.get(phase.name, phase.name)}{where}{f', at {far}' if far else ''}"


def around_error(lines: Sequence[LogLine]) -> list[LogLine]:
    """The lines around the first error of the last attempt; the newest where none is one."""
    last = next((at for at in range(len(lines) - 1, -1, -1) if lines[at].level == "error"), None)
    if last is None:
        return list(lines[-(BEFORE + AFTER) :])
    first = last
    while first > 0 and lines[first - 1].level == "error":
        first -= 1
    return list(lines[max(0, first - BEFORE) : max(last + 1, first + AFTER)])[: BEFORE + AFTER + 3]


def fold(line: LogLine) -> Folded:
    """A line as one line: a traceback becomes its last words and the program's own line in it."""
    texts = [text for text in line.message.splitlines() if text.strip()]
    if len(texts) <= 1:
        return Folded(line, line.message.strip(), "", more=False)
    frames = [at for at, text in enumerate(texts) if _FRAME.match(text)]
    if not frames:
        return Folded(line, texts[0].strip(), "", more=True)
    ours = [at for at in frames if "sapo_" in texts[at]] or frames
    told = _FRAME.match(texts[ours[-1]])
    assert told is not None
    file = told[1][told[1].rfind("sapo_") :] if "sapo_" in told[1] else told[1].rsplit("/", 1)[-1]
    code = texts[ours[-1] + 1].strip() if ours[-1] + 1 < len(texts) else ""
    return Folded(line, texts[-1].strip(), f"{file}:{told[2]} in {told[3]}   {code}", more=True)


def report(failure: Failure) -> str:
    """All of it as text, for whoever is asked for help."""
    run, error = failure.run, failure.error
    parts = [
        f"{error.what}\n{error.why}\n{error.fix}".strip(),
        f"Run {run.id} ({run.name}), preset {run.preset or 'none'}, on {run.device or 'no device yet'}",
        f"Failed in: {failure.under_way or 'no phase'}; done: {', '.join(failure.kept) or 'nothing'}",
        "\n".join(f"{one.path} = {one.before!r}" for one in failure.blame.proposals),
        "\n".join(f"[{folded.line.level}] {folded.line.message}" for folded in failure.lines),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
