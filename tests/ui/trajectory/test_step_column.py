"""The column of steps."""

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QStackedWidget, QVBoxLayout, QWidget

from sapo_ui.trajectory.step_column import Card, StepColumn

HIGH = 40


class Plain(Card):
    """A card with no text that wraps."""

    def __init__(self, number, parent):
        super().__init__(number, parent)
        self.setFixedHeight(HIGH)


@pytest.mark.parametrize("before", [[], [1], [8, 1]], ids=str)
def test_it_is_as_high_as_its_cards_where_there_is_room_also_of_what_was_shown_out_of_sight(qtbot, before):
    pages, page = QStackedWidget(), QWidget()
    column, steps = QVBoxLayout(page), StepColumn(Plain, opens=True)
    column.addWidget(steps)
    column.addWidget(QLabel("below"))
    column.addStretch(1)
    pages.addWidget(QLabel("another page"))
    pages.addWidget(page)
    qtbot.addWidget(pages)
    pages.resize(600, 800)
    pages.show()
    for number in (*before, 8):
        steps.show_steps(range(1, number + 1), number)
        QApplication.processEvents()
    pages.setCurrentWidget(page)
    qtbot.waitUntil(lambda: steps.height() >= 8 * HIGH)
    assert steps.verticalScrollBar().maximum() == 0
    steps.show_steps(range(1, 4), 1)
    qtbot.waitUntil(lambda: 3 * HIGH <= steps.height() < 4 * HIGH)
