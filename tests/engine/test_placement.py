"""The owner of a device's memory, on cards that are not there: who stays, who leaves, who gives up what he has."""

from __future__ import annotations

import contextlib

import pytest
import torch
from torch import nn

from sapo_engine.models.placement import CPU, ROOM, Placement
from sapo_engine.training.trainer import NullCallback, TrainingArgs, train
from tests.fixtures.stand_in_cards import stand_in_cards

CARD, OTHER = torch.device("cuda:1"), torch.device("cuda:0")
NETWORK = 16 * 16 * 4
"""Bytes of one."""


class Model:
    """A network that says how often its weights have changed."""

    def __init__(self, networks=1):
        self.parts = tuple(nn.Linear(16, 16, bias=False) for _ in range(networks))
        self.changes = 0

    def weights_changed(self):
        self.changes += 1

    @property
    def places(self):
        return {part.weight.device for part in self.parts}


@contextlib.contextmanager
def owned(room):
    """A card on which so many networks may stay that are not needed."""
    with stand_in_cards(int(NETWORK * room / ROOM)) as cards:
        yield cards, Placement(CARD)


def test_what_is_not_needed_stays_where_there_is_room_and_the_oldest_leaves_first():
    with owned(2) as (_, placement):
        first, second, third, fourth = (Model() for _ in range(4))
        for one in (first, second, third):
            placement.place(one)
        assert first.places == second.places == third.places == {CARD}
        placement.place(first)
        placement.place(fourth)
        assert second.places == {CPU}
        assert first.places == third.places == {CARD}
        both = Model(2)
        placement.place(both, second)
        assert both.places == second.places == {CARD}
        placement.close()
        assert all(one.places == {CPU} for one in (first, second, third, fourth, both))


def test_without_room_only_what_is_needed_is_there():
    with owned(0.5) as (cards, placement):
        first, second = Model(), Model(2)
        placement.place(first)
        placement.place(second)
        assert (first.places, second.places) == ({CPU}, {CARD})
        assert cards.left(CARD) == 2 * NETWORK
        del second
        assert cards.left(CARD) == 0  # the owner keeps nothing alive


def test_guests_come_one_at_a_time_and_give_up_what_they_have():
    with owned(1) as (_, placement):
        told = []
        placement.guest("small", lambda: told.append("small"))
        placement.guest("large", lambda: told.append("large"), alone=True)
        model = Model()
        placement.place(model)
        assert told == []
        placement.give_to("small")
        assert model.places == {CARD}  # there is room beside that one
        placement.give_to("small")
        assert told == []
        placement.give_to("large")
        assert told == ["small"]
        assert model.places == {CPU}
        placement.place(model)
        placement.place(model)
        assert told == ["small", "large"]
        placement.give_to("large")
        placement.close()
        assert told == ["small", "large", "large"]


def test_what_is_trained_leaves_in_a_pause_alone_and_takes_its_optimiser_along():
    with owned(0.5) as (cards, placement):
        placement.guest("outside", lambda: None, alone=True)
        model, other = Model(), Model()
        placement.place(model)
        seen = []
        with placement.training(model) as training:
            for refused in (lambda: placement.place(other), lambda: placement.give_to("outside")):
                with pytest.raises(RuntimeError, match="being trained"):
                    refused()
            with pytest.raises(RuntimeError, match="one training"), placement.training(other):
                pass

            def check(step):
                before = cards.left(CARD)
                with training.pause():
                    placement.give_to("outside")
                    seen.append((before, cards.left(CARD)))
                assert cards.left(CARD) == before - NETWORK  # all but the gradients
                return step == 6

            (network,) = model.parts
            train(network, [1] * 8, Squares(network), args(placement), NullCallback(), enough=check, check_every=3)
            assert [after for _, after in seen] == [0, 0]
            assert seen[0][0] >= 3 * NETWORK  # weights and both moments
            assert model.changes == 2
        assert model.changes == 3
        assert cards.left(CARD) == NETWORK
        placement.place(other)
        assert model.places == {CPU}


def test_who_stands_in_for_what_is_trained_has_the_card_until_a_pause():
    with owned(0.5) as (cards, placement):
        model, parts = Model(), Model()
        moves = []

        def move(device):
            moves.append(device)
            for part in parts.parts:
                part.to(device)

        placement.place(model)
        with placement.training(model) as training:
            move(CARD)
            with placement.standing_in(move):
                assert (model.places, parts.places) == ({CPU}, {CARD})
                with training.pause():
                    assert parts.places == {CPU}
                    placement.place(model)  # whoever samples has all of it
                    assert model.places == {CARD}
                assert (model.places, parts.places) == ({CPU}, {CARD})
                assert cards.left(CARD) == NETWORK
            with pytest.raises(RuntimeError, match="one training"), placement.training(parts):
                pass
        assert moves == [CARD, CPU, CARD]
        assert model.changes == 2
        placement.place(model)
        assert model.places == {CARD}


def test_a_pause_moves_nothing_where_there_is_room_or_the_network_itself_samples():
    for room, there in ((4, lambda placement, _: placement.give_to("slots")), (0.5, Placement.place)):
        with owned(room) as (cards, placement):
            placement.guest("slots", lambda: None)
            model = Model()
            moves = []
            with placement.training(model) as training, placement.holding(moves.append):
                for _ in range(2):
                    with training.pause():
                        there(placement, model)
                        assert model.places == {CARD}
            assert moves == []
            assert cards.left(CARD) == NETWORK


@pytest.mark.parametrize("failure", [RuntimeError("no kernel"), KeyboardInterrupt()])
@pytest.mark.parametrize("where", ["step", "check"])
def test_a_training_that_fails_leaves_nothing_behind_however_long_its_error_lives(failure, where):
    class Fails(NullCallback):
        def poll_control(self, save=None):
            if where == "step" and network.weight.grad is not None:
                raise failure

    with owned(0.5) as (cards, placement):
        placement.guest("outside", lambda: None, alone=True)
        model = Model()
        (network,) = model.parts

        def check(_):
            with training.pause():
                placement.give_to("outside")
                raise failure

        caught = None
        try:
            with placement.training(model) as training:
                train(network, [1] * 8, Squares(network), args(placement), Fails(), enough=check, check_every=2)
        except BaseException as error:
            caught = error
        assert caught is failure
        assert cards.left(CARD) == (NETWORK if where == "step" else 0)
        placement.close()
        assert cards.left(CARD) == 0
        assert network.weight.grad is None
        placement.place(model)  # and it can be used again
        with placement.training(model):
            pass


def test_two_cards_know_nothing_of_each_other():
    with stand_in_cards() as cards:
        models = [Model(), Model()]
        owners = [Placement(CARD), Placement(OTHER)]
        for owner, model in zip(owners, models, strict=True):
            owner.place(model)
        assert [cards.left(card) for card in (CARD, OTHER)] == [NETWORK, NETWORK]
        with owners[0].training(models[0]):
            owners[1].place()
            owners[1].close()
        assert [cards.left(card) for card in (CARD, OTHER)] == [NETWORK, 0]


def args(placement):
    return TrainingArgs(1e-3, 4, 4, 0, placement=placement)


class Squares:
    """Implements training.Loss."""

    def __init__(self, network):
        self.network = network

    def positions(self, index):
        return 1

    def weigh(self, indices):
        return len(indices)

    def part(self, indices):
        given = torch.ones(len(indices), 16, device=self.network.weight.device)
        return self.network(given).square().sum(), {}
