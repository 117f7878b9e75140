"""What verifier, rollouts and the task itself say of a step: open to who is done with the item (`DONE`)."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from sapo_studio.domain.metrics import wilson
from sapo_studio.store.records import TraceDetail
from sapo_ui import theme
from sapo_ui.widgets.flow_layout import FlowRow
from sapo_ui.widgets.labels import Chip, label
from sapo_ui.widgets.point_bar import PointBar

OPEN = "open: you are done with this item"
HIDDEN = "hidden until you have saved or skipped this item on Judge"


class ScoreCell(QWidget):
    """A verifier's score in its color."""

    def __init__(self) -> None:
        super().__init__()
        self._score = 0.0
        self.setFont(theme.font("mono_small"))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.on_change(self, self._restyle)

    def show_score(self, score: float, verifier: int) -> None:
        """Show it."""
        self._score = score
        self.setAccessibleName(f"Verifier V{verifier}: {score:.2f}")
        self.setToolTip("The verifier's score after this step, 0 to 1")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(44, 20)

    def _restyle(self) -> None:
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look, tint = theme.current(), theme.score_colour(self._score)
        painter = QPainter(self)
        painter.setPen(QPen(QColor(look.border), 1) if look.dark else Qt.PenStyle.NoPen)
        painter.setBrush(tint)
        painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        painter.setPen(QColor(theme.text_on(tint)))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, f"{self._score:.2f}")


class EvidenceBar(QWidget):
    """One line on the chosen step."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = label("", "strong")
        self.open = label("", "small", "muted")
        self.verifier = label("", "small", "muted")
        self.score = ScoreCell()
        self.rollouts = label("", "small", "muted")
        self.bar = PointBar()
        self.bar.setFixedWidth(72)
        self.task = Chip()
        self.nothing = label("No verifier, rollout or task truth says anything of this step.", "small", "muted")
        heading, self.line = FlowRow(gap=theme.SPACE_2), FlowRow(gap=theme.SPACE_2)
        heading.add(self.title, self.open)
        self.line.add(self.verifier, self.score, self.rollouts, self.bar, self.task, self.nothing)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_1)
        column.addWidget(heading)
        column.addWidget(self.line)

    def show_hidden(self, step: int) -> None:
        """Say that nothing of it is open yet."""
        self.title.setText(f"Evidence on step {step}")
        self.open.setText(HIDDEN)
        self.line.hide()

    def show_step(self, detail: TraceDetail, step: int) -> None:
        """Show what is known of a step, from 1 on."""
        self.title.setText(f"Evidence on step {step}")
        self.open.setText(OPEN)
        self.line.show()
        newest = max(detail.scores, default=None)
        at = [one.correct for one in detail.rollouts if one.prefix == step]
        if newest is not None:
            self.verifier.setText(f"Verifier V{newest}")
            self.score.show_score(float(detail.scores[newest][step - 1]), newest)
        if at:
            share = wilson(sum(at), len(at))
            self.rollouts.setText(f"Rollouts {sum(at)}/{len(at)}")
            self.bar.show_value(share.value, share.low, share.high)
            words = f"{sum(at)} of {len(at)} rollouts from here are correct"
            self.bar.setAccessibleName(words)
            self.bar.setToolTip(f"{words}; 95 % interval {share.low:.2f} to {share.high:.2f}")
        if detail.truth >= 0:
            right = not detail.truth or step < detail.truth
            first = ", first error" if step == detail.truth else ""
            self.task.set_text(
                f"task: {'correct' if right else 'incorrect'}{first}",
                "good" if right else "bad",
                "check" if right else "close",
            )
        for widget, there in (
            (self.verifier, newest is not None),
            (self.score, newest is not None),
            (self.rollouts, bool(at)),
            (self.bar, bool(at)),
            (self.task, detail.truth >= 0),
            (self.nothing, newest is None and not at and detail.truth < 0),
        ):
            widget.setVisible(there)
