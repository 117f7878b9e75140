"""How many sequences are generated at a time where that is left open: what a card's free memory has room for."""

from __future__ import annotations

from collections.abc import Callable

from transformers import PreTrainedModel

from sapo_engine.models.memory import free_bytes, shape_of
from sapo_studio.config.engine_limits import ROLLOUT_ROWS
from sapo_studio.config.schema import ModelConfig
from sapo_studio.forecast.memory import Numerics, rows_that_fit
from sapo_studio.forecast.memory_parts import size


class BatchSize:
    """The number for each call of the sampler. `config`, `precision`: how the run's networks are tuned and calculate.
    `tell` hears in words what was chosen, whenever that is another number than before."""

    def __init__(self, config: ModelConfig, precision: str) -> None:
        self.tell: Callable[[str], None] = lambda _: None
        self._how = Numerics(config.tuning, config.lora_rank, precision)
        self._told = 0

    def of(self, model: PreTrainedModel, prompt: int, more: int) -> int:
        """Sequences of `model` at a time, of `prompt` tokens at most that go on for `more` at most."""
        free = free_bytes(model.device)
        if free is None:
            return ROLLOUT_ROWS
        shape = shape_of(model)
        if shape is None:
            rows, why = ROLLOUT_ROWS, f"the shape of {model.config.model_type} is not known"
        else:
            rows = rows_that_fit(shape, self._how, prompt, more, free)
            why = f"{size(free)} are free, for up to {prompt} and {more} tokens each"
        if rows != self._told:
            self._told = rows
            self.tell(f"Sequences generated at a time: {rows:,} ({why}; runtime.rollout_batch = 0).")
        return rows
