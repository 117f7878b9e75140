"""Going about the New run form by keys: to wrong values, to the search and back."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QWidget

from sapo_ui.features.new_run.form import RunForm
from sapo_ui.features.new_run.form_state import FormState
from sapo_ui.features.new_run.index import SectionIndex

NARROW = 880
"""Below this width the index gives its room to the form; Ctrl+F and Alt+arrows bring it back."""


class Moves(QObject):
    """Moves the focus of `page` in its form and index."""

    def __init__(self, page: QWidget, state: FormState, form: RunForm, index: SectionIndex) -> None:
        super().__init__(page)
        self._page, self._state, self._form, self._index = page, state, form, index

    def next_wrong(self) -> None:
        """Go to the next wrong value behind the one that has the focus, from the end to the first."""
        wrong = self._state.wrong()
        if not wrong:
            return
        order = [spec.path for spec in self._state.specs]
        focus = self._page.focusWidget() or self._page
        here = next((path for path, row in self._form.rows.items() if row.isAncestorOf(focus)), "")
        at = order.index(here) if here else -1
        path = next((one for one in wrong if order.index(one) > at), wrong[0])
        self._index.search.clear()
        self._form.go_to(path)

    def search(self) -> None:
        """Go to the search for a setting."""
        self._index.show()
        self._index.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._index.search.selectAll()

    def into_form(self) -> None:
        """Go from the search to the first setting that it found."""
        path = next(self._form.in_order(), None)
        if path is not None:
            self._form.go_to(path)
        self.fit()

    def fit(self) -> None:
        """A narrow page shows the index only while it is used."""
        focus = self._page.focusWidget() or self._page
        self._index.setVisible(self._page.width() >= NARROW or self._index.isAncestorOf(focus))
