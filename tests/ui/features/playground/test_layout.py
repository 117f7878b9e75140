"""The page full of solutions, with texts of any length, at the sizes people have."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from sapo_studio.requests.play import Continue, Load, Sample
from sapo_ui import theme
from tests.fixtures.scripted_session import choice
from tests.ui.features.playground.test_sampling import RIGHT, WRONG, ask
from tests.ui.features.playground.test_states import NO_ROOM
from tests.ui.layout_faults import faults

SIZES = ((976, 580), (1232, 740), (1872, 1020))
"""What a window of 1024 x 640, 1280 x 800 and 1920 x 1080 leaves beside the folded side bar."""

LONG = "a run with a very long name that goes on and on, seed 1234567890, eta 0.25, again"
ENDLESS = (("word " * 600, "x" * 3000, *(f"step {at}" for at in range(30))), (0.5,) * 32, "\\frac{1}{2} " * 40, False)


def look(table, what):
    for size in SIZES:
        table.page.resize(*size)
        for _ in range(3):
            QApplication.processEvents()
        assert table.page.size().toTuple() == size, f"{what} does not fit {size}"
        assert not faults(table.page), f"{what} at {size}"


def test_nothing_is_cut_off_and_nothing_overlaps(qtbot, lay):
    theme.manager().choose("dark")
    try:
        table = lay([choice(LONG, 4), choice(LONG, 1)])
        page, card = table.page, table.page.card
        look(table, "nothing asked")
        ask(qtbot, table, text="word " * 900, answer="1/2" * 90)
        session = table.session
        session.load("a", part=0.3)
        table.hear()
        look(table, "loading")
        session.load("a")
        request = session.asked(Sample, "a")
        names = session.start(request)
        for name, text in zip(names, (RIGHT, WRONG, ENDLESS, ((), (), "", False)), strict=False):
            session.finish(name, text, finished=name != names[1])
        session.write(names[4], ["14 * 18"], (0.4,), tail="so " * 500)
        session.judge(request, {names[0]: ENDLESS, names[1]: ENDLESS})
        session.fail(session.asked(Load, "b").id, "There is no room for this beside " + LONG, **NO_ROOM)
        table.hear()
        look(table, "solutions")
        solutions = page.sides["a"].list
        for name in names[:5]:
            solutions.choose(name, open_=True)
        look(table, "opened")
        solutions.setFocus()
        solutions.choose(names[1])
        qtbot.keyClick(solutions, "e")
        look(table, "a step being changed")
        qtbot.mouseClick(solutions.current.opened.editor.go, Qt.MouseButton.LeftButton)
        request = session.asked(Continue)
        rollouts = session.start(request)
        session.finish(rollouts[0], ENDLESS)
        session.result(request, 1, 0)
        table.hear()
        solutions.current.opened.block.endings[0].set_open(True)
        look(table, "rollouts")
        session.die()
        table.hear()
        assert page.notice.isVisible()
        card.say("There is no question 7 " * 20)
        look(table, "a dead engine")
    finally:
        theme.manager().choose("system")


def test_many_steps_share_the_strip(qtbot, table):
    ask(qtbot, table)
    session = table.session
    session.load("a")
    names = session.start(session.asked(Sample, "a"))
    session.finish(names[0], ENDLESS)
    session.finish(names[1], RIGHT)
    table.hear()
    for size in SIZES:
        table.page.resize(*size)
        QApplication.processEvents()
        assert not table.page.sides["a"].list.rows[names[0]].grab().isNull()
