"""The run page: headline numbers, timeline, header, banner, docks."""

import itertools

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout

from sapo_studio.store.records import ErrorText, MetricValue, PhaseInfo
from sapo_ui.features.run_page.header import where
from sapo_ui.features.run_page.headlines import headlines
from sapo_ui.features.run_page.page import RunPage, segments
from sapo_ui.features.run_page.phase_timeline import PhaseTimeline
from sapo_ui.panels.panel import Panel
from sapo_ui.services.actions import ACTIONS, Actions
from sapo_ui.services.poller import StoreChange


def make_panel(name, traces=False):
    class Recorder(Panel):
        panel_id = name
        title = name.title()
        help = f"### {name}"

        def __init__(self):
            super().__init__()
            self.calls = []
            QVBoxLayout(self).addWidget(QLabel(name))

        def show_run(self, run_id):
            self.calls.append(("show", run_id))

        def refresh(self, change):
            self.calls.append(("refresh", change.changed))

        def show_trace(self, trajectory_id):
            self.calls.append(("trace", trajectory_id))
            return traces

    return Recorder


PANELS = [
    make_panel("heatmap"),
    make_panel("gap"),
    make_panel("detail"),
    make_panel("cases"),
    make_panel("more"),
    make_panel("traces", traces=True),
    make_panel("log"),
]
AREAS = {
    "heatmap": "main",
    "detail": "main",
    "gap": "side",
    "cases": "side",
    "more": "side",
    "traces": "bottom",
    "log": "bottom",
}


@pytest.fixture
def fired():
    return []


@pytest.fixture
def page(qtbot, qapp, fired):
    actions = Actions(qapp, {spec.id: lambda name=spec.id: fired.append(name) for spec in ACTIONS})
    made = RunPage(actions, PANELS, AREAS)
    made.actions_ = actions
    qtbot.addWidget(made)
    made.resize(1040, 740)
    made.show()
    yield made
    actions.deleteLater()


def phase(ordinal, name, iteration, status="pending", **more):
    values = {"weight": 1.0, "done": 0, "total": 0, "unit": "", "message": "", "artefact": ""}
    values |= {"started_at": None, "finished_at": None, "seconds": None}
    return PhaseInfo(ordinal, "r", ordinal, name, iteration, status, **{**values, **more})


def test_headlines_show_value_change_and_interval():
    metrics = {
        0: {"sampled_accuracy": MetricValue(0.401), "gap": MetricValue(0.082)},
        1: {
            "sampled_accuracy": MetricValue(0.502, 0.48, 0.52, 500),
            "gap": MetricValue(0.024),
            "label_tokens_sapo": MetricValue(450),
            "label_tokens_shepherd": MetricValue(1000, estimate=True),
        },
    }
    sampled, greedy, _verifier, _mce, gap, tokens = headlines(metrics)
    assert (sampled.value, sampled.note, sampled.trend) == ("50.2\u202f%", "+10.1\u202fpt since it 0", "better")
    assert sampled.history == (0.401, 0.502)
    assert "95 % interval 48.0 to 52.0" in sampled.tip
    assert (greedy.value, greedy.note) == ("\u2013", "after the first evaluation")
    assert (gap.value, gap.note, gap.trend) == ("2.4\u202fpt", "\u22125.8\u202fpt closing", "better")
    assert (tokens.value, tokens.note) == ("0.45\u00d7", "of Shepherd (estimate)")
    assert "1,000 tokens" in tokens.tip


def test_a_gap_below_zero_is_none_and_cannot_widen():
    def gap(first, second):
        shown = headlines({0: {"gap": MetricValue(first)}, 1: {"gap": MetricValue(second)}})[4]
        return shown.trend, shown.note.rsplit("pt", 1)[-1]

    assert gap(0.02, -0.01) == ("better", ", none left")
    assert gap(-0.003, -0.005) == ("same", ", none left")
    assert gap(-0.01, 0.03) == ("worse", " widening")
    assert gap(0.01, 0.01) == ("same", "")


def test_header_shows_where_a_run_is(page, make_run):
    run = make_run(1, "lab", phase="label", iteration=2, progress=0.61, eta_seconds=128)
    assert where(run) == "iteration 2 of 3 \u00b7 label \u00b7 61.0\u202f% \u00b7 ETA 2\u202fmin \u00b7 cpu"
    page.show_run(run)
    assert page.header.name.text() == "lab"
    assert page.header.chip.status == "running"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("running", {"run.pause", "run.stop_after", "run.stop"}),
        ("paused", {"run.continue", "run.stop_after", "run.stop"}),
        ("stopped", {"run.resume"}),
        ("failed", {"run.resume"}),
        ("interrupted", {"run.resume"}),
        ("queued", {"run.resume", "run.stop"}),
        ("done", set()),
    ],
)
def test_header_offers_what_can_be_done(qtbot, page, make_run, fired, status, expected):
    page.show_run(make_run(1, "lab", status))
    shown = {name for name, button in page.header.buttons.items() if button.isVisible()}
    assert shown == expected
    for name in shown:
        qtbot.mouseClick(page.header.buttons[name], Qt.MouseButton.LeftButton)
    assert set(fired) == expected


def test_banner_says_what_why_and_what_to_do(qtbot, page, make_run, fired):
    page.show_run(
        make_run(1, "lab", "failed", error=ErrorText("The disk is full", "SQLite says so.", "Free some space."))
    )
    assert page.banner.isVisible()
    assert page.banner.text == "The disk is full\nSQLite says so.\nFree some space."
    qtbot.mouseClick(page.banner.action, Qt.MouseButton.LeftButton)
    assert fired == ["run.resume"]
    qtbot.mouseClick(page.banner.copy, Qt.MouseButton.LeftButton)
    from PySide6.QtGui import QGuiApplication

    assert QGuiApplication.clipboard().text() == page.banner.text
    page.show_run(make_run(1, "lab", "interrupted"))
    assert "Resume goes on" in page.banner.text
    page.show_run(make_run(1, "lab", "paused", error=ErrorText("The disk is full: the run waits", "", "Free 3 MB.")))
    assert page.banner.text == "The disk is full: the run waits\nFree 3 MB."
    assert not page.banner.action.isVisible()
    page.show_run(make_run(1, "lab", "running"))
    assert not page.banner.isVisible()


def test_timeline_segments_and_keyboard(qtbot):
    phases = [
        phase(0, "sft", 0, "done", seconds=34.0, weight=3.0),
        phase(1, "sample", 1, "done", seconds=4.0),
        phase(2, "label", 1, "running", done=50, total=200, unit="trajectories"),
        phase(3, "verifier", 1),
    ]
    timeline = PhaseTimeline()
    qtbot.addWidget(timeline)
    timeline.resize(600, 34)
    timeline.show()
    timeline.set_segments(segments(phases))
    assert [s.detail for s in timeline.segments] == [
        "Start, Warm-up: done in 34\u202fs",
        "Iteration 1, Sample: done in 4\u202fs",
        "Iteration 1, Label: running 50 of 200 trajectories",
        "Iteration 1, Verifier: to come",
    ]
    assert timeline.segments[2].fraction == 0.25
    rects = timeline.rects()
    assert rects[0].width() > 2 * rects[1].width()
    assert rects[-1].right() <= 600
    assert all(a.right() < b.left() for a, b in itertools.pairwise(rects))
    qtbot.keyClick(timeline, Qt.Key.Key_Right)
    qtbot.keyClick(timeline, Qt.Key.Key_Right)
    assert timeline.accessibleDescription() == "Iteration 1, Sample: done in 4\u202fs"
    timeline.set_segments(segments([phase(0, "sft", 0, "running", done=1, total=2)], alive=False))
    assert timeline.segments[0].status == "halted"


def test_many_phases_fit_a_narrow_window(qtbot):
    timeline = PhaseTimeline()
    qtbot.addWidget(timeline)
    timeline.resize(300, 34)
    timeline.set_segments(segments([phase(n, "sample", n // 9, weight=100.0 * (n % 3)) for n in range(180)]))
    assert timeline.rects()[-1].right() <= 300.5
    assert all(rect.width() > 0 for rect in timeline.rects())


def test_panels_hear_of_their_run_and_its_changes(page, make_run):
    run = make_run(1, "lab")
    page.show_run(run)
    page.show_run(run)
    panel = page.docks.docks["heatmap"].panel
    assert panel.calls == [("show", run.id)]
    other = make_run(2, "other")
    page.take(StoreChange((run, other), frozenset({other.id})))
    assert len(panel.calls) == 1
    page.take(StoreChange((run, other), frozenset({run.id})))
    assert panel.calls[1:] == [("refresh", frozenset({run.id}))]


def test_a_busy_run_is_read_once_a_second_and_its_last_change_is_not_lost(qtbot, page, make_run, monkeypatch):
    page._rest.setInterval(50)
    run = make_run(1, "lab")
    page.show_run(run)
    panel = page.docks.docks["heatmap"].panel
    for _ in range(5):
        page.take(StoreChange((run,), frozenset({run.id})))
    assert [name for name, _ in panel.calls] == ["show", "refresh"]
    qtbot.waitUntil(lambda: not page._rest.isActive())
    assert [name for name, _ in panel.calls] == ["show", "refresh", "refresh"]


def test_a_hidden_page_catches_up_when_shown(page, make_run):
    run = make_run(1, "lab")
    page.show_run(run)
    panel = page.docks.docks["gap"].panel
    page.hide()
    change = StoreChange((run,), frozenset({run.id}))
    page.take(change)
    assert len(panel.calls) == 1
    page.show()
    page.catch_up(change)
    assert [name for name, _ in panel.calls] == ["show", "refresh"]


def test_a_trace_is_shown_by_the_panel_for_it(page):
    page.docks.docks["log"].raise_()
    page.docks.docks["heatmap"].panel.trace_requested.emit(2**33 + 5)
    panel = page.docks.docks["traces"].panel
    assert panel.calls[-1] == ("trace", 2**33 + 5)
    assert not panel.visibleRegion().isEmpty()


def test_docks_layout_is_saved_restored_and_reset(qtbot, page):
    docks = page.docks
    first = docks.layout_state()
    docks.docks["gap"].close()
    docks.docks["heatmap"].setFloating(True)
    changed = docks.layout_state()
    docks.reset()
    assert docks.docks["gap"].isVisible()
    assert not docks.docks["heatmap"].isFloating()
    assert docks.restore_layout(changed)
    assert not docks.docks["gap"].isVisible()
    assert docks.docks["heatmap"].isFloating()
    assert docks.restore_layout(first)
    assert docks.docks["gap"].isVisible()


def test_at_first_main_stands_left_of_side_and_above_bottom(page):
    docks = page.docks.docks
    places = {name: docks[name].geometry() for name in ("heatmap", "gap", "cases", "traces")}
    assert places["heatmap"].right() < places["gap"].left()
    assert places["gap"].bottom() < places["cases"].top()
    assert places["heatmap"].bottom() < places["traces"].top()
    assert page.docks.tabifiedDockWidgets(docks["heatmap"]) == [docks["detail"]]
    assert page.docks.tabifiedDockWidgets(docks["cases"]) == [docks["more"]]
    assert page.docks.tabifiedDockWidgets(docks["traces"]) == [docks["log"]]


def test_tabbed_docks_name_themselves_once(page):
    docks = page.docks.docks
    assert docks["gap"].titleBarWidget().height() > 0
    assert docks["traces"].titleBarWidget().height() == 0
    docks["log"].close()
    assert docks["traces"].titleBarWidget().height() > 0
