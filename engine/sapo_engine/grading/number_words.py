"""Whole numbers in words, up to the thousands, and dozens."""

from __future__ import annotations

MOST_WORDS = 8
NUMBER_WORDS = {
    word: number
    for number, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
        ]
    )
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100}


def number_in_words(text: str) -> int | None:
    """The number that words in small letters are (`twenty-five`, `one hundred and six`); None where they are none."""
    total = current = 0
    words = text.replace("-", " ").split()
    if len(words) == 2 and words[0] == "a" and words[1] in ("dozen", "hundred", "thousand"):
        words = words[1:]
    if not words or words[0] == "and" or len(words) > MOST_WORDS:
        return None
    before = 0
    for place, word in enumerate(words):
        if word == "and":
            continue
        if word == "hundred":
            current = max(current, 1) * 100
        elif word == "dozen" and place == len(words) - 1:
            total, current = (total + current if place else 1) * 12, 0
        elif word == "thousand":
            total, current = total + max(current, 1) * 1000, 0
        elif (number := NUMBER_WORDS.get(word)) is not None:
            if before and (before < 20 or number >= 10):
                return None  # "two three" is no number
            current += number
            before = number
            continue
        else:
            return None
        before = 0
    return total + current
