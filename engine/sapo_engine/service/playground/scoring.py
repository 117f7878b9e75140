"""Verifiers that score while a text is written: a prefix of steps as soon as it is complete, the whole in the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from sapo_engine.models.precision import full_precision
from sapo_engine.service.playground.desk import Desk
from sapo_engine.service.playground.models import Key, Models, Run
from sapo_engine.tasks.base import WrittenSolution
from sapo_engine.tasks.typed import Typed
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.verifier.classifiers import Classifier
from sapo_engine.verifier.model import Verifier
from sapo_engine.verifier.scoring import score
from sapo_studio.requests.play import Scorer


@dataclass(frozen=True, slots=True)
class Draft:
    """Steps of a solution, up to a complete one; `ended`: there are no more."""

    steps: tuple[str, ...]
    ended: bool


class StepScorer(Protocol):
    """Scores the steps of solutions of a question."""

    @property
    def keys(self) -> frozenset[Key]:
        """What it is made of."""
        ...

    def scores(
        self, question: Typed, drafts: Sequence[Draft], check: Callable[[], None]
    ) -> list[tuple[float, ...] | None]:
        """v_1..v_n of each draft; None for one that it cannot read: too long, or of words that it does not know.
        `check` is called now and then, and may raise."""
        ...


def load_scorer(models: Models, wanted: Scorer, tell: Callable[[str, float], None]) -> StepScorer:
    """A verifier, ready to score. `tell` hears what is being loaded, and may raise to end it."""
    if wanted.model is not None:
        tell(f"Loading {wanted.model.name}", 0.7)
        classifier, keys = models.classifier(wanted.model)
        return ModelScorer(classifier, keys)
    assert wanted.run is not None
    run = Run(wanted.run, models.device)
    tell(f"Loading V_{wanted.iteration} of {run.folder.name}", 0.7)
    verifier, keys = models.verifier(run, wanted.iteration)
    desk, key = models.desk(run, verifier.base)
    return RunScorer(run.folder, verifier, desk, keys | {key})


class RunScorer:
    """V_i of a run, as `sapo score` has it score written solutions: the steps as texts, each tokenised by itself.
    Implements StepScorer."""

    def __init__(self, run: Path, verifier: Verifier, desk: Desk, keys: frozenset[Key]) -> None:
        self.run = run
        self.verifier = verifier
        self.desk = desk
        self.keys = keys

    def scores(
        self, question: Typed, drafts: Sequence[Draft], check: Callable[[], None]
    ) -> list[tuple[float, ...] | None]:
        """See StepScorer."""
        # By its number it is known in the run of the checkpoint alone; what a verifier reads is the text.
        asked, prompt = self.desk.ask(replace(question, number=None))
        unknown = self.desk.tokenizer.unk_token_id
        texts: list[PromptCompletion] = []
        ends: list[tuple[int, ...]] = []
        readable: list[int] = []
        for place, draft in enumerate(drafts):
            # An empty last step stands for what comes next: the one before it then ends with a line break.
            steps = draft.steps if draft.ended else (*draft.steps, "")
            written = self.desk.builder.from_written(place, WrittenSolution(asked, steps, False, 0))
            own = written.ends[: len(draft.steps)]
            tokens = written.tokens if draft.ended else written.tokens[: own[-1]]
            if len(prompt) + len(tokens) < self.desk.context and unknown not in (*prompt, *tokens):
                texts.append(PromptCompletion(prompt, tokens))
                ends.append(own)
                readable.append(place)
        found: list[tuple[float, ...] | None] = [None] * len(drafts)
        with full_precision(self.verifier.head.weight.device):
            values = score(self.verifier, texts, ends, pad_id=self.desk.pad, tick=lambda _: check()) if texts else []
        for place, row in zip(readable, values, strict=True):
            found[place] = tuple(row)
        return found


class ModelScorer:
    """A classification model. Implements StepScorer."""

    def __init__(self, classifier: Classifier, keys: frozenset[Key]) -> None:
        self.classifier = classifier
        self.keys = keys

    def scores(
        self, question: Typed, drafts: Sequence[Draft], check: Callable[[], None]
    ) -> list[tuple[float, ...] | None]:
        """See StepScorer."""
        found: list[tuple[float, ...] | None] = []
        for draft in drafts:
            check()
            found.append(tuple(self.classifier.score(question.text, draft.steps)))
        return found
