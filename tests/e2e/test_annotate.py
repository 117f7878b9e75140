"""A window that is killed while somebody judges: what was pressed stays, and the next window goes on from there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from sapo_studio.store import annotations, queue_holders, queue_work
from sapo_studio.store.comments import comments
from sapo_studio.store.db import Store
from sapo_studio.store.queue_items import Worker
from sapo_studio.store.queue_progress import progress
from sapo_studio.store.queue_records import QueueSpec
from sapo_studio.store.queues import list_queues, make_queue
from sapo_studio.store.records import TraceFilter
from tests.fixtures.synthetic import synthetic_run

pytestmark = [pytest.mark.timeout(120), pytest.mark.skipif(os.name != "posix", reason="signals")]

WINDOW = """
import json, os, signal, sys
from pathlib import Path
from PySide6.QtTest import QTest
from sapo_ui.app import Program
from sapo_ui.screenshots import wait_for
from PySide6.QtCore import Qt

program = Program(settings=Path(os.environ["SAPO_STUDIO_HOME"]) / "window.ini")
window = program.open()
window.annotate()
page = window.pages.front
assert wait_for(lambda: page.queue is not None)
judge = page.front
assert wait_for(lambda: judge.desk.open_item is not None and not judge.desk.busy)
print(json.dumps(judge.desk.open_item.detail.id), flush=True)
for key in sys.argv[1]:
    QTest.keyClick(judge, Qt.Key.Key_Return if key == "R" else key)
    assert wait_for(lambda: not judge.desk.busy)
    if key in "Ru":
        print(json.dumps(judge.desk.open_item.detail.id), flush=True)
if "stay" in sys.argv:
    QTest.keyClick(judge, "1")  # no turn of the event loop after it
if "close" in sys.argv:
    sys.stdin.readline()  # the store is locked now
    for key in ("1", "c", *"half", "s"):  # all wait for the first, and the s is no skip
        QTest.keyClick(judge, key)
    window.close()
    print(json.dumps(window.isVisible()), flush=True)
    window.closed.connect(lambda: print("closed", flush=True))
    program.app.exec()
    program.close()
    sys.exit(0)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def queue(tmp_path, monkeypatch):
    monkeypatch.setenv("SAPO_STUDIO_HOME", str(tmp_path))
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    with Store.open() as store:
        run_id = synthetic_run(store, iterations=0, questions=12, trajectories=24)
        make_queue(store, QueueSpec("q", TraceFilter(run_id), rule="random", size=5), "mira")
        yield store, list_queues(store)[0]


def killed(keys: str, *more: str) -> list[int]:
    """A window in which `keys` are pressed (R: Enter) and which then kills itself: what lay on the desk, in turn."""
    done = subprocess.run(
        [sys.executable, "-c", WINDOW, keys, *more], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_every_press_survives_kill_9(queue):
    store, made = queue
    first, second = killed("1R3", "stay")  # 1 and Enter; 3, then 1 and at once the end
    kept = "SELECT step, judgement FROM annotations WHERE trajectory_id = ?"
    assert store.rows(kept, (first,)) == [(1, -1)]
    who = store.value("SELECT annotator FROM annotations")
    assert progress(store, made.id, who).saved == 1
    assert [one.judgement for one in annotations.current(store, second)] == [-1]
    assert store.rows(f"{kept} ORDER BY id", (second,)) == [(1, 1), (1, -1)]
    shown = killed("uuu")  # the claim of the window that was killed held nothing up
    assert shown == [second, second, second, first]
    assert annotations.current(store, second) == []
    assert progress(store, made.id, who).saved == 0
    assert len(annotations.current(store, first)) == 1
    queue_holders.release_dead(store)
    item = queue_work.next_item(store, made.id, Worker(who, "this test"))
    assert item is not None
    assert item.trajectory_id == first


@pytest.mark.slow
def test_a_window_that_closes_while_the_store_is_busy_keeps_what_was_pressed(queue):
    store, _ = queue
    child = subprocess.Popen(
        [sys.executable, "-c", WINDOW, "", "close"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdin is not None
        assert child.stdout is not None
        first = json.loads(child.stdout.readline())
        with store.atomic():  # another program that writes
            store.execute("UPDATE runs SET name = name")
            child.stdin.write("\n")
            child.stdin.flush()
            assert json.loads(child.stdout.readline()) is True, "it waits"
            assert store.value("SELECT count(*) FROM annotations") == 0
        assert child.stdout.readline() == "closed\n"
        assert child.wait(30) == 0
    finally:
        child.kill()
        child.communicate()
    assert [(one.step, one.judgement) for one in annotations.current(store, first)] == [(1, -1)]
    assert [(one.step, one.text) for one in comments(store, first)] == [(1, "halfs")]
    assert store.rows("SELECT verb FROM queue_acts") == [("judge",), ("comment",)]
