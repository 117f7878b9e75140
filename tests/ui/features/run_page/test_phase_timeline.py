"""The phases as a bar."""

import itertools

from PySide6.QtCore import Qt

from sapo_studio.store.records import PhaseInfo
from sapo_ui.features.run_page.page import segments
from sapo_ui.features.run_page.phase_timeline import PhaseTimeline


def phase(ordinal, name, iteration, status="pending", **more):
    values = {"weight": 1.0, "done": 0, "total": 0, "unit": "", "message": "", "artefact": ""}
    values |= {"started_at": None, "finished_at": None, "seconds": None}
    return PhaseInfo(ordinal, "r", ordinal, name, iteration, status, **{**values, **more})


def test_timeline_segments_and_keyboard(qtbot):
    phases = [
        phase(0, "sft", 0, "done", seconds=34.0, weight=3.0),
        phase(1, "sample", 1, "done", seconds=4.0),
        phase(2, "label", 1, "running", done=50, total=200, unit="trajectories"),
        phase(3, "verifier", 1, "running", done=250, total=1000),
        phase(4, "align", 1),
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
        "Iteration 1, Verifier: running 25.0\u202f%",
        "Iteration 1, Align: not started",
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
