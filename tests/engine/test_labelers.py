"""Labelers over a scripted reasoner that succeeds from exactly the prefixes without a mistake."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sapo_engine.labeling.expansion import expand
from sapo_engine.labeling.labelers import MonteCarloChecker, RolloutCost, make_checks, run_labeler
from sapo_engine.labeling.outcome import LabelingOutcome
from sapo_engine.rollouts import Completion, Request
from sapo_engine.tasks.arithmetic import ArithmeticTask
from sapo_engine.text.trajectory import TrajectoryDraft
from sapo_engine.text.trajectory_builder import TrajectoryBuilder
from sapo_studio.config.schema import LabelingConfig, TaskConfig
from sapo_studio.domain.labels import from_first_error, simulate
from sapo_studio.domain.ledger import Usage
from sapo_studio.events.kinds import LabelRow

TASK = ArithmeticTask(
    TaskConfig(train_questions=50, development_questions=20, test_questions=20, process_solutions=20), seed=1
)
TOKENIZER = TASK.build_tokenizer()
BUILDER = TrajectoryBuilder(TASK, TOKENIZER)
QUESTIONS = TASK.questions("train")[:6]
TRIES = 4
CONFIG = LabelingConfig(rollouts=TRIES)
WRONG_END = (*TOKENIZER("1 + 2 = 0")["input_ids"], TOKENIZER.eos_token_id)
"""No answer is 0."""

question_of = {q.number: q for q in QUESTIONS}.__getitem__
prompts = {q.number: (9, 10 + q.number) for q in QUESTIONS}
asked_by = {prompt: number for number, prompt in prompts.items()}


def solution_tokens(question, error=0):
    """The task's own solution; from step `error` on every result is wrong."""
    steps = [
        step if not error or j < error else step.split(" = ")[0] + " = 0" for j, step in enumerate(question.steps, 1)
    ]
    return (*TOKENIZER(TASK.join(steps))["input_ids"], TOKENIZER.eos_token_id)


def wrong(question, error, number):
    """A trajectory whose first wrong step is `error`."""
    (found,) = BUILDER.trajectories([TrajectoryDraft(question, solution_tokens(question, error), number, iteration=1)])
    assert (found.truth, found.correct, found.n) == (error, False, len(question.steps))
    return found


@dataclass
class Scripted:
    """Succeeds from a prefix of the right solution, at an attempt that the prefix decides; never from another."""

    usage: Usage = field(default_factory=Usage)
    attempts: Counter = field(default_factory=Counter)
    keys: dict = field(default_factory=dict)

    def generate(self, requests, *, temperature, tick=None):
        assert temperature == CONFIG.temperature
        answers = []
        for request in requests:
            question = question_of(asked_by[request.prompt[:2]])
            written, right = request.prompt[2:], solution_tokens(question)
            good = right[: len(written)] == written
            completions = []
            for key in request.keys:
                attempt = self.attempts[request.prompt]
                self.attempts[request.prompt] += 1
                self.keys[request.prompt, attempt] = key
                done = good and attempt >= first_success(request.prompt)
                completions.append(Completion(right[len(written) :] if done else WRONG_END, True))
            answers.append(completions)
            self.usage.sequences += len(completions)
            self.usage.generated_tokens += sum(len(c.tokens) for c in completions)
            self.usage.prefill_tokens += len(request.prompt)
        return answers


def first_success(prompt):
    return sum(prompt) % TRIES


def checker_of(backend, wave=2):
    return MonteCarloChecker(
        backend,
        BUILDER,
        {q.number: q for q in QUESTIONS},
        lambda number, keys, written: Request(
            prompts[number] + written, tuple(keys), max(TASK.max_new_tokens - len(written), 8)
        ),
        rollouts=TRIES,
        wave=wave,
        temperature=CONFIG.temperature,
        seed_path=(0, "rollout", 1),
    )


def rollouts_of(checker):
    """Every rollout made so far, in the order of its prefix's first check."""
    return [rollout for result in checker.known.values() for rollout in result.rollouts]


def guess_of(trajectory):
    """A predicted first error that is sometimes right."""
    return 1 + trajectory.number * 7 % trajectory.n


def label(labeler, trajectories, checker):
    return run_labeler(trajectories, lambda _, t: make_checks(CONFIG, labeler, t, None, guess_of(t)), checker)


@st.composite
def many_wrong(draw):
    picks = draw(st.lists(st.tuples(st.sampled_from(QUESTIONS), st.integers(1, 8)), min_size=1, max_size=12))
    return [wrong(q, min(error, len(q.steps)), number) for number, (q, error) in enumerate(picks)]


labelers = pytest.mark.parametrize("labeler", ["sapo", "omega", "shepherd"])
quick = settings(deadline=None, derandomize=True, max_examples=20)


@labelers
@quick
@given(trajectories=many_wrong(), wave=st.integers(1, 5))
def test_verdicts_bills_and_cache(labeler, trajectories, wave):
    backend = Scripted()
    checker = checker_of(backend, wave)
    labeled, usage = label(labeler, trajectories, checker)
    for trajectory, item in zip(trajectories, labeled, strict=True):
        work = make_checks(CONFIG, labeler, trajectory, None, guess_of(trajectory))
        expected, _ = simulate(work, lambda prefix, t=trajectory: prefix < t.truth)
        assert item.trajectory is trajectory
        assert item.verdict == expected
        if labeler != "sapo":
            assert item.verdict.labels == from_first_error(trajectory.truth, trajectory.n)

    # No prefix is tried more often than it takes: to the end of the wave that succeeds, or TRIES times.
    for prompt, times in backend.attempts.items():
        written = prompt[2:]
        good = solution_tokens(question_of(asked_by[prompt[:2]]))[: len(written)] == written
        needed = first_success(prompt) // wave * wave + wave
        assert times == (min(needed, TRIES) if good else TRIES)
    asked = {
        (t.question, t.tokens[: t.ends[prefix - 1]])
        for t in trajectories
        for prefix in simulate(make_checks(CONFIG, labeler, t, None, guess_of(t)), lambda p, t=t: p < t.truth)[1]
    }
    assert {(asked_by[prompt[:2]], prompt[2:]) for prompt in backend.attempts} == asked == set(checker.known)

    assert sum(item.cost.rollouts for item in labeled) == usage.sequences == len(rollouts_of(checker))
    assert sum(item.cost.tokens for item in labeled) == usage.generated_tokens
    assert usage == backend.usage

    again, nothing = label(labeler, trajectories, checker)
    assert nothing == Usage()
    assert [item.verdict for item in again] == [item.verdict for item in labeled]
    assert all(item.cost == RolloutCost() for item in again)


@quick
@given(trajectories=many_wrong())
def test_a_prefix_has_the_same_keys_whoever_asks(trajectories):
    forward, backward, waves = Scripted(), Scripted(), Scripted()
    label("shepherd", trajectories, checker_of(forward))
    label("shepherd", trajectories[::-1], checker_of(backward))
    label("shepherd", trajectories, checker_of(waves, wave=1))
    assert forward.keys == backward.keys
    assert waves.keys.items() <= forward.keys.items()
    assert len(set(forward.keys.values())) == len(forward.keys)


def test_another_reasoner_has_other_keys():
    mine, theirs = Scripted(), Scripted()
    trajectory = wrong(QUESTIONS[0], 3, 0)
    label("shepherd", [trajectory], checker_of(mine))
    other = checker_of(theirs)
    other.seed_path = (0, "rollout", 2)
    label("shepherd", [trajectory], other)
    assert mine.keys.keys() == theirs.keys.keys()
    assert not set(mine.keys.values()) & set(theirs.keys.values())


def test_ticks_say_how_many_are_done():
    trajectories = [wrong(q, 2, number) for number, q in enumerate(QUESTIONS)]
    ticks = []
    run_labeler(
        trajectories, lambda _, t: make_checks(CONFIG, "omega", t, None, 0), checker_of(Scripted()), ticks.append
    )
    assert ticks == sorted(ticks)
    assert ticks[-1] == len(trajectories)


def test_nothing_to_label():
    assert label("sapo", [], checker_of(Scripted())) == ([], Usage())


# -- Expansion


@labelers
@quick
@given(trajectories=many_wrong())
def test_expansion_follows_the_rules(labeler, trajectories):
    checker = checker_of(Scripted())
    labeled, _ = label(labeler, trajectories, checker)
    rows = [LabelRow(trajectory=i.trajectory.number, labels=i.verdict.labels) for i in labeled]
    made = rollouts_of(checker)
    outcome = LabelingOutcome(rows, [(r.trajectory, r.prefix, r.tokens, r.correct) for r in made])
    by_number = {t.number: t for t in trajectories}
    found = expand(BUILDER, {q.number: q for q in QUESTIONS}, 1, by_number, outcome)

    # By the rules, from what was rolled out: the labels of each text that a rollout and its prefix make.
    expected = {}
    for rollout in made:
        parent = by_number[rollout.trajectory]
        labels = next(row.labels for row in rows if row.trajectory == parent.number)
        written = parent.tokens[: parent.ends[rollout.prefix - 1]] + rollout.tokens
        n = BUILDER.cut(written)[1]
        if rollout.correct:
            expected[parent.question, written] = "1" * len(n)
        elif labels[rollout.prefix - 1] == "0":
            upto = labels[: rollout.prefix]
            expected[parent.question, written] = upto + "0" * (len(n) - rollout.prefix)
    for trajectory in trajectories:
        expected.pop((trajectory.question, trajectory.tokens), None)
    assert {(t.question, t.tokens): labels for t, labels in found} == expected
    assert len({t.number for t, _ in found}) == len(found) == len(expected)
    for trajectory, labels in found:
        assert (trajectory.source, trajectory.iteration) == ("expansion", 1)
        assert len(labels) == trajectory.n
        assert trajectory.correct == ("0" not in labels)
