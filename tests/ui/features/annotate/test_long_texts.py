"""What is longer than its place can be read, by keyboard too; and what is not known is not said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt

from sapo_studio.store.queue_records import SavedItem
from sapo_ui.features.annotate.item_rows import verdict_of
from sapo_ui.widgets.plain_text import breakable
from tests.ui.queue_helpers import press, settled

DOWN, UP = Qt.Key.Key_PageDown, Qt.Key.Key_PageUp
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def show(judge):
    """Shows the item on the desk with other texts."""

    def show(steps, question="How many?", *, another=True, **more):
        at = judge.desk.open_item
        detail = replace(at.detail, steps=steps, question=question, scores={}, annotations=[], **more)
        judge.item.show_item(replace(at, detail=detail, comments=[]), blind=True, another=another)

    return show


@given(st.text(st.sampled_from("ab <&\n\u05d0\U0001f600"), max_size=200))
def test_places_to_break_add_nothing_to_see(text):
    assert breakable(text).replace("\u200b", "") == text
    words = breakable(text).replace("\u200b", " ").split()
    assert all(len(word) < 40 for word in words if word.isascii())


def test_a_word_longer_than_the_line_is_seen_to_its_end(judge, show, qtbot):
    show(["x" * 2000, "short"])
    long, short = judge.item.steps.cards
    qtbot.waitUntil(lambda: long.height() > 10 * short.height())
    assert "x" * 2000 in long.accessibleName()


def test_a_step_higher_than_its_place_begins_at_its_beginning(judge, show, qtbot):
    show(["short", "word " * 2000, "short"])
    press(qtbot, judge, "j")
    column, card = judge.item.steps, judge.item.steps.cards[1]
    qtbot.waitUntil(lambda: -20 < card.mapTo(column.viewport(), card.rect().topLeft()).y() < 20)
    bar = column.verticalScrollBar()
    before = bar.value()
    qtbot.keyClick(judge, DOWN)
    assert bar.value() > before
    below = bar.value()
    show(["short", "word " * 2000 + "more", "short"], another=False)  # as after a judgement
    assert (bar.value(), judge.item.chosen) == (below, 2)
    qtbot.keyClick(judge, UP)
    assert bar.value() < below


def test_a_long_question_is_read_by_keyboard(judge, show, qtbot):
    show(["short"], "word " * 2000)
    bar = judge.item.question.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    qtbot.keyClick(judge, DOWN, SHIFT)
    below = bar.value()
    assert below > 0
    qtbot.keyClick(judge, UP, SHIFT)
    assert bar.value() < below
    settled(qtbot, judge)


def test_without_scores_there_is_nothing_to_agree_with():
    saved = SavedItem(1, 1, 1, 0, np.zeros(0, np.float32), verifier=-1, verified=-1, judged=2)
    assert verdict_of(saved) == ("no scores", None)
    assert verdict_of(replace(saved, verified=2)) == ("agree", True)


@pytest.mark.parametrize(
    ("reference", "answer", "said"),
    [
        ("5", "6", "Reference answer 5 \u00b7 the trajectory says 6"),
        ("5", "", "Reference answer 5 \u00b7 the trajectory says none"),
        ("", "6", "The trajectory says 6"),
        ("", "Paris, FR", "The trajectory says Paris, FR"),
        ("", "", ""),
    ],
)
def test_only_answers_that_are_known_are_named(judge, show, reference, answer, said):
    show(["one"], reference=reference, answer=answer)
    assert judge.item.answers.text() == said
    assert judge.item.answers.isVisible() is bool(said)
