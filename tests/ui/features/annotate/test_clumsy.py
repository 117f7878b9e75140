"""What happens at a real desk: keys are held too long, buttons are clicked twice, the wheel turns over a box, input
methods compose, and a second window is open."""

from __future__ import annotations

import sys

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QInputMethodEvent, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication

from sapo_studio.store.comments import comments
from sapo_studio.store.queue_progress import progress
from sapo_studio.store.queue_records import Progress
from sapo_studio.store.records import RunSummary, TraceFilter
from sapo_ui.features.annotate.judge_buttons import JudgeButtons
from sapo_ui.features.annotate.new_queue import NewQueueDialog
from sapo_ui.features.annotate.queue_column import QueueColumn
from sapo_ui.features.annotate.subpages import SUBPAGES
from sapo_ui.features.annotate.top_line import TopLine
from sapo_ui.services.queues import QueueView
from sapo_ui.widgets.combo import combo_box
from sapo_ui.widgets.flow_layout import FlowRow
from tests.ui.queue_helpers import ENTER, open_page, press, said, settled

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def hold(widget, key, text, times=10):
    """The key goes down and stays down."""
    for at in range(times):
        QApplication.sendEvent(widget, QKeyEvent(QEvent.Type.KeyPress, key, NONE, text, at > 0))


def wheel(widget):
    """One notch up over it. Whether it took it for itself."""
    at = QPointF(widget.rect().center())
    event = QWheelEvent(
        at,
        widget.mapToGlobal(at),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        NONE,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_enter_held_down_saves_one_item(judge, qtbot, store, queue, key):
    press(qtbot, judge, "n")
    hold(judge, key, "\r")
    settled(qtbot, judge)
    assert progress(store, queue.id, "Mira").saved == 1
    press(qtbot, judge, "c")
    qtbot.keyClicks(judge.item.comment.field, "so")
    hold(judge.item.comment.field, key, "\r")  # keeps the comment, and the rest of it goes to the page
    hold(judge, key, "\r")
    settled(qtbot, judge)
    assert progress(store, queue.id, "Mira").saved == 1
    assert [one.text for one in comments(store, judge.desk.open_item.detail.id)] == ["so"]


def test_a_double_click_on_save_saves_once(judge, qtbot, store, queue):
    """The second click would save the next item, which nobody has looked at, or complain that it is not judged."""
    press(qtbot, judge, "n")
    button = judge.item.buttons.buttons["save"]
    qtbot.mouseClick(button, LEFT)
    settled(qtbot, judge)
    asked = []
    judge.item.pressed.connect(asked.append)
    for kind in (QEvent.Type.MouseButtonDblClick, QEvent.Type.MouseButtonRelease):  # its second press
        at = QPointF(button.rect().center())
        QApplication.sendEvent(button, QMouseEvent(kind, at, button.mapToGlobal(at), LEFT, LEFT, NONE))
    settled(qtbot, judge)
    assert asked == []
    assert progress(store, queue.id, "Mira").saved == 1
    qtbot.mouseClick(button, LEFT)
    assert asked == ["save"]


def test_what_an_input_method_composes_is_text(judge, qtbot, store):
    press(qtbot, judge, "c")
    field = judge.item.comment.field
    QApplication.sendEvent(field, QInputMethodEvent("nihon", []))  # not committed yet
    assert field.toPlainText() == ""
    done = QInputMethodEvent("", [])
    done.setCommitString("\u65e5\u672c")
    QApplication.sendEvent(field, done)
    assert field.toPlainText() == "\u65e5\u672c"
    qtbot.keyClick(field, ENTER)
    qtbot.waitUntil(lambda: [one.text for one in comments(store, judge.desk.open_item.detail.id)] == ["\u65e5\u672c"])


def test_what_is_being_composed_is_kept_where_the_field_is_left(judge, qtbot, store):
    press(qtbot, judge, "c")
    qtbot.keyClicks(judge.item.comment.field, "so ")
    QApplication.sendEvent(judge.item.comment.field, QInputMethodEvent("e", []))  # a dead key, and its letter
    judge.leave()
    qtbot.waitUntil(lambda: [one.text for one in comments(store, judge.desk.open_item.detail.id)] == ["so"])


def test_dead_keys_mean_nothing(judge, qtbot, store):
    for code in (Qt.Key.Key_Dead_Acute, Qt.Key.Key_Dead_Circumflex, Qt.Key.Key_AltGr, Qt.Key.Key_Multi_key):
        qtbot.keyClick(judge, code)
    settled(qtbot, judge)
    assert store.value("SELECT count(*) FROM queue_acts") == 0


def test_the_wheel_changes_no_value(qtbot, make_run):
    runs: list[RunSummary] = [make_run(1), make_run(2, "other")]
    dialog = NewQueueDialog(runs, TraceFilter(runs[0].id))
    qtbot.addWidget(dialog)
    dialog.show()
    before = dialog.spec
    top = TopLine(SUBPAGES)
    qtbot.addWidget(top)
    top.show_names(["Mira", "Jonas"])
    named = top.name.currentText()
    boxes = (dialog.run, dialog.source, dialog.rule, dialog.items, dialog.seed, dialog.overlap, top.name, top.queue)
    for box in boxes:
        box.setFocus()
        assert not wheel(box)
    assert dialog.spec == before
    assert top.name.currentText() == named
    assert not wheel(combo_box("any", [("a", 1), ("b", 2)]))


def test_a_queue_of_an_imported_file_is_made_of_its_rows(qtbot, make_run):
    runs = [make_run(1), make_run(2, "file", kind="import")]
    dialog = NewQueueDialog(runs, TraceFilter(runs[0].id))
    qtbot.addWidget(dialog)
    assert dialog.spec.filter.source == "sample"
    dialog.run.setCurrentIndex(1)
    assert dialog.spec.filter.source == "import"
    dialog.run.setCurrentIndex(0)
    assert dialog.spec.filter.source == "sample"
    other = NewQueueDialog(runs, TraceFilter(runs[1].id))
    qtbot.addWidget(other)
    assert other.spec.filter.source == "import"


def test_two_windows_of_one_person_never_show_the_same_item(judge, qtbot, store, queue):
    other = open_page(qtbot, queue)
    seen = {judge.desk.open_item.item.id, other.desk.open_item.item.id}
    assert len(seen) == 2
    for page in (judge, other):
        press(qtbot, page, "n", ENTER)
        seen.add(page.desk.open_item.item.id)
    assert len(seen) == 4
    press(qtbot, judge, "u", "u")  # the last thing that was done, in whichever window: that of the other one
    assert progress(store, queue.id, "Mira").saved == 1
    other.leave()


def test_no_button_is_alone_in_the_last_row(qtbot):
    buttons = JudgeButtons()
    qtbot.addWidget(buttons)
    buttons.buttons["reopen"].hide()
    buttons.show()
    for compact in (False, True):
        buttons.set_compact(compact)
        for width in range(120, 800, 20):
            buttons.resize(width, 300)
            rows: dict[int, list[int]] = {}
            for button in buttons.buttons.values():
                if not button.isHidden():
                    assert button.geometry().right() < max(width, button.width())
                    rows.setdefault(button.y(), []).append(button.width())
            *_, before, last = [[0], *rows.values()]
            room = sum(last) + before[-1] + buttons._gap <= width
            assert len(last) > 1 or len(before) < 3 or not room, (width, rows)


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080)])
def test_the_buttons_stand_in_one_row(judge, qtbot, size):
    """As wide as a window of that size leaves the page, beside the folded side bar."""
    judge.resize(size[0] - 68, size[1] - 120)
    buttons = judge.item.buttons
    qtbot.waitUntil(lambda: buttons.width() < judge.width())
    assert len({button.y() for button in buttons.buttons.values() if button.isVisible()}) == 1


def test_a_row_can_grow_in_its_middle(qtbot):
    row = FlowRow()
    qtbot.addWidget(row)
    first, last, between = (combo_box(name, [("a", 1)]) for name in ("first", "last", "between"))
    row.add(first, last)
    row.resize(600, 40)
    row.show()
    row.insert(last, between)
    assert first.x() < between.x() < last.x()
    assert first.nextInFocusChain() is between
    row.drop(between)
    assert last.x() == first.geometry().right() + 1 + (between.x() - first.geometry().right() - 1)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps an open file in its place")
def test_a_store_that_is_moved_away_is_told_and_found_again(judge, qtbot, store, home):
    at = judge.desk.open_item.detail.id
    file, elsewhere = home / "studio.db", home / "moved.db"
    store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file.rename(elsewhere)
    qtbot.keyClick(judge, "1")
    qtbot.waitUntil(judge.banner.isVisible)
    assert not file.exists(), "no empty one comes in its place"
    assert not any(button.isEnabled() for button in judge.item.buttons.buttons.values())
    elsewhere.rename(file)
    qtbot.mouseClick(judge.banner.action, LEFT)
    qtbot.waitUntil(lambda: judge.at_rest and judge.desk.fault is None and judge.desk.open_item is not None)
    assert judge.desk.open_item.detail.id == at
    press(qtbot, judge, "3")
    assert said(store, at) == {1: (1, False)}


@pytest.mark.parametrize(
    ("progress_", "done", "pace"),
    [
        (Progress(1, 0, 0, 1, None), "0 of 1", ""),
        (Progress(1, 1, 0, 0, 20.0), "1 of 1", "3.0 a minute"),
        (Progress(3, 1, 1, 1, 90.0), "1 of 3", "0.67 a minute \u00b7 2\u202fmin left"),
        (Progress(10_000, 100, 0, 9_900, 20.0), "100 of 10,000", "3.0 a minute \u00b7 55\u202fh left"),
        (Progress(10_000, 9_999, 0, 1, 0.5), "9,999 of 10,000", "120 a minute \u00b7 0.5\u202fs left"),
    ],
)
def test_progress_of_queues_of_any_size(qtbot, progress_, done, pace):
    column = QueueColumn()
    qtbot.addWidget(column)
    column.show_view(QueueView(1, [], [], progress_), 0)
    assert (column.done.text(), column.pace.text()) == (done, pace)
    assert (column.bar.maximum(), column.bar.value()) == (progress_.size, progress_.saved)
