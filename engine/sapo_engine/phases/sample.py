"""Phase `sample`: S_i = Sample(M_i, D_org)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from sapo_engine.evaluation.accuracy import Tick
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.numbering import BLOCK
from sapo_engine.phases.codecs import TrajectoriesCodec
from sapo_engine.phases.context import PhaseContext, RunContext
from sapo_engine.phases.rows import emit_trajectories
from sapo_engine.session import RunSession
from sapo_engine.tasks import Question
from sapo_engine.text.trajectory import Trajectory, TrajectoryDraft
from sapo_studio.domain.metrics import Share, ratio_share
from sapo_studio.domain.runs import PhaseName

SAMPLE_SHARD = 250
"""Questions that are sampled between two looks at what the run is asked to do."""


def sample(run: RunContext, iteration: int, model: Reasoner) -> list[Trajectory]:
    """K trajectories a question, equal ones kept once.

    The task's own solutions of these questions come along (source `solution`), for D_0 = S_0 + D_org.
    """
    config = run.config
    # GRPO samples for itself while it trains; without labels nobody else would look at these.
    idle = config.optimiser.kind_at(iteration) == "grpo" and config.labeling.labeler == "none"
    questions = [] if idle else sampled_questions(run.session, iteration)
    count = len(questions)

    def work(phase: PhaseContext) -> list[Trajectory]:
        found: list[Trajectory] = []
        for index, at in enumerate(range(0, count, SAMPLE_SHARD)):
            part = questions[at : at + SAMPLE_SHARD]

            def tick(done: int, total: int, part: int = len(part), at: int = at) -> None:
                phase.progress(at + done * part // max(total, 1), count)

            data = phase.shard(
                index,
                lambda part=part, at=at, tick=tick: _sample_part(run.session, iteration, model, part, at, tick),
            )
            rows = [Trajectory.from_json(row) for row in json.loads(data)]
            emit_trajectories(phase, rows)
            found += rows
            phase.progress(at + len(part), count)
        cut = sum(t.copies for t in found if t.source == "sample" and run.session.builder.stopped_early(t.tokens))
        if cut:
            phase.metric("ran_on", cut)
        phase.share("cut_off", _cut_off(run.session, found))
        phase.metric("sample_tokens", sum(len(t.tokens) * t.copies for t in found if t.source == "sample"))
        return found

    return run.phase(PhaseName.SAMPLE, iteration, work, TrajectoriesCodec())


def _cut_off(session: RunSession, found: Sequence[Trajectory]) -> Share:
    """Share of the samples that ended at the length limit, by question."""
    cut: Counter[int] = Counter()
    copies: Counter[int] = Counter()
    for t in found:
        if t.source == "sample":
            copies[t.question] += t.copies
            cut[t.question] += t.copies * session.builder.cut_off(t.tokens)
    return ratio_share([cut[question] for question in copies], list(copies.values()))


def sampled_questions(session: RunSession, iteration: int) -> list[Question]:
    """The training questions that the iteration samples from. Each goes on where the last one stopped in a fixed
    shuffle of all questions."""
    config = session.config.sampling
    train = session.task.questions("train")
    count = min(config.questions if iteration else config.start_questions, len(train))
    order = session.rng("questions").permutation(len(train))
    begin = config.start_questions + (iteration - 1) * config.questions if iteration else 0
    return [train[order[(begin + k) % len(train)]] for k in range(count)]


def _sample_part(
    session: RunSession, iteration: int, model: Reasoner, questions: Sequence[Question], first: int, tick: Tick
) -> bytes:
    """A shard: the samples of `questions`, the iteration's from `first` on, each question's solution behind them.
    `tick` counts samples."""
    samples = session.config.sampling.samples
    answers = session.sampler.sample(model, questions, f"sample {iteration}", samples, tick=tick)
    drafts: list[TrajectoryDraft] = []
    written = {t.question: t for t in session.builder.solutions([q for q in questions if q.steps])}
    solutions: list[Trajectory] = []
    for offset, (question, completions) in enumerate(zip(questions, answers, strict=True)):
        base = BLOCK * (iteration + 1) + (first + offset) * samples
        copies = Counter(completion.tokens for completion in completions)
        drafts += [
            TrajectoryDraft(question, tokens, base + number, iteration=iteration, sample=number, copies=times)
            for number, (tokens, times) in enumerate(copies.items())
        ]
        solution = written.get(question.number)
        if solution is not None and solution.tokens not in copies:
            solutions.append(solution)
    place = {question.number: k for k, question in enumerate(questions)}
    rows = sorted(
        [*session.builder.trajectories(drafts), *solutions], key=lambda t: (place[t.question], t.source, t.number)
    )
    return json.dumps([t.to_json() for t in rows]).encode()
