"""Tables on consoles of any width: no figure is cut or broken."""

from __future__ import annotations

import io

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from sapo_studio.app.reports.sheets import Sheet

FIGURE = st.from_regex(r"[0-9][0-9.,]{0,10}", fullmatch=True)


def printed(sheet: Sheet, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(sheet.table())
    return out.getvalue()


@st.composite
def sheets(draw: st.DrawFn) -> Sheet:
    columns = draw(st.integers(1, 6))
    heads = ("run", *(draw(st.sampled_from(("seed", "fully correct, %", "FLOPs", "[b]"))) for _ in range(columns)))
    names = st.sampled_from(("a", "lab, no verifier", "[red]x[/red]", "x" * 80))
    rows = [(draw(names), *(draw(FIGURE) for _ in range(columns))) for _ in range(draw(st.integers(1, 5)))]
    return Sheet("title", heads, tuple(rows), "note", prose=False)


@settings(max_examples=40)
@given(sheets(), st.integers(32, 200))
def test_every_figure_is_whole_and_every_line_fits(sheet: Sheet, width: int):
    out = printed(sheet, width)
    words = out.split()
    for row in sheet.rows:
        for figure in row[1:]:
            assert words.count(figure) >= sum(other[1:].count(figure) for other in sheet.rows)
    assert max(map(len, out.splitlines())) <= width
    assert "title" in words
    assert words[-1] == "note"


def test_a_wide_table_is_turned_over_and_a_very_wide_one_goes_row_by_row():
    sheet = Sheet("", ("run", "accuracy", "tokens", "FLOPs"), (("sapo", "98.2", "68,678", "1.78e+12"),) * 2)
    assert printed(sheet, 60).splitlines()[0].split() == ["run", "accuracy", "tokens", "FLOPs"]
    assert printed(sheet, 30).splitlines()[1].split() == ["accuracy", "98.2", "98.2"]
    assert [line.split() for line in printed(sheet, 20).splitlines()[:2]] == [["run", "sapo"], ["accuracy", "98.2"]]


def test_sentences_stand_to_the_left_and_are_wrapped():
    sheet = Sheet("", ("", "p", ""), (("a less b", "0.5", "no difference shown of the two"),), prose=True)
    lines = printed(sheet, 40).splitlines()
    assert "0.5  no difference" in lines[1]
