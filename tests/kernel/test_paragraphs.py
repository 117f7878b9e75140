"""Pages in lines of one width."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sapo_studio.app.reports.paragraphs import WIDTH, filled

WORD = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12)
PROSE = st.lists(WORD, min_size=1, max_size=60).map(" ".join)
ITEM = PROSE.map("* {}".format)
TABLE = st.lists(WORD, min_size=12, max_size=30).map(lambda cells: "| " + " | ".join(cells) + " |")
CODE = PROSE.map("```\n{}\n```".format)
PAGE = st.lists(st.one_of(PROSE, ITEM, TABLE, CODE, st.just("")), max_size=12).map("\n".join)


def words(text: str) -> list[str]:
    return text.split()


@given(PAGE)
def test_every_word_stays_and_a_second_time_changes_nothing(page: str):
    done = filled(page)
    assert words(done) == words(page)
    assert filled(done) == done


@given(st.lists(st.one_of(PROSE, ITEM), max_size=8).map("\n\n".join))
def test_no_line_of_prose_is_too_wide(page: str):
    assert max(map(len, filled(page).split("\n"))) <= WIDTH


@given(st.lists(st.one_of(TABLE, CODE), max_size=6).map("\n".join))
def test_tables_and_code_stay_as_they_are(page: str):
    assert filled(page) == page


def test_items_are_filled_one_by_one_under_their_mark():
    long = "word " * 30
    page = filled(f"# Title\n\nIt says:\n* {long}\n  and goes on\n* short\n\n![a picture](a.svg)")
    assert page.split("\n") == [
        "# Title",
        "",
        "It says:",
        "* " + " ".join(["word"] * 19),
        "  " + " ".join(["word"] * 11) + " and goes on",
        "* short",
        "",
        "![a picture](a.svg)",
    ]
