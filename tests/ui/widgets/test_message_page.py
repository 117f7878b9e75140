"""What stands in the place of something that is not there."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from sapo_ui.widgets.message_page import MessagePage

TEXT = "A queue holds trajectories to judge, in an order of your choice: at random, or the hardest first."


def shown(page):
    return [line.text() for line in page.findChildren(QLabel) if line.isVisible() and line.text()]


def test_where_there_is_room_all_of_it_is_shown_and_its_button_can_be_pressed(qtbot):
    page, pressed = MessagePage(), []
    page.pressed.connect(lambda: pressed.append(True))
    qtbot.addWidget(page)
    page.resize(600, 400)
    page.show()
    page.say("No queue yet", TEXT, "Make a queue", "annotate")
    qtbot.waitUntil(lambda: shown(page) == ["No queue yet", TEXT])
    qtbot.waitUntil(lambda: any(not one.pixmap().isNull() and one.isVisible() for one in page.findChildren(QLabel)))
    qtbot.mouseClick(page.button, Qt.MouseButton.LeftButton)
    assert pressed == [True]
    page.say("Reading", "")
    qtbot.waitUntil(lambda: shown(page) == ["Reading"])
    assert not page.button.isVisible()


def test_without_room_the_headline_is_kept_and_hovering_shows_the_rest(qtbot):
    page = MessagePage()
    qtbot.addWidget(page)
    page.say("No queue yet", TEXT, "", "annotate")
    page.setFixedSize(200, 70)
    page.show()
    qtbot.waitUntil(lambda: shown(page) == ["No queue yet"])
    assert "at random" in page.words.toolTip()
