"""The column on the left: the items that wait, the saved ones with scores open, and how far one is."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from sapo_studio.store.queue_records import Progress, QueueInfo, Rule
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.features.annotate.item_rows import ItemList, SavedDelegate, WaitingDelegate
from sapo_ui.features.annotate.person_names import short_name
from sapo_ui.services.queues import QueueView
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.labels import label

ORDERS: dict[Rule, str] = {
    "disagreement": "by disagreement",
    "uncertain": "by uncertainty",
    "random": "in random order",
    "question": "by question",
}
DAY = 24 * 3600.0
OTHERS = 3
"""People beside this one of whom it is said how far they are."""


def work(seconds: float) -> str:
    """`9 min`, `55 h`: time at work has no days, since nobody judges day and night."""
    return fmt.duration(seconds) if seconds < DAY else f"{fmt.count(round(seconds / 3600))}{fmt.THIN}h"


class QueueColumn(QFrame):
    """Shows the `QueueView` that the desk reads."""

    chosen = Signal(object)
    """(item id: int)"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "card")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.SPACE_2, 0, theme.SPACE_2)
        column.setSpacing(theme.SPACE_1)
        head = QHBoxLayout()
        head.setContentsMargins(theme.SPACE_3, 0, theme.SPACE_3, 0)
        self.rule = label("", "small", "muted")
        self.rule.setToolTip(
            "Blind, this order is all that shows of what models think. A queue in random order has none."
        )
        head.addWidget(label("Queue", "strong"))
        head.addStretch(1)
        head.addWidget(self.rule)
        self.waiting = ItemList("Items that wait", WaitingDelegate())
        self.more = label("", "small", "muted")
        self.more.setContentsMargins(theme.SPACE_3, 0, theme.SPACE_3, 0)
        self.saved_title = label("Saved, scores open", "strong")
        self.saved_title.setContentsMargins(theme.SPACE_3, theme.SPACE_2, theme.SPACE_3, 0)
        self.saved = ItemList("Saved items, with the verifier's scores", SavedDelegate())
        self.foot = QWidget()
        foot = QVBoxLayout(self.foot)
        foot.setContentsMargins(theme.SPACE_3, theme.SPACE_2, theme.SPACE_3, 0)
        foot.setSpacing(theme.SPACE_1)
        self.done = label("", "strong")
        self.pace = label("", "small", "muted")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Items saved")
        foot.addWidget(self.done)
        foot.addWidget(self.bar)
        foot.addWidget(self.pace)
        self.others = [ElidedLabel(theme.font("small")) for _ in range(OTHERS)]
        for other in self.others:
            foot.addWidget(other)
        column.addLayout(head)
        column.addWidget(self.waiting, 3)
        column.addWidget(self.more)
        column.addWidget(self.saved_title)
        column.addWidget(self.saved, 2)
        column.addWidget(self.foot)
        for rows in (self.waiting, self.saved):
            rows.chosen.connect(self.chosen)

    def show_queue(self, queue: QueueInfo | None) -> None:
        """Say in which order the items come."""
        self.rule.setText(ORDERS[queue.rule] if queue is not None else "")

    def show_view(self, view: QueueView, now: int) -> None:
        """Show the queue as it is; `now`: the id of the item on the desk."""
        self.waiting.take(view.waiting, now)
        self.saved.take(view.saved, now)
        self.saved_title.setVisible(bool(view.saved))
        self.saved.setVisible(bool(view.saved))
        beyond = view.progress.left - len(view.waiting)
        self.more.setText(f"and {fmt.count(beyond)} more")
        self.more.setVisible(beyond > 0)
        self._show_progress(view.progress)

    def _show_progress(self, progress: Progress) -> None:
        mine = progress.saved + progress.skipped + progress.left
        self.done.setText(f"{progress.saved:,} of {mine:,}")
        skipped = f", {progress.skipped:,} skipped" if progress.skipped else ""
        self.done.setToolTip(f"{self.done.text()} items saved{skipped}; the queue has {progress.size:,}")
        self.pace.setText("")
        left = progress.seconds_left
        if progress.pace is not None and left is not None:
            ahead = f" \u00b7 {work(left)} left" if progress.left else ""
            self.pace.setText(f"{fmt.number(60.0 / progress.pace, 2)} a minute{ahead}")
        self.pace.setVisible(bool(self.pace.text()))
        self.pace.setToolTip("Over the last items; breaks of more than two minutes do not count")
        self.bar.setRange(0, max(1, mine))
        self.bar.setValue(progress.saved)
        said = [
            f"{short_name(who)}: {count:,} saved, {both:,} by both" for who, (count, both) in progress.others.items()
        ]
        if len(said) > OTHERS:
            said[OTHERS - 1 :] = [f"and {len(said) - OTHERS + 1} more people"]
        for line, text in zip(self.others, [*said, *[""] * OTHERS], strict=False):
            line.set_text(text)
            line.setVisible(bool(text))
