"""Questions that stand in the training data and are measured on."""

from __future__ import annotations

import random

from sapo_studio.domain.leaks import COMMON, GRAM, find_leaks

WORDS = [f"word{k}" for k in range(500)]


def question(seed: int, words: int = 40) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def test_the_same_text_is_told_with_both_rows() -> None:
    trained = [question(k) for k in range(50)]
    measured = [question(100), f"  {trained[6].upper()}\n", "short one", trained[3].replace(" ", "\t")]
    (found,) = find_leaks([*trained, "Short  ONE"], {"the set": measured})
    assert [(leak.measured, leak.trained, leak.exact) for leak in found.found] == [
        (2, 7, True),
        (3, 51, True),
        (4, 4, True),
    ]
    assert found.note.startswith("3 of 4 questions of the set stand in the training data, too (3 the same, 0 with")
    assert "row 2 is training row 7; row 3 is training row 51" in found.note


def test_nearly_the_same_text_is_told_from_a_share_on() -> None:
    trained = [question(k) for k in range(50)]
    words = trained[9].split()
    one_changed = " ".join([*words[:39], "other"])  # 32 of its 33 sequences are left
    many_changed = " ".join(word if k % GRAM else "other" for k, word in enumerate(words))
    parts = " ".join([*words[:20], *question(77).split()[:20]])  # a third
    (found,) = find_leaks(trained, {"the set": [one_changed, many_changed, parts]})
    (leak,) = found.found
    assert (leak.measured, leak.trained, leak.exact) == (1, 10, False)
    assert leak.share == 32 / 33
    assert "nearly training row 10" in found.note


def test_phrases_of_a_data_set_are_no_leak() -> None:
    phrase = question(1, 20)
    measured = [f"{phrase} {question(k, 10)}" for k in range(100, 101 + COMMON)]
    (found,) = find_leaks([f"{phrase} {question(9, 10)}"], {"the set": measured})
    assert found.found == ()
    assert found.note == ""
