"""HTML as values: elements with text in them, written out with every text escaped.

Nothing else writes a tag, so that no text of a run (questions, steps, names, settings) can become one: an element is
one of `NAMES`, an attribute one of `ATTRIBUTES`, and everything else is text.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sapo_studio.readable import printable

SVG = frozenset({"svg", "g", "path", "line", "rect", "text", "title", "desc", "circle"})
VOID = frozenset({"meta"})
NAMES = (
    SVG
    | VOID
    | {
        *(
            "html",
            "head",
            "body",
            "header",
            "nav",
            "main",
            "section",
            "footer",
            "article",
            "div",
            "h1",
            "h2",
            "h3",
            "p",
        ),
        *("ul", "ol", "li", "dl", "dt", "dd", "table", "caption", "thead", "tbody", "tr", "th", "td", "figure"),
        *("figcaption", "details", "summary", "span", "strong", "code", "a", "bdi"),
    }
)
ATTRIBUTES = frozenset(
    {
        *("id", "class", "lang", "dir", "href", "scope", "colspan", "role", "open", "tabindex", "name", "content"),
        *("charset", "http-equiv", "aria-label", "aria-labelledby", "aria-hidden"),
        *("viewBox", "width", "height", "x", "y", "x1", "x2", "y1", "y2", "d", "r", "cx", "cy", "points"),
        *("text-anchor", "dominant-baseline", "transform"),
    }
)


@dataclass(frozen=True, slots=True)
class Element:
    """An element. Children are elements, or texts, which are escaped when they are written."""

    name: str
    attributes: tuple[tuple[str, str], ...]
    children: tuple[Element | str, ...]


Child = Element | str | None
"""None: nothing is there."""


def element(name: str, /, *children: Child | Sequence[Child], **attributes: object) -> Element:
    """An element called `name`. Attributes are written with `_` for `-`, and `class_` for `class`; one that is None is
    left out. Raises ValueError for a name that is none of this report's."""
    if name not in NAMES:
        raise ValueError(f"no element of the report: {name}")
    named = [(key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items() if value is not None]
    if unknown := {key for key, _ in named} - ATTRIBUTES:
        raise ValueError(f"no attributes of the report: {sorted(unknown)}")
    return Element(name, tuple((key, str(value)) for key, value in named), tuple(_flat(children)))


def _flat(children: Sequence[Child | Sequence[Child]]) -> Iterator[Element | str]:
    for child in children:
        if isinstance(child, Element | str):
            yield child
        elif child is not None:
            yield from _flat(child)


def written(node: Element | str) -> str:
    """`node` as HTML. What a browser would obey in a text beside tags (control characters, marks that turn the
    direction of writing, halves of a surrogate pair) is written out, as terminals get it."""
    parts: list[str] = []
    _write(node, parts)
    return "".join(parts)


def _write(node: Element | str, parts: list[str]) -> None:
    if isinstance(node, str):
        parts.append(html.escape(printable(node), quote=False))
        return
    told = "".join(f' {key}="{html.escape(printable(value))}"' for key, value in node.attributes)
    parts.append(f"<{node.name}{told}>")
    if node.name in VOID:
        return
    for child in node.children:
        _write(child, parts)
    parts.append(f"</{node.name}>")


def given(text: str, name: str = "bdi", class_: str | None = None) -> Element:
    """A text of a run, in the direction of its own writing."""
    return element(name, text, class_=class_, dir="auto")


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[Child | Sequence[Child]]],
    *,
    caption: str = "",
    note: str = "",
    class_: str | None = None,
) -> Element:
    """A table whose first column names the rows; the others are numbers, unless `class_` is "prose"."""
    head = element("thead", element("tr", [element("th", text, scope="col") for text in heads]))
    body = element(
        "tbody",
        [element("tr", element("th", row[0], scope="row"), [element("td", cell) for cell in row[1:]]) for row in rows],
    )
    shown = element("table", element("caption", caption) if caption else None, head, body, class_=class_)
    # What is wider than the page scrolls by itself, and by keyboard.
    held = element("div", shown, class_="scroll", role="region", aria_label=caption or heads[0] or "Table", tabindex=0)
    return element("div", held, element("p", note, class_="note") if note else None)


def facts(rows: Sequence[tuple[str, Child | Sequence[Child]]]) -> Element:
    """Names and what they are, one below the other."""
    return element("dl", [element("div", element("dt", name), element("dd", value)) for name, value in rows])
