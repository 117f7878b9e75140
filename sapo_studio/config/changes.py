"""What of a run's configuration may be another when it is resumed: what does not change the meaning of what is done.

Learning rates are for what is trained from then on, consensus and people's word for labels that are written from then
on. How the machine is used changes memory and time alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from sapo_studio.config.overrides import override
from sapo_studio.config.schema import RunConfig, parse_config
from sapo_studio.domain.runs import PHASE_LABELS, PhaseName
from sapo_studio.errors import InputError

RATES: dict[str, PhaseName] = {
    "warmup.learning_rate": PhaseName.SFT,
    "verifier.learning_rate": PhaseName.VERIFIER,
    "verifier.head_learning_rate": PhaseName.VERIFIER,
    "optimiser.learning_rate": PhaseName.ALIGN,
}
"""Learning rates, and the phases that train with them."""

TRAINED_LABELS: dict[str, PhaseName] = {
    "labeling.people": PhaseName.LABEL,
    "labeling.consensus": PhaseName.LABEL,
    "labeling.consensus_low": PhaseName.LABEL,
    "labeling.consensus_high": PhaseName.LABEL,
}
"""What decides which labels are trained on, from the next ones on, and the phase that it matters to. It may change
while an engine works on the run, too."""

MACHINE = (
    "runtime.device",
    "runtime.gpus",
    "runtime.processes",
    "runtime.sharded_training",
    "runtime.launcher",
    "runtime.ray_address",
    "runtime.hosts",
    "runtime.vllm_memory",
    "runtime.micro_tokens",
    "runtime.compile",
    "runtime.graders",
    "runtime.threads",
    "runtime.rollout_batch",
    "runtime.checkpoint_seconds",
    "runtime.engine_python",
    "runtime.max_restarts",
    "runtime.hang_seconds",
)
"""How the machine is used, but for what draws other samples."""

STOPS = (
    "early_stop.flat_iterations",
    "early_stop.flat_gain",
    "early_stop.gap_iterations",
    "early_stop.pairs",
    "early_stop.reward_parts",
)
"""When the run ends early: looked at after each iteration from then on."""

CHANGEABLE = (*RATES, *TRAINED_LABELS, *STOPS, *MACHINE)
"""All keys that may change."""

REASONS = {
    "name": "A run is renamed in the window.",
    "iterations": "The phases of a run are planned when it begins.",
    "runtime.backend": "Another one may draw other samples by the same seed.",
}
_BATCHES = "It says how many count as one step, which is part of the method; runtime.micro_tokens only saves memory."
_REST = "What the run has done so far was done with the value it has: the rest would not fit it."


@dataclass(frozen=True, slots=True)
class Change:
    """A value that is another than before."""

    key: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.key} = {self.after} (it was {self.before})"


def changed(
    config: RunConfig, settings: Iterable[str], done: Collection[str], *, works: bool = False
) -> tuple[RunConfig, list[Change]]:
    """`config` with each `section.key=value` of `settings`, and what is now another. `done`: names of phases that the
    run has behind it for good. `works`: whether an engine works on it, which takes over `TRAINED_LABELS` alone.
    InputError for what cannot be read or is not valid, for what must not change, and for what would change nothing any
    more.
    """
    before = config.model_dump(mode="json")
    after = parse_config(override(before, settings), source="the changed configuration")
    found = list(differences(before, after.model_dump(mode="json")))
    for change in found:
        if change.key not in CHANGEABLE:
            raise InputError(
                f"{change.key} cannot change in the middle of a run",
                why=_reason(change.key),
                fix=f"Start a new run with it. What may change: {', '.join(CHANGEABLE)}.",
            )
        if works and change.key not in TRAINED_LABELS:
            raise InputError(
                f"{change.key} cannot change while an engine works on the run",
                why="It has read it already.",
                fix=f"Stop the run, then resume it with the change. What may change now: {', '.join(TRAINED_LABELS)}.",
            )
        if (phase := (RATES | TRAINED_LABELS).get(change.key)) in done and phase is not None:
            raise InputError(
                f"{change.key} would change nothing",
                why=f"The phase {PHASE_LABELS[phase]} is done, and does not come again.",
                fix="Leave it out.",
            )
    return after, found


def _reason(key: str) -> str:
    return REASONS.get(key) or (_BATCHES if key.endswith(".batch_size") else _REST)


def differences(before: Mapping[str, Any], after: Mapping[str, Any], at: str = "") -> Iterable[Change]:
    """Where two configurations as plain data differ, by dotted key. None stands for what one of them lacks: only tables
    whose keys are the user's (`task.fields`) can lack any."""
    for key in dict.fromkeys([*after, *before]):
        old, new = before.get(key), after.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from differences(cast("Mapping[str, Any]", old), cast("Mapping[str, Any]", new), f"{at}{key}.")
        elif new != old:
            yield Change(f"{at}{key}", old, new)
