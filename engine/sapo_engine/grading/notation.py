# ruff: noqa: RUF001
r"""The signs of a written answer: LaTeX, plain text and Unicode as one row of tokens.

Read from left to right, once, without a regular expression that could backtrack. What is left out here carries no
meaning: spacing, sizes of brackets, fonts, colours, the dollar signs around a formula.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from sapo_engine.grading.decimal_commas import decimal_part
from sapo_engine.grading.unit_table import KNOWN

LONGEST = 1000
"""Characters: a longer "answer" is none."""

Kind = Literal["number", "word", "text", "command", "sign", "grid", "unknown"]


@dataclass(frozen=True, slots=True)
class Token:
    r"""A sign of an answer.

    `kind` says what `text` is: the digits of a `number` (its exact `value`; `places` behind the point, None for a whole
    number), a run of letters (`word`), what stands in `\text{...}`, a LaTeX `command`, another `sign`, the inside of a
    matrix (`grid`, with its rows of cells as text). `spaced` tells that there was room before it.
    """

    kind: Kind
    text: str
    spaced: bool = False
    value: Fraction = Fraction(0)
    places: int | None = None
    cells: tuple[tuple[str, ...], ...] = field(default=())

    @property
    def key(self) -> str:
        """The token as it counts where texts are compared."""
        match self.kind:
            case "number":
                return f"<{self.text}>"
            case "text":
                return "".join(self.text.split())
            case "command":
                return f"\\{self.text} "
            case "grid":
                return f"[{self.text}:{';'.join('&'.join(row) for row in self.cells)}]"
            case _:
                return self.text


_SIGNS = {
    "−": "-", "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "﹣": "-", "－": "-",
    "×": "*", "·": "*", "⋅": "*", "∙": "*", "∗": "*", "•": "*", "÷": "/", "∕": "/", "⁄": "/",
    "≤": r"\le ", "⩽": r"\le ", "≥": r"\ge ", "⩾": r"\ge ", "≠": r"\ne ", "≈": r"\approx ", "≃": r"\approx ",
    "∈": r"\in ", "∪": r"\cup ", "∩": r"\cap ", "∖": r"\setminus ", "∅": r"\emptyset ", "∞": r"\infty ",
    "√": r"\sqrt ", "∛": r"\sqrt[3]", "∜": r"\sqrt[4]", "°": r"^{\circ}", "º": r"^{\circ}",
    "±": r"\pm ", "∓": r"\mp ", "〈": "⟨", "〉": "⟩",
    "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ", "∣": "|", "∶": ":", "∠": r"\angle ",
    "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}", "ℚ": r"\mathbb{Q}", "ℂ": r"\mathbb{C}",
    "…": r"\ldots ", "⋯": r"\ldots ", "′": "'", "’": "'", "‘": "'", "“": '"', "”": '"',
    "¢": r"\text{ cent}", "，": ",", "、": ",", "；": ";", "：": ":", "（": "(", "）": ")", "。": ".",
}  # fmt: skip
_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma",
    "τ": "tau", "υ": "upsilon", "φ": "phi", "ϕ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma",
    "Δ": "Delta", "∆": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Φ": "Phi",
    "Ψ": "Psi", "Ω": "Omega", "ϵ": "epsilon", "ϑ": "theta", "ϖ": "pi",
}  # fmt: skip
GREEK = frozenset(_GREEK.values()) | {"ell", "hbar"}
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱˣ", "0123456789+-()nix", strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₙₓₐₑ", "0123456789+-()nxae", strict=True))
_NOTHING = frozenset("\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f")


def in_ascii(text: str) -> str:
    """`text` with Unicode's mathematical characters, digits, minus signs and spaces as LaTeX or ASCII has them."""
    if text.isascii():
        return text
    out: list[str] = []
    index = 0
    while index < len(text):
        char = text[index]
        for table, sign in ((_RAISED, "^"), (_LOWERED, "_")):
            if char in table:
                end = index
                while end < len(text) and text[end] in table:
                    end += 1
                out.append(f"{sign}{{{''.join(table[c] for c in text[index:end])}}}")
                index = end
                break
        else:
            out.append(_one_in_ascii(char))
            index += 1
    return "".join(out)


def _one_in_ascii(char: str) -> str:
    if char.isascii() or char in _NOTHING:
        return "" if char in _NOTHING else char
    if char in "⟨⟩":
        return char
    if char in _SIGNS:
        return _SIGNS[char]
    if char in _GREEK:
        return f"\\{_GREEK[char]} "
    if char.isspace():
        return " "
    if (digit := unicodedata.decimal(char, None)) is not None:
        return str(digit)
    plain = unicodedata.normalize("NFKC", char)
    if "⁄" in plain:  # a fraction in one character
        top, _, bottom = plain.partition("⁄")
        return rf"\frac{{{top}}}{{{bottom}}}"
    return _SIGNS.get(plain, plain) if plain != char else char


_SPACES = frozenset({",", ";", ":", ">", " ", "quad", "qquad", "thinspace", "medspace", "thickspace", "enspace"})
_NO_ROOM = frozenset({"!", "negthinspace"})
_DROPPED = frozenset((
    "left", "right", "middle", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "biggl", "biggr",
    "Biggl", "Biggr", "bigm", "displaystyle", "textstyle", "scriptstyle", "limits", "nolimits", "hfill", "rm",
    "bf", "it", "sf", "tt", "cal", "boldmath", "normalsize", "large", "Large", "small", "tiny", "centering",
    "noindent", "newline", "(", ")", "[", "]", "/", "strut", "smallskip", "medskip", "bigskip",
))  # fmt: skip
_DROPPED_WITH_ARGUMENT = frozenset((
    "color", "hspace", "vspace", "phantom", "hphantom", "vphantom", "tag", "label", "hskip", "textcolor", "style",
    "class",
))  # fmt: skip
_TEXTS = frozenset(
    ["text", "textbf", "textit", "textrm", "textnormal", "texttt", "textsc", "textsf", "mbox", "hbox", "emph", "textup"]
)
_FONTS = frozenset((
    "mathrm", "mathbf", "mathit", "mathsf", "mathtt", "mathcal", "mathscr", "mathfrak", "bm", "boldsymbol",
    "operatorname", "ensuremath", "pmb", "boxed", "fbox", "underline", "mathop", "mathbin", "mathrel", "mathord",
    "mathnormal", "vec", "hat",
))  # fmt: skip
_ALIASES = {
    "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "nicefrac": "frac", "sfrac": "frac", "dbinom": "binom",
    "tbinom": "binom", "leq": "le", "leqslant": "le", "leqq": "le", "geq": "ge", "geqslant": "ge", "geqq": "ge",
    "neq": "ne", "approxeq": "approx", "simeq": "approx", "varnothing": "emptyset", "lbrace": "{", "rbrace": "}",
    "lbrack": "[", "rbrack": "]", "lparen": "(", "rparen": ")", "varphi": "phi", "varepsilon": "epsilon",
    "vartheta": "theta", "varrho": "rho", "varsigma": "sigma", "dots": "ldots", "cdots": "ldots", "dotsc": "ldots",
    "dotsb": "ldots", "smallsetminus": "setminus", "backslash": "setminus", "degree": "circ", "colon": ":",
    "lvert": "|", "rvert": "|", "vert": "|", "mid": "|", "divides": "|", "bullet": "*", "cdot": "*", "times": "*",
    "ast": "*", "star": "*", "div": "/", "lt": "<", "gt": ">", "isin": "in", "R": "reals", "land": "and",
    "lor": "or", "wedge": "and", "vee": "or", "textdegree": "circ", "textdollar": "$", "dollar": "$", "euro": "€",
    "pounds": "£", "textperiodcentered": "*", "prime": "'", "lnot": "neg", "infin": "infty", "tg": "tan",
    "langle": "⟨", "rangle": "⟩", "arctg": "arctan", "ctg": "cot", "cosec": "csc",
}  # fmt: skip
_UPRIGHT = frozenset("mgshLNJWVK")
_SIGN_COMMANDS = frozenset("{}[]()|:*/<>$'€£⟨⟩%&#_")
_DOUBLE_STRUCK = {"R": "reals", "Z": "integers", "N": "naturals", "Q": "rationals", "C": "complexes"}
_GRIDS = {"pmatrix": "matrix", "bmatrix": "matrix", "matrix": "matrix", "Bmatrix": "matrix", "smallmatrix": "matrix",
          "array": "matrix", "vmatrix": "determinant"}  # fmt: skip
_PAIRS = {"<=": "le", ">=": "ge", "!=": "ne", "==": "=", "**": "^", ":=": "=", "=<": "le", "=>": "implies"}
_OPENING, _CLOSING = frozenset(("(", "[", "⟨", "\\{")), frozenset((")", "]", "⟩", "\\}"))
_DIGITS = frozenset("0123456789")


class Unreadable(Exception):  # noqa: N818  # no fault of the program: what was written is no mathematics
    """What was written cannot be read as mathematics."""


def tokens_of(text: str) -> list[Token]:
    """The tokens of a written answer. Raises Unreadable where it is too long to be one or a bracket stays open."""
    if len(text) > LONGEST:
        raise Unreadable("too long")
    return _Scanner(in_ascii(text)).scan()


class _Scanner:
    """One pass over a text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0  # inside brackets a comma parts, it groups no thousands
        self.spaced = False
        self.out: list[Token] = []
        self.math = _formula_signs(text)
        self.one_comma = text.count(",") == 1

    def scan(self) -> list[Token]:
        text = self.text
        while self.at < len(text):
            char = text[self.at]
            if char.isspace() or char == "~":
                self.spaced = True
                self.at += 1
            elif char in _DIGITS or (char == "." and text[self.at + 1 : self.at + 2] in _DIGITS):
                self._number()
            elif char.isalpha():
                end = self.at
                while end < len(text) and text[end].isalpha():
                    end += 1
                self._put("word", text[self.at : end])
                self.at = end
            elif char == "\\":
                self._command()
            elif char == "$":
                if self.at in self.math:
                    self.spaced = True
                else:
                    self._put("sign", "$")
                self.at += 1
            elif text[self.at : self.at + 2] in _PAIRS:
                name = _PAIRS[text[self.at : self.at + 2]]
                self._put("sign" if len(name) == 1 else "command", name)
                self.at += 2
            else:
                self._put("sign" if char in "+-*/^_=<>()[]{}|!,;:%'\"&.?#@€£¥₹⟨⟩" else "unknown", char)
                self.at += 1
        return self.out

    def _put(
        self,
        kind: Kind,
        text: str,
        *,
        value: Fraction = Fraction(0),
        places: int | None = None,
        cells: tuple[tuple[str, ...], ...] = (),
    ) -> None:
        if kind == "sign":
            self.depth = max(0, self.depth + (text in _OPENING) - (text in _CLOSING))
        self.out.append(Token(kind, text, self.spaced, value, places, cells))
        self.spaced = False

    # Numbers

    def _digits(self, at: int) -> int:
        while at < len(self.text) and self.text[at] in _DIGITS:
            at += 1
        return at

    def _number(self) -> None:
        text, begin = self.text, self.at
        end = self._digits(begin)
        digits = text[begin:end]
        if 1 <= len(digits) <= 3 and digits[0] != "0":
            digits, end = self._grouped(digits, end)
        fraction = ""
        if text[end : end + 1] == "." and text[end + 1 : end + 2] in _DIGITS:
            stop = self._digits(end + 1)
            fraction, end = text[end + 1 : stop], stop
        elif text[end : end + 1] in (",", "{"):
            money = bool(self.out) and self.out[-1].text in ("$", "€", "£", "¥", "₹")
            fraction, end = decimal_part(text, end, money=money, alone=self.one_comma and not self.depth)
        repeating, end = self._repeating(end, pointed=bool(fraction))
        if repeating:
            value = Fraction(int((digits or "0") + fraction + repeating) - int((digits or "0") + fraction or "0"))
            value /= 10 ** len(fraction) * (10 ** len(repeating) - 1)
            shown, places = f"{digits or '0'}.{fraction}({repeating})", None
        else:
            value = Fraction(int((digits + fraction) or "0"), 10 ** len(fraction))
            shown, places = f"{digits or '0'}{'.' if fraction else ''}{fraction}", len(fraction) or None
            exponent, end = self._exponent(end, digits, fraction)
            if exponent is not None:
                value *= Fraction(10) ** exponent
                places = max(0, len(fraction) - exponent) or None
                shown = f"{shown}e{exponent}"
        self._put("number", shown, value=value, places=places)
        self.at = end

    def _grouped(self, digits: str, end: int) -> tuple[str, int]:
        """The groups of thousands behind the first one: `1,234`, `1{,}234`, `1,\\!234`, `1 234`, `1'234`."""
        found, stop, kind = digits, end, ""
        while True:
            how, at = self._separator(stop)
            many = self._digits(at) - at if how else 0
            if not many or (kind and how != kind):
                break
            if many != 3:
                mixed = how == " " and self.text[at + many : at + many + 1] == "/"
                return (found, stop) if mixed else (digits, end)  # 1,234,5 is three numbers
            found, stop, kind = found + self.text[at : at + 3], at + 3, how
        if kind == " " and self.text[stop : stop + 1] == "/":
            return digits, end  # 2 100/300 is a mixed number
        return found, stop

    def _separator(self, at: int) -> tuple[str, int]:
        """What parts two groups at `at` (empty: nothing does), and where the next one would begin."""
        text = self.text
        rest = text[at : at + 8]
        if rest.startswith("{") and rest[1:].lstrip().startswith(","):
            inner = rest[1:].lstrip()[1:].lstrip()
            if inner.startswith("}"):
                return ",", at + rest.index("}") + 1
        if rest.startswith("\\!"):
            rest, at = rest[2:], at + 2
        if rest.startswith(",\\!"):
            at += 3
            return ",", at + (text[at : at + 1] == " ")
        money = self.out and self.out[-1].text == "$"
        if rest.startswith(",") and (not self.depth or money):
            return ",", at + 1
        if rest.startswith("'"):
            return "'", at + 1
        for space in ("\\,", "\\ ", "\\;", "\\:", " ", "~"):
            if rest.startswith(space):
                return " ", at + len(space)
        return "", at

    def _repeating(self, end: int, *, pointed: bool) -> tuple[str, int]:
        r"""The digits under the bar in `0.1\overline{6}`, and where they end."""
        at = end if pointed else end + 1
        if not pointed and self.text[end : end + 1] != ".":
            return "", end
        for command in ("\\overline", "\\bar", "\\dot", "\\overline "):
            if self.text.startswith(command, at):
                at += len(command)
                inner, stop = group(self.text, at)
                if inner.isdigit() and inner.isascii():
                    return inner, stop
                break
        return "", end

    def _exponent(self, end: int, digits: str, fraction: str) -> tuple[int | None, int]:
        """The exponent in `1.5e3`, and where it ends. `2e-3` is two times e less three: nobody can tell otherwise."""
        text = self.text
        letter = text[end : end + 1]
        if letter not in ("e", "E") or not letter:
            return None, end
        at = end + 1 + (text[end + 1 : end + 2] in ("+", "-") and len(text) > end + 1)
        stop = self._digits(at)
        signed = at > end + 1
        if stop == at or stop - at > 4 or (stop < len(text) and (text[stop].isalpha() or text[stop] in "._")):
            return None, end
        if letter == "e" and signed and not fraction and digits != "1":
            return None, end
        return int(text[end + 1 : stop]), stop

    # Commands

    def _command(self) -> None:
        text = self.text
        if text[self.at + 1 : self.at + 2] == "\\" and text[self.at + 2 : self.at + 3].isalpha():
            self.at += 1  # escaped once too often
        end = self.at + 1
        while end < len(text) and text[end].isascii() and text[end].isalpha():
            end += 1
        end = max(end, min(self.at + 2, len(text)))
        name = text[self.at + 1 : end]
        self.at = end
        if name in _NO_ROOM:
            return
        if name in _SPACES or name == "\\":
            self.spaced = True
        elif name in _DROPPED:
            if name in ("left", "right") and text[end : end + 1] == ".":
                self.at = end + 1
        elif name in _DROPPED_WITH_ARGUMENT:
            _, self.at = group(text, end)
        elif name in _TEXTS:
            inner, self.at = group(text, end)
            self._put("text", _unwrapped(inner))
        elif name in _FONTS:
            inner, stop = group(text, end)
            upright = name == "mathrm" and self._upright_unit(inner)
            if (inner.isalpha() and len(inner) > 1) or _is_unit(inner) or upright:
                self._put("command" if inner in FUNCTIONS else "text", inner)
                self.at = stop
        elif name == "mathbb":
            inner, self.at = group(text, end)
            self._put("command", _DOUBLE_STRUCK.get(inner.strip(), f"mathbb{inner.strip()}"))
        elif name == "begin":
            self._grid()
        elif name == "not" and text[end:].lstrip().startswith("="):
            self._put("command", "ne")
            self.at = text.index("=", end) + 1
        else:
            name = _ALIASES.get(name, name)
            # A set's bracket `\\{` must not be taken for one that only groups.
            sign = f"\\{name}" if name in ("{", "}") else name
            self._put("sign" if name in _SIGN_COMMANDS else "command", sign)

    def _upright_unit(self, inner: str) -> bool:
        r"""Whether an upright letter is a unit: `5\,\mathrm{m}`, `5\mathrm{m}/\mathrm{s}`. No variable is upright."""
        if inner.strip() not in _UPRIGHT or not self.out:
            return False
        before = self.out[-1]
        return before.kind == "number" or (before.text == "/" and len(self.out) > 1 and self.out[-2].kind == "text")

    def _grid(self) -> None:
        name, at = group(self.text, self.at)
        kind = _GRIDS.get(name.rstrip("*"))
        end = self.text.find(f"\\end{{{name}}}", at)
        if kind is None or end < 0:
            raise Unreadable(f"an environment {name}")
        if name.startswith("array"):
            _, at = group(self.text, at)
        rows = _cells(self.text[at:end])
        self._put("grid", kind, cells=rows)
        self.at = end + len(name) + 6


def _cells(inside: str) -> tuple[tuple[str, ...], ...]:
    r"""The cells of a matrix: parted by `&` and `\\`."""
    rows: list[list[str]] = [[]]
    cell: list[str] = []
    depth = index = 0
    while index < len(inside):
        char = inside[index]
        if char == "\\" and inside[index + 1 : index + 2] == "\\" and not depth:
            rows[-1].append("".join(cell).strip())
            rows.append([])
            cell = []
            index += 2
            continue
        if char == "\\":
            cell.append(inside[index : index + 2])
            index += 2
            continue
        depth += (char == "{") - (char == "}")
        if char == "&" and not depth:
            rows[-1].append("".join(cell).strip())
            cell = []
        else:
            cell.append(char)
        index += 1
    rows[-1].append("".join(cell).strip())
    if rows[-1] == [""] and len(rows) > 1:
        rows.pop()
    return tuple(tuple(part.replace("\\hline", "").strip() for part in row) for row in rows)


def group(text: str, at: int) -> tuple[str, int]:
    """What is in the braces that open at `at` (room before them is skipped), or the one character there; and its end.

    Raises Unreadable where they are never closed.
    """
    while at < len(text) and text[at].isspace():
        at += 1
    if at >= len(text) or text[at] != "{":
        return text[at : at + 1], min(at + 1, len(text))
    depth = 0
    for index in range(at, len(text)):
        if text[index] in "{}" and text[index - 1] != "\\":
            depth += 1 if text[index] == "{" else -1
            if not depth:
                return text[at + 1 : index], index + 1
    raise Unreadable("a brace stays open")


def _is_unit(inner: str) -> bool:
    r"""Whether the inside of `\mathrm{...}` is a unit of several parts: `m/s^2`."""
    words = "".join(char if char.isalpha() else " " for char in inner).split()
    plain = all(char.isalnum() or char in "/^{} " for char in inner)
    return plain and len(inner) > 1 and bool(words) and all(word in KNOWN for word in words)


def _unwrapped(inner: str) -> str:
    r"""The words in `\text{...}`, without commands of layout inside."""
    for layout in ("\\ ", "\\,", "\\;", "\\quad", "~", "$"):
        inner = inner.replace(layout, " ")
    while "\\text" in inner or "\\mathrm" in inner:
        begin = min(at for at in (inner.find("\\text"), inner.find("\\mathrm")) if at >= 0)
        brace = inner.find("{", begin)
        if brace < 0:
            break
        content, end = group(inner, brace)
        inner = inner[:begin] + content + inner[end:]
    return inner


def _formula_signs(text: str) -> frozenset[int]:
    """Where a dollar sign stands around a formula; the others are money."""
    found: list[int] = []
    waiting: int | None = None
    places = [k for k, char in enumerate(text) if char == "$" and (k == 0 or text[k - 1] != "\\")]
    for place in places:
        closes = waiting is not None and place > 0 and not text[place - 1].isspace()
        if closes and waiting is not None:
            found += [waiting, place]
            waiting = None
        elif text[place + 1 : place + 2] == "$":
            found.append(place)
        else:
            if waiting is not None and not _money(text, waiting):
                found.append(waiting)
            waiting = place
    if waiting is not None and not _money(text, waiting):
        found.append(waiting)
    return frozenset(found)


def _money(text: str, at: int) -> bool:
    after = text[at + 1 :].lstrip()[:2]
    return after[:1].isdigit() or (after[:1] in ("-", ".") and after[1:].isdigit()) or text[:at].rstrip()[-1:].isdigit()


FUNCTIONS = frozenset((
    "sin", "cos", "tan", "sec", "csc", "cot", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "asin", "acos",
    "atan", "arcsec", "arccsc", "arccot", "arsinh", "arcosh", "artanh", "ln", "log", "lg", "exp", "sqrt", "cbrt",
    "abs", "floor", "ceil", "max", "min", "gcd", "lcm",
))  # fmt: skip
"""Names of functions, as commands or as words."""
