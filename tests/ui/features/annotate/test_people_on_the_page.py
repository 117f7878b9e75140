"""The Annotate page with two people: how many conflicts wait, turning to them, and bundles by mouse."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox

from sapo_studio import paths
from sapo_studio.app.annotation.agreement import people_of
from sapo_studio.app.annotation.bundle_files import read_bundle
from sapo_studio.app.annotation.bundles import export_bundle, import_bundle
from sapo_studio.errors import InputError
from sapo_studio.store import annotations
from sapo_studio.store.db import Store
from sapo_studio.store.queues import delete_queue, list_queues
from sapo_studio.store.resolutions import resolutions_of
from sapo_ui.features.annotate.conflicts import ConflictsPage
from sapo_ui.features.annotate.gold import GoldPage
from sapo_ui.features.annotate.page import AnnotatePage
from sapo_ui.services import tasks
from sapo_ui.services.annotations import annotator_name, set_annotator_name
from tests.fixtures.two_people import JONAS, MIRA, every_third_too_early, judge_all, judged_queue, truly
from tests.ui.queue_helpers import ENTER, press


@pytest.fixture
def page(qtbot, store, queue_id):
    set_annotator_name("Mira")
    made = AnnotatePage(lambda: None)
    qtbot.addWidget(made)
    made.resize(1040, 700)
    made.show()
    made.activateWindow()
    qtbot.waitUntil(lambda: made.queue is not None)
    yield made
    made.leave()


@pytest.fixture
def queue_id(store):
    return judged_queue(store, [(MIRA, truly)], name="a/b: *first*")


def act(page, words):
    """Choose an entry of the menu beside the queue."""
    next(one for one in page.top.more.menu().actions() if one.text() == words).trigger()


def told(qtbot, page):
    """What the message box says, closed again."""
    qtbot.waitUntil(lambda: page.findChild(QMessageBox) is not None)
    box = page.findChild(QMessageBox)
    text = f"{box.text()}: {box.informativeText()}"
    box.accept()
    qtbot.waitUntil(lambda: page.findChild(QMessageBox) is None)
    return text


def switch_text(page):
    return [text for text, _ in page.top.switch._items]


def test_conflicts_are_counted_and_turned_to(page, qtbot, store, queue_id):
    qtbot.waitUntil(lambda: switch_text(page) == ["Judge", "Conflicts 0", "Gold"])
    judge_all(store, queue_id, JONAS, every_third_too_early)
    count = people_of(store, queue_id).open
    page.top.switch.setFocus()
    qtbot.keyClick(page.top.switch, Qt.Key.Key_Right)
    assert isinstance(page.front, ConflictsPage)
    qtbot.waitUntil(lambda: switch_text(page)[1] == f"Conflicts {count}")
    qtbot.waitUntil(lambda: page.front.draft is not None)
    assert page.help.startswith("### Annotate: conflicts")
    page.top.switch.setFocus()
    qtbot.keyClick(page.top.switch, Qt.Key.Key_Right)
    assert isinstance(page.front, GoldPage)


def test_two_profiles_from_the_first_key_to_a_resolution(qtbot, store):
    queue_id = judged_queue(store, [], size=2)
    annotations.annotate(store, int(store.value("SELECT max(id) FROM trajectories")), "Jonas", {1: 1})  # a known name
    set_annotator_name("Mira")
    page = AnnotatePage(lambda: None)
    qtbot.addWidget(page)
    page.resize(1040, 700)
    page.show()
    page.activateWindow()
    for who, keys in (("Mira", ("n", "n")), ("Jonas", ("e", "n"))):
        if who != annotator_name():
            page.top.name.setCurrentIndex(page.top.name.findText(who))
            page.top.name.activated.emit(page.top.name.currentIndex())
        for key in keys:
            qtbot.waitUntil(lambda: page.queue is not None and page.front.desk.open_item is not None)
            press(qtbot, page.front, key, ENTER)
        qtbot.waitUntil(lambda: page.front.desk.open_item is None)
    page.top.switch.setFocus()
    qtbot.keyClick(page.top.switch, Qt.Key.Key_Right)
    conflicts = page.front
    qtbot.waitUntil(lambda: conflicts.view.isVisible() and conflicts.draft is not None)
    assert conflicts.title.text() == "1 open"
    assert conflicts.people.agreement.same.value.text() == "0.50"
    qtbot.keyClick(conflicts, "2")
    qtbot.keyClick(conflicts, ENTER)
    qtbot.waitUntil(lambda: conflicts.title.text() == "No conflicts left")
    (kept,) = resolutions_of(store, queue_id).values()
    assert (kept.resolver, kept.taken, kept.first_error) == ("Jonas", "Mira", 0)
    assert switch_text(page)[1] == "Conflicts 0"
    page.leave()


def test_a_queue_goes_out_and_comes_back_by_mouse(page, qtbot, store, queue_id, tmp_path, monkeypatch):
    offered = []

    def save(parent, title, name, kinds):
        offered.append(Path(name).name)
        return str(tmp_path / "out"), kinds.split(";;")[-1]

    monkeypatch.setattr(QFileDialog, "getSaveFileName", save)
    act(page, "Export bundle\u2026")
    assert str(tmp_path / "out.db") in told(qtbot, page)
    assert offered == ["a-b- -first-.sapo"]
    assert not any(item.scores for item in read_bundle(tmp_path / "out.db").items)
    act(page, "Export bundle with scores\u2026")
    told(qtbot, page)
    assert all(item.scores for item in read_bundle(tmp_path / "out.db").items)
    with monkeypatch.context() as away:
        away.setenv(paths.HOME_VARIABLE, str(tmp_path / "away"))
        with Store.open() as other:
            import_bundle(other, tmp_path / "out.db")
            there = list_queues(other)[0].id
            judge_all(other, there, JONAS, every_third_too_early)
            export_bundle(other, there, tmp_path / "back.jsonl")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "back.jsonl"), ""))
    act(page, "Import bundle\u2026")
    assert "9 judgements" in told(qtbot, page)
    count = people_of(store, queue_id).open
    assert count
    qtbot.waitUntil(lambda: switch_text(page)[1] == f"Conflicts {count}")
    act(page, "Import bundle\u2026")
    assert "Nothing new" in told(qtbot, page)


def test_a_bundle_can_be_imported_where_there_is_no_queue(qtbot, store, tmp_path, monkeypatch):
    file = tmp_path / "out.jsonl"
    queue_id = judged_queue(store)
    export_bundle(store, queue_id, file)
    delete_queue(store, queue_id)
    page = AnnotatePage(lambda: None)
    qtbot.addWidget(page)
    page.show()
    qtbot.waitUntil(page.none.button.isVisible)
    enabled = {one.text(): one.isEnabled() for one in page.top.more.menu().actions() if one.text()}
    assert [words for words, can in enabled.items() if can] == ["Import bundle\u2026"]
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    act(page, "Import bundle\u2026")
    told(qtbot, page)
    qtbot.waitUntil(lambda: page.queue is not None)
    assert page.top.queue.currentText() == "lab it 1"
    page.leave()


def test_what_goes_wrong_reaches_the_window(page, qtbot, store, tmp_path, monkeypatch):
    errors = []
    tasks.pool().on_error = errors.append
    (tmp_path / "bad.db").write_bytes(b"no bundle")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "bad.db"), ""))
    act(page, "Import bundle\u2026")
    qtbot.waitUntil(lambda: bool(errors))
    assert isinstance(errors[0], InputError)
    assert "not a whole annotation bundle" in errors[0].what
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    act(page, "Import bundle\u2026")
    act(page, "Export bundle\u2026")
    assert len(errors) == 1
