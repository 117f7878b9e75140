"""The phases of a run as amounts of work: tokens written, read and trained on, in the order of Algorithm 1."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sapo_studio.config.engine_limits import BENCHMARK_SAMPLES, CHECKS_AN_EPOCH, ROLLOUT_ROWS, WARMUP_SAMPLES
from sapo_studio.config.phase_plan import plan
from sapo_studio.config.schema import PAIRED, RunConfig
from sapo_studio.domain.labelers.base import Labeler
from sapo_studio.domain.labelers.registry import LABELERS, NONE
from sapo_studio.domain.labelers.shepherd import SHEPHERD
from sapo_studio.domain.labeling_cost import LabelingCost
from sapo_studio.domain.runs import PhaseName
from sapo_studio.forecast.labeling import expected
from sapo_studio.forecast.lengths import Lengths
from sapo_studio.forecast.lengths import lengths as lengths_of

RIGHT = 0.5
"""Assumed share of right trajectories among those sampled."""


@dataclass(frozen=True, slots=True)
class Written:
    """Text to be generated: `sequences` of `tokens` each, from prompts of `prompt` tokens that are read `prompts`
    times; `rows` at a time. `measures`: it only measures, in a phase that does more."""

    sequences: float
    prompts: float
    prompt: float
    tokens: float
    rows: int
    measures: bool = False


@dataclass(frozen=True, slots=True)
class Trained:
    """`steps` of training on `batch` sequences of `length` tokens each, of which `shared` are those of the text before
    it, too (the prompt of a pair, by halves). `who`: "reasoner" or "verifier"."""

    who: str
    steps: float
    batch: int
    length: float
    shared: float = 0.0


@dataclass(frozen=True, slots=True)
class PhaseWork:
    """One phase. `scored` are sequences that a verifier reads, of `length` tokens; `read` are tokens that a reference
    pass reads."""

    name: PhaseName
    iteration: int
    written: tuple[Written, ...] = ()
    trained: tuple[Trained, ...] = ()
    scored: float = 0.0
    length: float = 0.0
    read: float = 0.0
    words: str = ""


def phases(config: RunConfig, lengths: Lengths) -> list[PhaseWork]:
    """All phases, in order. Counts are what the configuration allows; what a run finds (equal samples, few wrong
    trajectories) can make them less."""
    work = _Work(config, lengths)
    of = {
        PhaseName.SFT: work.sft,
        PhaseName.BENCHMARK: work.benchmark,
        PhaseName.SAMPLE: work.sample,
        PhaseName.SCORE: work.score,
        PhaseName.LABEL: work.label,
        PhaseName.VERIFIER: work.verifier,
        PhaseName.RATE: work.rate,
        PhaseName.PAIRS: work.pairs,
        PhaseName.ALIGN: work.align,
        PhaseName.EVALUATE: work.evaluate,
    }
    return [of[PhaseName(phase.name)](phase.iteration) for phase in plan(config)]


class _Work:
    """The work of each phase, by iteration."""

    def __init__(self, config: RunConfig, lengths: Lengths) -> None:
        self.config = config
        self.lengths = lengths
        self.whole = lengths.prompt + lengths.solution

    def _answers(self, questions: float, samples: int) -> Written:
        return Written(
            questions * samples,
            questions,
            self.lengths.prompt,
            self.lengths.solution,
            self.config.runtime.rollout_batch or ROLLOUT_ROWS,
        )

    def _rollouts(self, cost: LabelingCost, wave: int) -> Written:
        batch = self.config.runtime.rollout_batch or ROLLOUT_ROWS
        waves = cost.rollouts / max(1, wave)
        return Written(
            cost.rollouts,
            waves,
            cost.prefill_tokens / waves if waves else 0.0,
            cost.tokens / cost.rollouts if cost.rollouts else 0.0,
            batch,
        )

    def _samples(self, iteration: int) -> int:
        sampling = self.config.sampling
        return (sampling.questions if iteration else sampling.start_questions) * sampling.samples

    def _wrong(self, iteration: int) -> float:
        """Wrong trajectories that are labeled."""
        most = self.config.labeling.trajectories if iteration else self.config.labeling.start_trajectories
        return min(most, (1 - RIGHT) * self._samples(iteration))

    def _labeled(self, iteration: int) -> float:
        """All that are labeled, right ones and expanded rollouts with them."""
        return self._wrong(iteration) / (1 - self.config.labeling.right_share)

    def labeling(self, iteration: int, labeler: Labeler) -> LabelingCost:
        """What labeling costs in this iteration."""
        one = expected(labeler, self.config.labeling, self.lengths.steps, self.lengths.prompt, self.lengths.step)
        return one * self._wrong(iteration)

    def _labeler(self, iteration: int) -> Labeler:
        config = self.config.labeling
        return LABELERS[config.labeler if iteration else config.start_labeler]

    def sft(self, iteration: int) -> PhaseWork:
        config, task = self.config.warmup, self.config.task
        if config.epochs == 0:
            return PhaseWork(PhaseName.SFT, iteration, words="no warm-up")
        steps = config.epochs * task.train_questions / config.batch_size
        looks = CHECKS_AN_EPOCH * config.epochs if config.stop_at < 1 else 0
        return PhaseWork(
            PhaseName.SFT,
            iteration,
            written=(self._answers(looks * task.development_questions, WARMUP_SAMPLES),) if looks else (),
            trained=(Trained("reasoner", steps, config.batch_size, self.whole),),
            words=f"{config.epochs:g} epochs over {task.train_questions:,} solutions"
            + ("; ends sooner where the development accuracy is reached" if looks else ""),
        )

    def benchmark(self, iteration: int) -> PhaseWork:
        task = self.config.task
        if task.kind != "arithmetic":
            return PhaseWork(PhaseName.BENCHMARK, iteration, words="read from its file, if there is one")
        return PhaseWork(
            PhaseName.BENCHMARK,
            iteration,
            written=(self._answers(task.process_solutions, BENCHMARK_SAMPLES),),
            words=f"{BENCHMARK_SAMPLES} samples of {task.process_solutions:,} questions",
        )

    def sample(self, iteration: int) -> PhaseWork:
        samples = self.config.sampling.samples
        questions = self._samples(iteration) // samples
        if self.config.optimiser.kind_at(iteration) == "grpo" and self.config.labeling.labeler == NONE:
            return PhaseWork(PhaseName.SAMPLE, iteration, words="none: GRPO samples for itself")
        return PhaseWork(
            PhaseName.SAMPLE,
            iteration,
            written=(self._answers(questions, samples),),
            words=f"{questions:,} questions, {samples} samples each",
        )

    def score(self, iteration: int) -> PhaseWork:
        count = self._labeled(iteration)
        return PhaseWork(PhaseName.SCORE, iteration, scored=count, length=self.whole, words=f"{count:,.0f} read once")

    def label(self, iteration: int) -> PhaseWork:
        labeler = self._labeler(iteration)
        cost = self.labeling(iteration, labeler)
        if not cost.rollouts:
            return PhaseWork(PhaseName.LABEL, iteration, words="no rollouts")
        wrong = self._wrong(iteration)
        return PhaseWork(
            PhaseName.LABEL,
            iteration,
            written=(self._rollouts(cost, self.config.labeling.wave),),
            words=f"{cost.rollouts:,.0f} rollouts for {wrong:,.0f} incorrect trajectories by {labeler.key}",
        )

    def verifier(self, iteration: int) -> PhaseWork:
        config = self.config.verifier
        count = self._labeled(iteration)
        if self.config.labeling.expansion:
            count += self.labeling(iteration, self._labeler(iteration)).rollouts
        count = min(count, config.max_trajectories)
        return PhaseWork(
            PhaseName.VERIFIER,
            iteration,
            trained=(Trained("verifier", config.epochs * count / config.batch_size, config.batch_size, self.whole),),
            scored=self._wrong(iteration),  # to calibrate it
            length=self.whole,
            words=f"{config.epochs:g} epochs over {count:,.0f} labeled trajectories",
        )

    def rate(self, iteration: int) -> PhaseWork:
        # Equal samples are kept once; of each question the task's own solution comes along.
        count = sum(self._samples(i) * (1 + 1 / self.config.sampling.samples) for i in range(iteration + 1))
        return PhaseWork(
            PhaseName.RATE, iteration, scored=count, length=self.whole, words=f"{count:,.0f} at most, read once"
        )

    def pairs(self, iteration: int) -> PhaseWork:
        return PhaseWork(PhaseName.PAIRS, iteration)

    def align(self, iteration: int) -> PhaseWork:
        config = self.config.optimiser
        first = 0 if config.history == "all" else iteration
        questions = sum(self._samples(i) for i in range(first, iteration + 1)) / self.config.sampling.samples
        items = min(config.max_pairs, questions * config.pairs_per_question)
        kind = config.kind_at(iteration)
        sides = 2 if kind in PAIRED else 1
        whose = "samples of its own" if kind == "grpo" else "pairs" if sides == 2 else "solutions"
        guards = 2 * self.config.task.development_questions if config.guard != "off" else 0
        written = (replace(self._answers(guards, self.config.evaluation.samples), measures=True),) if guards else ()
        if kind == "grpo":  # each pass samples anew, and trains on all of it
            samples = self.config.sampling.samples
            items = self._samples(iteration)
            written += (self._answers(config.epochs * items / samples, samples),)
        return PhaseWork(
            PhaseName.ALIGN,
            iteration,
            written=written,
            read=2 * items * self.whole if kind in ("dpo", "rpo") else 0.0,
            trained=(
                Trained(
                    "reasoner",
                    config.epochs * items / config.batch_size,
                    sides * config.batch_size,
                    self.whole,
                    self.lengths.prompt * (sides - 1) / sides,
                ),
            ),
            words=f"{config.epochs:g} epochs over {items:,.0f} {whose} at most",
        )

    def evaluate(self, iteration: int) -> PhaseWork:
        config, task = self.config.evaluation, self.config.task
        written = [self._answers(task.test_questions, 1), self._answers(task.test_questions, config.samples)]
        words = f"{task.test_questions:,} test questions, once greedy and {config.samples} times sampled"
        for one in config.sets:
            # Never more questions than the data have; only the engine looks into them.
            lengths = lengths_of(one.as_task(task, one.data))
            written.append(
                Written(
                    one.questions * (1 + one.samples),
                    one.questions,
                    lengths.prompt,
                    lengths.solution,
                    self.config.runtime.rollout_batch,
                )
            )
            words += f"; {one.questions:,} questions of {one.name} at most, {1 + one.samples} times"
        known = (task.kind == "arithmetic" or bool(task.process_data)) and bool(self.config.iterations)
        scored = 0.0
        if known and self.config.labeling.labeler != "none":
            scored = float(task.process_solutions)
            words += f"; {scored:,.0f} solutions of the process benchmark"
            if iteration != 1:  # the ceiling of iteration 1 is that of iteration 0
                wave = min(self.config.labeling.wave, config.mce_rollouts)
                labeling = self.config.labeling.model_copy(update={"rollouts": config.mce_rollouts, "wave": wave})
                one = expected(SHEPHERD, labeling, self.lengths.steps, self.lengths.prompt, self.lengths.step)
                written.append(self._rollouts(one * ((1 - RIGHT) * scored), wave))
        return PhaseWork(
            PhaseName.EVALUATE, iteration, written=tuple(written), scored=scored, length=self.whole, words=words
        )


def labeling_costs(config: RunConfig, lengths: Lengths, labelers: Iterable[Labeler]) -> dict[str, LabelingCost]:
    """What each labeler is expected to spend from iteration 1 on, on the same trajectories, by its key."""
    work = _Work(config, lengths)
    rounds = range(1, config.iterations + 1)
    return {one.key: sum((work.labeling(i, one) for i in rounds), LabelingCost()) for one in labelers}
