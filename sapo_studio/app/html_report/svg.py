"""What the report's drawings share: the frame that says what they show, text, and how coordinates are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sapo_studio.app.html_report.markup import Element, element


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawing with what it is called, and what it shows in words for who cannot see it."""

    title: str
    description: str
    svg: Element

    def figure(self, note: str = "") -> Element:
        """The drawing with its caption."""
        told = element("figcaption", element("strong", self.title), f" {note}" if note else None)
        return element("figure", told, self.svg)


def drawing(key: str, title: str, description: str, width: float, height: float, parts: Sequence[Element]) -> Drawing:
    """`parts` on so many units of paper. `key`: what the ids in it begin with, one of its own for each drawing."""
    svg = element(
        "svg",
        element("title", title, id=f"{key}-title"),
        element("desc", description, id=f"{key}-desc"),
        parts,
        viewBox=f"0 0 {number(width)} {number(height)}",
        role="img",
        aria_labelledby=f"{key}-title {key}-desc",
    )
    return Drawing(title, description, svg)


def text(words: str, x: float, y: float, anchor: str, class_: str | None = None) -> Element:
    """A text that begins, ends or has its middle (`anchor`) at a place."""
    return element("text", words, x=number(x), y=number(y), text_anchor=anchor, class_=class_)


def number(value: float) -> str:
    """A coordinate: short, and the same wherever it is computed."""
    return f"{value:.1f}".removesuffix(".0")
