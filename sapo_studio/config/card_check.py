"""Whether the cards that a run asks for are in this machine, looked up before anything starts."""

from __future__ import annotations

from sapo_studio.config.schema import RunConfig, RuntimeConfig
from sapo_studio.domain.card_choice import CardTrouble, card_trouble
from sapo_studio.errors import InputError
from sapo_studio.hardware import read_cards, visible_cards


def trouble_here(config: RunConfig) -> CardTrouble | None:
    """What of `runtime` stands in the way of `config` on this machine. Asks the driver, where that matters; not for
    the GUI thread."""
    runtime = config.runtime
    if runtime.launcher != "local":
        return None  # cards of other machines are meant as well; who starts the workers there says what is lacking
    if not _asks_for_cards(runtime):
        return _trouble(runtime, None)
    found = read_cards()
    there = tuple(card.number for card in found.cards)
    return _trouble(runtime, there if found.certain else None, visible_cards(found.cards), found.why)


def check_cards(config: RunConfig) -> None:
    """Raises InputError where `config` asks for cards that this machine does not have."""
    trouble = trouble_here(config)
    if trouble is not None:
        raise InputError(trouble.what, why=trouble.why, fix=trouble.fix)


def _asks_for_cards(runtime: RuntimeConfig) -> bool:
    """One process anywhere asks for nothing that could be lacking: the driver need not be waited for."""
    return runtime.device.startswith("cuda") or (
        runtime.device == "auto" and (runtime.processes > 1 or bool(runtime.gpus))
    )


def _trouble(
    runtime: RuntimeConfig, there: tuple[int, ...] | None, visible: tuple[int, ...] | None = None, none_seen: str = ""
) -> CardTrouble | None:
    return card_trouble(
        device=runtime.device,
        gpus=runtime.gpus,
        processes=runtime.processes,
        there=there,
        visible=visible,
        none_seen=none_seen,
    )
