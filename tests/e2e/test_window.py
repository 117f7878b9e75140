"""The whole program: the real window, the real engine, and one store between them."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest
from PySide6.QtCore import Qt

from sapo_studio import supervisor
from sapo_studio.app.run_queue.putting_in import queue_run
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.store import queries, run_keeping, run_queue, runs
from sapo_ui import app
from sapo_ui.features.heatmap.panel import HeatmapPanel
from sapo_ui.services import tasks
from sapo_ui.services.settings import Settings
from tests.fixtures.other_window import OtherWindow
from tests.fixtures.window_ground import (
    dressed,
    no_references_to_none_lost,
    nothing_left_behind,
    pointer_outside,
    qtbot,
)

if TYPE_CHECKING:
    from conftest import Bench

__all__ = ["dressed", "no_references_to_none_lost", "nothing_left_behind", "pointer_outside", "qtbot"]

pytestmark = [pytest.mark.timeout(600), pytest.mark.skipif(os.name != "posix", reason="signals")]

RUN_MS = 300_000
"""A run of the preset lab-smoke takes half a minute on two free cores."""

QUICK_MS = 20_000
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def lab(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Engines run the real worker."""
    monkeypatch.delenv("SAPO_ENGINE_WORKER")
    return bench


class Programs:
    """Opens the program and closes it again, as often as a test likes."""

    def __init__(self):
        self._open = []

    def open(self):
        program = app.Program()
        self._open.append(program)
        return program.open()

    def close(self):
        """Close the one that was opened last, by its window's close button."""
        program = self._open.pop()
        program.window.close()
        assert program.close(), "a thread of the window was left"

    def close_all(self):
        while self._open:
            self.close()


@pytest.fixture
def programs(qapp, nothing_left_behind):
    opened = Programs()
    yield opened
    opened.close_all()


class Panels:
    """The panels of a window, each brought to the front before it is looked at."""

    def __init__(self, qtbot, window):
        self._qtbot, self._window = qtbot, window

    def __getitem__(self, name):
        panels = self._window.run_page.panels
        panels.go_to(name)
        panel = panels[name]
        shown = panel.table if name == "read" else panel
        self._qtbot.waitUntil(lambda: shown.isVisible() and shown.filled, timeout=QUICK_MS)
        return panel


class Truth:
    """What the store holds, read with nothing but sqlite3."""

    def __init__(self, home, run_id):
        self._path, self.run_id = home / "studio.db", run_id

    def rows(self, sql, *values):
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as db:
            return db.execute(sql, values).fetchall()

    def of_run(self, sql):
        return self.rows(sql, self.run_id)

    def metric(self, name):
        """(iteration, value, low, high) of each iteration."""
        return self.rows(
            "SELECT iteration, value, low, high FROM metrics WHERE run_id = ? AND name = ? ORDER BY iteration",
            self.run_id,
            name,
        )

    def progress(self):
        return self.of_run("SELECT status, progress FROM runs WHERE id = ?")[0]


def drawn(heatmap):
    return 0 if heatmap.data is None else len(heatmap.data.ids)


@pytest.mark.slow  # the window over a quick engine is below, its panels over made-up runs in tests/ui
def test_a_run_is_started_watched_left_and_found_again(qtbot, lab, programs):
    """Issue 2: start by clicking, watch the heatmap fill, close the window mid-run, open it again, see it finish."""
    window = programs.open()
    qtbot.mouseClick(window.side.new_button, LEFT)
    form = window.pages.currentWidget()
    qtbot.keyClicks(form.preset, "lab-smoke")
    assert form.config.name == "lab-smoke"
    form.rows["seed"].editor.selectAll()
    qtbot.keyClicks(form.rows["seed"].editor, "11")
    qtbot.mouseClick(form.start, LEFT)
    qtbot.waitUntil(lambda: window.run_page.run_id is not None, timeout=QUICK_MS)
    run_id = window.run_page.run_id
    truth = Truth(lab.home, run_id)
    heatmap = window.run_page.panels["heatmap"]
    assert heatmap.isVisible()
    assert drawn(heatmap) == 0
    qtbot.waitUntil(lambda: drawn(heatmap) > 0, timeout=RUN_MS)
    status, left_at = truth.progress()
    assert status == "running", "the heatmap fills while the run is going"
    assert 0 < left_at < 1
    pictures = {(heatmap.verifier, heatmap.data.total)}

    parent = psutil.Process(queries.get_run(lab.store, run_id).pid)
    programs.close()
    assert parent.is_running()
    moved = supervisor.wait_until(lab.store, run_id, lambda run: run.progress > left_at, timeout=RUN_MS / 1000)
    assert moved is not None, "the run goes on without a window"
    # Held here, so that the second window is there in time however fast the engine is.
    supervisor.pause(lab.store, run_id)
    held = supervisor.wait_until(lab.store, run_id, lambda run: run.status is RunStatus.PAUSED, timeout=RUN_MS / 1000)
    assert held is not None
    assert held.progress < 1

    window = programs.open()
    qtbot.waitUntil(lambda: window.run_page.run_id == run_id, timeout=QUICK_MS)
    heatmap = window.run_page.panels["heatmap"]
    qtbot.waitUntil(lambda: drawn(heatmap) > 0, timeout=QUICK_MS)
    assert window.current_run().status is RunStatus.PAUSED, "found again where it is"
    qtbot.mouseClick(window.run_page.header.buttons["run.continue"], LEFT)

    def ended():
        if window.current_run().status.alive:
            pictures.add((heatmap.verifier, heatmap.data.total))
        return not window.current_run().status.alive

    qtbot.waitUntil(ended, timeout=RUN_MS)
    assert window.current_run().status is RunStatus.DONE
    # The first one counts: where the machine is slow, the run may have been held in its last phase.
    assert len(pictures) > 1, "the picture moves while the run is going"
    assert truth.progress() == ("done", 1.0)
    qtbot.waitUntil(lambda: not lab.processes(), timeout=QUICK_MS)
    qtbot.waitUntil(lambda: heatmap.verifier == 1, timeout=QUICK_MS)

    panels = Panels(qtbot, window)
    page_shows_the_store(qtbot, window, truth)
    heatmap_shows_the_store(panels["heatmap"], truth)
    charts_show_the_store(qtbot, panels, truth)
    ledger_shows_the_store(panels["ledger"], truth)
    lists_show_the_store(qtbot, panels, truth)
    a_step_is_judged_and_exported(qtbot, window, panels, truth)


def page_shows_the_store(qtbot, window, truth):
    phases = truth.of_run("SELECT name, iteration, status FROM phases WHERE run_id = ? ORDER BY ordinal")
    assert {status for _, _, status in phases} == {"done"}
    qtbot.waitUntil(lambda: {s.status for s in window.run_page.strip.timeline.segments} == {"done"}, timeout=QUICK_MS)
    assert [s.iteration for s in window.run_page.strip.timeline.segments] == [iteration for _, iteration, _ in phases]
    names = ["sampled_accuracy", "greedy_accuracy", "verifier_step_accuracy", "mce", "gap"]
    cards = [card.shown for card in window.run_page.strip.cards]
    for name, card in zip(names, cards[:5], strict=True):
        values = [value for _, value, _, _ in truth.metric(name)]
        assert card.history == tuple(values)
        assert numeral(card.value) == pytest.approx(100 * values[-1], abs=0.051)
    spent, shepherd = (truth.metric(f"label_tokens_{who}")[1][1] for who in ("sapo", "shepherd"))
    assert numeral(cards[5].value) == pytest.approx(spent / shepherd, abs=0.006)
    assert "estimate" in cards[5].note


def numeral(text):
    kept = "".join(c for c in text.replace("\u2212", "-") if c in "-.0123456789")
    return float(kept)


def heatmap_shows_the_store(heatmap: HeatmapPanel, truth: Truth):
    """V1's scores of iteration 1's samples, cell by cell, in the order of the first error."""
    data = heatmap.data
    known = {
        row[0]: row[1:]
        for row in truth.of_run(
            "SELECT t.id, t.question_id, t.n_steps, s.predicted, t.verified, t.truth, t.correct FROM trajectories t"
            " JOIN scores s ON s.trajectory_id = t.id AND s.verifier = 1"
            " WHERE t.run_id = ? AND t.source = 'sample' AND t.iteration = 1"
        )
    }
    cells = {}
    for trajectory, step, score in truth.of_run(
        "SELECT v.trajectory_id, v.step, v.score FROM v_step_scores v JOIN trajectories t ON t.id = v.trajectory_id"
        " WHERE t.run_id = ? AND v.verifier = 1 AND t.source = 'sample' AND t.iteration = 1"
    ):
        cells[trajectory, step] = score
    assert data.total == len(data.ids) == len(known)
    assert set(data.ids.tolist()) == set(known)
    for at, trajectory in enumerate(data.ids.tolist()):
        question, n_steps, predicted, verified, true, correct = known[trajectory]
        assert data.question_ids[at] == question
        assert (data.n_steps[at], data.predicted[at], bool(data.correct[at])) == (n_steps, predicted, bool(correct))
        assert data.verified[at] == (-1 if verified is None else verified)
        assert data.truth[at] == (-1 if true is None else true)
        assert np.isnan(data.scores[at, n_steps:]).all()
        wanted = [cells[trajectory, step] for step in range(1, n_steps + 1)]
        assert data.scores[at, :n_steps] == pytest.approx(wanted, abs=1e-4)
    assert (data.verified > 0).any()


def charts_show_the_store(qtbot, panels, truth):
    for panel, names in (
        ("gap", ("mce", "verifier_step_accuracy")),
        ("accuracy", ("greedy_accuracy", "sampled_accuracy", "sound_accuracy")),
    ):
        chart = panels[panel].chart
        for line, name in zip(chart.lines, names, strict=True):
            known = np.array(truth.metric(name))
            qtbot.waitUntil(lambda line=line, known=known: len(line.x) == len(known), timeout=QUICK_MS)
            shown = np.column_stack([line.x, line.y, line.low, line.high])
            assert shown == pytest.approx(known, abs=1e-9)
    gap = truth.metric("gap")[-1][1]
    assert numeral(panels["gap"].readout.text().split("gap")[1].split("pt")[0]) == pytest.approx(100 * gap, abs=0.051)
    bars = {bar.name: {part.name: part.count for part in bar.parts} for bar in panels["cases"].bars.bars}
    cases = truth.of_run(
        'SELECT l.iteration, l."case", count(*) FROM labels l JOIN trajectories t ON t.id = l.trajectory_id'
        " WHERE t.run_id = ? AND l.source = 'sapo' AND l.\"case\" != 'right' GROUP BY 1, 2"
    )
    assert cases
    assert bars == {f"it {number}": {case: n for i, case, n in cases if i == number} for number, _, _ in cases}


def ledger_shows_the_store(ledger, truth):
    costs = {(bar.group, bar.name): bar for bar in ledger.bars.bars}
    (computed,) = truth.of_run(
        "SELECT sum(generated), sum(prefill), sum(scored), sum(trained) FROM v_compute"
        " WHERE run_id = ? AND purpose = 'method' AND phase != 'sft'"
    )
    shown = [costs["Compute, tokens", name] for name in ("Generated", "Prompts computed", "Scored", "Trained on")]
    assert tuple(bar.amount for bar in shown) == computed
    assert all(computed)
    for group, cost in (("Rollouts", "rollouts"), ("Generated tokens", "tokens")):
        own, start, other = (
            next(value for iteration, value, _, _ in truth.metric(f"label_{cost}_{who}") if iteration == at)
            for who, at in (("sapo", 1), ("omega", 0), ("shepherd", 1))
        )
        assert (costs[group, "SAPO"].amount, costs[group, "SAPO"].estimate) == (own, False)
        assert (costs[group, "Start (Omega)"].amount, costs[group, "Start (Omega)"].estimate) == (start, False)
        shepherd = costs[group, "Shepherd (estimate)"]
        assert (shepherd.amount, shepherd.estimate) == (other, True)


def lists_show_the_store(qtbot, panels, truth):
    traces = panels["read"].table
    ids = [i for (i,) in truth.of_run("SELECT id FROM trajectories WHERE run_id = ? AND source = 'sample' ORDER BY id")]
    qtbot.waitUntil(lambda: traces.model.ids.tolist() == ids, timeout=QUICK_MS)
    assert traces.model.rowCount() == len(ids)
    traces.filters.source.setCurrentIndex(traces.filters.source.findData("solution"))
    solutions = truth.of_run("SELECT count(*) FROM trajectories WHERE run_id = ? AND source = 'solution'")[0][0]
    qtbot.waitUntil(lambda: traces.model.rowCount() == solutions, timeout=QUICK_MS)
    traces.filters.reset()
    log = panels["log"]
    lines = truth.of_run(
        "SELECT message FROM events WHERE run_id = ? AND level IN ('info', 'warning', 'error') ORDER BY id"
    )
    qtbot.waitUntil(lambda: [(line.message,) for line in log.model.lines] == lines, timeout=QUICK_MS)
    assert lines


def a_step_is_judged_and_exported(qtbot, window, panels, truth):
    """Enter on a row of the table, e on its second step: kept with who and when, on the heatmap, and exported."""
    Settings().set_text("annotator", "tester")
    Settings().save()
    window.actions_["run.read"].trigger()
    traces = window.run_page.panels["read"].table
    chosen, steps = truth.of_run(
        "SELECT t.id, t.steps FROM trajectories t JOIN scores s ON s.trajectory_id = t.id AND s.verifier = 1"
        " WHERE t.run_id = ? AND t.source = 'sample' AND t.iteration = 1 AND NOT t.correct AND t.n_steps > 2 LIMIT 1"
    )[0]
    qtbot.waitUntil(lambda: traces.model.row_of(chosen) >= 0, timeout=QUICK_MS)
    traces.select(chosen)
    qtbot.keyClick(traces.table, Qt.Key.Key_Return)
    view = window.run_page.panels["read"].trace
    qtbot.waitUntil(lambda: view.isVisible() and view.detail is not None and view.detail.id == chosen, timeout=QUICK_MS)
    assert [card.facts.text for card in view.steps.cards] == json.loads(steps)
    while view.steps.chosen > 1:
        qtbot.keyClick(view, Qt.Key.Key_Up)
    qtbot.keyClick(view, Qt.Key.Key_Down)
    qtbot.keyClick(view, Qt.Key.Key_E)
    wanted = [("tester", step, 1 if step < 2 else -1) for step in range(1, len(json.loads(steps)) + 1)]
    kept = "SELECT annotator, step, judgement FROM v_annotations WHERE trajectory_id = ? ORDER BY step"
    qtbot.waitUntil(lambda: truth.rows(kept, chosen) == wanted, timeout=QUICK_MS)
    heatmap = panels["heatmap"]
    column = heatmap.data.ids.tolist().index(chosen)
    qtbot.waitUntil(lambda: heatmap.data.human[column] == 2, timeout=QUICK_MS)
    exported = subprocess.run(
        [sys.executable, "-m", "sapo_studio.cli", "export", truth.run_id, "processbench"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    (line,) = [json.loads(line) for line in exported.stdout.splitlines()]
    question = "SELECT q.text FROM questions q JOIN trajectories t ON t.question_id = q.id WHERE t.id = ?"
    assert (line["label"], line["steps"]) == (1, json.loads(steps)), "ProcessBench counts from 0"
    assert line["problem"] == truth.rows(question, chosen)[0][0]


MOMENTS = {
    "as soon as the engine is there": lambda run: run.pid is not None,
    "in the middle": lambda run: run.progress > 0.3,
    "paused": lambda run: run.status is RunStatus.PAUSED,
}


@pytest.mark.parametrize(
    "moment", [pytest.param(one, marks=[pytest.mark.slow] if one != "in the middle" else []) for one in MOMENTS]
)
def test_a_killed_window_leaves_the_run_alone(qtbot, bench, monkeypatch, moment):
    """The window starts a run and is killed: the run goes on to its end, and nothing of the window is left."""
    monkeypatch.setenv("SAPO_FAKE", json.dumps({"pause_ms": 30}))
    with subprocess.Popen(
        [sys.executable, "-m", "sapo_ui.app", "--demo"], env={**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    ) as window:
        try:
            qtbot.waitUntil(lambda: queries.list_runs(bench.store) != [], timeout=QUICK_MS)
            run_id = queries.list_runs(bench.store)[0].id
            if moment == "paused":
                bench.until(run_id, lambda run: run.status is RunStatus.RUNNING)
                supervisor.pause(bench.store, run_id)
            engine = bench.until(run_id, MOMENTS[moment]).pid
        finally:
            family = [psutil.Process(window.pid), *psutil.Process(window.pid).children(recursive=True)]
            window.send_signal(signal.SIGKILL)
    mine = [process for process in family if process.pid != engine and engine not in ancestors(process)]
    _, left = psutil.wait_procs(mine, timeout=30)
    assert not left
    before = queries.get_run(bench.store, run_id)
    assert before.status.alive or before.status is RunStatus.QUEUED
    assert psutil.Process(engine).is_running()
    if moment == "paused":
        supervisor.resume(bench.store, run_id)
    assert bench.ended(run_id).status is RunStatus.DONE
    assert bench.store.value("PRAGMA integrity_check") == "ok"
    assert bench.gone()


@pytest.mark.slow
def test_two_windows_on_one_store(qtbot, bench, programs, tmp_path):
    """What one does the other shows; what both do at once is done once, and the second is told."""
    config = RunConfig.model_validate({"name": "first"})
    first, second = (queue_run(bench.store, config.model_copy(update={"name": name})) for name in ("first", "second"))
    run_queue.pause(bench.store)
    window = programs.open()
    qtbot.waitUntil(lambda: window.run_list.select(first))
    window.actions_["go.queue"].trigger()
    page = window.pages.front
    qtbot.waitUntil(lambda: page.found is not None and len(page.found.waiting) == 2)
    with OtherWindow(tmp_path / "other.ini") as other:
        other.until(f"window.run_list.select({first!r})")
        other.until("window.actions_['go.queue'].trigger() is None")
        other.until("len(page.found.waiting) == 2")
        # What one does, the other shows
        other.until(f"page.move_run({second!r}, 1) is None")
        qtbot.waitUntil(lambda: [row.name for row in page.found.waiting] == ["second", "first"])
        tasks.run(window, lambda store: runs.rename_run(store, first, "another"), lambda _: None)
        other.until("window.current_run().name == 'another'")
        # Both take the same run out: the second is told
        tasks.run(window, lambda store: run_queue.remove(store, second), lambda _: None)
        other.until("len(page.found.waiting) == 1")
        other.until(f"page.remove({second!r}) is None")
        other.until("page.trouble.isVisible() and 'not in the queue' in page.trouble.text")
        # One is put into the bin while the other shows it
        tasks.run(window, lambda store: run_queue.remove(store, first), lambda _: None)
        qtbot.waitUntil(lambda: not page.found.waiting)  # what waits in the queue is not put into the bin
        tasks.run(window, lambda store: run_keeping.put_in_bin(store, first), lambda _: None)
        other.until("window.current_run() is None or window.current_run().binned_at is None")
        other.until(f"window.run_list.current() is None or window.run_list.current().id != {first!r}")
        qtbot.waitUntil(lambda: page.found is not None and not page.found.rows)
    assert {run.name for run in queries.list_runs(bench.store)} == {"another", "second"}
    assert bench.store.value("PRAGMA integrity_check") == "ok"


def ancestors(process):
    try:
        return {parent.pid for parent in process.parents()}
    except psutil.NoSuchProcess:
        return set()
