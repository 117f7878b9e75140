"""A completion that goes on with a question of its own ends, for all that is made of it, with its first answer."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sapo_engine.labeling.labelers import checker_for
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.phases.context import RunContext
from sapo_engine.phases.sample import sample
from sapo_engine.rollouts import Completion
from sapo_engine.session import RunSession
from sapo_studio.config.phase_plan import plan
from sapo_studio.config.schema import parse_config
from sapo_studio.domain.ledger import Usage
from sapo_studio.domain.runs import PhaseName
from sapo_studio.events import kinds as k
from tests.fixtures.tiny_models import write_model
from tests.fixtures.written_tasks import gsm8k_file

CPU = torch.device("cpu")
TAIL = "\n\nQuestion: How much are two more?\nAnswer:\n2 + 2 = 4\n#### 4"


class Talkative:
    """Writes each question's own solution, every second time with a question behind it; never ends a text."""

    def __init__(self, session: RunSession) -> None:
        self.usage = Usage()
        tokenizer = session.tokenizer
        self.known = {session.prompts.of(q.number): session.task.join(q.steps) for q in session.questions.values()}
        self.encode = lambda text: tuple(tokenizer(text, add_special_tokens=False)["input_ids"])

    def generate(self, requests, *, temperature, tick=None):
        found = []
        for request in requests:
            prompt = max((p for p in self.known if request.prompt[: len(p)] == p), key=len)
            written = len(request.prompt) - len(prompt)
            texts = [self.encode(self.known[prompt] + (TAIL if n % 2 else "")) for n, _ in enumerate(request.keys)]
            found.append([Completion(tokens[written:], finished=False) for tokens in texts])
        return found


@pytest.fixture
def session(tmp_path):
    data = gsm8k_file(tmp_path / "train.jsonl", 60)
    folder: Path = write_model(tmp_path / "model", "llama")
    sizes = {"development_questions": 20, "test_questions": 20}
    config = parse_config(
        {
            "task": {"kind": "gsm8k", "train_data": str(data), "max_new_tokens": 400, **sizes},
            "model": {"source": str(folder)},
            "warmup": {"epochs": 0},
            "sampling": {"questions": 10, "start_questions": 10, "samples": 4},
            "iterations": 1,
        }
    )
    made = RunSession(config, tmp_path, CPU)
    talkative = Talkative(made)
    made.pool.backend = lambda _: talkative
    yield made
    made.close()


def test_samples_are_cut_counted_and_graded_by_their_first_answer(session):
    events = []
    run = RunContext(session, plan(session.config), events.append)
    run._next = next(p.ordinal for p in run.plan if p.name == PhaseName.SAMPLE)
    found = [t for t in sample(run, 0, Reasoner(None)) if t.source == "sample"]
    assert len(found) == 10  # the cut text and the whole one are the same solution
    for trajectory in found:
        question = session.questions[trajectory.question]
        assert session.builder.text_of(trajectory.tokens) == session.task.join(question.steps)
        assert trajectory.correct
        assert trajectory.copies == 4
    (ran_on,) = (e.value for e in events if isinstance(e, k.Metric) and e.name == "ran_on")
    assert ran_on == 40  # none of them was ended by the reasoner itself


def test_rollouts_are_cut_too(session):
    question = session.task.questions("train")[0]
    (trajectory,) = session.builder.solutions([question])
    checker = checker_for(session, Reasoner(None), 1, 2, 2)
    assert checker.check([(trajectory, 1)], {trajectory.number: _Cost()}) == [True]
    ((_, result),) = checker.known.items()
    whole = session.task.join(question.steps)
    begun = trajectory.tokens[: trajectory.ends[0]]
    texts = [session.builder.text_of(begun + rollout.tokens) for rollout in result.rollouts]
    assert texts == [whole, whole]


class _Cost:
    rollouts = tokens = 0


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("2 + 2 = 4\n#### 4", None),
        ("2 + 2 = 4\n#### 4" + TAIL, "2 + 2 = 4\n#### 4"),
        ("Question: is this mine?\n#### 4", None),
    ],
)
def test_only_what_follows_an_answer_is_cut(session, text, kept):
    tokens = tuple(session.tokenizer(text, add_special_tokens=False)["input_ids"])
    found = session.builder.first_answer(tokens)
    assert session.builder.text_of(found).rstrip() == (kept or text)
    assert (found is tokens) == (kept is None)
