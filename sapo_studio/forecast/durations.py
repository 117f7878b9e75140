"""Seconds of each phase, from its work and the device's pace."""

from __future__ import annotations

from dataclasses import replace

from sapo_studio.config.engine_limits import (
    CARD_READ_POSITIONS,
    MICRO_TOKENS,
    READ_POSITIONS,
    VLLM_CPU_SEQUENCES,
    VLLM_SEQUENCES,
)
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.task_kinds import TASK_KINDS
from sapo_studio.forecast.compiling import compiling_pays
from sapo_studio.forecast.device_plan import Place
from sapo_studio.forecast.lengths import Lengths
from sapo_studio.forecast.machine import Machine
from sapo_studio.forecast.memory_use import Networks, networks, packs
from sapo_studio.forecast.model_shape import ModelShape
from sapo_studio.forecast.throughput import GRAPH_CALL, Pace
from sapo_studio.forecast.workload import PhaseWork, Trained, Written

A_SEQUENCE = 0.4e-3
"""Seconds that cutting, grading, sending and storing one text takes."""
A_PROGRAM = 0.12
"""Seconds that running a program against its tests takes on one core."""


def phase_seconds(
    config: RunConfig, shape: ModelShape, machine: Machine, place: Place, texts: Lengths, work: PhaseWork
) -> float:
    """Seconds of one phase with all processes at work."""
    nets = networks(config, shape, place.precision)
    pace = place.pace(machine, place.precision)
    seconds = sum(_writing(config, nets, pace, place, texts, item) for item in work.written)
    seconds += sum(_training(config, nets, pace, place, item) for item in work.trained)
    if work.scored:
        logits = config.verifier.head == "likelihood"
        sequences = work.scored / place.processes
        seconds += pace.forward(shape, nets.verifier, sequences, work.length, logits=logits)
        rows = max(1.0, (CARD_READ_POSITIONS if place.on_cards else READ_POSITIONS) / work.length)
        seconds += pace.call * shape.layers * sequences / rows + A_SEQUENCE * work.scored
    return seconds + handling_seconds(config, machine, work)


def handling_seconds(config: RunConfig, machine: Machine, work: PhaseWork) -> float:
    """Seconds of `work` that go into texts once they are written: cutting, grading, sending and storing them. No number
    of workers makes them fewer."""
    one = A_SEQUENCE
    if TASK_KINDS[config.task.kind].solutions == "programs":
        one += A_PROGRAM / min(config.runtime.graders or machine.cores, machine.cores)
    return one * sum(item.sequences for item in work.written)


def writer(config: RunConfig, pace: Pace, place: Place, work: Written) -> tuple[Pace, float]:
    """What writes: its pace, and how many sequences it writes at a time."""
    if config.runtime.backend != "vllm":
        return pace, float(work.rows)
    rows = VLLM_SEQUENCES if place.on_cards else VLLM_CPU_SEQUENCES
    return replace(pace, call=GRAPH_CALL if place.on_cards else pace.call, cache=1.0), float(rows)


def _writing(config: RunConfig, nets: Networks, pace: Pace, place: Place, texts: Lengths, work: Written) -> float:
    """One batch after the other, each until its longest sequence has ended."""
    if work.sequences <= 0:
        return 0.0
    shape = nets.shape
    pace, rows = writer(config, pace, place, work)
    mine = work.sequences / place.processes
    rows = min(rows, mine)
    batches = mine / rows
    longest = longest_text(texts, work)
    one = pace.write(shape, nets.reasoner, rows, work.prompt, work.tokens, longest)
    read = work.prompts / place.processes / batches
    return batches * (one + pace.forward(shape, nets.reasoner, read, work.prompt, logits=False))


def longest_text(texts: Lengths, work: Written) -> float:
    """Tokens of the longest text of `work`: it may go as far beyond the mean as a whole solution may."""
    return min(texts.longest_solution, work.tokens * texts.longest_solution / texts.solution)


def parts_of_a_batch(config: RunConfig, nets: Networks, place: Place, work: Trained) -> int:
    """In how many parts each process passes over its share of a batch."""
    return _divided(config, nets, place, work)[2]


def _divided(config: RunConfig, nets: Networks, place: Place, work: Trained) -> tuple[int, float, int]:
    """Sequences of a batch that each process has, how long they are in the mean, and in how many parts it does them."""
    mine = -(-work.batch // place.processes)
    length = work.length - (work.shared if packs(nets.shape) else 0.0)
    return mine, length, -(-mine // max(1, int((config.runtime.micro_tokens or MICRO_TOKENS) // length)))


def _training(config: RunConfig, nets: Networks, pace: Pace, place: Place, work: Trained) -> float:
    how = nets.verifier if work.who == "verifier" else nets.reasoner
    logits = work.who == "reasoner" or config.verifier.head == "likelihood"
    mine, length, parts = _divided(config, nets, place, work)
    positions = work.steps * mine * length
    compiled = (place.on_cards and config.runtime.compile and how.copy and not how.checkpointing) and compiling_pays(
        nets.shape.weights, positions
    )
    return work.steps * pace.step(nets.shape, how, mine, length, parts, logits=logits, compiled=compiled)
