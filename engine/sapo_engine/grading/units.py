r"""Units behind a number, and words that multiply it.

Known units may be written bare (`5 cm`, `7 hours`); any other word only inside `\text{...}`, or where it can be
nothing but a word. A single letter is no unit unless there is room before it or more of a unit behind: `3x`, `7e` and
`5m` are products, `25m^2` and `5m/s` are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from sapo_engine.grading.notation import FUNCTIONS, Token
from sapo_engine.grading.number_words import NUMBER_WORDS
from sapo_engine.grading.unit_table import COMPOUND, KNOWN

CURRENCIES = frozenset("$€£¥₹")
DEGREE = (("angle in degrees", 1),)
TEMPERATURES = {"C": (("celsius", 1),), "F": (("fahrenheit", 1),)}
_SCALES = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12}
_POWERS = {"square": 2, "squared": 2, "sq": 2, "cubic": 3, "cubed": 3, "cu": 3}
_NEUTRAL = frozenset(("unit", "units", "of", "the", "a", "an", "total", "each", "only", "exactly", "and"))
_CHANGING = frozenset((
    "or", "more", "less", "fewer", "not", "no", "never", "nor", "than", "least", "most", "minus", "negative",
    "plus", "to", "mod", "modulo", "base", "if", "when", "where", "unless", "between", "over", "under", "above",
    "below", "ish", "by", "mille", "is", "isn", "wrong", "incorrect", "false",
))  # fmt: skip
"""Words that change what a number says: with one of them the number alone is not the answer."""
CHANGED = frozenset((
    "half", "halves", "third", "thirds", "fourths", "fifth", "fifths", "sixth", "sixths", "seventh", "sevenths",
    "eighth", "eighths", "ninth", "ninths", "tenth", "tenths", "hundredth", "hundredths", "thousandth", "thousandths",
    "doubled", "tripled", "halved", "factorial",
))  # fmt: skip
"""Words that make another number of the one before them."""
_ROMAN = frozenset(("II", "III", "IV", "VI", "VII", "VIII", "IX"))
_SPACED = frozenset("mgshL")
_RAISED = frozenset(("m", "mm", "cm", "dm", "km", "in", "ft", "yd", "mi"))
_CONSONANTS = frozenset("bcdfghjklmnpqrstvwxz")


@dataclass(frozen=True, slots=True)
class Unit:
    """What a number counts: dimensions with their powers, and how many of the dimension's own unit one of it is.

    Without dimensions it is something uncounted (`apples`): whatever stands there, the number alone is compared.
    `scale` multiplies the number itself (`5 million`).
    """

    dimensions: tuple[tuple[str, int], ...] = ()
    factor: Fraction = Fraction(1)
    scale: int = 1
    percent: bool = False

    @property
    def degrees(self) -> bool:
        """Whether it is a number of degrees, which is a number itself as well."""
        return self.dimensions == DEGREE


NO_UNIT = Unit()


@lru_cache(maxsize=10_000)
def is_word(run: str) -> bool:
    """Whether a run of letters can be nothing but a word: it is no product of variables and no function."""
    if not run.isascii():
        return len(run) > 1
    low = run.lower()
    if run in _ROMAN:
        return True
    if low in NUMBER_WORDS or low in _SCALES or low in ("yes", "no", "odd", "even", "none", "true", "false", "red"):
        return len(run) > 1
    if len(run) < 4:
        return len(run) == 3 and run[0].isupper() and run[1:].islower() and any(c in "aeiouy" for c in low)
    if run.isupper():
        return False  # the corners of a figure
    if any(run.startswith(name) and len(run) - len(name) < 2 for name in FUNCTIONS if len(name) > 1):
        return False  # sinx
    following = all(ord(b) - ord(a) == 1 for a, b in pairwise(low))
    return not following and any(c in "aeiou" for c in low) and any(c in _CONSONANTS for c in low)


def unit_of(tokens: Sequence[Token], *, bare: bool) -> Unit | None:
    """The unit that `tokens` are; None where they are none. `bare`: it stands behind a number that has nothing else."""
    words = _words_of(tokens, bare=bare)
    return None if words is None else _combined(words)


def _words_of(tokens: Sequence[Token], *, bare: bool) -> list[str] | None:
    """The words, `/` and powers (`^2`) in `tokens`; None where there is anything that no unit has."""
    found: list[str] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        index += 1
        if token.kind == "text":
            found += _split(token.text)
        elif token.kind == "word":
            alone = len(token.text) == 1 or token.text in ("in", "min")
            known = token.text in KNOWN or token.text in COMPOUND or token.text.lower() in (*_SCALES, *_POWERS)
            if token.text.startswith("sq") and token.text[2:] in KNOWN:  # sqm, sqft
                found += ["sq", token.text[2:]]
                continue
            percent = token.text.lower() in ("percent", "percentage", "pct", "degrees", "degree", "deg", "units")
            if alone and not (bare and _stands_alone(tokens, index - 1)):
                if not (found and found[-1] in ("/", "per", "^circ")):
                    return None
            elif not (
                known or percent or is_word(token.text) or token.text == "per" or (found and token.text in _NEUTRAL)
            ):
                return None
            found.append(token.text)
        elif token.text in ("2", "3") and not token.spaced and found and found[-1] in _RAISED:
            found.append(f"^{token.text}")  # cm2
        elif token.kind == "sign" and token.text in "/*.-":
            found += [token.text] if token.text == "/" else []
        elif token.kind == "sign" and token.text in CURRENCIES | {"%"}:
            found.append(token.text)
        elif token.kind == "sign" and token.text == "^" and (power := _power(tokens, index)) is not None and found:
            found.append(f"^{power[0]}")
            index = power[1]
        elif token.kind == "command" and token.text == "frac" and (parts := _fraction(tokens, index)) is not None:
            top, bottom, index = parts
            over, under = _words_of(top, bare=bare), _words_of(bottom, bare=bare)
            if over is None or under is None:
                return None
            found += [*over, "/", *under]
        else:
            return None
    return found


def _stands_alone(tokens: Sequence[Token], at: int) -> bool:
    """Whether a unit that is written like variables is one behind a bare number: with room before it (`5 m`), or where
    more of a unit follows that no product has (`25m^2`, `5m/s`, `5in`, `5m2`)."""
    token, rest = tokens[at], [other for other in tokens[at + 1 : at + 5] if other.text not in "{}"]
    if len(token.text) > 1 or (token.spaced and token.text in _SPACED):
        return True
    if at or not rest:
        return False
    if token.text == "m" and rest[0].text in ("2", "3"):
        return not rest[0].spaced
    if token.text == "m" and rest[0].text == "^":
        return len(rest) > 1 and rest[1].text in ("2", "3")
    if token.text in "mgL" and rest[0].text == "/" and len(rest) > 1 and rest[1].kind in ("word", "text"):
        return rest[1].text in ("s", "h", "L", "min") or (len(rest[1].text) > 1 and rest[1].text in KNOWN)
    return False


def _power(tokens: Sequence[Token], at: int) -> tuple[str, int] | None:
    inner = [token for token in tokens[at : at + 3] if token.text not in "{}"]
    braced = at < len(tokens) and tokens[at].text == "{"
    if not inner:
        return None
    if inner[0].kind == "command" and inner[0].text == "circ":
        return "circ", at + (3 if braced else 1)
    if inner[0].kind == "number" and inner[0].text in ("2", "3"):
        return inner[0].text, at + (3 if braced else 1)
    return None


def _fraction(tokens: Sequence[Token], at: int) -> tuple[Sequence[Token], Sequence[Token], int] | None:
    parts: list[Sequence[Token]] = []
    for _ in range(2):
        if at >= len(tokens) or tokens[at].text != "{":
            return None
        end = next((k for k in range(at, len(tokens)) if tokens[k].text == "}"), None)
        if end is None:
            return None
        parts.append(tokens[at + 1 : end])
        at = end + 1
    return parts[0], parts[1], at


def _split(text: str) -> list[str]:
    """The words of a text; what is no letter parts them, `/`, powers and currencies stay."""
    out: list[str] = []
    word = ""
    for char in f"{text} ":
        if char.isalpha() or (char == "." and word):
            word += char
            continue
        if word:
            out.append(word.rstrip("."))
            word = ""
        if char in "/%$€£¥₹" or char.isdigit():
            out.append(f"^{char}" if char.isdigit() else char)
    return out


def _combined(words: Sequence[str]) -> Unit | None:
    powers: dict[str, int] = {}
    factor, scale = Fraction(1), 1
    percent = loose = False
    sign, ahead = 1, 1
    last: tuple[str, Fraction] | None = None
    for before, word in zip(["", *(word.lower() for word in words)], words, strict=False):
        low = word.lower()
        if low in _CHANGING or low in CHANGED or word in ("^0", "^1"):
            return None
        if low == "cent" and before == "per":
            percent, sign = True, 1
        elif word in ("/", "per") or low == "per":
            sign, last = -1, None
        elif word.startswith("^"):
            if word == "^circ":
                powers, last = {DEGREE[0][0]: 1}, None
            elif last is not None:
                more = int(word[1:]) - 1
                powers[last[0]] = powers.get(last[0], 0) + sign * more
                factor *= last[1] ** (sign * more)
            elif not loose:
                return None
        elif low in _SCALES and not powers and not loose:
            scale *= _SCALES[low]
        elif low in ("percent", "percentage", "pct", "%"):
            percent = True
        elif low in ("degree", "degrees", "deg"):
            powers[DEGREE[0][0]] = 1
        elif low in _POWERS:
            if low.endswith("d"):
                if last is None:
                    return None  # 5 squared
                more = _POWERS[low] - 1
                powers[last[0]] = powers.get(last[0], 0) + sign * more
                factor *= last[1] ** (sign * more)
            else:
                ahead = _POWERS[low]
        elif word in ("C", "F") and powers == {DEGREE[0][0]: 1}:
            powers = {"celsius" if word == "C" else "fahrenheit": 1}
        elif (known := KNOWN.get(word) or KNOWN.get(low)) is not None:
            dimension, one = known
            powers[dimension] = powers.get(dimension, 0) + sign * ahead
            factor *= one ** (sign * ahead)
            last, ahead = known, 1
        elif word in COMPOUND:
            for name, power in zip(COMPOUND[word], (1, -1), strict=True):
                dimension, one = KNOWN[name]
                powers[dimension] = powers.get(dimension, 0) + power
                factor *= one**power
        else:
            loose = True
    if "celsius" in powers or "fahrenheit" in powers:
        powers.pop(DEGREE[0][0], None)
    dimensions = tuple(sorted((name, power) for name, power in powers.items() if power))
    return Unit(dimensions, factor if dimensions else Fraction(1), scale, percent)
