"""Keeps what stands in the New run form as a draft, and fills the form from one."""

from __future__ import annotations

from typing import Any, cast

from PySide6.QtCore import QObject, QTimer, Signal

from sapo_studio.config.gone import modernised
from sapo_studio.config.schema import RunConfig
from sapo_studio.errors import InputError
from sapo_ui.features.new_run import form_spec
from sapo_ui.features.new_run.form_spec import FieldSpec
from sapo_ui.features.new_run.form_state import FormState, plain
from sapo_ui.services.drafts import Draft, Drafts

KEEP_MS = 1000
"""A draft is written so long after the last change."""


class DraftKeeper(QObject):
    """The draft of one form. Without `drafts` nothing is kept."""

    due = Signal()
    """The form has been left alone for a while since its last change: it is time to keep it."""

    def __init__(self, drafts: Drafts | None, parent: QObject) -> None:
        super().__init__(parent)
        self._drafts = drafts
        self.key = ""
        """What the form was opened for: empty for a new run, else the run that it copies."""
        self.touched = False
        """Whether anything was changed by hand since the form was filled."""
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(KEEP_MS)
        self._soon.timeout.connect(self.due)

    def touch(self) -> None:
        """Something was changed by hand."""
        self.touched = True
        self._soon.start()

    def stop(self) -> None:
        """It is not waited for the form any longer."""
        self._soon.stop()

    def kept(self) -> Draft | None:
        """The draft that was left here."""
        return self._drafts.get(self.key) if self._drafts is not None else None

    def keep(self, state: FormState, preset: str, origin: str, *, all_settings: bool) -> None:
        """Keep what stands in the form, if it was touched."""
        if self._drafts is not None and self.touched:
            base = form_spec.flatten(state.base.model_dump(mode="json"))
            values = {path: plain(value) for path, value in state.values().items()}
            self._drafts.put(self.key, Draft(values, base, preset, origin, all_settings))

    def forget(self) -> None:
        """The run is on its way, or the draft is not wanted: there is nothing left to keep."""
        self._soon.stop()
        self.touched = False
        if self._drafts is not None:
            self._drafts.put(self.key, None)


def restored(draft: Draft, specs: tuple[FieldSpec, ...], base: RunConfig) -> tuple[RunConfig, dict[str, Any]] | None:
    """What the form of a draft began with, and its values; what it does not have is as in `base`. None for a draft of a
    program whose settings were others."""
    known = form_spec.flatten(base.model_dump())
    try:
        before, values = (_known(_today(part), known) for part in (draft.base, draft.values))
    except InputError:
        return None
    begun, problems = form_spec.check({**known, **before}, specs)
    if problems or begun is None:
        return None
    return begun, {**form_spec.flatten(begun.model_dump()), **values}


def _today(values: object) -> object:
    """Values of a draft by the names that settings have in this version. Raises InputError where one is gone."""
    if not isinstance(values, dict):
        return values
    return form_spec.flatten(modernised(form_spec.nest(cast("dict[str, Any]", values)), "The draft"))


def _known(values: object, known: dict[str, Any]) -> dict[str, Any]:
    """Of a draft, the values of settings that there still are."""
    return {path: value for path, value in dict(values).items() if path in known} if isinstance(values, dict) else {}
