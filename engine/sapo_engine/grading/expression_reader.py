"""Expressions from tokens, by recursive descent. An expression is read whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from sapo_engine.grading.expressions import Call, Expression, Number, Symbol, added, divided, multiplied, negative
from sapo_engine.grading.notation import FUNCTIONS, GREEK, Token, Unreadable
from sapo_engine.grading.units import is_word

DEEPEST = 60
"""Brackets within brackets; what is deeper is no answer."""
_RENAMED = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "lg": "log"}
_INVERSE = {
    "sin": "arcsin", "cos": "arccos", "tan": "arctan", "sec": "arcsec", "csc": "arccsc", "cot": "arccot",
}  # fmt: skip
_UNKNOWN_FUNCTIONS = frozenset("fgFG")
_CLOSERS = {"(": ")", "[": "]", "{": "}", "\\{": "\\}"}
_BETWEEN = {"lfloor": ("rfloor", "floor"), "lceil": ("rceil", "ceil")}


def expression_of(tokens: Sequence[Token]) -> Expression:
    """The expression that `tokens` are, all of them. Raises Unreadable."""
    reader = _Reader(tokens)
    found = reader.sum()
    if reader.at < len(tokens):
        raise Unreadable(f"{tokens[reader.at].text!r} after an expression")
    return found


class _Reader:
    """Reads one expression from tokens, by recursive descent."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0
        self.bars = 0  # how many |...| are open: a bar behind a factor closes one

    def peek(self, offset: int = 0) -> Token | None:
        at = self.at + offset
        return self.tokens[at] if at < len(self.tokens) else None

    def sign(self, *texts: str, offset: int = 0) -> bool:
        """Whether the next token is one of these signs."""
        token = self.peek(offset)
        return token is not None and token.kind == "sign" and token.text in texts

    def command(self, *texts: str) -> bool:
        token = self.peek()
        return token is not None and token.kind == "command" and token.text in texts

    def expect(self, text: str) -> None:
        if not self.sign(text):
            raise Unreadable(f"{text!r} is missing")
        self.at += 1

    def sum(self) -> Expression:
        """Terms with signs before them."""
        self._deeper()
        parts: list[Expression] = []
        while True:
            sign = self._signs(first=not parts)
            if sign is None:
                break
            term = self.product()
            parts.append(term if sign == "+" else negative(term) if sign == "-" else Call(sign, (term,)))
        self.depth -= 1
        return added(parts)

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Unreadable("nested too deeply")

    def _signs(self, *, first: bool) -> str | None:
        """The sign of the next term: `+`, `-`, `pm` or `mp`; None where there is no further term."""
        found, minus = "", False
        while self.sign("+", "-") or self.command("pm", "mp"):
            token = self.tokens[self.at]
            self.at += 1
            if token.text in ("pm", "mp"):
                if found in ("pm", "mp"):
                    raise Unreadable("two plus-minus signs")
                found = token.text
            else:
                minus ^= token.text == "-"
                found = found or "+"
        if not found and not first:
            return None
        if found in ("pm", "mp"):
            return found
        return "-" if minus else "+"

    def product(self) -> Expression:
        """Factors with `*`, `/` or nothing between them."""
        parts = [self.factor()]
        while True:
            if self.sign("*", "/") or self._times():
                over = self.sign("/")
                self.at += 1
                minus = False
                while self.sign("-", "+"):
                    minus ^= self.sign("-")
                    self.at += 1
                part = self.factor()
                part = negative(part) if minus else part
                parts.append(Call("inv", (part,)) if over else part)
            elif self._begins_factor():
                parts.append(self.factor())
            else:
                return multiplied(parts)

    def _times(self) -> bool:
        """An `x` between two numbers, as in 6.02 x 10^23: no variable has a number behind it."""
        before, token, after = self.peek(-1) if self.at else None, self.peek(), self.peek(1)
        return (
            token is not None
            and token.kind == "word"
            and token.text in ("x", "X")
            and before is not None
            and before.kind == "number"
            and after is not None
            and after.kind == "number"
        )

    def _begins_factor(self) -> bool:
        """Whether the next token may be a factor without a sign before it. A number may not: 2 3 is no product. But
        behind a factorial it may: 7!3!."""
        token = self.peek()
        if token is not None and token.kind == "number" and not token.spaced and self.at and self.sign("!", offset=-1):
            return True
        if token is None or token.kind in ("number", "text", "grid", "unknown"):
            return False
        if token.kind == "word":
            return True
        if token.kind == "sign":
            return token.text in ("(", "[", "{") or (token.text == "|" and not self.bars)
        return token.text in _FACTOR_COMMANDS or token.text in FUNCTIONS or token.text in GREEK

    def factor(self) -> Expression:
        """An atom with what is behind it: powers, `!`, `%`, degrees."""
        begin = self.at
        base = self._mixed() or self.atom()
        while True:
            if self.sign("!") and not self.sign("=", offset=1):
                self.at += 1
                if self.sign("!"):
                    raise Unreadable("a double factorial")
                base = Call("fact", (base,))
            elif self.sign("%"):
                if self.at == begin:
                    raise Unreadable("a percent sign without a number")
                self.at += 1
                base = Call("mul", (base, Number(Fraction(1, 100))))
            elif self.sign("^"):
                self.at += 1
                base = self._raised(base)
            elif self.command("circ"):
                self.at += 1
                base = Call("degrees", (base,))
            else:
                return base

    def _raised(self, base: Expression) -> Expression:
        braced = self.sign("{")
        token = self.peek(1 if braced else 0)
        if token is not None and token.kind == "command" and token.text == "circ":
            self.at += 3 if braced else 1
            return Call("degrees", (base,))
        exponent = self.argument(whole_number=True)
        if isinstance(base, Call) and base.head == "pow" and not self._closed():
            raise Unreadable("a power of a power without brackets")
        return Call("pow", (base, exponent))

    def _closed(self) -> bool:
        """Whether brackets tell what a second exponent belongs to: `(x^2)^3`, not `x^2^3`."""
        depth = 0
        for index in range(self.at - 1, -1, -1):
            token = self.tokens[index]
            if token.kind == "sign":
                depth += (token.text in (")", "}", "]")) - (token.text in ("(", "{", "["))
                if token.text == "^" and not depth:
                    before = self.tokens[index - 1] if index else None
                    return before is not None and before.text in (")", "]", "}")
        return False

    def argument(self, *, whole_number: bool = False) -> Expression:
        r"""What a command takes: a group in braces, or one sign. Of `\frac12` each digit is one, of `2^10` not."""
        token = self.peek()
        if token is None:
            raise Unreadable("an argument is missing")
        if self.sign("{"):
            return self.group("{")
        if self.sign("-", "+") and whole_number:
            self.at += 1
            if self.sign("-", "+"):
                raise Unreadable("two signs")
            inner = self.argument(whole_number=True)
            return negative(inner) if token.text == "-" else inner
        if self.sign("(", "["):
            return self.group(token.text)
        if token.kind == "number" and not whole_number and token.text.isdigit() and len(token.text) > 1:
            self._split(1)
            token = self.tokens[self.at]
        if token.kind == "number":
            self.at += 1
            return Number(token.value, token.places)
        if token.kind == "word" and len(token.text) > 1 and token.text not in FUNCTIONS and token.text != "pi":
            self._split(1)
        return self.atom()

    def _split(self, length: int) -> None:
        """Make two tokens of the next one."""
        token = self.tokens[self.at]
        parts = [token.text[:length], token.text[length:]]
        made = [
            Token(
                token.kind, part, token.spaced and not k, Fraction(int(part)) if token.kind == "number" else token.value
            )
            for k, part in enumerate(parts)
        ]
        self.tokens = [*self.tokens[: self.at], *made, *self.tokens[self.at + 1 :]]

    def _split_letters(self, run: str) -> None:
        """Make a token of each letter, up to the name of a function."""
        end = next((k for k in range(1, len(run)) if any(run.startswith(name, k) for name in _LEADING)), len(run))
        parts = [*run[:end], *([run[end:]] if end < len(run) else [])]
        spaced = self.tokens[self.at].spaced
        made = [Token("word", part, spaced and not k) for k, part in enumerate(parts)]
        self.tokens = [*self.tokens[: self.at], *made, *self.tokens[self.at + 1 :]]

    def group(self, opener: str) -> Expression:
        """What is between brackets."""
        self.expect(opener)
        bars, self.bars = self.bars, 0
        found = self.sum()
        if self.command("over", "choose", "atop"):
            head = self.tokens[self.at].text
            self.at += 1
            below = self.sum()
            found = divided(found, below) if head == "over" else Call("binom", (found, below))
        self.expect(_CLOSERS[opener])
        self.bars = bars
        return found

    def _mixed(self) -> Expression | None:
        r"""A mixed number: `2 1/2`, `2\frac{1}{2}`. A whole number before any other fraction of numbers is nothing."""
        whole, top = self.peek(), self.peek(1)
        if whole is None or top is None or whole.kind != "number":
            return None
        if top.kind == "number":
            bottom = self.peek(3)
            if not self.sign("/", offset=2) or bottom is None or bottom.kind != "number":
                raise Unreadable("two numbers side by side")
            self.at += 4
            return _mix(whole, Number(top.value, top.places), Number(bottom.value, bottom.places))
        if top.kind != "command" or top.text != "frac":
            return None
        begin = self.at
        self.at += 2
        parts = self.argument(), self.argument()
        if isinstance(parts[0], Number) and isinstance(parts[1], Number):
            return _mix(whole, *parts)
        self.at = begin
        return None

    def atom(self) -> Expression:
        """The smallest part of an expression."""
        self._deeper()
        found = self._atom()
        self.depth -= 1
        return found

    def _atom(self) -> Expression:
        token = self.peek()
        if token is None:
            raise Unreadable("something is missing")
        if token.kind == "number":
            self.at += 1
            return Number(token.value, token.places)
        if token.kind == "word":
            return self._word(token.text)
        if token.kind == "command":
            return self._command(token.text)
        if token.kind == "sign":
            if token.text in ("(", "[", "{"):
                return self.group(token.text)
            if token.text == "|":
                return self._absolute()
        raise Unreadable(f"{token.text!r} in an expression")

    def _absolute(self) -> Expression:
        self.expect("|")
        self.bars += 1
        inner = self.sum()
        self.bars -= 1
        self.expect("|")
        return Call("abs", (inner,))

    def _word(self, run: str) -> Expression:
        if run in FUNCTIONS:
            return self._function(run)
        if run in ("pi", "Pi") or run.lower() in ("infinity", "inf", "infty"):
            self.at += 1
            return Symbol("pi" if run in ("pi", "Pi") else "inf")
        if is_word(run):
            raise Unreadable(f"the word {run}")
        if len(run) > 1:
            name = next((name for name in _LEADING if run.startswith(name)), "")
            if not name:
                self._split_letters(run)
                return self._word(run[0])
            self._split(len(name))
            return self._function(name) if name in FUNCTIONS else self._word(name)
        self.at += 1
        if run in _UNKNOWN_FUNCTIONS and self.sign("("):
            return self._applied(run)
        return self._named(run)

    def _named(self, name: str) -> Expression:
        """A variable with its subscript and primes."""
        while True:
            if self.sign("_"):
                self.at += 1
                name += f"_{self._subscript()}"
            elif self.sign("'"):
                self.at += 1
                name += "'"
            else:
                return Symbol(name)

    def _subscript(self) -> str:
        if not self.sign("{"):
            token = self.peek()
            if token is None or token.kind not in ("number", "word", "command", "text"):
                raise Unreadable("a subscript is missing")
            if token.kind == "word" and len(token.text) > 1:
                self._split(1)
                token = self.tokens[self.at]
            self.at += 1
            return token.text
        depth, parts = 0, list[str]()
        while (token := self.peek()) is not None:
            self.at += 1
            if token.text in ("{", "}") and token.kind == "sign":
                depth += 1 if token.text == "{" else -1
                if not depth:
                    return "".join(parts)
                continue
            parts.append(token.text)
        raise Unreadable("a subscript stays open")

    def _applied(self, name: str) -> Expression:
        self.expect("(")
        args = [self.sum()]
        while self.sign(","):
            self.at += 1
            args.append(self.sum())
        self.expect(")")
        return Call(f"apply:{name}", tuple(args))

    def _command(self, name: str) -> Expression:
        self.at += 1
        match name:
            case "frac":
                return divided(self.argument(), self.argument())
            case "binom":
                return Call("binom", (self.argument(), self.argument()))
            case "sqrt":
                self.at -= 1
                return self._function(name)
            case "infty":
                return Symbol("inf")
            case "lfloor" | "lceil":
                closer, head = _BETWEEN[name]
                inner = self.sum()
                if not self.command(closer):
                    raise Unreadable(f"{closer} is missing")
                self.at += 1
                return Call(head, (inner,))
            case _ if name in FUNCTIONS:
                self.at -= 1
                return self._function(name)
            case _ if name in GREEK:
                return Symbol("pi") if name == "pi" else self._named(name)
            case _:
                raise Unreadable(f"the command {name}")

    def _function(self, name: str) -> Expression:
        self.at += 1
        head = _RENAMED.get(name, name)
        if head == "sqrt":
            return self._root()
        if head == "cbrt":
            return Call("root", (Number(Fraction(3)), self.argument(whole_number=True)))
        power: Expression | None = None
        base: Expression | None = None
        while self.sign("^", "_"):
            raised = self.sign("^")
            self.at += 1
            if raised:
                power = self.argument(whole_number=True)
            else:
                base = self.argument(whole_number=True)
        if base is not None and head != "log":
            raise Unreadable(f"a base of {head}")
        if isinstance(power, Number) and power.value == -1:
            if head not in _INVERSE:
                raise Unreadable(f"the inverse of {head}")
            head, power = _INVERSE[head], None
        if head in ("max", "min", "gcd", "lcm"):
            found: Expression = self._many(head)
        else:
            inner = self._operand()
            found = Call("log", (base or Number(Fraction(10)), inner)) if head == "log" else Call(head, (inner,))
            if head == "exp":
                found = Call("pow", (Symbol("e"), inner))
        return found if power is None else Call("pow", (found, power))

    def _many(self, head: str) -> Expression:
        opener = "(" if self.sign("(") else "\\{"
        self.expect(opener)
        args = [self.sum()]
        while self.sign(","):
            self.at += 1
            args.append(self.sum())
        self.expect(_CLOSERS[opener])
        return Call(head, tuple(args))

    def _root(self) -> Expression:
        degree: Expression = Number(Fraction(2))
        if self.sign("["):
            degree = self.group("[")
        return Call("root", (degree, self.argument(whole_number=True)))

    def _operand(self) -> Expression:
        """What a function without brackets takes: `2x` in `sin 2x cos y`."""
        if self.sign("(", "{", "["):
            inner = self.group(self.tokens[self.at].text)
            while self.sign("^"):
                self.at += 1
                inner = self._raised(inner)
            if self.command("circ"):
                self.at += 1
                inner = Call("degrees", (inner,))
            return inner
        if self.sign("-") and not self.sign("-", offset=1):
            self.at += 1
            return negative(self._operand())
        parts = [self.factor()]
        while self._begins_factor():
            token = self.tokens[self.at]
            if token.text in FUNCTIONS - {"sqrt"} or token.text in ("(", "["):
                break
            if token.kind == "word" and any(token.text.startswith(name) for name in FUNCTIONS if name != "sqrt"):
                break
            parts.append(self.factor())
        return multiplied(parts)


def _mix(whole: Token, top: Expression, bottom: Expression) -> Expression:
    if isinstance(top, Number) and isinstance(bottom, Number):
        counted = [whole.value, top.value, bottom.value]
        decimal = any(places is not None for places in (whole.places, top.places, bottom.places))
        if not decimal and all(value.denominator == 1 for value in counted) and 0 <= top.value < bottom.value:
            return Number(whole.value + top.value / bottom.value)
    raise Unreadable("a whole number beside a fraction that is no part of one")


_FACTOR_COMMANDS = frozenset(("frac", "binom", "infty", "lfloor", "lceil"))
_LEADING = tuple(sorted((*(FUNCTIONS - {"abs", "max", "min", "gcd", "lcm", "floor", "ceil", "lg"}), "pi"), key=len))[
    ::-1
]
