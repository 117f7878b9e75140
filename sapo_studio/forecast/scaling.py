"""What more cards and more machines bring: the forecast's seconds, divided as a run divides its work.

Sampling is shared out by texts, and the last text of the slowest rank ends it; training sums gradients after each step,
or, where a card has no room for a whole copy and each rank has a part of it, sends weights round for each part of a
batch; what is done with texts once they are written, and what a run takes to start and to end, is divided by nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from heapq import heapify, heapreplace

import numpy as np

from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import PhaseName
from sapo_studio.forecast.device_plan import Place
from sapo_studio.forecast.durations import handling_seconds, longest_text, parts_of_a_batch, phase_seconds, writer
from sapo_studio.forecast.lengths import Lengths
from sapo_studio.forecast.machine import Machine
from sapo_studio.forecast.memory_use import networks, settled, shards_training
from sapo_studio.forecast.model_shape import ModelShape
from sapo_studio.forecast.start_up import start_seconds
from sapo_studio.forecast.workload import PhaseWork, Trained, Written, phases
from sapo_studio.hardware import Card

SPREAD = (
    (0.0, 0.15), (0.025, 0.33), (0.075, 0.4), (0.125, 0.47), (0.175, 0.55), (0.225, 0.6), (0.275, 0.65), (0.325, 0.71),
    (0.375, 0.75), (0.425, 0.8), (0.475, 0.86), (0.525, 0.92), (0.575, 0.98), (0.625, 1.04), (0.675, 1.12),
    (0.725, 1.19), (0.775, 1.3), (0.825, 1.41), (0.875, 1.56), (0.925, 1.79), (0.975, 2.36), (0.99, 2.93),
    (0.999, 4.83), (1.0, 5.58),
)  # fmt: skip
"""(part of all texts, length in means): how long 800 solutions of GSM8K by four models are."""
FOLLOWED = 4096
"""Texts that are followed one by one, at most; of more, a sample of so many in proportionally fewer rows."""
GRADIENT = 4
"""Bytes of a number as gradients are summed."""
REFILLING = ("slots", "vllm")
"""Back ends that put a new text where one has ended."""

KINDS = {
    PhaseName.SFT: "warm-up",
    PhaseName.BENCHMARK: "sampling",
    PhaseName.SAMPLE: "sampling",
    PhaseName.SCORE: "verifier",
    PhaseName.LABEL: "labeling",
    PhaseName.VERIFIER: "verifier",
    PhaseName.RATE: "verifier",
    PhaseName.PAIRS: "alignment",
    PhaseName.ALIGN: "alignment",
    PhaseName.EVALUATE: "evaluation",
}
"""What phases are told under."""
START = "start and end"


@dataclass(frozen=True, slots=True)
class Links:
    """Bytes a second that a card sends to other cards of its node, and a node to other nodes; seconds that a message
    takes at least. `words` say where they are from."""

    within: float
    between: float
    latency: float
    words: str


NVLINK = Links(360e9, 40e9, 20e-6, "NVLink at 360 GB/s a card, 400 Gb/s between nodes, both assumed")
PCIE = Links(20e9, 10e9, 30e-6, "PCIe at 20 GB/s a card, 100 Gb/s between nodes, both assumed")
_ON_NVLINK = ("H100", "H200", "H800", "B200", "B300", "GB200", "A100-SXM", "V100-SXM")


def links_of(card: str) -> Links:
    """How cards of this name are connected, as a rule."""
    return NVLINK if any(name in card for name in _ON_NVLINK) and "PCIe" not in card else PCIE


@dataclass(frozen=True, slots=True)
class Cluster:
    """`nodes` machines with `cards` cards each."""

    cards: int
    nodes: int = 1

    @property
    def ranks(self) -> int:
        """Workers: one a card."""
        return self.cards * self.nodes

    @property
    def words(self) -> str:
        """As a heading."""
        return str(self.cards) if self.nodes == 1 else f"{self.nodes} x {self.cards}"


@dataclass(frozen=True, slots=True)
class Scaled:
    """A run on a cluster: seconds by what takes them (`KINDS`, and `START`). `divided`: whether each of its cards has a
    part of what is trained."""

    cluster: Cluster
    seconds: dict[str, float]
    divided: bool = False

    @property
    def total(self) -> float:
        """Of the whole run."""
        return sum(self.seconds.values())


@dataclass(frozen=True, slots=True)
class Scaling:
    """A run on several clusters, the first of which is one card. `undivided`: seconds that no number of cards makes
    fewer, so that no cluster can be faster (Amdahl). `words`: what it rests on."""

    clusters: tuple[Scaled, ...]
    undivided: float
    words: tuple[str, ...]

    def faster(self, which: Scaled, kind: str = "") -> float:
        """How many times as fast as one card: the run, or one kind of its work."""
        one, other = (run.seconds.get(kind, 0.0) if kind else run.total for run in (self.clusters[0], which))
        return one / other if other else 1.0


def all_reduce_seconds(size: float, cluster: Cluster, links: Links) -> float:
    """Seconds in which all ranks have the sum of `size` bytes of each.

    Within a node in a ring: each card sends its share to its neighbour 2 (n - 1) times, 2 (n - 1)/n of all. Over m
    nodes: each node sums up its own first, the nodes then sum up what is divided among their cards, over the one
    connection that these share, 2 (m - 1)/m of all, and hand the result around.
    """
    inside, nodes = cluster.cards - 1, cluster.nodes - 1
    seconds = 2 * inside * (size / cluster.cards / links.within + links.latency)
    return seconds + 2 * nodes * (size / cluster.nodes / links.between + links.latency)


def text_lengths(count: int, mean: float, longest: float) -> np.ndarray:
    """Lengths of `count` texts in tokens, `mean` in the mean and `longest` at most, in an order that says nothing: the
    same ones every time."""
    parts, means = np.array(SPREAD).T
    drawn = np.interp((np.arange(count) + 0.5) / count, parts, means)
    # Cut off at the longest, the others have to be as much longer for the mean to stay.
    found = np.minimum(drawn * mean, longest)
    for _ in range(8):
        found = np.minimum(found * mean / found.mean(), longest)
    return np.random.default_rng(0).permutation(found)


def steps_of(lengths: np.ndarray, rows: int, *, refill: bool) -> float:
    """Token steps until all these texts are written, `rows` at a time: batch after batch, or (`refill`) each where
    another has ended."""
    if len(lengths) <= rows:
        return float(lengths.max(initial=0.0))
    if not refill:
        return float(np.maximum.reduceat(lengths, np.arange(0, len(lengths), rows)).sum())
    ends = lengths[:rows].tolist()
    heapify(ends)
    for length in lengths[rows:].tolist():
        heapreplace(ends, ends[0] + length)
    return float(max(ends))


@lru_cache(maxsize=256)
def writing_share(
    count: int, ranks: int, rows: int, mean: float, longest: float, tokens: float, step: float, *, refill: bool
) -> float:
    """What part of one rank's time the slowest of `ranks` takes for its share of `count` texts: a text costs `tokens`
    seconds a token, and a step `step` seconds however few are written in it."""
    if count > FOLLOWED:
        rows = max(1, round(rows * FOLLOWED / count))
        count = FOLLOWED
    lengths = text_lengths(count, mean, longest)

    def seconds(mine: np.ndarray) -> float:
        return tokens * float(mine.sum()) + step * steps_of(mine, rows, refill=refill)

    slowest = max(seconds(lengths[rank::ranks]) for rank in range(ranks))
    return max(slowest / seconds(lengths), 1 / ranks)


def scale(
    config: RunConfig,
    shape: ModelShape,
    machine: Machine,
    place: Place,
    texts: Lengths,
    card: Card,
    clusters: Sequence[Cluster],
    links: Links,
) -> Scaling:
    """A run of `config` on each of `clusters`, after one card, all of whose cards are as `card`. `place` says where its
    first worker is."""
    one = replace(place, processes=1)
    vllm = config.runtime.backend == "vllm" and place.on_cards
    runs: list[Scaled] = []
    undivided = start_seconds(1, vllm=vllm)
    for cluster in dict.fromkeys((Cluster(1), *clusters)):
        runtime = config.runtime.model_copy(update={"processes": cluster.ranks})
        there = replace(place, processes=cluster.ranks)
        own = settled(config.model_copy(update={"runtime": runtime}), shape, there, texts, card.free, card.total)
        divided = shards_training(own, shape, there, texts, card.total)
        work = phases(own, texts)
        runs.append(_Run(own, shape, machine, one, texts, cluster, links, divided=divided).all_of(work, vllm))
        if cluster.ranks == 1:
            undivided += sum(handling_seconds(own, machine, item) for item in work)
    words = [
        f"Links: {links.words}.",
        "Lengths: spread like those of 800 solutions of GSM8K by four models, around this run's mean.",
        f"Undivided: {undivided:,.0f} s (start and end; texts cut, graded, sent and stored).",
    ]
    if parts := [run.cluster.words for run in runs if run.divided]:
        words.append(
            f"A part of what is trained on each card, where there are {', '.join(parts)}: for each part of a batch all "
            "weights are sent round twice and all gradients once, behind no computing."
        )
        if config.runtime.sharded_training == "auto":
            words.append("One card has no room for what is trained: its times are there to compare with.")
    return Scaling(tuple(runs), undivided, tuple(words))


class _Run:
    """One cluster's run."""

    def __init__(
        self,
        config: RunConfig,
        shape: ModelShape,
        machine: Machine,
        place: Place,
        texts: Lengths,
        cluster: Cluster,
        links: Links,
        *,
        divided: bool,
    ) -> None:
        self.divided = divided
        self.config, self.shape, self.machine, self.texts = config, shape, machine, texts
        self.one, self.place = place, replace(place, processes=cluster.ranks)
        self.cluster, self.links = cluster, links
        self.nets = networks(config, shape, place.precision)

    def all_of(self, phases: Iterable[PhaseWork], vllm: bool) -> Scaled:
        seconds: dict[str, float] = {}
        for work in phases:
            kind = KINDS[work.name]
            seconds[kind] = seconds.get(kind, 0.0) + self._phase(work)
        seconds[START] = start_seconds(self.cluster.ranks, vllm=vllm)
        return Scaled(self.cluster, seconds, self.divided)

    def _phase(self, work: PhaseWork) -> float:
        bare = replace(work, written=(), trained=(), scored=0.0)
        seconds = sum(self._writing(replace(bare, written=(item,))) for item in work.written)
        for item in work.trained:
            seconds += self._seconds(replace(bare, trained=(item,)), self.place) + self._summing(item)
        return seconds + self._seconds(replace(bare, scored=work.scored), self.place)

    def _seconds(self, work: PhaseWork, place: Place) -> float:
        return phase_seconds(self.config, self.shape, self.machine, place, self.texts, work)

    def _writing(self, work: PhaseWork) -> float:
        (item,) = work.written
        if item.sequences <= 0:
            return 0.0
        handling = handling_seconds(self.config, self.machine, work)
        alone = self._seconds(work, self.one) - handling
        return handling + alone * self._share(item, work)

    def _share(self, item: Written, work: PhaseWork) -> float:
        pace, rows = writer(self.config, self.one.pace(self.machine, self.one.precision), self.one, item)
        how, shape = self.nets.reasoner, self.shape
        a_token = pace.write(shape, how, 1.0, item.prompt, item.tokens, 0.0) / max(item.tokens, 1e-9)
        a_step = pace.write(shape, how, 0.0, item.prompt, item.tokens, 1.0)
        # Labeling goes on when a wave is written: each has fewer texts to divide, and a last one.
        waves = _waves(self.config, work, item)
        return writing_share(
            max(1, round(item.sequences / waves)),
            self.cluster.ranks,
            max(1, round(rows)),
            item.tokens,
            longest_text(self.texts, item),
            a_token,
            a_step,
            refill=self.config.runtime.backend in REFILLING,
        )

    def _summing(self, item: Trained) -> float:
        how = self.nets.verifier if item.who == "verifier" else self.nets.reasoner
        sums = all_reduce_seconds(GRADIENT * how.trained(self.shape), self.cluster, self.links)
        if not self.divided or how.tuning != "full":
            return item.steps * sums
        # A sum that all have is two halves: each has the sum of its part, then all have all parts. Weights only come
        # together, on the way there and on the way back; gradients only become sums.
        weights = all_reduce_seconds((2 if how.copy else GRADIENT) * self.shape.weights, self.cluster, self.links) / 2
        parts = parts_of_a_batch(self.config, self.nets, self.place, item)
        return item.steps * parts * (2 * weights + sums / 2)


def _waves(config: RunConfig, work: PhaseWork, item: Written) -> float:
    """How many times in a row a phase asks for texts: a search for first errors as often as its steps of one after the
    other, everything else once."""
    if work.name != PhaseName.LABEL:
        return 1.0
    labeling = config.labeling
    at_once = labeling.trajectories if work.iteration else labeling.start_trajectories
    return max(1.0, item.prompts / max(1, at_once))
