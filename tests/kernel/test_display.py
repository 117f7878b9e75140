"""Whether a window can be shown: told from what Qt says before it aborts, in a child process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sapo_studio import display
from sapo_studio.app import diagnosis
from sapo_studio.display import PACKAGES, Fault, explain, window_fault

LOADING = "qt.core.plugin.loader: Cannot load library /x/libqxcb.so: ({}: cannot open shared object file: No such file)"
ABORT = (
    'qt.qpa.plugin: Could not load the Qt platform plugin "xcb" in "" even though it was found.\n'
    "This application failed to start because no Qt platform plugin could be initialized."
)


@pytest.mark.parametrize("library", ["libxcb-cursor.so.0", "libxcb-icccm.so.4", "libxcb-keysyms.so.1", "libEGL.so.1"])
def test_missing_libraries_are_named_with_what_brings_them(library: str):
    found = explain(f"{LOADING.format(library)}\n{ABORT}")
    assert found is not None
    assert found.libraries
    assert library in found.sentence
    assert "\n" not in found.sentence
    for command, names in PACKAGES.items():
        assert f"{command} {names}" in found.sentence


def test_what_qt_says_without_naming_a_library():
    older = "From 6.5.0, xcb-cursor0 or libxcb-cursor0 is needed to load the Qt xcb platform plugin.\n" + ABORT
    found = explain(older)
    assert found is not None
    assert "libxcb-cursor.so.0" in found.sentence
    assert explain(ABORT) is not None


def test_a_display_that_cannot_be_reached_is_no_missing_library():
    found = explain("qt.qpa.xcb: could not connect to display :7\n" + ABORT)
    assert found is not None
    assert not found.libraries


def test_other_faults_are_left_to_whoever_meets_them():
    assert explain("ModuleNotFoundError: No module named 'PySide6'") is None


def test_it_is_tried_in_a_child_process_that_may_abort():
    says = f"import os, sys; sys.stderr.write({LOADING.format('libxcb-cursor.so.0')!r}); sys.stderr.flush(); os.abort()"
    found = window_fault((sys.executable, "-c", says))
    assert found is not None
    assert "libxcb-cursor.so.0" in found.sentence
    assert window_fault((sys.executable, "-c", "pass")) is None
    assert window_fault(("/nowhere/python",)) is None


def test_doctor_tells(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(diagnosis, "window_fault", lambda: Fault("Install it.", libraries=True))
    (check,) = diagnosis.window_checks()
    assert (check.name, check.state, check.advice) == ("window", "note", "Install it.")
    monkeypatch.setattr(diagnosis, "window_fault", lambda: None)
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    (check,) = diagnosis.window_checks()
    assert check.state == "good"
    monkeypatch.delenv("QT_QPA_PLATFORM")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(display.sys, "platform", "linux")
    (check,) = diagnosis.window_checks()
    assert (check.state, check.finding) == ("note", "no display")


def test_the_read_me_names_the_packages():
    text = " ".join((Path(__file__).parents[2] / "README.md").read_text("utf-8").replace("\\", " ").split())
    for command, names in PACKAGES.items():
        assert f"{command} {names}" in text
