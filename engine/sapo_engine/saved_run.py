"""A run's reasoners, verifiers and benchmark, read back from its folder: for what is measured after the run."""

from __future__ import annotations

import tomllib
from functools import cached_property
from pathlib import Path

import torch

from sapo_engine.models.reasoner import Reasoner
from sapo_engine.phases.codecs import LabelsCodec, TrainingSet, TrajectoriesCodec, reasoner_codec, verifier_codec
from sapo_engine.phases.train_verifier import calibrate
from sapo_engine.session import RunSession
from sapo_engine.text.trajectory import LabeledRow, Trajectory
from sapo_engine.training.trainer import NullCallback
from sapo_engine.verifier.model import Verifier
from sapo_studio.config.schema import RunConfig, parse_config
from sapo_studio.domain.calibration import Platt
from sapo_studio.errors import InputError


def config_of(folder: Path) -> RunConfig:
    """The configuration that lies in a run's folder."""
    file = folder / "config.toml"
    if not file.is_file():
        raise InputError(f"{folder} is not the folder of a run", why="There is no config.toml in it.")
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    data.pop("preset", None)
    return parse_config(data, source=str(file))


class SavedRun:
    """What a run has left in `folder`. `config` may differ from the run's own in what is measured, not in its models.

    Iterations count as in the method: M_i samples and rolls out in iteration i (M_1 is the warmed-up reasoner), V_i is
    trained in it. `device`: where to compute.
    """

    def __init__(self, config: RunConfig, folder: Path, device: torch.device) -> None:
        self.config = config
        self.folder = folder
        self.device = device

    @cached_property
    def session(self) -> RunSession:
        """What the run computed with: task, tokenizer, back ends."""
        return RunSession(self.config, self.folder, self.device)

    @cached_property
    def artefacts(self) -> dict[str, Path]:
        """Artefact folders by `phase-iteration`."""
        inside = self.folder / "artefacts"
        return {path.name.split("-", 1)[1]: path for path in inside.iterdir()} if inside.is_dir() else {}

    def artefact(self, name: str, what: str) -> Path:
        """The folder of an artefact, which messages call `what`. Raises InputError where the run has none."""
        if name not in self.artefacts:
            have = ", ".join(sorted(self.artefacts)) or "nothing"
            raise InputError(
                f"The run in {self.folder.name} has no {what}",
                why=f"Its folder has: {have}.",
                fix="Let the run finish, or name an iteration that it has finished.",
            )
        return self.artefacts[name]

    def reasoner(self, i: int) -> Reasoner:
        """M_i, i >= 1. M_1 is the warmed-up reasoner; the last alignment made M_{I+1}."""
        name = f"align-{i - 1}" if i > 1 else "sft-0"
        return reasoner_codec(self.session).load(self.artefact(name, f"reasoner M_{i}"))

    def verifier(self, i: int, reasoner: Reasoner | None = None) -> Verifier:
        """V_i, i >= 0, to be read by. `reasoner`: M_i where it is loaded already (a shared base is its network)."""
        found = self.artefact(f"verifier-{i}", f"verifier V_{i}")
        if reasoner is None:
            # Of a run with adapters only what they stand beside is wanted, and no adapter of a reasoner; and nothing of
            # one where the verifier has a network of its own.
            base = self.session.base
            if base is not None:
                reasoner = Reasoner(base)
            elif self.config.verifier.base == "shared":
                reasoner = self.reasoner(max(i, 1))
        return verifier_codec(self.session, reasoner).load(found)

    def calibration(self, i: int, verifier: Verifier) -> Platt:
        """What makes scores of V_i, which is `verifier`, probabilities: kept with it where the run searched, else
        fitted now, as the run would have done (which trains verifiers on parts of its labels)."""
        if verifier.calibration is not None:
            return verifier.calibration
        return calibrate(self.session, i, self.reasoner(max(i, 1)), self.labels(i), NullCallback()).map

    def labels(self, i: int) -> list[LabeledRow]:
        """What V_i was trained on."""
        return self.training_set(i).labels

    def training_set(self, i: int) -> TrainingSet:
        """What V_i was trained on, and what people's labels stand in place of."""
        return LabelsCodec().load(self.artefact(f"label-{i}", f"labels of iteration {i}"))

    def samples_up_to(self, i: int) -> list[Trajectory]:
        """All that the run has sampled up to iteration i: D_i, as far as it is there."""
        folders = [self.artefacts[name] for j in range(i + 1) if (name := f"sample-{j}") in self.artefacts]
        return [t for folder in folders for t in TrajectoriesCodec().load(folder)]

    def benchmark(self) -> list[Trajectory]:
        """The run's process benchmark."""
        return TrajectoriesCodec().load(self.artefact("benchmark-0", "process benchmark"))

    @property
    def verifiers(self) -> list[int]:
        """The iterations that have a verifier."""
        return sorted(int(name.rpartition("-")[2]) for name in self.artefacts if name.startswith("verifier-"))

    @property
    def reasoners(self) -> list[int]:
        """Every i that has an M_i."""
        later = [int(name.rpartition("-")[2]) + 1 for name in self.artefacts if name.startswith("align-")]
        return sorted(([1] if "sft-0" in self.artefacts else []) + later)

    def close(self) -> None:
        """End graders and engines."""
        if "session" in self.__dict__:
            self.session.close()
