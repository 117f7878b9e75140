"""Every panel of the run's page, the label audit and the benchmarks: pictures and numbers by one key, written in the
background, and word of where they are."""

from __future__ import annotations

import csv

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QMessageBox

from sapo_studio.app.studies import self_verification_matrix
from sapo_ui.features.audit.page import AuditPage
from sapo_ui.shell.panel_registry import PANELS
from sapo_ui.widgets.panel_export import exports_in
from tests.fixtures.synthetic import synthetic_run

WITHOUT = ("read",)
"""Panels of texts, which have exports of their own (labels, trajectories)."""


@pytest.fixture
def shown(qtbot, store, open_window, select):
    run_id = synthetic_run(store, trajectories=60, questions=12)
    error = {"value": 0.2, "low": 0.1, "high": 0.3, "n": 50}
    folder = store.run_dir(run_id)
    folder.mkdir(parents=True, exist_ok=True)
    self_verification_matrix.keep(folder, {"matrix": [{"verifier": 0, "reasoner": 1, "error": error}]})
    window = open_window(PANELS)
    select(window, run_id)
    window.activateWindow()
    return window


@pytest.fixture
def answer(monkeypatch):
    """Answers save dialogs with `answer(path)`."""
    wanted = []
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (wanted[-1], ""))
    return lambda path: wanted.append(str(path))


def pressed(qtbot, window):
    """The menu that Ctrl+Shift+E opens."""
    before = set(window.findChildren(QMenu))
    keys = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_E, keys)
    (menu,) = [one for one in window.findChildren(QMenu) if one not in before and one.isVisible()]
    return menu


def entry(menu, text):
    return next(one for one in menu.actions() if one.text().replace("&", "").startswith(text))


def test_every_panel_gives_its_picture_and_its_numbers(qtbot, shown, tmp_path, answer):
    window = shown
    heads = {}
    for panel in window.run_page.panels.panels:
        if panel.panel_id in WITHOUT:
            continue
        window.run_page.panels.go_to(panel.panel_id)
        qtbot.waitUntil(lambda panel=panel: bool(exports_in(panel)))
        for number, one in enumerate(exports_in(panel)):
            assert one.title != "Chart", panel.panel_id
            for ending in ("png", "svg", "csv"):
                file = tmp_path / f"{panel.panel_id}-{number}.{ending}"
                answer(file)
                one.ask(ending, "")
                qtbot.waitUntil(lambda file=file: window.status_line.currentMessage().startswith(f"Saved {file.name} "))
                assert file.stat().st_size > 20
            with file.open(newline="") as text:
                head, *rows = csv.reader(text)
            assert rows
            assert {len(row) for row in rows} == {len(head)}
            heads[panel.panel_id] = ",".join(head)
    assert set(heads) == {spec.panel.panel_id for spec in PANELS} - set(WITHOUT)
    unit_of = {"cases": "(trajectories)", "preferences": "(pairs)", "hardware": "(seconds)", "heatmap": "(score)"}
    unit_of |= {"ledger": "unit", "trust": "unit", "log": "(UTC)", "training": "(optimiser steps)"}
    for panel, head in heads.items():
        assert unit_of.get(panel, "(fraction)") in head, (panel, head)


def test_by_keyboard_what_has_the_focus_is_offered(qtbot, shown, tmp_path, answer):
    window = shown
    window.run_page.panels.go_to("gap")
    qtbot.waitUntil(lambda: bool(exports_in(window.run_page.panels["gap"])))
    window.run_page.panels["gap"].chart.setFocus()
    menu = pressed(qtbot, window)
    entry(menu, "Copy picture").trigger()
    assert not QGuiApplication.clipboard().image().isNull()
    assert window.status_line.currentMessage() == "Copied the picture of MCE and verifier accuracy by iteration."
    (tmp_path / "taken.csv").mkdir()
    answer(tmp_path / "taken.csv")
    entry(menu, "Save numbers").trigger()
    (box,) = window.run_page.panels["gap"].chart.findChildren(QMessageBox)
    assert "is a folder" in box.informativeText()
    box.close()
    answer(tmp_path / "nowhere" / "gap.csv")
    entry(pressed(qtbot, window), "Save numbers").trigger()
    chart = window.run_page.panels["gap"].chart
    qtbot.waitUntil(lambda: any("nowhere" in one.informativeText() for one in chart.findChildren(QMessageBox)))
    for told in chart.findChildren(QMessageBox):
        told.close()


def test_of_the_audit_each_card_is_offered_by_name(qtbot, shown, tmp_path, answer):
    window = shown
    window.actions_["run.audit"].trigger()
    page = window.pages.front
    assert isinstance(page, AuditPage)
    qtbot.waitUntil(lambda: page.view is not None)
    titles = {one.title for one in exports_in(page)}
    assert {"Error rates of each source", "Steps that the sources disagree on", "Reliability curve"} <= titles
    assert "Mean reward and greedy accuracy by iteration" in titles
    page.iterations.setFocus()
    menu = pressed(qtbot, window)
    assert {one.text() for one in menu.actions()} == titles
    menu.close()
    one = next(one for one in exports_in(page) if one.title == "Steps that the sources disagree on")
    answer(tmp_path / "steps.csv")
    one.ask("csv", "")
    qtbot.waitUntil((tmp_path / "steps.csv").is_file)
    head, *rows = list(csv.reader((tmp_path / "steps.csv").read_text().splitlines()))
    assert len(rows) == len(page.view.audit.disagreements)
    assert head[:4] == ["trajectory", "question", "step", "text"]


def test_where_there_is_nothing_it_says_so(window):
    window.actions_["view.export"].trigger()
    assert window.status_line.currentMessage() == "There is nothing here that can be exported."
