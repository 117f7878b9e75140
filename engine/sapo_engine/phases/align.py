"""One alignment: the next reasoner out of this one, by pairs or by right answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from sapo_engine.evaluation import accuracy as accuracy_
from sapo_engine.models.reasoner import Reasoner, clone
from sapo_engine.phases import context
from sapo_engine.phases.context import Phase
from sapo_engine.phases.grpo import grpo
from sapo_engine.phases.pairs import Pair
from sapo_engine.session import Lab
from sapo_engine.text.trajectory import Trajectory
from sapo_engine.training import objectives as optimisers
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.training.trainer import TrainingArgs


class Alignment:
    """The alignment of one iteration."""

    def __init__(self, lab: Lab, phase: Phase, iteration: int, args: TrainingArgs) -> None:
        self.lab = lab
        self.phase = phase
        self.iteration = iteration
        self.args = args
        self.config = lab.config.optimiser
        self.kind = self.config.kind_at(iteration)

    def of(self, model: Reasoner, pairs: Sequence[Pair], pool: Sequence[Trajectory]) -> Reasoner:
        """`model` aligned, or `model` itself where the guard keeps it."""
        aligned = clone(model, self.lab.adapters)
        if self.kind == "grpo":
            generated, trained = grpo(
                self.lab, self.phase, self.iteration, aligned, self.lab.sampled_questions(self.iteration), self.args
            )
            self.phase.metric("align_generated_tokens", generated)
            self.phase.metric("align_tokens", trained)
            return self._guard(model, aligned)
        if self.kind == "sft":
            tokens = self._imitate(aligned, [self.lab.text(t) for t in self._right_answers(pool)])
        else:
            tokens = self._prefer(model, aligned, [(self.lab.text(p.winner), self.lab.text(p.loser)) for p in pairs])
        self.phase.metric("align_tokens", tokens * self.config.epochs)
        return self._guard(model, aligned)

    def _imitate(self, aligned: Reasoner, texts: Sequence[PromptCompletion]) -> int:
        """Fine-tune on texts; their tokens."""
        if texts:
            self.lab.bring(aligned)
            optimisers.sft(
                aligned.trainable(),
                texts,
                self.args,
                self.phase,
                pad_id=self.lab.pad_id,
                state_file=self.phase.state_file,
            )
        return sum(len(text) for text in texts)

    def _right_answers(self, pool: Sequence[Trajectory]) -> list[Trajectory]:
        """What rejection sampling trains on: distinct right answers, a few a question."""
        right = [t for t in pool if t.correct and (self.config.history == "all" or t.iteration == self.iteration)]
        taken: Counter[int] = Counter()
        few: list[Trajectory] = []
        for k in self.lab.rng("rft", self.iteration).permutation(len(right)):
            if taken[right[k].question] < self.config.pairs_per_question and len(few) < self.config.max_pairs:
                taken[right[k].question] += 1
                few.append(right[k])
        return few

    def _prefer(self, model: Reasoner, aligned: Reasoner, pairs: optimisers.Pairs) -> int:
        """Train `aligned`, a copy of `model`, on pairs; their tokens."""
        config, pad_id, state_file = self.config, self.lab.pad_id, self.phase.state_file
        if pairs and self.kind == "orpo":
            self.lab.bring(aligned)
            optimisers.orpo(
                aligned.trainable(),
                pairs,
                self.args,
                self.phase,
                beta=config.beta,
                pad_id=pad_id,
                state_file=state_file,
            )
        elif pairs:
            # What the pull goes back to does not change: it is read once, and the copy then has the card to itself.
            self.lab.bring(model)
            before = optimisers.preferences(model.activate(), pairs, self.args, pad_id=pad_id)
            self.lab.bring(aligned)
            optimisers.dpo(
                aligned.trainable(),
                pairs,
                self.args,
                self.phase,
                before=before,
                beta=config.beta,
                nll=config.nll_weight if self.kind == "rpo" else 0.0,
                pad_id=pad_id,
                state_file=state_file,
            )
        return sum(len(winner) + len(loser) for winner, loser in pairs)

    def _guard(self, before: Reasoner, after: Reasoner) -> Reasoner:
        """The better of the two by sampled accuracy on the development questions, if the guard is to keep it."""
        if self.config.guard == "off":
            return after
        phase, samples = self.phase, self.lab.config.evaluation.samples
        was, is_ = (accuracy_.accuracy(self.lab, m, "development", "guard", samples) for m in (before, after))
        context.send_share(phase, "dev_accuracy_before", was.accuracy)
        context.send_share(phase, "dev_accuracy_after", is_.accuracy)
        change = [(b - a) / samples for a, b in zip(was.right, is_.right, strict=True)]
        # Worse by more than one standard error of the paired difference.
        worse = float(np.mean(change)) < -float(np.std(change)) / len(change) ** 0.5
        phase.metric("guard_kept", float(worse and self.config.guard == "keep"))
        if worse:
            phase.log(
                f"The alignment made sampled accuracy on the development questions fall from {was.accuracy.value:.1%} "
                f"to {is_.accuracy.value:.1%}"
                + ("; the weights before it are kept." if self.config.guard == "keep" else ".")
                + " Try a lower learning rate.",
                "warning",
            )
        return before if worse and self.config.guard == "keep" else after
