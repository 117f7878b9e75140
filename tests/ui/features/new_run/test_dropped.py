"""Files and folders that are dropped on the form."""

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication

from sapo_ui.features.new_run.dropped import what_it_is
from sapo_ui.features.new_run.form_files import write_toml
from tests.ui.features.new_run.conftest import preset


def drop(page, path):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    at, actions, left = QPoint(20, 20), Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    enter = QDragEnterEvent(at, actions, mime, left, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(page, enter)
    if enter.isAccepted():
        QApplication.sendEvent(page, QDropEvent(at, actions, mime, left, Qt.KeyboardModifier.NoModifier))
    return enter.isAccepted()


@pytest.fixture
def model(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    return tmp_path / "model"


def test_each_kind_goes_to_its_place(open_page, tmp_path, model):
    page = open_page(all_rows=False)
    assert drop(page, model)
    assert page.values()["model.source"] == str(model)
    (tmp_path / "small.gguf").write_bytes(b"GGUF")
    assert drop(page, tmp_path / "small.gguf")
    assert page.values()["model.source"] == str(tmp_path / "small.gguf")
    (tmp_path / "own.jsonl").write_text("{}\n")
    assert drop(page, tmp_path / "own.jsonl")
    assert (page.values()["task.kind"], page.values()["task.train_data"]) == ("jsonl", str(tmp_path / "own.jsonl"))
    write_toml(tmp_path / "other.toml", preset("other", iterations=4).config)
    assert drop(page, tmp_path / "other.toml")
    assert page.config.name == "other"


def test_data_keep_the_kind_of_a_written_task(open_page, tmp_path):
    page = open_page([preset("words", task={"kind": "gsm8k"}, model={"source": "hub:a/b"})], all_rows=False)
    (tmp_path / "own.jsonl").write_text("{}\n")
    drop(page, tmp_path / "own.jsonl")
    assert page.values()["task.kind"] == "gsm8k"


def test_other_things_are_not_taken(open_page, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "note.txt").write_text("x")
    page = open_page(all_rows=False)
    for name in ("empty", "note.txt", "not-there.csv"):
        assert what_it_is(tmp_path / name) is None
        assert not drop(page, tmp_path / name)
    assert page.changed() == set()
