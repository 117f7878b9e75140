"""The Annotate page from the first key to a number in a table, on the real window, by keyboard alone: a queue is made,
20 items are judged blind and undone, the program is killed and opened again, a second person judges, a conflict is
resolved, and what people said becomes a benchmark that a verifier of the lab is measured on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QInputDialog, QMessageBox

from sapo_studio.formats.registry import read_file
from sapo_studio.store import benchmarks
from sapo_studio.store.annotations import current
from sapo_studio.store.db import Store
from sapo_studio.store.queue_progress import progress
from sapo_studio.store.queues import list_queues
from sapo_studio.store.resolutions import resolutions_of
from sapo_ui.app import Program
from sapo_ui.features.annotate.conflicts import ConflictsPage
from sapo_ui.features.annotate.judge_page import JudgePage
from sapo_ui.features.annotate.new_queue import NewQueueDialog
from sapo_ui.features.annotate.page import AnnotatePage
from sapo_ui.features.benchmarks.page import BenchmarksPage
from sapo_ui.features.imports.import_dialog import ImportDialog
from sapo_ui.shell.main_window import MainWindow
from tests.fixtures import command_line
from tests.fixtures.keyboard import (
    CTRL,
    ENTER,
    SHIFT,
    SPACE,
    dialog,
    focused,
    give_file,
    press,
    tab_to,
    tab_to_button,
    wait,
)
from tests.ui.features.annotate.test_blind import leaks

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.name != "posix", reason="signals"),
]

ITEMS, FIRST = 24, 20
NAME, BENCHMARK, WHY = "night shift", "ours", "72 / 2 is 36"


def told(**facts: Any) -> None:
    """One line for the test that waits outside."""
    print(json.dumps(facts), flush=True)


def opened() -> tuple[Program, MainWindow]:
    """The program, as somebody starts it."""
    program = Program(settings=Path(os.environ["SAPO_STUDIO_HOME"]) / "window.ini")
    window = program.open()
    window.activateWindow()
    wait(lambda: window.current_run() is not None)
    return program, window


def annotate_page(window: MainWindow) -> AnnotatePage:
    press("j", modifier=CTRL)
    page = window.pages.front
    assert isinstance(page, AnnotatePage)
    return page


def at_work(page: AnnotatePage) -> JudgePage:
    """The subpage that judges, with an item on the desk and the focus."""
    judge = page.front
    assert isinstance(judge, JudgePage)
    wait(lambda: judge.at_rest and judge.desk.open_item is not None and focused() is judge)
    return judge


def saved(judge: JudgePage, *keys: Qt.Key | str) -> int:
    """Judge the item on the desk and save it. Returns its trajectory."""
    item = judge.desk.open_item
    assert item is not None
    press(*keys)
    wait(lambda: judge.at_rest)
    assert leaks(judge.item) == [], "blind"
    press(ENTER)
    wait(lambda: judge.at_rest and judge.desk.open_item is not item)
    return item.detail.id


def first_night() -> None:
    """A queue is made, 20 items are judged and some undone, the page is left and come back to. Then the end."""
    _, window = opened()
    page = annotate_page(window)
    wait(page.none.button.hasFocus)
    press(SPACE)
    made = dialog(NewQueueDialog)
    assert isinstance(made, NewQueueDialog)
    tab_to(made.rule)
    press(Qt.Key.Key_Down, Qt.Key.Key_Down)
    for box, text in ((made.items, str(ITEMS)), (made.name, NAME)):
        tab_to(box)
        press("a", modifier=CTRL)
        QTest.keyClicks(focused(), text)
    tab_to(made.make)
    press(SPACE)
    wait(lambda: page.queue is not None)
    judge = at_work(page)
    assert judge.blind.isChecked()
    done = [saved(judge, *(("j", "e") if at % 3 == 0 else ("n",))) for at in range(FIRST)]
    assert len({*done}) == FIRST
    for wanted in (done[-1], done[-1], done[-2], done[-2]):  # the save and the judgement of each
        press("u")
        wait(lambda: judge.at_rest)
        lying = judge.desk.open_item
        assert lying is not None
        assert lying.detail.id == wanted
    assert saved(judge, "j", "e") == done[-2]
    assert saved(judge, "n") == done[-1]
    press(Qt.Key.Key_Escape)
    assert window.pages.front is window.run_page
    lying = at_work(annotate_page(window)).desk.open_item
    assert lying is not None
    told(item=lying.detail.id)
    press("3")  # no turn of the event loop after it
    os.kill(os.getpid(), signal.SIGKILL)


def second_night(file: str) -> None:
    """The rest is judged, a second person comes, a conflict is resolved, and a benchmark made, exported, imported."""
    program, window = opened()
    page = annotate_page(window)
    wait(lambda: page.queue is not None)
    judge = at_work(page)
    lying = judge.desk.open_item
    assert lying is not None
    told(item=lying.detail.id, judged=[one.judgement for one in judge.item.shown_steps][:1])
    for _ in range(ITEMS - FIRST):
        saved(judge, "n")
    wait(lambda: judge.message.words.message.startswith("Queue done"))
    tab_to(page.top.name)
    press(Qt.Key.Key_Down)
    dialog(QInputDialog)
    press("a", modifier=CTRL)
    QTest.keyClicks(focused(), "Jonas")
    press(ENTER)
    wait(lambda: judge.desk.name == "Jonas")
    at_work(page)
    for at in range(ITEMS):
        saved(judge, *(("e",) if at % 4 == 0 else ("n",)))
    tab_to(page.top.switch)
    press(Qt.Key.Key_Right)
    conflicts = page.subpages[1]
    assert isinstance(conflicts, ConflictsPage)
    wait(lambda: conflicts.draft is not None and conflicts.hasFocus())
    kappa = conflicts.people.agreement.kappa_first
    wait(kappa.value.text)
    told(kappa=kappa.value.text(), open=len(conflicts.conflicts))
    wait(conflicts.view.name.text)
    press("1", "c")
    QTest.keyClicks(focused(), WHY)
    press(ENTER)
    wait(lambda: conflicts.resolved.text() == "1 resolved")
    made_of_it(window, file)
    told(imported=window.run_page.run_id)
    window.closed.connect(program.app.quit)
    press("q", modifier=CTRL)
    wait(lambda: not window.isVisible())
    assert program.close()


def made_of_it(window: MainWindow, file: str) -> None:
    """The benchmark: made from the queue, frozen, exported to `file` and imported from there."""
    press("b", modifier=CTRL | SHIFT)
    page = window.pages.front
    assert isinstance(page, BenchmarksPage)
    wait(lambda: page.form.source.findText(NAME, Qt.MatchFlag.MatchContains) >= 0)
    tab_to(page.form.name)
    QTest.keyClicks(focused(), BENCHMARK)
    tab_to(page.form.source)
    press(Qt.Key.Key_Home)
    while NAME not in page.form.source.currentText():
        press(Qt.Key.Key_Down)
    tab_to(page.form.tuning)
    press(Qt.Key.Key_Home)  # every row is measured
    tab_to(page.form.make)
    press(SPACE)
    wait(lambda: page.chosen is not None)
    tab_to(page.freeze)
    press(SPACE)
    tab_to_button(dialog(QMessageBox), "Freeze")
    press(SPACE)
    wait(lambda: page.done.text().endswith("is frozen."))
    tab_to(page.export)
    QTimer.singleShot(0, lambda: give_file(file))
    press(SPACE)
    wait(lambda: "solutions are in" in page.done.text())
    press("o", modifier=CTRL)
    give_file(file)
    wanted = dialog(ImportDialog)
    assert isinstance(wanted, ImportDialog)
    wait(wanted.ok.isEnabled)
    tab_to(wanted.ok)
    before = window.run_page.run_id
    press(SPACE)
    wait(lambda: window.run_page.run_id not in (None, before))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAPO_STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    return tmp_path


def sapo(*arguments: str) -> Any:
    """What a command says as JSON."""
    done = command_line.sapo(*arguments)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return json.loads(done.stdout.splitlines()[-1]) if "--json" in arguments else done.stdout


def window_of(part: str, *arguments: str, killed: bool = False) -> dict[str, Any]:
    """A program in a process of its own, that does this part. Returns what it told."""
    call = f"from tests.e2e.test_annotate_whole import {part}; {part}{arguments!r}"
    done = subprocess.run([sys.executable, "-c", call], capture_output=True, encoding="utf-8", timeout=300, check=False)
    assert done.returncode == (-signal.SIGKILL if killed else 0), done.stderr
    facts: dict[str, Any] = {}
    for line in done.stdout.splitlines():
        facts |= json.loads(line)
    return facts


def test_from_the_first_key_to_a_number(home: Path) -> None:
    run = sapo("run", "lab-smoke", "--set", "runtime.device=cpu", "--json")["run_id"]
    before = window_of("first_night", killed=True)
    with Store.open() as store:
        (queue,) = list_queues(store)
        (who,) = queue.saved
        assert (queue.name, queue.size, queue.rule) == (NAME, ITEMS, "random")
        assert progress(store, queue.id, who).saved == FIRST
        assert [one.judgement for one in current(store, before["item"])] == [1], "the last press before the end"
        assert store.value("SELECT count(*) FROM item_states WHERE status = 'saved' AND blind") == FIRST - 2
    file = home / "ours.jsonl"
    after = window_of("second_night", str(file))
    assert (after["item"], after["judged"]) == (before["item"], [1]), "it goes on where it was"
    with Store.open() as store:
        assert [progress(store, queue.id, name).saved for name in (who, "Jonas")] == [ITEMS, ITEMS]
        agreed = sapo("agreement", NAME, "--json")
        assert after["kappa"] == f"{agreed['pairs'][0]['kappa_first_error']['value']:.2f}".replace("-", "\u2212")
        assert agreed["conflicts"] == {"open": after["open"] - 1, "resolved": 1}
        (resolution,) = resolutions_of(store, queue.id).values()
        assert (resolution.resolver, resolution.why) == ("Jonas", WHY)
        frozen = benchmarks.find_benchmark(store, f"{BENCHMARK}@1", frozen=True)
        rows = benchmarks.solutions(frozen, benchmarks.read_rows(store, frozen))
    assert frozen.rows == len(rows) > 10
    assert frozen.tuning == 0
    assert read_file(file) == rows
    measured = sapo("evaluate", run, "--benchmark", f"{BENCHMARK}@1", "--json")["benchmark"]
    assert measured["solutions"] == frozen.rows
    assert sapo("evaluate", run, "--benchmark", str(file), "--json")["benchmark"] == measured
    back = home / "back.jsonl"
    sapo("export", after["imported"], "processbench", "-o", str(back))
    assert back.read_bytes() == file.read_bytes()
