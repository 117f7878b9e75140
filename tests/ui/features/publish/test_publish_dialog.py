"""Publishing a model by mouse and keys: an engine of a few lines stands for the real one, as a process of its own."""

from __future__ import annotations

import json
import sys

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication, QMessageBox
from shiboken6 import isValid

from sapo_studio.app.publishing.wanted import Wanted
from sapo_studio.files import write_folder
from sapo_studio.requests import client
from sapo_studio.store import queries
from sapo_ui.features.publish.dialog import NOTHING_YET, PublishDialog
from sapo_ui.features.publish.form import HUB, REASONER, VERIFIER, PublishForm
from sapo_ui.services import tasks
from sapo_ui.services.publishing import Offers
from sapo_ui.widgets.saving import saving
from tests.fixtures.hub_server import TOKEN
from tests.fixtures.synthetic import synthetic_run

ANSWER = {
    "dtype": "fp32",
    "architecture": "LlamaForCausalLM",
    "parameters": 12345,
    "rounding": None,
    "example": "How many?",
    "prompt": {"chat": False, "turns": [], "bos": False, "before": "", "after": "\n"},
    "templated": True,
    "max_new_tokens": 40,
    "runs_on": False,
    "base_dtype": "fp32",
    "device": "cpu",
}
WRITES = f"""
import json, pathlib, sys, time
asked = json.loads(sys.stdin.read())
print(json.dumps({{"progress": 0.3}}), file=sys.stderr, flush=True)
if asked["kind"] == "publish":
    folder = pathlib.Path(asked["target"])
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "config.json").write_text(json.dumps({{"model_type": "llama", "_name_or_path": str(folder)}}))
    if WAIT:
        time.sleep(60)
    print(json.dumps({ANSWER!r}))
elif UPLOADS:
    print(json.dumps({{"address": "http://hub/" + asked["repository"], "commit": "c"}}))
else:
    told = {{"error": "EngineError", "what": "It could not be uploaded", "why": "w", "fix": "f"}}
    print(json.dumps(told), file=sys.stderr)
    sys.exit(1)
"""


def engine(monkeypatch, *, wait=False, uploads=True):
    script = WRITES.replace("WAIT", str(wait)).replace("UPLOADS", str(uploads))
    monkeypatch.setattr(client, "COMMAND", (sys.executable, "-c", script))


@pytest.fixture
def run(home, store):
    """A run with reasoners of all iterations and verifiers in its folder."""
    made = synthetic_run(store, trajectories=5, questions=2, iterations=2, name="maker")
    for phase in queries.phases(store, made):
        if phase.name in ("sft", "align", "verifier"):
            inside = store.run_dir(made) / "artefacts" / phase.artefact
            made_in = "verifier" if phase.name == "verifier" else "model"

            def fill(part, made_in=made_in):
                (part / made_in).mkdir()
                (part / made_in / "config.json").write_text("{}")

            write_folder(inside, fill, {})
    return queries.get_run(store, made)


@pytest.fixture
def opened(qtbot, run, tmp_path, monkeypatch):
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("PATH", str(tmp_path))
    place = tmp_path / "mine"
    place.mkdir()
    saving().remember(place)
    dialogs = []

    def open_():
        dialog = PublishDialog(run)
        dialogs.append(dialog)
        dialog.show()
        qtbot.waitUntil(lambda: bool(dialog.form.target) or dialog.said.text() == NOTHING_YET)
        return dialog

    yield open_
    for dialog in dialogs:
        if isValid(dialog):
            dialog.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    tasks.stop()


def choose(qtbot, segmented, value):
    qtbot.mouseClick(segmented, Qt.MouseButton.LeftButton, pos=segmented.rect_of(value).center().toPoint())


def test_what_the_run_has_can_be_chosen_and_the_card_is_shown(qtbot, opened):
    dialog = opened()
    form = dialog.form
    assert dialog.focusWidget() is form.model
    assert [form.iteration.itemText(at) for at in range(form.iteration.count())] == [
        "Iteration 2, the newest",
        "Iteration 1",
        "Start (warm-up)",
    ]
    assert form.target.endswith("mine/maker-reasoner-2")
    assert "after iteration 2 of 2" in dialog.card.toPlainText()
    assert not form.form.isVisible()  # it trains no adapters
    assert not form.gguf.isEnabled()
    assert "convert_hf_to_gguf.py" in form.gguf.toolTip()
    form.iteration.setCurrentIndex(2)
    qtbot.waitUntil(lambda: "after its warm-up" in dialog.card.toPlainText())
    choose(qtbot, form.model, VERIFIER)
    qtbot.waitUntil(lambda: "process verifier" in dialog.card.toPlainText())
    assert form.iteration.itemText(0) == "V2, the newest"
    assert form.target.endswith("mine/maker-verifier-0")  # the iteration stays
    qtbot.keyClick(form.model, Qt.Key.Key_Left)
    qtbot.waitUntil(lambda: form.target.endswith("mine/maker-reasoner-0"))


def test_an_adapter_is_merged_unless_it_is_wanted_alone(qtbot):
    form = PublishForm("run-1")
    qtbot.addWidget(form)
    form.show()
    form.offer(Offers((0,), (0,), adapters=True, no_gguf="", no_hub=""))
    assert form.iteration.itemText(0) == "Start (warm-up)"
    form.gguf.setChecked(True)
    form.format.setCurrentIndex(2)
    assert form.wanted == Wanted("run-1", False, 0, "merged", "bf16", True)
    form.form.setCurrentIndex(1)
    assert not form.format.isVisible()
    assert not form.gguf.isVisible()
    assert form.wanted == Wanted("run-1", False, 0, "adapter")
    choose(qtbot, form.model, VERIFIER)
    assert not form.form.isVisible()
    assert form.wanted == Wanted("run-1", True, 0, "", "bf16")


def test_a_folder_is_written_and_can_be_opened(qtbot, monkeypatch, opened, tmp_path):
    engine(monkeypatch)
    dialog = opened()
    done = []
    dialog.published.connect(done.append)
    dialog.form.folder.setText(str(tmp_path / "mine" / "other"))
    qtbot.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(done))
    folder = tmp_path / "mine" / "other"
    assert sorted(file.name for file in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    assert json.loads((folder / "config.json").read_text()) == {"model_type": "llama"}
    assert dialog.show_folder.isVisible()
    assert dialog.show_folder.hasFocus()
    assert not dialog.ok.isVisible()
    assert dialog.close_button.text() == "Close"
    qtbot.waitUntil(lambda: "AutoModelForCausalLM" in dialog.card.toPlainText())
    assert not dialog.form.folder.isEnabled()


def test_a_folder_that_is_taken_is_told_where_it_stands(qtbot, monkeypatch, opened, tmp_path):
    engine(monkeypatch)
    (tmp_path / "mine" / "taken").mkdir()
    (tmp_path / "mine" / "taken" / "file").write_text("kept")
    dialog = opened()
    dialog.form.folder.setText(str(tmp_path / "mine" / "taken"))
    qtbot.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "exists already" in dialog.trouble.text)
    assert dialog.ok.isEnabled()
    assert [one.name for one in (tmp_path / "mine").iterdir()] == ["taken"]


@pytest.mark.parametrize("how", ["stop", "close"])
def test_stopped_it_leaves_nothing_behind(qtbot, monkeypatch, opened, tmp_path, how):
    engine(monkeypatch, wait=True)
    dialog = opened()
    qtbot.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.said.text() == "Writing the model\u2026")
    assert dialog.progress.value() == 300
    assert dialog.close_button.text() == "Stop"
    if how == "stop":
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)
        assert dialog.said.text() == "Stopped. Nothing was written."
        assert dialog.ok.isEnabled()
    else:
        dialog.close()
    qtbot.waitUntil(lambda: list((tmp_path / "mine").iterdir()) == [])


def online(qtbot, dialog):
    choose(qtbot, dialog.form.place, HUB)
    qtbot.keyClicks(dialog.form.repository, "me/mine")


def test_without_a_token_it_says_what_is_missing(qtbot, opened):
    dialog = opened()
    online(qtbot, dialog)
    assert "There is no token for the Hub" in dialog.form.hint.text()
    assert not dialog.ok.isEnabled()


def answer(qtbot, dialog, text):
    """Press the button `text` of the question that is asked; what it asks."""
    qtbot.waitUntil(lambda: bool(dialog.findChildren(QMessageBox)))
    (box,) = dialog.findChildren(QMessageBox)
    asked = box.informativeText()
    (button,) = [one for one in box.buttons() if one.text().replace("&", "") == text]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return asked


def test_to_the_hub_it_goes_once_that_was_agreed_to(qtbot, monkeypatch, opened, tmp_path):
    engine(monkeypatch, uploads=False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    dialog = opened()
    online(qtbot, dialog)
    assert "asked before anything is sent" in dialog.form.hint.text()
    qtbot.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
    asked = answer(qtbot, dialog, "Cancel")
    assert "me/mine (private" in asked
    assert "3 files" in asked
    assert dialog.ok.text() == "Upload\u2026"
    # It fails behind the point where the repository was made: the next try adds to it.
    qtbot.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
    answer(qtbot, dialog, "Upload")
    qtbot.waitUntil(lambda: "It could not be uploaded" in dialog.trouble.text)
    assert "The folder is kept" in dialog.said.text()
    assert dialog.form.update_.isChecked()
    engine(monkeypatch)
    dialog.form.repository.setText("me/other")
    qtbot.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
    answer(qtbot, dialog, "Upload")
    qtbot.waitUntil(lambda: "Uploaded to http://hub/me/other" in dialog.said.text().replace("\u200b", ""))
    assert 'folder = "me/other"' in (tmp_path / "mine" / "maker-reasoner-2" / "README.md").read_text()
    assert not dialog.ok.isVisible()


def test_a_run_without_a_model_says_so(qtbot, opened, store, run):
    store.execute("UPDATE phases SET status = 'pending' WHERE run_id = ?", (run.id,))
    dialog = opened()
    assert dialog.said.text() == NOTHING_YET
    assert not dialog.ok.isEnabled()
    assert dialog.form.model.values == []
    assert REASONER not in dialog.form.model.values
