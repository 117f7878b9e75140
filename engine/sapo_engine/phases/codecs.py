"""How each kind of phase result lies on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from sapo_engine.models.loading import load_network, save_chat_template, save_model
from sapo_engine.models.reasoner import Adapters, Reasoner, load_adapter, save_adapter, set_checkpointing
from sapo_engine.session import RunSession
from sapo_engine.text.trajectory import LabeledRow, Trajectory
from sapo_engine.verifier.model import Verifier, load_verifier, save_verifier
from sapo_studio.config.schema import VerifierConfig

WRITTEN = "written.json"
"""In the artefact of labels: what people's stand in place of."""


@dataclass(frozen=True)
class ModelCodec:
    """A reasoner: a transformers folder named `model`, or (LoRA) the adapter beside the `start` network.

    `checkpointing`: as the run trains, since the reasoner is what the next ones are trained from.
    """

    tokenizer: PreTrainedTokenizerBase
    start: PreTrainedModel | None
    adapters: Adapters
    checkpointing: bool = False

    def save(self, value: Reasoner, folder: Path) -> None:
        """See Codec."""
        if value.adapter:
            save_adapter(value, self.adapters, folder / "adapter")
            save_chat_template(self.tokenizer, folder / "adapter")
        else:
            save_model(value.network, self.tokenizer, folder / "model")

    def load(self, folder: Path) -> Reasoner:
        """See Codec."""
        if self.start is not None:
            return load_adapter(self.start, self.adapters, folder / "adapter")
        return Reasoner(set_checkpointing(load_network(folder / "model"), self.checkpointing))


@dataclass(frozen=True)
class VerifierCodec:
    """A verifier trained from `reasoner`: backbone folder (or adapter) and head. None: one that is only read by, and
    has a network of its own."""

    tokenizer: PreTrainedTokenizerBase
    reasoner: Reasoner | None
    config: VerifierConfig
    adapters: Adapters
    precision: str

    def save(self, value: Verifier, folder: Path) -> None:
        """See Codec."""
        save_verifier(value, self.tokenizer, folder / "verifier", self.adapters)

    def load(self, folder: Path) -> Verifier:
        """See Codec."""
        return load_verifier(
            folder / "verifier",
            reasoner=self.reasoner,
            config=self.config,
            adapters=self.adapters,
            precision=self.precision,
        )


class JsonCodec:
    """Plain data."""

    def save(self, value: Any, folder: Path) -> None:
        """See Codec."""
        (folder / "data.json").write_text(json.dumps(value))

    def load(self, folder: Path) -> Any:
        """See Codec."""
        return json.loads((folder / "data.json").read_text())


class TrajectoriesCodec:
    """A list of trajectories."""

    def save(self, value: Sequence[Trajectory], folder: Path) -> None:
        """See Codec."""
        (folder / "trajectories.json").write_text(json.dumps([t.to_json() for t in value]))

    def load(self, folder: Path) -> list[Trajectory]:
        """See Codec."""
        return [Trajectory.from_json(row) for row in json.loads((folder / "trajectories.json").read_text())]


class NumbersCodec:
    """A value by trajectory number (rewards, scores)."""

    def save(self, value: Mapping[int, Any], folder: Path) -> None:
        """See Codec."""
        (folder / "data.json").write_text(json.dumps(list(value.items())))

    def load(self, folder: Path) -> dict[int, Any]:
        """See Codec."""
        return dict(json.loads((folder / "data.json").read_text()))


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """What a verifier is trained on. `written`: of the trajectories whose labels people's outrank those before, by
    number; empty of a trajectory that had none."""

    labels: list[LabeledRow]
    written: Mapping[int, str] = field(default_factory=dict[int, str])


class LabelsCodec:
    """Trajectories with their labels; where people's outrank others, these beside them."""

    def save(self, value: TrainingSet, folder: Path) -> None:
        """See Codec."""
        (folder / "labels.json").write_text(json.dumps([[t.to_json(), labels] for t, labels in value.labels]))
        if value.written:
            (folder / WRITTEN).write_text(json.dumps(value.written))

    def load(self, folder: Path) -> TrainingSet:
        """See Codec."""
        rows = json.loads((folder / "labels.json").read_text())
        file = folder / WRITTEN
        written = json.loads(file.read_text()) if file.is_file() else {}
        return TrainingSet(
            [(Trajectory.from_json(row), labels) for row, labels in rows],
            {int(number): labels for number, labels in written.items()},
        )


def reasoner_codec(session: RunSession) -> ModelCodec:
    """How reasoners of the run lie on disk."""
    checkpointing = session.config.model.gradient_checkpointing
    return ModelCodec(session.tokenizer, session.base, session.adapters, checkpointing)


def verifier_codec(session: RunSession, reasoner: Reasoner | None) -> VerifierCodec:
    """How verifiers trained from `reasoner` lie on disk. None: see `VerifierCodec`."""
    config = session.config.verifier
    return VerifierCodec(session.tokenizer, reasoner, config, session.adapters, session.precision)
