"""The machine's cards on the form."""

import os

import pytest
from PySide6.QtCore import Qt

from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.hardware import CardUse
from sapo_studio.store import runs
from sapo_ui.features.new_run.card_tiles import CardTiles, Need
from sapo_ui.services.card_watch import CardReader, CardsNow, CardState

GIB = 2**30


def card(number, *, total=24, free=20, who="idle", heat=41, load=0.03):
    use = CardUse(f"GPU-{number}", number, f"NVIDIA Card {number}", total * GIB, free * GIB, load, heat, {})
    return CardState(use, who)


def now(*cards, why="", silent=False, at=0.0):
    return CardsNow(tuple(cards), why, at, silent, cores=4, free=6 * GIB, total=16 * GIB)


@pytest.fixture
def tiles(qtbot):
    made = CardTiles(None)
    made._read = lambda: None  # only what the test shows
    qtbot.addWidget(made)
    made.resize(700, 200)
    made.show()
    return made


def test_a_tile_says_what_its_card_is_doing(tiles):
    tiles.show_cards(now(card(0, who="gsm8k-qwen", heat=71, load=0.98), card(1, heat=None, load=None)))
    first, second = tiles.tiles.values()
    told = "20.0 GiB of 24.0 GiB free, 98 % busy, 71 \u00b0C, gsm8k-qwen"
    assert first.accessibleName() == f"Card 0, NVIDIA Card 0: {told}"
    assert second.accessibleName() == "Card 1, NVIDIA Card 1: 20.0 GiB of 24.0 GiB free, idle"
    tiles.show_cards(now(card(0, free=2, who="gsm8k-qwen"), card(1)))
    assert list(tiles.tiles.values()) == [first, second], "the same tiles, so that the focus stays"
    assert "2.00 GiB of 24.0 GiB free" in first.accessibleName()


def test_a_card_that_is_too_small_cannot_be_ticked_and_says_why(qtbot, tiles):
    ticked = []
    tiles.ticked.connect(ticked.append)
    tiles.need({0: Need(8 * GIB, "Alignment"), 1: Need(8 * GIB, "Alignment"), 2: Need(8 * GIB, "Alignment")})
    tiles.show_cards(now(card(0, total=6, free=6), card(1, free=3), card(2)))
    small, full, free = tiles.tiles.values()
    assert not small.isEnabled()
    assert "(Alignment)" in small.accessibleName()
    assert small.reason == "too small, needs 8.00 GiB"
    assert full.isEnabled()
    assert full.reason == "full, needs 8.00 GiB"
    for tile in (small, full, free):
        qtbot.mouseClick(tile, Qt.MouseButton.LeftButton)
    assert ticked == [[1], [1, 2]]


def test_without_a_card_it_says_where_the_run_will_work(tiles):
    tiles.show_cards(now(why="no NVIDIA card in this machine"))
    assert tiles.none.text() == (
        "No NVIDIA card in this machine. Runs on 4 cores; 6.00 GiB of 16.0 GiB main memory free."
    )
    assert not tiles.flow.isVisible()


def test_a_driver_that_falls_silent_leaves_the_last_values_with_their_age(tiles):
    said = []
    tiles.remarked.connect(said.append)
    tiles.show_cards(now(card(0)))
    tiles.show_cards(now(card(0), silent=True))
    assert "silent" in said[-1]
    assert len(tiles.tiles) == 1


def test_ticking_sets_the_cards_and_a_process_for_each(qtbot, open_page):
    page = open_page(all_rows=False)
    page.tiles._read = lambda: None
    qtbot.waitUntil(lambda: bool(page.tiles.none.text() or page.tiles.tiles))  # this machine was read
    page.tiles.show_cards(now(card(0), card(1), card(2)))
    for tile in list(page.tiles.tiles.values())[::2]:
        tile.click()
    assert (page.config.runtime.gpus, page.config.runtime.processes) == ("0,2", 2)
    page.set_value("runtime.gpus", "1")
    assert [tile.isChecked() for tile in page.tiles.tiles.values()] == [False, True, False]


class Watch:
    """Cards whose first is held by this process."""

    installed, why = True, ""

    def look(self):
        if self.why:
            return ()
        return (CardUse("GPU-0", 0, "Card", GIB, GIB, 0.5, 40, {os.getpid(): 5, 2**22 + 1: 9}),)

    def close(self):
        pass


def test_what_runs_on_a_card_is_called_by_its_run(monkeypatch, store):
    watch = Watch()
    monkeypatch.setattr("sapo_ui.services.card_watch.CardWatch", lambda: watch)
    reader = CardReader()
    assert reader.read(store).cards[0].who == f"process {2**22 + 1}", "gone, or another user's"
    run_id = runs.create_run(store, RunConfig.model_validate({"name": "mine"}))
    runs.set_status(store, run_id, RunStatus.RUNNING)
    runs.heartbeat(store, run_id, pid=os.getpid(), pid_started=0.0)
    found = reader.read(store)
    assert (found.cards[0].who, found.cards[0].run, found.silent) == ("mine", True, False)
    watch.why = "the cards cannot be read"
    silent = reader.read(store)
    assert (silent.cards, silent.silent, silent.at) == (found.cards, True, found.at)
    reader.close()
