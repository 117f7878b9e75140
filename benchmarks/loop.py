"""One iteration of SAPO against the same work by the usual means: transformers' `generate` for samples and rollouts,
transformers' Trainer for the verifier, TRL's ORPOTrainer for the alignment.

The program's own iteration runs first; the rival is then given the very same work: the same prompts and numbers of
samples, the same prefixes and numbers of rollouts, the same labeled trajectories, the same texts to score and the
same pairs. So neither is ahead by luck, and what the rival would have to decide is decided for it. CPU seconds of one
thread, after a warm-up of both; the ratios are what to look at.
Run: python benchmarks/loop.py [--questions N] [--json FILE]
"""

from __future__ import annotations

import argparse
import copy
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
import transformers
from datasets import Dataset
from transformers import (
    AutoModelForTokenClassification,
    DataCollatorForTokenClassification,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainingArguments,
)
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

from sapo_engine.labeling import labelers
from sapo_engine.loop import run
from sapo_engine.phases.context import RunContext
from sapo_engine.phases.sample import sampled_questions
from sapo_engine.saved_run import SavedRun
from sapo_engine.session import RunSession
from sapo_engine.text.prompts import token_id
from sapo_engine.text.trajectory import Trajectory
from sapo_studio.config.phase_plan import plan
from sapo_studio.config.presets import find_preset, to_toml
from sapo_studio.config.schema import RunConfig, parse_config
from sapo_studio.domain.runs import PhaseName
from sapo_studio.events.kinds import Event, PhaseFinished, PhaseStarted

STEPS = ("sample", "label", "verifier", "rate", "align")
BATCH = 512
"""Sequences generated or scored at a time, by both."""


def config_of(questions: int) -> RunConfig:
    """lab-demo with one iteration, smaller, and nothing measured beside."""
    data = find_preset("lab-demo").config.model_dump()
    data["iterations"] = 1
    data["sampling"] |= {"questions": questions, "start_questions": questions // 5}
    data["labeling"] |= {"trajectories": questions, "start_trajectories": questions // 5}
    data["task"] |= {"train_questions": 2 * questions, "test_questions": 20, "development_questions": 20}
    data["task"]["process_solutions"] = 20
    data["optimiser"] |= {"guard": "off", "eta": 0.0}
    return parse_config(data)


@dataclass
class Own:
    """The program's iteration: CPU seconds by phase, and the work that it turned out to be."""

    seconds: dict[str, float] = field(default_factory=dict[str, float])
    checks: list[tuple[tuple[int, ...], int]] = field(default_factory=list[tuple[tuple[int, ...], int]])
    """Prompt with prefix, and how many rollouts it got."""


def run_own(config: RunConfig, folder: Path) -> Own:
    """Run the program's loop; the figures are those of iteration 1."""
    own = Own()
    phases = plan(config)
    began = 0.0
    inside = False
    check = labelers.MonteCarloChecker.check

    def note(event: Event) -> None:
        nonlocal began, inside
        if isinstance(event, PhaseStarted):
            inside = phases[event.ordinal].name == PhaseName.LABEL and phases[event.ordinal].iteration == 1
            began = time.process_time()
        elif isinstance(event, PhaseFinished) and phases[event.ordinal].iteration == 1:
            own.seconds[phases[event.ordinal].name] = time.process_time() - began

    def counted(self: labelers.MonteCarloChecker, *arguments: Any) -> list[bool]:
        answers = check(self, *arguments)
        if inside:
            found = {key: len(checked.rollouts) for key, checked in self.known.items()}
            own.checks = [
                (self.request(question, (), tokens).prompt, count) for (question, tokens), count in found.items()
            ]
        return answers

    setattr(labelers.MonteCarloChecker, "check", counted)  # noqa: B010  # the types are right, the names of arguments are not kept
    try:
        run(RunContext(RunSession(config, folder, torch.device("cpu")), phases, note))
    finally:
        labelers.MonteCarloChecker.check = check
    return own


def timed(work: Callable[[], Any]) -> float:
    """CPU seconds."""
    began = time.process_time()
    work()
    return time.process_time() - began


class Rival:
    """The same work by `generate`, Trainer and ORPOTrainer."""

    def __init__(self, run: SavedRun, own: Own, scratch: Path) -> None:
        self.config, self.own, self.scratch = run.config, own, scratch
        session = run.session
        self.tokenizer: PreTrainedTokenizerBase = session.tokenizer
        self.network = run.reasoner(1).network
        self.limit = session.task.max_new_tokens
        self.pad = session.pad_id
        self.eos = token_id(self.tokenizer.eos_token_id)
        self.prompts = [list(session.prompts.of(q.number)) for q in sampled_questions(session, 1)]
        self.labeled = [(session.text(t), t.ends, labels) for t, labels in run.labels(1)]
        pool = self._trajectories(run, "sample-0") + self._trajectories(run, "sample-1")
        self.pool = [session.text(t) for t in {t.number: t for t in pool}.values()]
        by_number = {t.number: session.text(t) for t in pool}
        rows = json.loads((run.artefacts["pairs-1"] / "data.json").read_text(encoding="utf-8"))
        self.pairs = [(by_number[winner], by_number[loser]) for winner, loser, _ in rows]

    @staticmethod
    def _trajectories(run: SavedRun, name: str) -> list[Trajectory]:
        rows = json.loads((run.artefacts[name] / "trajectories.json").read_text(encoding="utf-8"))
        return [Trajectory.from_json(row) for row in rows]

    def generate(self, prompts: Sequence[Sequence[int]], count: int, temperature: float) -> None:
        """`count` continuations of each prompt, BATCH sequences at a time, prompts of like length together."""
        ordered = sorted(prompts, key=len)
        each = max(1, BATCH // count)
        for at in range(0, len(ordered), each):
            batch = self.tokenizer.pad({"input_ids": [list(p) for p in ordered[at : at + each]]}, return_tensors="pt")
            cast("Any", self.network).generate(
                input_ids=batch["input_ids"],
                attention_mask=batch["attention_mask"],
                do_sample=True,
                temperature=temperature,
                top_k=0,
                num_return_sequences=count,
                max_new_tokens=self.limit,
                pad_token_id=self.pad,
                eos_token_id=self.eos,
            )

    def sample(self) -> None:
        """K samples of each question."""
        self.generate(self.prompts, self.config.sampling.samples, self.config.sampling.temperature)

    def label(self) -> None:
        """Prefixes with the same number of rollouts together, in the waves that the program used."""
        wave = self.config.labeling.wave
        rounds = Counter({tuple(prompt): count for prompt, count in self.own.checks})
        while rounds:
            self.generate(list(rounds), wave, self.config.labeling.temperature)
            rounds = Counter({prompt: count - wave for prompt, count in rounds.items() if count > wave})

    def _trainer_arguments(self, name: str, batch: int, epochs: float, rate: float) -> dict[str, Any]:
        return {
            "output_dir": str(self.scratch / name),
            "per_device_train_batch_size": batch,
            "num_train_epochs": epochs,
            "learning_rate": rate,
            "lr_scheduler_type": "cosine",
            "save_strategy": "no",
            "report_to": "none",
            "disable_tqdm": True,
            "use_cpu": True,
            "bf16": False,
            "logging_steps": 1000,
            "dataloader_pin_memory": False,
        }

    def verifier(self) -> None:
        """A token classifier with one output, squared error at the steps' ends."""
        folder = self.scratch / "reasoner"
        self.network.save_pretrained(folder)
        model = cast("Any", AutoModelForTokenClassification).from_pretrained(folder, num_labels=1)
        rows: list[dict[str, list[int]]] = []
        for text, ends, labels in self.labeled:
            tokens = [*text.prompt, *text.completion]
            marks = [-100] * len(tokens)
            for end, label in zip(ends, labels, strict=True):
                if label != "?":
                    marks[len(text.prompt) + end - 1] = int(label)
            rows.append({"input_ids": tokens, "attention_mask": [1] * len(tokens), "labels": marks})
        settings = self.config.verifier

        class Squared(Trainer):
            def compute_loss(self, model: Any, inputs: Any, *_: Any, **__: Any) -> torch.Tensor:
                labels = inputs.pop("labels")
                known = labels != -100
                scores = torch.sigmoid(model(**inputs).logits[..., 0])
                return ((scores - labels) ** 2)[known].mean()

        Squared(
            model=model,
            args=TrainingArguments(
                **self._trainer_arguments("prm", settings.batch_size, settings.epochs, settings.learning_rate),
                train_sampling_strategy="group_by_length",
            ),
            train_dataset=Dataset.from_list(rows),
            data_collator=DataCollatorForTokenClassification(self.tokenizer),
        ).train()
        self.scorer: PreTrainedModel = model

    def rate(self) -> None:
        """Scores of the whole pool, sorted by length."""
        texts = sorted(([*text.prompt, *text.completion] for text in self.pool), key=len)
        self.scorer.eval()
        with torch.inference_mode():
            for at in range(0, len(texts), BATCH):
                batch = self.tokenizer.pad({"input_ids": texts[at : at + BATCH]}, return_tensors="pt")
                torch.sigmoid(self.scorer(**batch).logits)

    def align(self) -> None:
        """TRL's ORPO on the same pairs, as text."""
        decode = cast("Callable[..., str]", self.tokenizer.decode)

        def words(tokens: Sequence[int]) -> str:
            return decode([token for token in tokens if token != self.eos])

        rows = [
            {"prompt": words(w.prompt), "chosen": words(w.completion), "rejected": words(loser.completion)}
            for w, loser in self.pairs
        ]
        settings = self.config.optimiser
        longest = max(len(text) for pair in self.pairs for text in pair)
        ORPOTrainer(
            model=copy.deepcopy(self.network),
            args=ORPOConfig(
                **self._trainer_arguments("orpo", settings.batch_size, settings.epochs, settings.learning_rate),
                beta=settings.beta,
                max_length=longest + 8,
                gradient_checkpointing=False,
            ),
            train_dataset=Dataset.from_list(rows),
            processing_class=self.tokenizer,
        ).train()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        for what, questions in (("warm-up", 50), ("measured", given.questions)):
            config = config_of(max(questions, 50))
            folder = scratch / what
            folder.mkdir()
            (folder / "config.toml").write_text(to_toml(config))
            own = run_own(config, folder)
            finished = SavedRun(config, folder, torch.device("cpu"))
            rival = Rival(finished, own, scratch / f"{what}-rival")
            theirs = {step: timed(getattr(rival, step)) for step in STEPS}
            finished.close()
    print(f"{'step':<10}{'SAPO Studio':>12}{'TRL etc.':>12}{'ratio':>8}")
    mine = {step: own.seconds[step] for step in STEPS}
    for step in STEPS:
        print(f"{step:<10}{mine[step]:>11.2f}s{theirs[step]:>11.2f}s{theirs[step] / mine[step]:>8.2f}")
    whole = sum(theirs.values()) / sum(mine.values())
    print(f"{'in all':<10}{sum(mine.values()):>11.2f}s{sum(theirs.values()):>11.2f}s{whole:>8.2f}")
    if given.json:
        given.json.write_text(json.dumps({"own": mine, "rival": theirs, "ratio": whole}, indent=1) + "\n")


if __name__ == "__main__":
    main()
