"""Phase `align`: M_{i+1} = ORPO(M_i, P_i) (eq. 16-17), or one of the other optimisers, guarded on the development
questions."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence

import numpy as np

from sapo_engine.evaluation.accuracy import Sampled, accuracy
from sapo_engine.models.reasoner import Reasoner, clone, discard
from sapo_engine.phases.codecs import reasoner_codec
from sapo_engine.phases.context import PhaseContext, RunContext
from sapo_engine.phases.grpo import grpo
from sapo_engine.phases.pairs import Pair
from sapo_engine.phases.sample import sampled_questions
from sapo_engine.text.trajectory import Trajectory
from sapo_engine.training import objectives
from sapo_engine.training.batching import PromptCompletion
from sapo_studio.domain.runs import PhaseName


def align(
    run: RunContext, iteration: int, model: Reasoner, pairs: Sequence[Pair], pool: Sequence[Trajectory]
) -> Reasoner:
    """M_{i+1}, out of M_i = `model`, which stays as it is."""

    def work(phase: PhaseContext) -> Reasoner:
        return Alignment(phase, iteration).of(model, pairs, pool)

    return run.phase(PhaseName.ALIGN, iteration, work, reasoner_codec(run.session))


class Alignment:
    """The alignment of one iteration."""

    def __init__(self, phase: PhaseContext, iteration: int) -> None:
        self.phase = phase
        self.iteration = iteration
        self.session = phase.context.session
        self.config = self.session.config.optimiser
        seed = int(self.session.rng("align", iteration).integers(2**31))
        self.args = self.session.training_args(self.config, seed)
        self.kind = self.config.kind_at(iteration)
        self.training_share = 1.0
        """Of the phase's work: the rest is the guard's."""

    def of(self, model: Reasoner, pairs: Sequence[Pair], pool: Sequence[Trajectory]) -> Reasoner:
        """`model` aligned, or `model` itself where the guard keeps it."""
        aligned = clone(model, self.session.adapters)
        if self.kind == "grpo":
            questions = sampled_questions(self.session, self.iteration)
            part = self._part_beside_guard(len(questions) * self.session.config.sampling.samples)
            with part, self.session.placement.training(aligned):
                generated, trained = grpo(self.phase, self.iteration, aligned, questions, self.args)
            self.phase.metric("align_generated_tokens", generated)
            self.phase.metric("align_tokens", trained)
            return self._guard(model, aligned)
        if self.kind == "sft":
            right = [self.session.text(t) for t in self._right_answers(pool)]
            with self._part_beside_guard(len(right)):
                tokens = self._imitate(aligned, right)
        else:
            texts = [(self.session.text(p.winner), self.session.text(p.loser)) for p in pairs]
            with self._part_beside_guard(2 * len(texts)):
                tokens = self._prefer(model, aligned, texts)
        self.phase.metric("align_tokens", tokens * self.config.epochs)
        return self._guard(model, aligned)

    def _part_beside_guard(self, texts: int) -> contextlib.AbstractContextManager[None]:
        """The training on so many texts, as a part of the phase: a text that is trained on takes about as long as one
        that the guard has written."""
        trained = texts * self.config.epochs
        written = 0 if self.config.guard == "off" else 2 * self._guarded
        self.training_share = trained / (trained + written) if trained + written else 1.0
        return self.phase.part(self.training_share)

    @property
    def _guarded(self) -> int:
        """Solutions that the guard has either reasoner write."""
        return len(self.session.task.questions("development")) * self.session.config.evaluation.samples

    def _imitate(self, aligned: Reasoner, texts: Sequence[PromptCompletion]) -> int:
        """Fine-tune on texts; their tokens."""
        if texts:
            with self.session.placement.training(aligned):
                objectives.sft(
                    aligned.trainable(),
                    texts,
                    self.args,
                    self.phase,
                    pad_id=self.session.pad_id,
                    state_file=self.phase.state_file,
                )
        return sum(len(text) for text in texts)

    def _right_answers(self, pool: Sequence[Trajectory]) -> list[Trajectory]:
        """What rejection sampling trains on: distinct right answers, a few a question."""
        right = [t for t in pool if t.correct and (self.config.history == "all" or t.iteration == self.iteration)]
        taken: Counter[int] = Counter()
        few: list[Trajectory] = []
        for k in self.session.rng("rft", self.iteration).permutation(len(right)):
            if taken[right[k].question] < self.config.pairs_per_question and len(few) < self.config.max_pairs:
                taken[right[k].question] += 1
                few.append(right[k])
        return few

    def _prefer(self, model: Reasoner, aligned: Reasoner, pairs: objectives.Pairs) -> int:
        """Train `aligned`, a copy of `model`, on pairs; their tokens."""
        config, pad_id, state_file = self.config, self.session.pad_id, self.phase.state_file
        if pairs and self.kind == "orpo":
            with self.session.placement.training(aligned):
                objectives.orpo(
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
            self.session.placement.place(model)
            before = objectives.preferences(model.activate(), pairs, self.args, pad_id=pad_id)
            with self.session.placement.training(aligned):
                objectives.dpo(
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
        phase, samples, count = self.phase, self.session.config.evaluation.samples, self._guarded

        def measured(model: Reasoner, behind: int) -> Sampled:
            def tick(done: int, _: int) -> None:
                phase.progress(behind + done, 2 * count)

            return accuracy(self.session, model, "development", "guard", samples, tick=tick)

        with self.session.meter.measuring(), phase.part(1 - self.training_share):
            was, is_ = measured(before, 0), measured(after, count)
        phase.share("dev_accuracy_before", was.accuracy)
        phase.share("dev_accuracy_after", is_.accuracy)
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
        if worse and self.config.guard == "keep":
            discard(after)
            return before
        return after
