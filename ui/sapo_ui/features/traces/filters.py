"""What the trace table is narrowed by: a search field, and the rest behind a button that counts what is set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QFormLayout, QFrame, QHBoxLayout, QLineEdit, QPushButton, QWidget

from sapo_studio.store.records import TraceFilter
from sapo_ui import theme
from sapo_ui.widgets.combo import choose_values, combo_box, set_items
from sapo_ui.widgets.labels import label
from sapo_ui.wording import CASES, OUTCOMES, SOURCES

PEOPLE = (("Judged or not", -1), ("Judged by people", 1), ("Not judged yet", 0))
ANY = -1
ONE_SET = "test:"
"""Stands before the name of a set among the sources."""


class _Popup(QFrame):
    """The choices, one below the other. A click beside it, or Esc, closes it."""

    def __init__(self, rows: Sequence[tuple[str, QComboBox]], reset: QPushButton, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("look", "card")
        self.setAccessibleName("Filters")
        form = self.form = QFormLayout(self)
        form.setContentsMargins(theme.SPACE_3, theme.SPACE_3, theme.SPACE_3, theme.SPACE_3)
        form.setVerticalSpacing(theme.SPACE_2)
        for name, box in rows:
            caption = label(name, "small", "muted")
            caption.setBuddy(box)
            form.addRow(caption, box)
        form.addRow("", reset)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)


class TraceFilters(QWidget):
    """Search text, source, iteration, outcome, case, judged. `changed` waits until typing pauses."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search questions and steps")
        self.search.setAccessibleName("Search questions and steps")
        self.search.setClearButtonEnabled(True)
        self.search.setMinimumWidth(120)
        self.search.setFont(theme.font("small"))
        self.source = combo_box(
            "Source",
            SOURCES,
            "Sampled solutions, those that come with the task, rollouts kept as trajectories, or the benchmark's",
        )
        self.iteration = combo_box("Iteration", [("All iterations", ANY)])
        self.outcome = combo_box("Outcome", OUTCOMES)
        self.case = combo_box("Self-verification case", CASES)
        self.people = combo_box("Judged by people", PEOPLE)
        self.button = QPushButton("Filters")
        self.button.setFont(theme.font("small"))
        self.button.setAutoDefault(False)
        self.button.setToolTip("Source, iteration, outcome, case, judged or not")
        self.clear_button = QPushButton("Clear all")
        self.clear_button.setFont(theme.font("small"))
        self.clear_button.setAutoDefault(False)
        self.clear_button.clicked.connect(self.reset)
        for box in self._chosen:
            box.setParent(self)
            box.hide()
        self.clear_button.setParent(self)
        self.clear_button.hide()
        self._popup: _Popup | None = None
        self._left_out: tuple[QComboBox, ...] = ()
        self.button.clicked.connect(self._open)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE_2)
        row.addWidget(self.search, 1)
        row.addWidget(self.button)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(200)
        self._pause.timeout.connect(self.changed)
        self.search.textChanged.connect(self._typed)
        for box in self._chosen:
            box.currentIndexChanged.connect(self._picked)

    @property
    def _chosen(self) -> tuple[QComboBox, ...]:
        return (self.source, self.iteration, self.outcome, self.case, self.people)

    @property
    def popup(self) -> _Popup:
        """Where the choices stand. Made when it is first needed: a window of its own that is there before its parent
        has come into one would cut the parent's controls out of the Tab order."""
        if self._popup is None:
            rows = zip(("Source", "Iteration", "Outcome", "Case", "People"), self._chosen, strict=True)
            self._popup = _Popup(tuple(rows), self.clear_button, self)
            self.clear_button.show()
            for box in self._chosen:
                box.show()
                self._popup.form.setRowVisible(box, box not in self._left_out)
        return self._popup

    @property
    def opened(self) -> bool:
        """Whether the choices are in sight."""
        return self._popup is not None and self._popup.isVisible()

    def _open(self) -> None:
        self.popup.adjustSize()
        self.popup.move(self.button.mapToGlobal(QPoint(0, self.button.height() + 2)))
        self.popup.show()
        self.source.setFocus(Qt.FocusReason.PopupFocusReason)

    def say_set(self) -> None:
        """Count what is set, on the button."""
        count = sum(box.currentIndex() > 0 for box in self._chosen)
        self.button.setText(f"Filters: {count} set" if count else "Filters")

    def show_known(self, iterations: int) -> None:
        """Offer iterations 0 to this one."""
        items = [("All iterations", ANY)] + [(f"Iteration {number}", number) for number in range(iterations + 1)]
        set_items(self.iteration, items)
        self.say_set()

    def show_sets(self, names: Sequence[str]) -> None:
        """Offer each of several evaluation sets for itself, behind all of them."""
        more = [(f"Evaluation set {name}", f"{ONE_SET}{name}") for name in names] if len(names) > 1 else []
        set_items(self.source, [*SOURCES, *more])

    def show_import(self, *, imported: bool) -> None:
        """An imported file has one kind of trajectories: where one is shown there is nothing to choose."""
        self._left_out = (self.source, self.iteration, self.case) if imported else ()
        if self._popup is not None:
            for box in self._chosen:
                self._popup.form.setRowVisible(box, box not in self._left_out)

    def filter(self, run_id: str, sort: str, *, descending: bool) -> TraceFilter:
        """What is asked for."""
        iteration: object = self.iteration.currentData()
        people: object = self.people.currentData()
        source = str(self.source.currentData())
        of = source.removeprefix(ONE_SET) if source.startswith(ONE_SET) else ""
        return TraceFilter(
            run_id,
            iteration=iteration if isinstance(iteration, int) and iteration != ANY else None,
            source="test" if of else source,
            set=of,
            outcome=str(self.outcome.currentData()),
            case=str(self.case.currentData()),
            text=self.search.text().strip(),
            annotated=None if people == ANY else bool(people),
            sort=sort,
            descending=descending,
        )

    def position(self) -> dict[str, str]:
        """What is searched for and which iteration is shown: of one run."""
        return {"search": self.search.text(), "iteration": str(self.iteration.currentData())}

    def restore_position(self, position: Mapping[str, str]) -> None:
        """What `position` gave."""
        self.search.setText(position.get("search", ""))
        wanted = position.get("iteration", "")
        if wanted.isdecimal():
            self.show_known(max(int(wanted), self.iteration.count() - 2))
        choose_values({"iteration": self.iteration}, {"iteration": wanted or str(ANY)})

    def show_filter(self, wanted: TraceFilter) -> None:
        """Choose what `wanted` says, as far as this run offers it; told once, as `changed`."""
        source = f"{ONE_SET}{wanted.set}" if wanted.set else wanted.source
        people = ANY if wanted.annotated is None else int(wanted.annotated)
        iteration = ANY if wanted.iteration is None else wanted.iteration
        for box, value in (
            *((self.source, source), (self.iteration, iteration), (self.outcome, wanted.outcome)),
            *((self.case, wanted.case), (self.people, people)),
        ):
            blocked = box.blockSignals(True)
            box.setCurrentIndex(max(0, box.findData(value)))
            box.blockSignals(blocked)
        blocked = self.search.blockSignals(True)
        self.search.setText(wanted.text)
        self.search.blockSignals(blocked)
        self._picked()

    @property
    def boxes(self) -> dict[str, QComboBox]:
        """The boxes whose choice is remembered: those that mean the same in every run."""
        return {"source": self.source, "outcome": self.outcome, "case": self.case, "people": self.people}

    @property
    def active(self) -> bool:
        """Whether anything but the defaults is chosen."""
        return bool(self.search.text().strip()) or any(box.currentIndex() > 0 for box in self._chosen)

    def reset(self) -> None:
        """Back to the defaults."""
        self.search.clear()
        for box in self._chosen:
            box.setCurrentIndex(0)

    def _typed(self) -> None:
        self._pause.start()

    def _picked(self) -> None:
        self._pause.stop()
        self.say_set()
        self.changed.emit()
