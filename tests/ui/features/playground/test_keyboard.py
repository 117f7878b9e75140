"""The page without a mouse."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit, QPlainTextEdit, QWidget

from sapo_studio.requests.play import Sample
from sapo_ui.widgets.segmented import Segmented
from tests.fixtures.scripted_session import choice
from tests.ui.features.playground.test_sampling import NO_ANSWER, RIGHT, WRONG, ask


def both_answered(qtbot, table):
    table.page.card.solutions.setValue(2)
    ask(qtbot, table)
    for side in ("a", "b"):
        table.session.load(side)
        request = table.session.asked(Sample, side)
        for name, text in zip(table.session.start(request), (RIGHT, WRONG, NO_ANSWER), strict=True):
            table.session.finish(name, text)
        table.session.done(request.id)
    table.hear()


def test_tab_goes_from_side_to_side_and_shift_tab_out_of_the_list(qtbot, table):
    both_answered(qtbot, table)
    first, second = (panel.list for panel in table.page.sides.values())
    first.setFocus()
    qtbot.keyClick(first, Qt.Key.Key_Tab)
    assert second.hasFocus()
    qtbot.keyClick(second, Qt.Key.Key_Tab)
    assert first.hasFocus()
    qtbot.keyClick(first, Qt.Key.Key_Tab, Qt.KeyboardModifier.ShiftModifier)
    assert table.page.sides["a"].which.hasFocus()


def test_j_k_and_enter(qtbot, table):
    both_answered(qtbot, table)
    solutions = table.page.sides["a"].list
    solutions.setFocus()
    order = solutions.order
    seen = [solutions.current.solution.id]
    for key in "jjjkk":
        qtbot.keyClick(solutions, key)
        seen.append(solutions.current.solution.id)
    assert seen == [order[at] for at in (0, 1, 2, 2, 1, 0)]
    qtbot.keyClick(solutions, Qt.Key.Key_Return)
    assert solutions.current.open
    assert "open" in solutions.accessibleDescription()
    qtbot.keyClick(solutions, Qt.Key.Key_Down)
    assert solutions.current.opened.place == 2
    qtbot.keyClick(solutions, Qt.Key.Key_Down)
    assert solutions.current.solution.id == order[1], "behind the last step comes the next solution"
    qtbot.keyClick(solutions, "k")
    qtbot.keyClick(solutions, Qt.Key.Key_Return)
    assert not solutions.current.open


def test_every_control_has_a_name(qtbot, table):
    both_answered(qtbot, table)
    table.page.sides["a"].list.choose(table.page.sides["a"].list.order[0], open_=True)
    kinds = (QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit, QPlainTextEdit, Segmented)
    for widget in table.page.findChildren(QWidget):
        inner = isinstance(widget.parent(), QAbstractSpinBox)
        if isinstance(widget, kinds) and not inner and not widget.objectName().startswith("qt_"):
            assert widget.accessibleName() or getattr(widget, "text", str)(), widget


def test_a_checkpoint_is_found_by_a_few_letters(qtbot, lay):
    known = [choice("gsm8k-qwen", 4), choice("gsm8k-qwen", 1), choice("math-smol", 2), choice("math-smol", 0)]
    table = lay(known)
    chooser = table.page.sides["a"].chooser.checkpoint
    chooser.setFocus()
    qtbot.keyClick(chooser, Qt.Key.Key_Down)
    popup = chooser.popup
    qtbot.keyClicks(popup.line, "smol base")
    assert popup.list.count() == 1
    qtbot.keyClick(popup.line, Qt.Key.Key_Return)
    assert table.page.choices[0].checkpoint == known[3]
    assert chooser.accessibleDescription() == "math-smol, base model"
    popup = chooser.open_list()
    qtbot.keyClicks(popup.line, "nothing like it")
    assert popup.list.count() == 0
    assert popup.none.text() == "No checkpoint has these letters."
    qtbot.keyClick(popup.line, Qt.Key.Key_Return)
    popup.close()
    assert table.page.choices[0].checkpoint == known[3]
