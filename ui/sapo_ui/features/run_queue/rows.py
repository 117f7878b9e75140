"""The queue as rows to paint: from what the store and the machine say to words, in order, running ones first."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from sapo_studio.domain.runs import PHASE_LABELS
from sapo_studio.domain.scheduling import CardState, Need, Planned
from sapo_studio.store.records import RunSummary
from sapo_ui import format as fmt
from sapo_ui.services.run_queue import Overview, memory_words, waits_in_words

DAY = 86_400


@dataclass(frozen=True, slots=True)
class CardBox:
    """A card as a row shows it: chosen, to be chosen, or (`room` False) too small for the run."""

    number: int
    uuid: str
    chosen: bool
    room: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A run. `place` 0: it runs. `trouble`: it cannot start on this machine."""

    run_id: str
    name: str
    about: str
    place: int
    boxes: tuple[CardBox, ...]
    on_cpu: bool
    starts: str
    when: str
    takes: str
    memory: str
    trouble: bool = False

    @property
    def waits(self) -> bool:
        """Whether it has not been started."""
        return self.place > 0

    @property
    def spoken(self) -> str:
        """All of it for a screen reader."""
        chosen = ", ".join(str(box.number) for box in self.boxes if box.chosen)
        cards = "on the CPU" if self.on_cpu else f"cards {chosen}"
        place = f"number {self.place} in the queue, " if self.waits else ""
        return f"{self.name}, {place}{cards}, {self.starts}, {self.when}, takes {self.takes}, memory {self.memory}"


def rows_of(found: Overview, run: Callable[[str], RunSummary | None], now: float | None = None) -> list[Row]:
    """All rows of `found`; `run` gives what else is known of a run."""
    now = time.time() if now is None else now
    planned = {one.run_id: one for one in found.planned}
    rows: list[Row] = []
    for one in found.now.running:
        ends = planned[one.run_id].end
        summary = run(one.run_id)
        paused = summary is not None and summary.status.value == "paused"
        state = "paused" if paused else "running"
        rows.append(
            Row(
                *(one.run_id, one.name, _phase(summary), 0),
                _boxes(found.now.machine.cards, one.need, frozenset(one.cards)),
                not one.cards,
                state,
                "" if ends is None else f"done about {clock(now + ends, now)}",
                fmt.duration(one.need.seconds) if one.need.seconds is not None else fmt.NONE,
                memory_words(one.need),
            )
        )
    running = {one.run_id for one in found.now.running}
    for one in found.rows:
        if one.run_id in running or not one.waits:
            continue
        plan = planned.get(one.run_id)
        rows.append(
            Row(
                *(one.run_id, one.name, _plan(run(one.run_id)), one.place),
                _boxes(found.now.machine.cards, one.need, frozenset(one.cards) or one.need.only),
                not one.need.cards,
                *_waits(
                    waits_in_words(one.waits_for, paused=found.paused),
                    "" if found.paused or one.stuck else _when(plan, now),
                ),
                fmt.duration(one.need.seconds) if one.need.seconds is not None else fmt.NONE,
                memory_words(one.need),
                one.stuck,
            )
        )
    return rows


def _boxes(cards: tuple[CardState, ...], need: Need, chosen: frozenset[str]) -> tuple[CardBox, ...]:
    if not need.cards:
        return ()
    return tuple(
        CardBox(card.number, card.uuid, (not chosen or card.uuid in chosen) and need.on(card) <= card.total,
                need.on(card) <= card.total)
        for card in cards
    )  # fmt: skip


def _phase(run: RunSummary | None) -> str:
    if run is None or not run.phase:
        return "starting"
    where = f"iteration {run.iteration} of {run.iterations}, " if run.iteration else ""
    return f"{where}{PHASE_LABELS.get(run.phase, run.phase).lower()}, {fmt.percent(run.progress)} done"


def _plan(run: RunSummary | None) -> str:
    if run is None:
        return ""
    rounds = f"{run.iterations} iteration{'' if run.iterations == 1 else 's'}"
    done = f", {fmt.percent(run.progress)} done" if run.progress else ""
    return f"{run.preset}, {rounds}{done}" if run.preset else f"{rounds}{done}"


def _waits(why: str, when: str) -> tuple[str, str]:
    """What a run waits for, and below it what else is known: words for two lines."""
    first, _, more = why.partition(", ")
    return first, " \u00b7 ".join(part for part in (when, more) if part)


def _when(plan: Planned | None, now: float) -> str:
    if plan is None or plan.start is None:
        return "time unknown"
    return "now" if plan.start < 1 else f"about {clock(now + plan.start, now)}"


def clock(at: float, now: float) -> str:
    """A time of day, with the day where it is not today's."""
    then, today = time.localtime(at), time.localtime(now)
    day = time.mktime((today.tm_year, today.tm_mon, today.tm_mday, 0, 0, 0, 0, 0, -1))
    told = time.strftime("%H:%M", then)
    days = int((at - day) // DAY)
    if days == 0:
        return told
    return f"tomorrow {told}" if days == 1 else f"{time.strftime('%a', then)} {told}" if days < 7 else fmt.moment(at)


def headline(found: Overview, now: float | None = None) -> str:
    """How many run and wait, and when all is done."""
    now = time.time() if now is None else now
    parts = [f"{len(found.now.running)} running", f"{len(found.waiting)} waiting"]
    said = ", ".join(parts)
    ends = [one.end for one in found.planned]
    if found.paused or not ends:
        return said
    known = [end for end in ends if end is not None]
    if len(known) < len(ends):
        return said
    return f"{said} \u00b7 empty about {clock(now + max(known), now)}"
