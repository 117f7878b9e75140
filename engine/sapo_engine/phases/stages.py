"""How each line of the loop is done: one method a phase. The mathematics is elsewhere; here it is put to work
and reported.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sapo_engine.evaluation import accuracy as accuracy_
from sapo_engine.evaluation import labels as labels_
from sapo_engine.evaluation import monte_carlo
from sapo_engine.labeling.expansion import expand
from sapo_engine.labeling.outcome import LabelledRow
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.numbering import BLOCK
from sapo_engine.phases import context
from sapo_engine.phases import evaluate as evaluation
from sapo_engine.phases.align import Alignment
from sapo_engine.phases.codecs import JsonCodec, LabelsCodec, NumbersCodec, TrajectoriesCodec, VerifierCodec
from sapo_engine.phases.context import Phase
from sapo_engine.phases.label import label_wrong, report_costs
from sapo_engine.phases.pairs import Pair, make_pairs
from sapo_engine.phases.rows import ROWS
from sapo_engine.session import Lab
from sapo_engine.tasks.base import Question, WrittenSolution
from sapo_engine.text.prompts import plain_prompt, token_id
from sapo_engine.text.trajectory import Trajectory, TrajectoryDraft
from sapo_engine.training import objectives as optimisers
from sapo_engine.training.trainer import TrainingArgs, TrainingCallback
from sapo_engine.verifier.model import Verifier, fresh_verifier
from sapo_engine.verifier.scoring import Prediction, score
from sapo_engine.verifier.training import Labelled, train_verifier
from sapo_studio.config.engine_limits import BENCHMARK_SAMPLES, CHECKS_AN_EPOCH, WARMUP_SAMPLES
from sapo_studio.config.schema import PAIRED, OptimiserConfig, WarmupConfig
from sapo_studio.domain.calibration import Platt, fit_platt
from sapo_studio.domain.labels import detect
from sapo_studio.domain.metrics import mean_share, self_verification_right
from sapo_studio.domain.runs import PhaseName
from sapo_studio.errors import InputError
from sapo_studio.events.kinds import LabelRow, Labels, PairRow, Pairs, ScoreRow, Scores

SAMPLE_SHARD = 250
HUNTED = 8
"""Samples a question in a hunt for wrong trajectories."""
FEW_PAIRS = 200
"""Fewer pairs than this teach little; the log says so."""


class Stages(Lab):
    """The phases of a run."""

    def sft(self, model: Reasoner) -> Reasoner:
        """M0 = SFT(M, D_org), until the development accuracy is reached."""
        config = self.config.warmup

        def work(phase: Phase) -> Reasoner:
            if config.epochs == 0:
                return model
            texts = [self.text(t) for t in self.solutions([q for q in self.task.questions("train") if q.steps])]
            if not texts:
                raise InputError(
                    "There is nothing to warm up on",
                    why="None of the training questions comes with a solution.",
                    fix="Set warmup.epochs = 0, or add solutions to the data.",
                )
            args = self._recipe(config, self.config.seed)

            def warm_enough(step: int) -> bool:
                reached = accuracy_.accuracy(self, model, "development", "warm-up", WARMUP_SAMPLES).accuracy.value
                phase.curve("development_accuracy", step, reached)
                phase.log(f"Step {step}: {reached:.1%} of samples on the development questions are right")
                return reached >= config.stop_at

            self.bring(model)
            per_epoch = -(-len(texts) // config.batch_size)
            optimisers.sft(
                model.trainable(),
                texts,
                args,
                phase,
                pad_id=self.pad_id,
                state_file=phase.state_file,
                enough=warm_enough if config.stop_at < 1 else None,
                check_every=max(1, per_epoch // CHECKS_AN_EPOCH),
                cool_down=max(1, per_epoch // CHECKS_AN_EPOCH),
            )
            return model

        return self.context.phase(PhaseName.SFT, 0, work, self.models)

    def _recipe(self, config: WarmupConfig | OptimiserConfig, seed: int) -> TrainingArgs:
        return TrainingArgs(
            config.learning_rate,
            config.epochs,
            config.batch_size,
            seed,
            micro_batch=self.config.runtime.micro_batch,
            precision=self.precision,
            group=self.context.group,
        )

    def benchmark(self, model: Reasoner) -> list[Trajectory]:
        """Written solutions of questions that nothing is trained on, half of them wrong, every step's truth known."""

        def work(phase: Phase) -> list[Trajectory]:
            if self.task.process_benchmark() is not None:
                chosen = self.written_benchmark()
                self.send(phase, chosen)
                return chosen
            questions = self.task.questions("process")
            if not questions or self.task.first_error(questions[0], questions[0].steps) is None:
                phase.log(
                    "This task knows no step's truth: the verifier's accuracy, ceiling and gap are not measured. "
                    "task.process_data names a process benchmark."
                )
                return []
            samples = self.sample_many(model, questions, "benchmark", BENCHMARK_SAMPLES, tick=phase.progress)
            chosen: list[Trajectory] = []
            balance = 0
            for question, completions in zip(questions, samples, strict=True):
                written = self.cutter.trajectories(
                    [
                        TrajectoryDraft(question, c.tokens, len(chosen), iteration=0, source="process")
                        for c in completions
                    ]
                )
                # Whichever outcome is behind so far, if this question has it.
                want = balance <= 0
                found = next((t for t in written if t.correct == want), written[0])
                balance += 1 if found.correct else -1
                chosen.append(found)
            self.send(phase, chosen)
            return chosen

        return self.context.phase(PhaseName.BENCHMARK, 0, work, TrajectoriesCodec())

    def written_benchmark(self) -> list[Trajectory]:
        """The process benchmark that came with the data, as trajectories; none where none did."""
        return [self._benchmark_row(number, row) for number, row in enumerate(self.task.process_benchmark() or ())]

    def _benchmark_row(self, number: int, row: WrittenSolution) -> Trajectory:
        """A solution that came with its first error known, as tokens. Its steps stay as they were cut."""
        tokens: list[int] = []
        ends: list[int] = []
        for index, step in enumerate(row.steps):
            last = index + 1 == len(row.steps)
            tokens += plain_prompt(self.tokenizer, step if last else step + "\n", special=False)
            ends.append(len(tokens))
        tokens.append(token_id(self.tokenizer.eos_token_id))
        if ends:
            ends[-1] = len(tokens)
        return Trajectory(
            number=number,
            question=row.question.number,
            iteration=0,
            sample=0,
            source="process",
            tokens=tuple(tokens),
            ends=tuple(ends),
            steps=row.steps,
            correct=row.correct,
            answer="",
            truth=row.first_error,
        )

    def sample(self, iteration: int, model: Reasoner) -> list[Trajectory]:
        """S_i = Sample(M_i, D_org): K trajectories a question, equal ones kept once.

        The task's own solutions of these questions come along (source `solution`), for D_0 = S_0 + D_org.
        """
        config = self.config.sampling
        # GRPO samples for itself while it trains; without labels nobody else would look at these.
        idle = self.config.optimiser.kind_at(iteration) == "grpo" and self.config.labeling.labeler == "none"
        questions = [] if idle else self.sampled_questions(iteration)
        count = len(questions)
        place = {question.number: k for k, question in enumerate(questions)}

        def sample_part(at: int) -> bytes:
            part = questions[at : at + SAMPLE_SHARD]
            answers = self.sample_many(model, part, f"sample {iteration}", config.samples)
            drafts: list[TrajectoryDraft] = []
            written = {t.question: t for t in self.solutions([question for question in part if question.steps])}
            solutions: list[Trajectory] = []
            for offset, (question, completions) in enumerate(zip(part, answers, strict=True)):
                base = BLOCK * (iteration + 1) + (at + offset) * config.samples
                copies = Counter(completion.tokens for completion in completions)
                drafts += [
                    TrajectoryDraft(question, tokens, base + sample, iteration=iteration, sample=sample, copies=times)
                    for sample, (tokens, times) in enumerate(copies.items())
                ]
                solution = written.get(question.number)
                if solution is not None and solution.tokens not in copies:
                    solutions.append(solution)
            # A question's solution stands behind its samples.
            rows = sorted(
                [*self.cutter.trajectories(drafts), *solutions], key=lambda t: (place[t.question], t.source, t.number)
            )
            return json.dumps([t.to_json() for t in rows]).encode()

        def work(phase: Phase) -> list[Trajectory]:
            found: list[Trajectory] = []
            for index, at in enumerate(range(0, count, SAMPLE_SHARD)):
                data = phase.shard(index, lambda at=at: sample_part(at))
                part = [Trajectory.from_json(row) for row in json.loads(data)]
                self.send(phase, part)
                found += part
                phase.progress(min(at + SAMPLE_SHARD, count), count)
            phase.metric("sample_tokens", sum(len(t.tokens) * t.copies for t in found if t.source == "sample"))
            return found

        return self.context.phase(PhaseName.SAMPLE, iteration, work, TrajectoriesCodec())

    def subset(self, iteration: int, samples: Sequence[Trajectory]) -> list[Trajectory]:
        """subset(S_i): the wrong trajectories to label, with right ones in the share asked for."""
        config = self.config.labeling
        most = config.trajectories if iteration else config.start_trajectories
        rng = self.rng("subset", iteration)
        wrong = [t for t in samples if t.source == "sample" and not t.correct]
        right = [t for t in samples if t.source == "sample" and t.correct]
        chosen = [wrong[k] for k in sorted(rng.permutation(len(wrong))[:most])]
        count = round(len(chosen) * config.right_share / (1 - config.right_share))
        return chosen + [right[k] for k in sorted(rng.permutation(len(right))[:count])]

    def score(self, iteration: int, verifier: Verifier, samples: Sequence[Trajectory]) -> dict[int, Prediction]:
        """Scores of subset(S_i) by V_{i-1} and the predicted first errors (eq. 8-11)."""

        def work(phase: Phase) -> dict[int, Prediction]:
            return self._score_all(phase, verifier, iteration - 1, self.subset(iteration, samples))

        return self.context.phase(PhaseName.SCORE, iteration, work, NumbersCodec())

    def _score_all(
        self, phase: Phase, verifier: Verifier, version: int, trajectories: Sequence[Trajectory]
    ) -> dict[int, Prediction]:
        """Score with V_`version`, send, and return by trajectory number."""
        found: dict[int, Prediction] = {}
        for at in range(0, len(trajectories), ROWS):
            phase.breathe()
            part = trajectories[at : at + ROWS]
            mine = self.predict(verifier, part)
            found |= mine
            rows = [ScoreRow(trajectory=t, scores=scores, predicted=error) for t, (scores, error) in mine.items()]
            phase.emit(Scores(verifier=version, rows=rows))
            phase.progress(at + len(part), len(trajectories))
        return found

    def predict(self, verifier: Verifier, trajectories: Sequence[Trajectory]) -> dict[int, Prediction]:
        """Scores and predicted first errors, by trajectory number."""
        self.bring(verifier.base)
        texts = [self.text(t) for t in trajectories]

        def work(part: Sequence[int]) -> list[list[float]]:
            return score(verifier, [texts[i] for i in part], [trajectories[i].ends for i in part], pad_id=self.pad_id)

        values = self.context.group.map(range(len(texts)), work, [len(text) for text in texts])
        return {t.number: (scores, detect(scores)) for t, scores in zip(trajectories, values, strict=True)}

    def wrong_trajectories(
        self, model: Reasoner, questions: Sequence[Question], path: str, count: int
    ) -> list[Trajectory]:
        """At most `count` distinct wrong trajectories of `questions`, out of HUNTED samples of each."""
        found: list[Trajectory] = []
        samples = self.sample_many(model, questions, path, HUNTED)
        for question, completions in zip(questions, samples, strict=True):
            distinct = dict.fromkeys(completion.tokens for completion in completions)
            grades = self.cutter.grade([(question, tokens) for tokens in distinct])
            for tokens, grade in zip(distinct, grades, strict=True):
                if not grade.correct:
                    found.append(
                        self.cutter.trajectory(TrajectoryDraft(question, tokens, len(found), iteration=0), grade)
                    )
        order = self.rng(path).permutation(len(found))[:count]
        return [found[k] for k in sorted(order)]

    def label(
        self,
        iteration: int,
        model: Reasoner,
        samples: Sequence[Trajectory],
        predictions: Mapping[int, Prediction],
        calibration: Platt | None = None,
    ) -> list[LabelledRow]:
        """L_i: labels of subset(S_i) and, expanded, of the roll-outs made on the way (eq. 3-5, 12-13). `calibration`
        is that of the verifier behind `predictions`."""
        config = self.config.labeling
        labeler = config.labeler if iteration else config.start_labeler
        # M_1 is M_0: its roll-outs are the same reasoner's.
        version = max(iteration, 1)

        def work(phase: Phase) -> list[LabelledRow]:
            began = time.monotonic()
            chosen = self.subset(iteration, samples)
            right = [t for t in chosen if t.correct]
            wrong = {t.number: t for t in chosen if not t.correct}
            rows = [LabelRow(trajectory=t.number, labels="1" * t.n, case="right") for t in right]
            expanded: list[LabelledRow] = []
            if labeler == "outcome":
                rows += [LabelRow(trajectory=t.number, labels="0" * t.n, case="outcome") for t in wrong.values()]
                phase.emit(Labels(iteration=iteration, source=labeler, rows=rows))
            else:
                phase.emit(Labels(iteration=iteration, source=labeler, rows=rows))
                outcome = label_wrong(
                    self, phase, model, version, labeler, list(wrong.values()), predictions, calibration or Platt()
                )
                rows += outcome.rows
                report_costs(self, phase, labeler, wrong, outcome, model.parameters_in_all())
                if config.expansion:
                    expanded = expand(self, iteration, wrong, outcome)
            by_number = {t.number: t for t in chosen}
            labelled = [(by_number[row.trajectory], row.labels) for row in rows]
            labels_.label_accuracy(phase, labelled)
            for case, count in sorted(Counter(row.case for row in rows).items()):
                phase.metric(f"case_{case}", count)
            if predictions and labeler != "outcome":
                changed = [
                    0.0
                    if self_verification_right(
                        by_number[row.trajectory].correct, predictions[row.trajectory][0], row.case
                    )
                    else 1.0
                    for row in rows
                ]
                context.send_share(phase, "self_verification_error", mean_share(changed))
            expanded = self._choose_expansion(iteration, len(labelled), expanded)
            self.send(phase, [t for t, _ in expanded])
            phase.emit(
                Labels(
                    iteration=iteration,
                    source="expansion",
                    rows=[LabelRow(trajectory=t.number, labels=labels, case="expansion") for t, labels in expanded],
                )
            )
            phase.metric("labelled", len(labelled))
            phase.metric("label_seconds", time.monotonic() - began)
            return labelled + expanded

        return self.context.phase(PhaseName.LABEL, iteration, work, LabelsCodec())

    def _choose_expansion(self, iteration: int, labelled: int, expanded: list[LabelledRow]) -> list[LabelledRow]:
        """As many expanded roll-outs as the verifier's training has room for."""
        room = max(0, self.config.verifier.max_trajectories - labelled)
        order = self.rng("expansion", iteration).permutation(len(expanded))[:room]
        return [expanded[k] for k in sorted(order)]

    def train_verifier(self, iteration: int, model: Reasoner, labels: Sequence[LabelledRow]) -> Verifier:
        """V_i = TrainVerifier(init M_i, labels): a fresh head on the current reasoner."""

        def work(phase: Phase) -> Verifier:
            tokens = sum(len(self.prompt(t.question)) + len(t.tokens) for t, _ in labels)
            phase.metric("verifier_tokens", tokens * self.config.verifier.epochs)
            verifier = self.fit_verifier(iteration, model, labels, phase, state_file=phase.state_file)
            verifier.calibration = self.calibration(verifier, labels)
            return verifier

        return self.context.phase(PhaseName.VERIFIER, iteration, work, self.verifiers(model))

    def calibration(self, verifier: Verifier, labels: Sequence[LabelledRow]) -> Platt:
        """What makes the scores of wrong trajectories probabilities. Their last step is left out: it is known to be
        wrong; expanded roll-outs too: the search never meets their like.
        """
        wrong = [(t, marks) for t, marks in labels if not t.correct and t.source == "sample"]
        scores = self.predict(verifier, [t for t, _ in wrong])
        known = [
            (value, mark == "1")
            for t, marks in wrong
            for value, mark in zip(scores[t.number][0][:-1], marks[:-1], strict=True)
            if mark != "?"
        ]
        return fit_platt([value for value, _ in known], [right for _, right in known])

    def verifiers(self, reasoner: Reasoner) -> VerifierCodec:
        """How verifiers trained from `reasoner` lie on disk."""
        config = self.config.verifier
        return VerifierCodec(self.tokenizer, self.device, reasoner, config, self.adapters, self.precision)

    def fit_verifier(
        self,
        iteration: int,
        model: Reasoner,
        labels: Sequence[LabelledRow],
        callback: TrainingCallback,
        *,
        head: Literal["scalar", "likelihood"] | None = None,
        state_file: Path | None = None,
    ) -> Verifier:
        """Train a verifier on `labels`; `head` instead of the configured one."""
        config = self.config.verifier
        config = config.model_copy(update={"head": head}) if head else config
        seed = int(self.rng("verifier", iteration).integers(2**31))
        verifier = fresh_verifier(model, config, self.adapters, seed=seed, precision=self.precision)
        self.bring(verifier.base)
        verifier.head.to(self.device)
        return train_verifier(
            verifier,
            [Labelled(self.text(t), t.ends, marks) for t, marks in labels],
            config,
            callback,
            seed=seed,
            pad_id=self.pad_id,
            micro_batch=self.config.runtime.micro_batch,
            group=self.context.group,
            state_file=state_file,
        )

    def rate(self, iteration: int, verifier: Verifier, pool: Sequence[Trajectory]) -> dict[int, float]:
        """r(tau) = mean_j v_j with V_i over D_i (eq. 14)."""

        def work(phase: Phase) -> dict[int, float]:
            found = self._score_all(phase, verifier, iteration, pool)
            rewards = {number: float(np.mean(scores)) for number, (scores, _) in found.items()}
            phase.metric("mean_reward", float(np.mean(list(rewards.values()))), n=len(rewards))
            return rewards

        return self.context.phase(PhaseName.RATE, iteration, work, NumbersCodec())

    def answer_rewards(self, pool: Sequence[Trajectory]) -> dict[int, float]:
        """Rewards by the final answer alone."""
        return {t.number: float(t.correct) for t in pool}

    def pairs(self, iteration: int, pool: Sequence[Trajectory], rewards: Mapping[int, float]) -> list[Pair]:
        """Winner and loser of the same question with r(winner) - r(loser) >= eta (eq. 15)."""
        config = self.config.optimiser
        by_number = {t.number: t for t in pool}

        def work(phase: Phase) -> list[list[Any]]:
            mine = [t for t in pool if config.history == "all" or t.iteration == iteration]
            ranks = self.answer_rewards(pool) if config.reward == "answer" else rewards
            seed = int(self.rng("pairs", iteration).integers(2**31))
            candidates = make_pairs(mine, ranks, per_question=config.pairs_per_question, seed=seed)
            good = [k for k, pair in enumerate(candidates) if pair.margin >= config.eta]
            chosen = {good[k] for k in self.rng("few", iteration).permutation(len(good))[: config.max_pairs]}
            first = BLOCK * (iteration + 1)
            for at in range(0, len(candidates), ROWS):
                rows = [
                    PairRow(
                        number=first + at + k,
                        question=pair.winner.question,
                        winner=pair.winner.number,
                        loser=pair.loser.number,
                        margin=pair.margin,
                        used=at + k in chosen,
                    )
                    for k, pair in enumerate(candidates[at : at + ROWS])
                ]
                phase.emit(Pairs(iteration=iteration, rows=rows))
            phase.metric("pairs", len(candidates))
            phase.metric("pairs_used", len(chosen))
            if config.kind_at(iteration) in PAIRED and len(chosen) < FEW_PAIRS:
                phase.log(
                    f"Only {len(chosen)} of {len(candidates)} pairs reach eta = {config.eta}: the alignment has little "
                    "to learn from. Look at the margin histogram and lower eta, or sample more.",
                    "warning",
                )
            return [
                [candidates[k].winner.number, candidates[k].loser.number, candidates[k].margin] for k in sorted(chosen)
            ]

        rows = self.context.phase(PhaseName.PAIRS, iteration, work, JsonCodec())
        return [Pair(by_number[winner], by_number[loser], margin) for winner, loser, margin in rows]

    def align(self, iteration: int, model: Reasoner, pairs: Sequence[Pair], pool: Sequence[Trajectory]) -> Reasoner:
        """M_{i+1} = ORPO(M_i, P_i) (eq. 16-17), or one of the other optimisers; guarded on the development
        questions.
        """
        args = self._recipe(self.config.optimiser, int(self.rng("align", iteration).integers(2**31)))

        def work(phase: Phase) -> Reasoner:
            return Alignment(self, phase, iteration, args).of(model, pairs, pool)

        return self.context.phase(PhaseName.ALIGN, iteration, work, self.models)

    def evaluate(
        self,
        iteration: int,
        model: Reasoner,
        aligned: Reasoner,
        verifier: Verifier | None,
        benchmark: Sequence[Trajectory],
    ) -> None:
        """All metrics of the iteration: accuracies of M_{i+1} (`aligned`), V_i and the ceiling by M_i (`model`)."""
        version = max(iteration, 1)

        def work(phase: Phase) -> list[str]:
            evaluation.reasoner_metrics(self, phase, aligned)
            if verifier is None or not any(t.truth is not None for t in benchmark):
                return []
            scores = self._score_all(phase, verifier, iteration, benchmark)
            # M_1 is M_0: the ceiling of iteration 1 is that of iteration 0.
            labels = (
                self._ceiling
                if iteration == 1 and self._ceiling
                else monte_carlo.monte_carlo_labels(self, phase, model, version, benchmark)
            )
            evaluation.verifier_metrics(phase, benchmark, [scores[t.number][0] for t in benchmark], labels)
            return list(labels)

        self._ceiling: list[str] = self.context.phase(PhaseName.EVALUATE, iteration, work, JsonCodec())
