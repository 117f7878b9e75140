"""The tokens: contrast, type, colours."""

import itertools

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFontInfo, QFontMetricsF
from PySide6.QtWidgets import QLabel

from sapo_ui import theme

TEXTS = ("text", "muted", "accent", "good", "warning", "bad")
GROUNDS = ("window", "surface", "raised", "sunken", "accent_soft")
PAIRS = [
    (look, text, ground)
    for look in (theme.LIGHT, theme.DARK)
    for text, ground in (
        *itertools.product(TEXTS, GROUNDS),
        ("on_accent", "accent"),
        ("bad", "bad_soft"),
        ("text", "bad_soft"),
        ("warning", "warning_soft"),
        ("text", "warning_soft"),
    )
]


def test_pairs_are_swept():
    assert len(PAIRS) == 70


@pytest.mark.parametrize(("look", "text", "ground"), PAIRS, ids=lambda value: getattr(value, "name", value))
def test_text_contrast(look, text, ground):
    assert theme.contrast(getattr(look, text), getattr(look, ground)) >= 4.5


@pytest.mark.parametrize("look", [theme.LIGHT, theme.DARK], ids=lambda look: look.name)
def test_series_labels_are_readable_and_lines_visible(look):
    assert len(look.series) == len(look.series_text) == 6
    assert all(theme.contrast(colour, look.surface) >= 4.5 for colour in look.series_text)
    assert all(theme.contrast(colour, look.surface) >= 2.2 for colour in look.series)


def test_contrast_of_black_and_white():
    assert theme.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert theme.contrast("#777777", "#777777") == pytest.approx(1)


def test_cividis_goes_from_dark_blue_to_yellow():
    table = theme.cividis()
    assert table.shape == (256, 3)
    assert table.dtype == np.uint8
    lightness = table.astype(float) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) > -1.5).all(), "rises throughout, so that it reads in grey too"
    assert lightness[-1] - lightness[0] > 150
    assert theme.score_colour(-1) == QColor(*map(int, table[0]))
    assert theme.score_colour(2) == QColor(*map(int, table[255]))


def test_shipped_typefaces_are_used_with_tabular_figures(qapp):
    assert {"Inter", "JetBrains Mono"} <= set(theme.load_fonts())
    assert QFontInfo(theme.font("body")).family() == "Inter"
    assert QFontInfo(theme.font("mono")).family() == "JetBrains Mono"
    label = QLabel()
    label.setFont(theme.font("headline"))
    widths = [QFontMetricsF(label.font()).horizontalAdvance(figure) for figure in "0123456789"]
    label.deleteLater()
    assert max(widths) - min(widths) < 0.1


def test_choice_overrides_the_system_and_restyles(qtbot):
    class Watcher(QLabel):
        def restyle(self):
            self.setText(theme.current().name)

    watcher = Watcher()
    qtbot.addWidget(watcher)
    theme.on_change(watcher, watcher.restyle)
    manager = theme.manager()
    try:
        for mode in ("dark", "light"):
            manager.choose(mode)
            assert theme.current().name == watcher.text() == mode
            assert manager.theme.dark == (mode == "dark")
    finally:
        manager.choose("system")
    assert watcher.palette().color(watcher.foregroundRole()).isValid()
    assert Qt.ColorScheme.Light is not Qt.ColorScheme.Dark


def test_another_theme_in_turns_draws_nothing_half_dressed_and_ends_with_the_last_choice(qtbot, qapp):
    window = QLabel("Text")
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    manager, told = theme.manager(), []
    manager.changed.connect(told.append)
    try:
        manager.choose("dark", in_turns=True)
        assert theme.current() is theme.DARK
        assert not window.updatesEnabled()
        assert told == []
        qtbot.waitUntil(lambda: told == [theme.DARK])
        assert window.updatesEnabled()
        assert qapp.palette().window().color() == QColor(theme.DARK.window)
        dressed = qapp.styleSheet()
        manager.choose("light", in_turns=True)
        qapp.processEvents()
        manager.choose("dark", in_turns=True)
        manager.choose("light", in_turns=True)
        manager.choose("dark", in_turns=True)
        qtbot.waitUntil(lambda: len(told) > 1)
        assert told[-1] is theme.DARK
        assert qapp.styleSheet() == dressed
        assert qapp.palette().window().color() == QColor(theme.DARK.window)
        assert window.updatesEnabled()
    finally:
        manager.changed.disconnect(told.append)
        manager.choose("light")
    assert window.updatesEnabled()
