"""People's judgements of steps: under whose name they are kept, what a key press means, the writing in the background,
and telling every panel at once, so that the heatmap need not wait for the next poll."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from PySide6.QtCore import QObject, Signal

from sapo_studio.domain.judgements import Judgement, first_error_here, no_error, still_to_fill
from sapo_studio.names import fitted_name
from sapo_studio.processes import login_name
from sapo_studio.store import annotations, queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import TraceDetail
from sapo_ui.services import tasks
from sapo_ui.services.settings import Settings
from sapo_ui.services.unfinished import unfinished


class AnnotationEvents(QObject):
    """Sent around when somebody has judged a step."""

    judged = Signal(object, object)
    """(trajectory id: int, first error as people say now: int) Sent when the store has it."""

    renamed = Signal()
    """Judgements are kept under another name from now on."""


@cache
def annotation_events() -> AnnotationEvents:
    """The one that the program has: whoever judges sends, whoever draws judgements connects."""
    return AnnotationEvents()


def set_annotator_name(name: str) -> None:
    """Keep judgements under this name from now on; an empty one brings the login name back."""
    before, settings = annotator_name(), Settings()
    settings.set_text("annotator", fitted_name(name, ""))
    settings.save()
    if annotator_name() != before:
        annotation_events().renamed.emit()


def annotator_name() -> str:
    """Under which name this user's judgements are kept: the one in the settings, else the name they are logged in
    with."""
    return fitted_name(Settings().text("annotator"), "") or login_name()


@dataclass(frozen=True)
class JudgeAction:
    """What a key press asks for on a step."""

    verb: str
    step: int


def act_of(action: JudgeAction, n_steps: int, by_hand: Mapping[int, int]) -> tuple[dict[int, int], set[int]]:
    """What `action` is to write after what this person has judged by hand: judgements by step, and which of those steps
    are filled in. Steps judged by hand that agree keep their judgement; nothing at all where everything is said.
    """
    said = judgements_of(action, n_steps)
    if action.verb not in ("first_error", "no_error"):
        return said, set()
    new = still_to_fill(said, by_hand)
    return new, new.keys() - ({action.step} if action.verb == "first_error" else set[int]())


def judgements_of(action: JudgeAction, n_steps: int) -> dict[int, int]:
    """What `action` says of which steps; nothing for undo."""
    single = {"wrong": Judgement.WRONG, "neutral": Judgement.NEUTRAL, "right": Judgement.RIGHT}
    if action.verb in single:
        return {action.step: int(single[action.verb])}
    if action.verb == "first_error":
        return first_error_here(n_steps, action.step)
    return no_error(n_steps) if action.verb == "no_error" else {}


class JudgementWriter(QObject):
    """Writes what was judged to the store, one after the other, and tells what the trajectory looks like then."""

    saved = Signal(object)
    """(TraceDetail) Read again after the write."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: list[Callable[[Store], TraceDetail]] = []
        self._busy = False

    def judge(self, trajectory_id: int, n_steps: int, action: JudgeAction) -> None:
        """Keep (or take back) a judgement."""
        me = annotator_name()

        def work(store: Store) -> TraceDetail:
            if action.verb == "undo":
                annotations.undo(store, trajectory_id, me)
            else:
                said, filled = act_of(action, n_steps, annotations.by_hand(store, trajectory_id, me))
                annotations.annotate(store, trajectory_id, me, said, filled=filled)
            return queries.trace(store, trajectory_id)

        self._waiting.append(work)
        self._next()

    def _next(self) -> None:
        if self._busy or not self._waiting:
            return
        self._busy = True
        unfinished().begin(self)
        tasks.run(self, self._waiting.pop(0), self._done, failed=self._failed)

    def _done(self, detail: TraceDetail) -> None:
        self._busy = False
        self.saved.emit(detail)
        annotation_events().judged.emit(detail.id, detail.human)
        self._next()
        if not self._busy:
            unfinished().end(self)

    def _failed(self, error: Exception) -> None:
        self._busy = False
        unfinished().lost += 1 + len(self._waiting)
        self._waiting.clear()
        unfinished().end(self)
        tasks.pool().tell(error)
