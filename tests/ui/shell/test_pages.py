"""Pages: one in front, those that stay and those that are made anew, and a new one by a line in the registry."""

import pytest

from sapo_ui.panels.page import Page
from sapo_ui.services.picks import Picks
from sapo_ui.services.poller import StoreChange
from sapo_ui.shell.page_registry import PAGES, PageContext, PageSpec
from sapo_ui.shell.pages import Pages


class Told(Page):
    """Keeps what it is told."""

    help = "### Told"

    def __init__(self):
        super().__init__()
        self.told = []

    def take(self, change):
        self.told.append(("take", change))

    def catch_up(self, change):
        self.told.append(("catch up", change))


CHANGE = StoreChange((), frozenset({"a"}))


@pytest.fixture
def pages(qtbot):
    specs = [PageSpec("home", lambda context: Told()), PageSpec("form", lambda context: Told(), stays=False)]
    context = PageContext(
        actions=None,
        panels=(),
        presets=None,
        on_error=print,
        current_run=lambda: None,
        show_trace=print,
        back=print,
        open_run=print,
        open_form=print,
        picks=Picks(),
    )
    made = Pages(specs, context)
    qtbot.addWidget(made)
    return made


def test_the_first_page_is_in_front(pages):
    assert pages.front is pages["home"]
    assert pages.count() == 1


def test_a_page_that_stays_is_the_same_one_again_and_any_other_is_made_anew(pages):
    home = pages.open("home")
    first = pages.open("form")
    second = pages.open("form")
    assert pages.front is second is not first
    assert pages.count() == 2
    assert pages.open("home") is home
    assert pages.count() == 1, "the form is dropped when it is left"


def test_every_page_hears_of_changes_and_catches_up_when_it_comes_to_the_front(pages):
    home, form = pages["home"], pages.open("form")
    pages.take(CHANGE)
    assert home.told == form.told[1:] == [("take", CHANGE)]
    pages.open("home")
    assert home.told[1:] == [("catch up", CHANGE)]


def test_every_page_of_the_program_has_help(window):
    for spec in PAGES:
        assert window.pages.open(spec.page_id).help.startswith("### "), spec.page_id
