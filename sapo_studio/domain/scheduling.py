"""Which waiting run starts now, and on which cards: pure rules over what the machine has and what is taken.

Order holds. A run that cannot start yet keeps what it waits for: the cards that will be free for it first, its main
memory and its cores are set aside before the next run is looked at. A later run may start before it on the rest, so
that no card stands idle without need, and can never make it wait longer. Nothing is started on memory that a running
run has not taken yet but is forecast to take.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

GIB = 2**30

UNKNOWN_END = float("inf")


@dataclass(frozen=True, slots=True)
class Need:
    """What a run takes at its peak, by forecast. Memory in bytes.

    `cards` 0: it works on the CPU. `memory_on_card` is for each card; `share_of_card` (0..1) is what it takes of a card
    whatever its size (vLLM). `only`: UUIDs of the cards it may use, empty for any. `known` False: nobody can say, so
    each of its cards, or without cards the machine's cores, are for it alone. `never`: why it can start on no machine.
    """

    cards: int = 0
    memory_on_card: int = 0
    share_of_card: float = 0.0
    main_memory: int = 0
    cores: int = 0
    only: frozenset[str] = frozenset()
    seconds: float | None = None
    known: bool = True
    never: str = ""

    def on(self, card: CardState) -> int:
        """Bytes it needs on `card`."""
        return card.total if not self.known else max(self.memory_on_card, int(self.share_of_card * card.total))

    def may_use(self, card: CardState) -> bool:
        """Whether it may use `card` at all."""
        return not self.only or card.uuid in self.only


@dataclass(frozen=True, slots=True)
class CardState:
    """A card as it is now. Memory in bytes."""

    uuid: str
    number: int
    name: str
    total: int
    free: int


@dataclass(frozen=True, slots=True)
class MachineState:
    """What there is: cards, main memory in bytes, cores."""

    cards: tuple[CardState, ...]
    memory_total: int
    memory_free: int
    cores: int


@dataclass(frozen=True, slots=True)
class RunningRun:
    """A run that an engine works on. `taken_on_cards` (by UUID) and `taken_memory`: bytes it holds now, 0 where nobody
    can say. `seconds_left` None: unknown."""

    run_id: str
    name: str
    need: Need
    cards: tuple[str, ...] = ()
    taken_on_cards: Mapping[str, int] = field(default_factory=dict[str, int])
    taken_memory: int = 0
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class WaitingRun:
    """A run in the queue."""

    run_id: str
    name: str
    need: Need


@dataclass(frozen=True, slots=True)
class Start:
    """Start this run now on these cards (UUIDs; none for a run on the CPU)."""

    run_id: str
    cards: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a run does not start now. `hopeless`: it cannot on this machine, however long it waits; it keeps nothing from
    the others."""

    why: str
    hopeless: bool = False


@dataclass(frozen=True, slots=True)
class Placement:
    """Who starts, in order, and why each of the others waits."""

    starts: tuple[Start, ...]
    waits: Mapping[str, Wait]


class Room:
    """What is left of a machine while runs are placed on it. Bytes and cores; may go below nothing once more is set
    aside than there is."""

    def __init__(self, machine: MachineState, running: Sequence[RunningRun]) -> None:
        self.machine = machine
        self.cards = {card.uuid: card for card in machine.cards}
        self.on_card = {card.uuid: card.free for card in machine.cards}
        self.memory = machine.memory_free
        self.cores = machine.cores
        self.kept: dict[str, str] = {}
        self.names = [run.name for run in running]
        self.holders: dict[str, list[str]] = {card.uuid: [] for card in machine.cards}
        self.ends: dict[str, float] = {card.uuid: 0.0 for card in machine.cards}
        for run in running:
            left = UNKNOWN_END if run.seconds_left is None else run.seconds_left
            for uuid in run.cards:
                if uuid in self.on_card:
                    still = run.need.on(self.cards[uuid]) - run.taken_on_cards.get(uuid, 0)
                    self.on_card[uuid] -= max(0, still)
                    self.holders[uuid].append(run.name)
                    self.ends[uuid] = max(self.ends[uuid], left)
            self.memory -= max(0, run.need.main_memory - run.taken_memory)
            self.cores -= self.cores_of(run.need)

    def cores_of(self, need: Need) -> int:
        """Cores that a run takes: on a card none that count; never more than there are."""
        if need.cards:
            return 0
        return self.machine.cores if not need.known else min(need.cores, self.machine.cores)

    def take(self, need: Need, cards: Iterable[str]) -> None:
        """Set aside what a run needs on these cards."""
        for uuid in cards:
            self.on_card[uuid] -= need.on(self.cards[uuid])
        self.memory -= need.main_memory
        self.cores -= self.cores_of(need)

    def keep(self, cards: Iterable[str], name: str) -> None:
        """Keep cards whole for a run that waits for them."""
        for uuid in cards:
            self.on_card[uuid] = min(self.on_card[uuid], 0)
            self.kept.setdefault(uuid, name)

    def has(self, need: Need, card: CardState) -> bool:
        """Whether there is room on a card now."""
        if not need.known:
            return not self.holders[card.uuid] and self.on_card[card.uuid] >= 0.9 * card.total
        return self.on_card[card.uuid] >= need.on(card)


def place(machine: MachineState, running: Sequence[RunningRun], queue: Sequence[WaitingRun]) -> Placement:
    """Who of `queue` (in order) starts now beside `running`."""
    room = Room(machine, running)
    starts: list[Start] = []
    waits: dict[str, Wait] = {}
    ahead = ""
    for run in queue:
        hopeless = _hopeless(run.need, machine)
        if hopeless:
            waits[run.run_id] = Wait(hopeless, hopeless=True)
            continue
        chosen = _cards_now(run.need, room)
        if chosen is not None and room.memory >= run.need.main_memory and room.cores >= room.cores_of(run.need):
            room.take(run.need, chosen)
            for uuid in chosen:
                room.holders[uuid].append(run.name)
                room.ends[uuid] = max(room.ends[uuid], run.need.seconds or UNKNOWN_END)
            room.names.append(run.name)
            starts.append(Start(run.run_id, chosen))
            continue
        waits[run.run_id] = Wait(_why(run.need, room, chosen, ahead))
        room.take(run.need, ())
        room.keep(_cards_first(run.need, room), run.name)
        ahead = ahead or run.name
    return Placement(tuple(starts), waits)


def _usable(need: Need, machine: MachineState) -> list[CardState]:
    return [card for card in machine.cards if need.may_use(card) and need.on(card) <= card.total]


def _cards_now(need: Need, room: Room) -> tuple[str, ...] | None:
    """The cards to start on, or None: those with nobody on them first, then those with the most room."""
    if not need.cards:
        return ()
    fit = [card for card in _usable(need, room.machine) if room.has(need, card)]
    fit.sort(key=lambda card: (len(room.holders[card.uuid]), -room.on_card[card.uuid], card.number))
    if len(fit) < need.cards:
        return None
    return tuple(card.uuid for card in sorted(fit[: need.cards], key=lambda card: card.number))


def _cards_first(need: Need, room: Room) -> list[str]:
    """The cards that a waiting run will get: those with room, then those that will be free first."""
    if not need.cards:
        return []
    usable = _usable(need, room.machine)
    usable.sort(key=lambda card: (not room.has(need, card), room.ends[card.uuid], card.number))
    return [card.uuid for card in usable[: need.cards]]


def _hopeless(need: Need, machine: MachineState) -> str:
    """Why it can never start here. Empty where it can."""
    if need.never:
        return f"cannot start: {need.never}"
    if need.main_memory > machine.memory_total:
        return (
            f"needs {_gb(need.main_memory)} of main memory, and this machine has {_gb(machine.memory_total)}: "
            "it does not fit here"
        )
    if not need.cards:
        return ""
    allowed = [card for card in machine.cards if need.may_use(card)]
    large = _usable(need, machine)
    if len(large) >= need.cards:
        return ""
    cards = "a card" if need.cards == 1 else f"{need.cards} cards"
    if not machine.cards:
        return f"needs {cards}, and no card can be seen now"
    if len(allowed) < need.cards:
        there = "none of those it may use is" if not allowed else f"only {len(allowed)} that it may use are"
        return f"needs {cards}, and {there} in this machine"
    most = max(allowed, key=lambda card: card.total)
    return f"needs {_gb(need.on(most))} on {cards}, and {_card(most)} has {_gb(most.total)}: it does not fit here"


def _why(need: Need, room: Room, chosen: tuple[str, ...] | None, ahead: str) -> str:
    after = f", after {ahead}" if ahead else f", while {_and(room.names)} {_works(room.names)}" if room.names else ""
    if chosen is None:
        if not need.known and need.cards == 1:
            return f"waits for a card of its own, as what it needs is unknown{after}"
        lacking = [card for card in _usable(need, room.machine) if not room.has(need, card)]
        card = min(lacking, key=lambda card: (room.ends[card.uuid], card.number))
        more = f" and {need.cards - 1} more" if need.cards > 1 else ""
        short = need.on(card) - max(0, room.on_card[card.uuid])
        return f"waits for {_gb(short)} on {_card(card)}{more}{_holds(room, card)}"
    if room.memory < need.main_memory:
        return f"waits for {_gb(need.main_memory - max(0, room.memory))} of main memory{after}"
    short = room.cores_of(need) - max(0, room.cores)
    return f"waits for {short} {'core' if short == 1 else 'cores'}{after}"


def _holds(room: Room, card: CardState) -> str:
    if kept := room.kept.get(card.uuid):
        return f", which is kept for {kept}"
    held = room.holders[card.uuid]
    return f", where {_and(held)} {_works(held)}" if held else ""


def _works(names: Sequence[str]) -> str:
    return "works" if len(names) == 1 else "work"


def _card(card: CardState) -> str:
    return f"card {card.number}"


def _gb(size: float) -> str:
    """In GB as cards are sold: 2^30 bytes, rounded up to what is worth saying."""
    gb = max(size, 0) / GIB
    return f"{gb:.1f} GB" if gb < 10 else f"{gb:.0f} GB"


def _and(names: Sequence[str]) -> str:
    if len(names) > 3:
        names = [*names[:2], f"{len(names) - 2} others"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


@dataclass(frozen=True, slots=True)
class Planned:
    """When a run is expected to work: seconds from now, on these cards. `end` None: nobody can say how long it takes,
    and `start` None: nobody can say when its turn comes."""

    run_id: str
    cards: tuple[str, ...]
    start: float | None
    end: float | None
    running: bool = False


def timeline(machine: MachineState, running: Sequence[RunningRun], queue: Sequence[WaitingRun]) -> list[Planned]:
    """What `place` will do from now on if every run takes as long as forecast and nobody else uses the machine.

    Runs are taken out of the machine at their forecast end, and `place` is asked again.
    """
    planned = [Planned(run.run_id, run.cards, 0.0, run.seconds_left, running=True) for run in running]
    going = {run.run_id: run for run in running}
    ends = {run.run_id: UNKNOWN_END if run.seconds_left is None else run.seconds_left for run in running}
    waiting = list(queue)
    now = 0.0
    while waiting:
        left = [_later(run, ends[run.run_id] - now) for run in going.values()]
        found = place(machine, left, waiting)
        for start in found.starts:
            run = next(one for one in waiting if one.run_id == start.run_id)
            waiting.remove(run)
            end = UNKNOWN_END if run.need.seconds is None else now + run.need.seconds
            ends[run.run_id] = end
            going[run.run_id] = RunningRun(run.run_id, run.name, run.need, start.cards)
            planned.append(Planned(run.run_id, start.cards, now, None if end == UNKNOWN_END else end))
        waiting = [run for run in waiting if not found.waits[run.run_id].hopeless]
        following = min((ends[run_id] for run_id in going), default=UNKNOWN_END)
        if following == UNKNOWN_END:
            break
        now = following
        for run_id in [run_id for run_id in going if ends[run_id] <= now]:
            machine = _without(machine, going.pop(run_id))
    placed = {one.run_id for one in planned}
    return planned + [Planned(run.run_id, (), None, None) for run in queue if run.run_id not in placed]


def _later(run: RunningRun, seconds: float) -> RunningRun:
    left = None if seconds == UNKNOWN_END else seconds
    return RunningRun(run.run_id, run.name, run.need, run.cards, run.taken_on_cards, run.taken_memory, left)


def _without(machine: MachineState, run: RunningRun) -> MachineState:
    """The machine once `run` has ended and given back what it holds now."""
    cards = tuple(
        CardState(c.uuid, c.number, c.name, c.total, min(c.total, c.free + run.taken_on_cards.get(c.uuid, 0)))
        if c.uuid in run.cards
        else c
        for c in machine.cards
    )
    free = min(machine.memory_total, machine.memory_free + run.taken_memory)
    return MachineState(cards, machine.memory_total, free, machine.cores)
