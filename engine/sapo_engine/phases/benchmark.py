"""Phase `benchmark`: written solutions whose steps' truth is known, to measure the verifier and its ceiling on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sapo_engine.models.reasoner import Reasoner
from sapo_engine.phases.codecs import TrajectoriesCodec
from sapo_engine.phases.context import PhaseContext, RunContext
from sapo_engine.phases.rows import emit_trajectories
from sapo_engine.tasks.base import WrittenSolution
from sapo_engine.text.trajectory import Trajectory, TrajectoryDraft
from sapo_studio.config.engine_limits import BENCHMARK_SAMPLES
from sapo_studio.domain.benchmark_coverage import Coverage
from sapo_studio.domain.runs import PhaseName
from sapo_studio.readable import listing


def process_benchmark(run: RunContext, model: Reasoner) -> list[Trajectory]:
    """Solutions of questions that nothing is trained on: those that came with the data, or sampled ones, half of them
    wrong. None where nobody knows the truth of a step."""
    session = run.session

    def work(phase: PhaseContext) -> list[Trajectory]:
        given = session.task.process_benchmark()
        if given is not None:
            odd = [row.name for row in given if row.contradicts]
            if odd:
                phase.log(
                    f"In {len(odd)} of {len(given)} solutions of task.process_data the answer is wrong and no step is: "
                    f"{listing(odd)}. They are measured as the file has them; nothing is trained on the benchmark."
                )
            report_ungraded(phase, given)
            chosen = session.builder.benchmark()
            emit_trajectories(phase, chosen)
            return chosen
        questions = session.task.questions("process")
        if not questions or session.task.first_error(questions[0], questions[0].steps) is None:
            phase.log(
                "This task knows no step's truth: the verifier's accuracy, ceiling and gap are not measured. "
                "task.process_data names a process benchmark."
            )
            return []
        samples = session.sampler.sample(model, questions, "benchmark", BENCHMARK_SAMPLES, tick=phase.progress)
        chosen: list[Trajectory] = []
        balance = 0
        for question, completions in zip(questions, samples, strict=True):
            written = session.builder.trajectories(
                [TrajectoryDraft(question, c.tokens, len(chosen), iteration=0, source="process") for c in completions]
            )
            # Whichever outcome is behind so far, if this question has it.
            want = balance <= 0
            found = next((t for t in written if t.correct == want), written[0])
            balance += 1 if found.correct else -1
            chosen.append(found)
        emit_trajectories(phase, chosen)
        return chosen

    return run.phase(PhaseName.BENCHMARK, 0, work, TrajectoriesCodec())


def report_ungraded(phase: PhaseContext, given: Sequence[WrittenSolution]) -> None:
    """Say on how much of a supplied benchmark MCE and gap can be measured, and why not on the rest."""
    left_out = Counter(row.ungraded for row in given if row.ungraded)
    note = Coverage(len(given) - left_out.total(), left_out.total()).note
    if note:
        why = "; ".join(f"{count:,}: {reason}" for reason, count in left_out.most_common())
        fix = "Rows may have 'answer' or 'tests'; docs/tasks.md says more."
        phase.log(f"{note} Left out, {why}. {fix}", level="warning")
    else:
        phase.log(f"MCE and gap are measured on all {len(given):,} solutions of task.process_data.")
