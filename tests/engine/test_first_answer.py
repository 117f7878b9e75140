"""A completion that goes on with a question of its own ends, for all that is made of it, with its first answer."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sapo_engine.labeling.labelers import checker_for
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.phases.context import RunContext
from sapo_engine.phases.sample import sample
from sapo_engine.rollouts import Completion
from sapo_engine.session import RunSession
from sapo_engine.text.trajectory import TrajectoryDraft
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


def session_in(folder: Path) -> RunSession:
    """Of a run that is answered by Talkative."""
    data = gsm8k_file(folder / "train.jsonl", 60)
    model = write_model(folder / "model", "llama")
    sizes = {"development_questions": 20, "test_questions": 20}
    config = parse_config(
        {
            "task": {"kind": "gsm8k", "train_data": str(data), "max_new_tokens": 400, **sizes},
            "model": {"source": str(model)},
            "warmup": {"epochs": 0},
            "sampling": {"questions": 10, "start_questions": 10, "samples": 4},
            "iterations": 1,
        }
    )
    made = RunSession(config, folder, CPU)
    talkative = Talkative(made)
    made.pool.backend = lambda _: talkative
    return made


@pytest.fixture
def session(tmp_path):
    made = session_in(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """What reads texts in such a run: nothing is changed of it."""
    made = session_in(tmp_path_factory.mktemp("run"))
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


def test_a_sample_is_decoded_once(session, monkeypatch):
    question = session.task.questions("train")[0]
    tokens = tuple(session.tokenizer(session.task.join(question.steps), add_special_tokens=False)["input_ids"])
    decoded = []
    inner = session.builder._decode
    monkeypatch.setattr(session.builder, "_decode", lambda ids: decoded.append(tuple(ids)) or inner(ids))
    completion = session.sampler.up_to_answer(Completion(tokens, finished=False))
    (trajectory,) = session.builder.trajectories([TrajectoryDraft(question, completion.tokens, 1, iteration=0)])
    assert session.builder.grade([(question, completion.tokens)])[0].correct
    assert trajectory.correct
    assert decoded == [tokens]


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


def written(watch, tokens, every=16):
    """How many of `tokens` a sampler writes that asks `watch` after each `every`."""
    looks = (at for at in range(every, len(tokens) + 1, every) if watch.ended(tokens[at - every : at]))
    return next(looks, len(tokens))


GOING_ON = [
    TAIL,
    "\nQ: 2 + 2?\n#### 4\n",
    "\n\n### Problem 2\nMore of it\n#### 4\n",
    "\n\nA crate holds 12 jars and there are 3 crates. How many jars are there?\n#### 36\nand so on and on and on",
    "<|im_end|>\n<|im_start|>user\nAnd 3 * 12?\n#### 36",
    "\nHuman: and 3 * 12?\nAssistant: 36\n#### 36",
    "\nProblem 3 is solved with it, as can be seen.\nQuestion: is it?\n#### 4",
    "\nÄ 世界 \U0001f600\n\nFrage: wie viele?\nQuestion: wie viele?\n#### 4\n\n\n",
]
STAYING = [
    "\nWait, is that right for 12 crates and 3 jars in each of them?\n12 * 3 = 36\n#### 36",
    "\n#### The work is done. That is: all of it.\nTime: 3:40\n",
    "\nProblem 3 is solved with it, as can be seen. " * 4,
    "<|im_end|><|im_end|><|endoftext|>\n\n\n",
    "\n" * 40,
]


@pytest.mark.parametrize("every", [1, 2, 3, 16])
@pytest.mark.parametrize("rest", [*GOING_ON, *STAYING])
def test_a_sampler_may_stop_where_first_answer_would_cut_and_nowhere_else(reader, rest, every):
    tokens = tuple(
        reader.tokenizer("2 + 2 = 4, mark: ok\n#### 48" + rest + rest, add_special_tokens=False)["input_ids"]
    )
    watch = reader.builder.watch((5, 6, 7))
    count = written(watch(), tokens, every)
    kept = reader.builder.first_answer(tokens)
    assert reader.builder.first_answer(tokens[:count]) == kept
    assert (count < len(tokens)) == (kept is not tokens) == (rest in GOING_ON)
    # What was written before belongs to the completion.
    assert len(kept) >= 20
    rest_of_it = reader.builder.watch((5, 6, 7), tokens[:20])
    count = 20 + written(rest_of_it(), tokens[20:], every)
    assert reader.builder.first_answer(tokens[:count]) == kept
    assert (count < len(tokens)) == (kept is not tokens)


PIECES = [
    *("####", " 48", "48", "\n", "\n\n", "Question", ":", " Question:", " Q:", "Problem", " 3", ".", "?", "###"),
    *("How many of 5 are in", "a b c d e f g 7", "\\boxed{", "}", "The answer is", "Answer:", " Instruction", "Q"),
    *("<|im_end|>", "<|im_start|>user", "[INST]", "Wait", "é", "İ", "**"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join), st.sampled_from([1, 5, 16]))
@settings(max_examples=150)
def test_stopping_changes_nothing_of_what_is_kept(reader, text, every):
    tokens = tuple(reader.tokenizer(text, add_special_tokens=False)["input_ids"])
    count = written(reader.builder.watch(())(), tokens, every)
    assert reader.builder.first_answer(tokens[:count]) == reader.builder.first_answer(tokens)


def test_a_thought_that_the_prompt_has_opened_is_waited_for(reader):
    def tokens_of(text):
        return tuple(reader.tokenizer(text, add_special_tokens=False)["input_ids"])

    text = tokens_of("#### 3\nQuestion: so is it 3?\n#### 4\n</think>\n#### 48\nQuestion: and then?\nYes.\n" + "x" * 40)
    whole = reader.builder.watch(tokens_of("What is it?"))
    thinking = reader.builder.watch(tokens_of("What is it?<think>\n"))
    closed = reader.builder.watch(tokens_of("What is it?<think>\n</think>"))
    assert written(whole(), text) == written(closed(), text) < 40
    count = written(thinking(), text)
    assert count < len(text)
    assert reader.builder.first_answer(text[:count]) == reader.builder.first_answer(text)


def test_every_request_of_a_run_is_watched_where_the_task_runs_on(session, tmp_path):
    question = session.task.questions("train")[0]
    assert session.sampler.request(question.number, (1, 2)).watch is not None
    lab = RunSession(parse_config({"model": {"source": "bundled:lab"}}), tmp_path, CPU)
    assert lab.sampler.request(lab.task.questions("train")[0].number, (1, 2)).watch is None
    lab.close()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("2 + 2 = 4\n#### 4", None),
        ("2 + 2 = 4\n#### 4" + TAIL, "2 + 2 = 4\n#### 4"),
        ("Question: is this mine?\n#### 4", None),
    ],
)
def test_only_what_follows_an_answer_is_cut(reader, text, kept):
    tokens = tuple(reader.tokenizer(text, add_special_tokens=False)["input_ids"])
    found = reader.builder.first_answer(tokens)
    assert reader.builder.text_of(found).rstrip() == (kept or text)
    assert (found is tokens) == (kept is None)
