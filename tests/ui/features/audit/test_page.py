"""The Audit page over a real store: what it shows, what its keys do, and its other states."""

from __future__ import annotations

import sys

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QPushButton

from sapo_studio import supervisor
from sapo_studio.app.imports.take_in import known_format, take_in
from sapo_studio.app.studies import shadow
from sapo_studio.domain.reward_and_truth import Evaluated
from sapo_studio.domain.runs import RunStatus
from sapo_studio.formats.base import ReadAs
from sapo_studio.processes import is_running
from sapo_studio.requests import client
from sapo_studio.store import queries
from sapo_studio.store.annotations import annotate
from sapo_studio.store.queues import list_queues
from sapo_studio.store.records import TraceFilter
from sapo_studio.store.traces import trace_ids
from sapo_ui.features.audit.bounds_slider import BoundsSlider
from sapo_ui.features.audit.disagreements import BELIEF, FILTER, OTHERS, ROLLOUTS, STEP, WRITTEN
from sapo_ui.features.audit.page import AuditPage
from sapo_ui.features.audit.reward_card import RewardCard
from sapo_ui.services import label_audit, tasks
from sapo_ui.services.poller import StoreChange
from tests.fixtures.held import settled
from tests.fixtures.step_files import ROWS, lines
from tests.fixtures.synthetic import synthetic_run


@pytest.fixture
def open_page(qtbot, store):
    """Opens the page of a run and waits until it has something to say."""

    def open_(run_id):
        said = []
        page = AuditPage(lambda: run_id, lambda *step: said.append(step), said.append, said.append)
        page.told = said
        qtbot.addWidget(page)
        page.resize(1040, 720)
        page.show()
        runs = () if run_id is None else (queries.get_run(store, run_id),)
        page.catch_up(StoreChange(runs, frozenset({run_id})))
        qtbot.waitUntil(lambda: tasks.pool().idle)
        qtbot.waitUntil(lambda: run_id is None or page.view is not None or "Auditing" not in page.empty.message)
        return page

    yield open_
    tasks.stop()


@pytest.fixture
def run_id(store):
    return synthetic_run(store, name="audited", iterations=2, trajectories=160, questions=12)


def texts(page):
    return " ".join(label.text() for label in page.findChildren(QLabel) if label.isVisibleTo(page))


def test_it_says_who_is_wrong_how_often(open_page, run_id):
    page = open_page(run_id)
    rollouts, verifier = page.sources.in_words()
    assert rollouts.startswith("Rollouts: ")
    assert verifier.startswith("Verifier V1: ")
    for line in (rollouts, verifier):
        assert "correct steps called incorrect, estimated: " in line
        assert "incorrect steps called correct, by the task's oracle: " in line
    assert page.sources.accessibleDescription() == f"{rollouts}\n{verifier}"
    assert page.title.text() == "Label audit \u00b7 audited"


def test_disagreements_stand_worst_first(open_page, run_id, qtbot):
    page = open_page(run_id)
    steps = page.view.audit.disagreements
    assert page.model.rowCount() == len(steps) > 2
    first = steps[0]
    assert page.model.index(0, STEP).data() == f"{first.step}: {first.text}"
    assert page.model.index(0, BELIEF).data() == f"{first.belief:.2f}"
    said = page.model.index(0, WRITTEN).data(Qt.ItemDataRole.AccessibleTextRole)
    assert said == ("correct" if first.written else "incorrect")
    tried = next(row for row, step in enumerate(steps) if step.rollouts)
    assert page.model.index(tried, ROLLOUTS).data() == f"{steps[tried].rollouts.succeeded}/{steps[tried].rollouts.made}"
    assert "95 %: " in page.model.index(tried, ROLLOUTS).data(Qt.ItemDataRole.ToolTipRole)
    qtbot.keyClick(page.table, Qt.Key.Key_J)
    assert page.table.currentIndex().row() == 1
    qtbot.keyClick(page.table, Qt.Key.Key_K)
    qtbot.keyClick(page.table, Qt.Key.Key_Return)
    assert page.told == [(first.trajectory, first.step)]


def test_the_handles_show_what_a_filter_would_keep(open_page, run_id, qtbot):
    page = open_page(run_id)
    everything = page.view.audit.steps
    out = [page.model.index(row, FILTER).data() for row in range(page.model.rowCount())]
    assert "out" in out
    qtbot.keyClick(page, Qt.Key.Key_F)
    assert page.filter.slider.hasFocus()
    page.filter.slider.setValue((1.0, 1.0))
    kept = page.filter.cells["Labels kept"][2].text()
    assert int(kept.split(" ")[0].replace(",", "")) < everything
    page.filter.slider.setValue((0.0, 0.0))
    assert page.filter.bounds.high == 0
    assert not any(
        page.model.step(row).written and page.model.index(row, FILTER).data() for row in range(page.model.rowCount())
    )
    assert not page.filter.copy_button.isVisibleTo(page)  # the run writes no more labels


def test_forty_go_to_annotate(open_page, run_id, store, qtbot):
    page = open_page(run_id)
    for _ in range(2):
        qtbot.keyClick(page.table, Qt.Key.Key_A)
        qtbot.waitUntil(lambda: tasks.pool().idle)
    qtbot.waitUntil(lambda: len(list_queues(store)) == 2)
    qtbot.waitUntil(lambda: "(2)" in page.said.text())
    queues = {queue.name: queue for queue in list_queues(store)}
    assert set(queues) == {"audited, labels of iteration 2", "audited, labels of iteration 2 (2)"}
    assert {(queue.rule, queue.size) for queue in queues.values()} == {("disagreement", 40)}


def test_one_source_explains_that_noise_takes_two(open_page, run_id, qtbot):
    page = open_page(run_id)
    for _ in range(2):
        before = page.view
        qtbot.keyClick(page, Qt.Key.Key_BracketLeft)
        qtbot.waitUntil(lambda before=before: page.view is not before)
    assert page.view.audit.iteration == 0
    assert "Only one source has judged these steps" in texts(page)
    assert "Off: noise takes two sources to estimate." in page.filter.state.text()
    assert not page.filter.slider.isVisibleTo(page)
    assert page.filter.command() == ""
    assert "A curve takes 100 scores; there are 0." in texts(page)
    qtbot.keyClick(page, Qt.Key.Key_BracketRight)
    qtbot.waitUntil(lambda: page.view.audit.iteration == 1)
    assert page.filter.slider.isVisibleTo(page)


@pytest.mark.parametrize("key", [Qt.Key.Key_Right, Qt.Key.Key_Up])
def test_the_bounds_are_moved_by_keyboard(qtbot, key):
    slider = BoundsSlider()
    qtbot.addWidget(slider)
    slider.setValue((0.2, 0.8))
    qtbot.keyClick(slider, key)
    assert slider.value() == pytest.approx((0.21, 0.8))
    qtbot.keyClick(slider, key, Qt.KeyboardModifier.ShiftModifier)
    assert slider.value() == pytest.approx((0.21, 0.81))
    for _ in range(9):
        qtbot.keyClick(slider, Qt.Key.Key_PageUp)
    assert slider.value() == pytest.approx((0.81, 0.81))  # the handles do not pass each other
    for _ in range(9):
        qtbot.keyClick(slider, Qt.Key.Key_PageDown)
    qtbot.keyClick(slider, Qt.Key.Key_Left)
    assert slider.value() == pytest.approx((0.0, 0.81))


def test_a_narrow_page_keeps_the_text_of_the_steps(open_page, store, qtbot):
    run_id = synthetic_run(store, iterations=1, trajectories=24, questions=6)
    for trajectory in trace_ids(store, TraceFilter(run_id, iteration=1, outcome="wrong")).tolist():
        annotate(store, trajectory, "Ada", {1: 1})
    page = open_page(run_id)
    assert not page.table.isColumnHidden(OTHERS)
    page.resize(720, 560)
    assert page.table.isColumnHidden(OTHERS)
    qtbot.waitUntil(lambda: page.table.columnWidth(STEP) > 100)


def test_the_focus_moves_no_row_and_shows_around_the_whole_table(open_page, qtbot):
    page = open_page(None)
    table = page.table
    table.setParent(None)
    qtbot.addWidget(table)
    table.show()
    table.clearFocus()
    before = table.viewport().geometry()
    assert before.left() > 0  # there is room for the ring before it is needed
    table.activateWindow()
    table.setFocus()
    qtbot.waitUntil(table.hasFocus)
    assert table.viewport().geometry() == before


def test_an_imported_file_is_told_from_a_run_without_labels(qtbot, open_page, store, tmp_path):
    file = tmp_path / "own.jsonl"
    file.write_text(lines(ROWS["sapo"]))
    run_id = take_in(store, file, known_format(file), ReadAs()).run_id
    page = open_page(run_id)
    assert page.empty.message.startswith(f"{queries.get_run(store, run_id).name} is an imported file")
    assert "`" not in page.empty.message
    back = next(button for button in page.findChildren(QPushButton) if button.isVisible())
    with qtbot.waitSignal(page.left):
        qtbot.mouseClick(back, Qt.MouseButton.LeftButton)


def test_a_run_without_labels_says_when_they_come(open_page, store):
    page = open_page(synthetic_run(store, status=RunStatus.QUEUED))
    assert "has no labels yet" in page.empty.message
    assert "`" not in page.empty.message
    assert page.empty.isVisible()


def test_without_a_run_it_says_where_to_choose_one(open_page):
    assert "No run is open" in open_page(None).empty.message


def test_a_run_that_goes_on_says_so_and_is_read_again_when_a_phase_ends(open_page, store, qtbot):
    run_id = synthetic_run(store, iterations=2, trajectories=160, questions=12, status=RunStatus.RUNNING)
    page = open_page(run_id)
    assert "The run is going on" in page.counts.text()
    first = page.view
    same = StoreChange((queries.get_run(store, run_id),), frozenset({run_id}))
    page.take(same)
    assert tasks.pool().idle
    store.execute("UPDATE runs SET phase_ordinal = phase_ordinal + 1 WHERE id = ?", (run_id,))
    page.take(StoreChange((queries.get_run(store, run_id),), frozenset({run_id})))
    qtbot.waitUntil(lambda: page.view is not first)


def test_the_alarm_when_rewards_rise_and_accuracy_falls(qtbot):
    card = RewardCard()
    qtbot.addWidget(card)
    falling = [
        Evaluated(i, 0.5 + i / 10, accuracy, accuracy - 0.02, accuracy + 0.02)
        for i, accuracy in enumerate((0.60, 0.55, 0.50))
    ]
    card.show_evaluations(falling[:2])
    assert card.alarm.text == ""
    card.show_evaluations(falling)
    assert "part at iteration 0" in card.alarm.text
    assert "fell by 10.0" in card.alarm.text
    card.show_evaluations([*falling[:2], Evaluated(2, 0.55, 0.5, 0.48, 0.52)])
    assert card.alarm.text == ""
    card.show_evaluations([Evaluated(one.iteration, one.reward, one.accuracy, 0.3, 0.8) for one in falling])
    assert card.alarm.text == ""


@pytest.mark.parametrize("width", [740, 1040])
def test_nothing_is_wider_than_its_place(open_page, run_id, qtbot, width):
    page = open_page(run_id)
    page.resize(width, 560)
    qtbot.waitUntil(lambda: page.width() == width)
    side = page.side.widget()
    assert side.minimumSizeHint().width() <= page.side.viewport().width()
    assert page.table.horizontalHeader().length() <= page.table.viewport().width()
    assert page.table.columnWidth(STEP) >= 90


# -- What the filter does, and turning it on


def share(value):
    return {"value": value, "low": value - 0.05, "high": value + 0.05, "n": 40}


def found(iteration):
    return {
        "iteration": iteration,
        "own": {"step_accuracy": share(0.82)},
        "shadow": {"step_accuracy": share(0.85)},
        "difference": {"value": 0.03, "low": 0.01, "high": 0.05},
    }


ENGINE = """
import json, sys, time
told = json.load(sys.stdin)
print('{"progress": 0.5}', file=sys.stderr, flush=True)
if ANSWER is None:
    time.sleep(600)
if ANSWER == "refused":
    print(json.dumps({"error": "InputError", "what": "No card", "why": "", "fix": ""}), file=sys.stderr)
    sys.exit(2)
ANSWER["labels"] = len(told["labels"])
print(json.dumps(ANSWER))
"""


@pytest.fixture
def engine(monkeypatch):
    """An engine that answers with what it is given: None, and it takes its time; "refused", and it says so."""

    def put(answer):
        monkeypatch.setattr(client, "COMMAND", (sys.executable, "-c", f"ANSWER = {answer!r}\n{ENGINE}"))

    return put


def test_the_effect_is_measured_when_asked_for_and_kept(open_page, run_id, qtbot, store, engine):
    page = open_page(run_id)
    effect = page.filter.effect
    assert "not measured" in effect.note.text()
    assert page.filter.cells["Verifier, steps"][2].text() == "not measured"
    engine(found(page.view.audit.iteration))
    qtbot.mouseClick(effect.button, Qt.MouseButton.LeftButton)
    assert effect.button.text() == "Cancel"
    qtbot.waitUntil(lambda: "+3.0" in effect.note.text())
    assert [cell.text() for cell in page.filter.cells["Verifier, steps"][1:]] == ["82.0\u202f%", "85.0\u202f%"]
    assert not effect.button.isVisibleTo(page)
    (kept,) = shadow.kept(store, run_id, page.view.audit.iteration)
    assert kept.found["labels"] > 0
    # It holds for these bounds alone, and is there the next time.
    page.filter.slider.setValue((0.4, 0.6))
    assert effect.button.isVisibleTo(page)
    assert "+3.0" in open_page(run_id).filter.effect.note.text()


def test_measuring_the_effect_can_be_cancelled(open_page, run_id, qtbot, store, engine):
    page = open_page(run_id)
    engine(None)
    effect = page.filter.effect
    effect.button.click()
    qtbot.waitUntil(lambda: effect.bar.value() == 50)
    pid = page.shadow._process.processId()
    effect.button.click()
    qtbot.waitUntil(lambda: not is_running(pid))
    assert effect.button.text() == "Measure effect"
    assert not page.shadow.running
    assert shadow.kept(store, run_id, page.view.audit.iteration) == []
    assert page.told == []


def test_measuring_goes_on_while_another_page_is_open(open_page, run_id, qtbot, store, engine):
    page = open_page(run_id)
    engine(None)
    page.filter.effect.button.click()
    qtbot.waitUntil(lambda: page.filter.effect.bar.value() == 50)
    page.close()
    page.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    again = open_page(run_id)
    assert again.filter.effect.button.text() == "Cancel"
    assert again.filter.effect.bar.value() == 50
    # Another iteration's verifier waits for its turn.
    qtbot.keyClick(again, Qt.Key.Key_BracketLeft)
    qtbot.waitUntil(lambda: again.view.audit.iteration == 1)
    assert not again.filter.effect.button.isEnabled()
    pid = again.shadow._process.processId()
    again.shadow.end_now()  # as the window does when it closes
    assert not is_running(pid)
    assert not again.shadow.running


def test_what_the_engine_refuses_is_told(open_page, run_id, qtbot, engine):
    page = open_page(run_id)
    engine("refused")
    page.filter.effect.button.click()
    qtbot.waitUntil(lambda: bool(page.told))
    assert page.told[0].what == "No card"
    assert page.filter.effect.button.text() == "Measure effect"


def test_the_filter_of_a_run_that_is_done_goes_into_a_new_one(open_page, run_id, qtbot):
    page = open_page(run_id)
    switch = page.filter.switch
    assert not switch.box.isVisibleTo(page)
    page.filter.slider.setValue((0.3, 0.7))
    qtbot.mouseClick(switch.clone, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(page.told))
    labeling = page.told[0].labeling
    assert (labeling.consensus, labeling.consensus_low, labeling.consensus_high) == ("dawid-skene", 0.3, 0.7)


def test_the_filter_is_turned_on_for_the_labels_that_come_next(open_page, run_id, qtbot, store):
    store.execute("UPDATE phases SET status = 'pending' WHERE iteration = 2 AND name IN ('label', 'verifier')")
    store.execute("UPDATE runs SET status = 'stopped'")
    page = open_page(run_id)
    switch = page.filter.switch
    assert switch.box.isVisibleTo(page)
    assert not switch.box.isChecked()
    assert "from the labels of iteration 2 on, once the run is resumed" in switch.note.text()
    page.filter.slider.setValue((0.3, 0.7))
    qtbot.mouseClick(page.filter.copy_button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == (
        f"sapo resume {run_id} --set labeling.consensus=dawid-skene"
        " --set labeling.consensus_low=0.3 --set labeling.consensus_high=0.7"
    )
    qtbot.mouseClick(switch.box, Qt.MouseButton.LeftButton, pos=QPoint(8, switch.box.height() // 2))
    qtbot.waitUntil(lambda: "On." in switch.note.text())
    assert switch.box.isChecked()
    config = queries.get_config(store, run_id).labeling
    assert (config.consensus, config.consensus_low, config.consensus_high) == ("dawid-skene", 0.3, 0.7)
    page.filter.slider.setValue((0.2, 0.7))
    assert not switch.box.isChecked()
    assert "On with 0.30 and 0.70" in switch.note.text()
    page.filter.slider.setValue((0.3, 0.7))
    qtbot.mouseClick(switch.box, Qt.MouseButton.LeftButton, pos=QPoint(8, switch.box.height() // 2))
    qtbot.waitUntil(lambda: "Off." in switch.note.text())
    assert queries.get_config(store, run_id).labeling.consensus == "off"


def test_being_read_again_takes_neither_the_row_nor_the_focus(open_page, store, qtbot):
    run_id = synthetic_run(store, iterations=2, trajectories=160, questions=12, status=RunStatus.RUNNING)
    page = open_page(run_id)
    for _ in range(2):
        qtbot.keyClick(page.table, Qt.Key.Key_J)
    read = page.model.step(2)
    qtbot.keyClick(page, Qt.Key.Key_F)
    first = page.view
    store.execute("UPDATE runs SET phase_ordinal = phase_ordinal + 1 WHERE id = ?", (run_id,))
    page.take(StoreChange((queries.get_run(store, run_id),), frozenset({run_id})))
    qtbot.waitUntil(lambda: page.view is not first)
    assert page.filter.slider.hasFocus()
    assert page.model.step(page.table.currentIndex().row()) == read


def test_an_audit_from_before_the_filter_was_turned_on_does_not_show_it_off(open_page, run_id, qtbot, store, hold):
    store.execute("UPDATE phases SET status = 'pending' WHERE iteration = 2 AND name IN ('label', 'verifier')")
    store.execute("UPDATE runs SET status = 'stopped'")
    page = open_page(run_id)
    box = page.filter.switch.box
    held = hold(label_audit, "audit")
    page._read()
    qtbot.waitUntil(lambda: len(held.found) == 1)
    written = hold(supervisor, "change_config", unbegun=True)
    qtbot.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))
    qtbot.waitUntil(lambda: written.called == 1)
    shown = []
    page.filter.switch.show_state = lambda view, bounds: shown.append(view.audit.consensus)
    held.let_go()
    written.let_go()
    settled(qtbot)
    assert shown
    assert set(shown) == {"dawid-skene"}
