"""The verifier: scores are read at the right token, whatever else is in the batch, and training lowers the loss."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from sapo_engine.models.loading import fresh_model
from sapo_engine.models.reasoner import Adapters, Reasoner
from sapo_engine.tasks.arithmetic import ArithmeticTask
from sapo_engine.text.trajectory import TrajectoryDraft
from sapo_engine.text.trajectory_builder import TrajectoryBuilder
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.training.trainer import NullCallback
from sapo_engine.verifier.model import Verifier, fresh_verifier, load_verifier, save_verifier
from sapo_engine.verifier.scoring import score
from sapo_engine.verifier.training import VerifierExample, train_verifier
from sapo_studio.config.schema import ModelConfig, TaskConfig, VerifierConfig
from sapo_studio.domain.calibration import Platt
from sapo_studio.domain.labels import from_first_error
from tests.fixtures.trainings import Curve

CPU = torch.device("cpu")
TASK = ArithmeticTask(
    TaskConfig(
        min_steps=3, max_steps=6, train_questions=50, development_questions=20, test_questions=20, process_solutions=20
    ),
    seed=2,
)

ADAPTERS = Adapters(4, 8.0, 0.0)

heads = pytest.mark.parametrize("kind", ["scalar", "likelihood"])


@pytest.fixture(scope="module")
def ground():
    """A small reasoner that knows nothing, its tokenizer, and trajectories of three to six steps."""
    network, tokenizer = fresh_model(ModelConfig(hidden_size=16, layers=2, heads=2), TASK, seed=0)
    reasoner = Reasoner(network.eval())
    builder = TrajectoryBuilder(TASK, tokenizer)
    rows = []
    for number, question in enumerate(TASK.questions("train")[:32]):
        error = number % (len(question.steps) + 1)
        steps = [s if not error or j < error else s.split(" = ")[0] + " = 0" for j, s in enumerate(question.steps, 1)]
        tokens = (*tokenizer(TASK.join(steps))["input_ids"], tokenizer.eos_token_id)
        (trajectory,) = builder.trajectories([TrajectoryDraft(question, tokens, number, iteration=1)])
        rows.append(
            (PromptCompletion(tuple(tokenizer(TASK.prompt(question))["input_ids"]), trajectory.tokens), trajectory)
        )
    return reasoner, tokenizer, rows


def verifier_of(reasoner, kind):
    """A head that looks at everything, so that a wrong token or a wrong position shows."""
    torch.manual_seed(3)
    verifier = Verifier(reasoner, kind).eval()
    torch.nn.init.normal_(verifier.head.weight, std=0.7)
    return verifier


def scores_of(verifier, rows, **more):
    return score(verifier, [text for text, _ in rows], [t.ends for _, t in rows], pad_id=0, **more)


@heads
def test_a_score_depends_on_its_prefix_alone(ground, kind):
    reasoner, _, rows = ground
    verifier = verifier_of(reasoner, kind)
    whole = scores_of(verifier, rows)
    for (text, trajectory), before in zip(rows[:8], whole[:8], strict=True):
        assert len(before) == trajectory.n
        assert all(0 <= value <= 1 for value in before)
        for step, end in enumerate(trajectory.ends):
            after = tuple(2 + (token + 5) % 200 for token in text.completion[end:])
            (changed,) = score(
                verifier, [PromptCompletion(text.prompt, text.completion[:end] + after)], [trajectory.ends], pad_id=0
            )
            assert changed[: step + 1] == pytest.approx(before[: step + 1], abs=1e-5)
            (cut,) = score(
                verifier,
                [PromptCompletion(text.prompt, text.completion[:end])],
                [trajectory.ends[: step + 1]],
                pad_id=0,
            )
            assert cut == pytest.approx(before[: step + 1], abs=1e-5)


@heads
def test_a_score_is_read_at_the_last_token_of_its_step(ground, kind):
    reasoner, _, rows = ground
    verifier = verifier_of(reasoner, kind)
    text, trajectory = rows[0]
    (before,) = scores_of(verifier, rows[:1])
    for step, end in enumerate(trajectory.ends):
        last = (text.completion[end - 1] + 7) % 200 + 2
        changed_text = PromptCompletion(text.prompt, (*text.completion[: end - 1], last, *text.completion[end:]))
        (changed,) = score(verifier, [changed_text], [trajectory.ends], pad_id=0)
        assert changed[:step] == pytest.approx(before[:step], abs=1e-5)
        assert abs(changed[step] - before[step]) > 1e-4


def test_the_scalar_head_sees_the_hidden_state_there(ground):
    reasoner, _, rows = ground
    verifier = verifier_of(reasoner, "scalar")
    text, trajectory = rows[3]
    with torch.inference_mode():
        hidden = reasoner.network.base_model(input_ids=torch.tensor([text.prompt + text.completion])).last_hidden_state[
            0
        ]
        at = [len(text.prompt) + end - 1 for end in trajectory.ends]
        expected = torch.sigmoid(verifier.head(hidden[at])).squeeze(1).tolist()
    assert scores_of(verifier, rows[3:4])[0] == pytest.approx(expected, abs=1e-5)


@heads
def test_padding_and_batch_change_nothing(ground, kind):
    reasoner, _, rows = ground
    verifier = verifier_of(reasoner, kind)
    whole = scores_of(verifier, rows)
    apart = scores_of(verifier, rows, most=1)
    backwards = scores_of(verifier, rows[::-1], most=300)[::-1]
    other_padding = score(verifier, [t for t, _ in rows], [t.ends for _, t in rows], pad_id=9)
    for mine, others in zip(whole, zip(apart, backwards, other_padding, strict=True), strict=True):
        for other in others:
            assert other == pytest.approx(mine, abs=1e-5)


@heads
def test_a_saved_verifier_scores_the_same(ground, kind, tmp_path):
    reasoner, tokenizer, rows = ground
    verifier = verifier_of(reasoner, kind)
    verifier.calibration = Platt(2.5, -1.0)
    save_verifier(verifier, tokenizer, tmp_path / "verifier", ADAPTERS)
    again = load_verifier(tmp_path / "verifier", reasoner=reasoner, config=VerifierConfig(), adapters=ADAPTERS)
    assert (again.kind, again.calibration) == (kind, Platt(2.5, -1.0))
    assert scores_of(again, rows) == scores_of(verifier, rows)
    verifier.calibration = None
    save_verifier(verifier, tokenizer, tmp_path / "plain", ADAPTERS)
    again = load_verifier(tmp_path / "plain", reasoner=reasoner, config=VerifierConfig(), adapters=ADAPTERS)
    assert again.calibration is None


def examples_of(rows):
    return [VerifierExample(text, t.ends, from_first_error(t.truth, t.n)) for text, t in rows]


def train_on(reasoner, examples, kind, callback=None):
    config = VerifierConfig(head=kind, epochs=20, batch_size=8, learning_rate=3e-3)
    verifier = fresh_verifier(reasoner, config, ADAPTERS, seed=1)
    return train_verifier(verifier, examples, config, callback or NullCallback(), seed=1, pad_id=0)


@heads
def test_training_lowers_the_loss_and_leaves_the_reasoner_alone(ground, kind):
    reasoner, _, rows = ground
    before = [p.detach().clone() for p in reasoner.network.parameters()]
    curve = Curve()
    verifier = train_on(reasoner, examples_of(rows), kind, curve)
    assert len(curve.losses) == 16
    assert max(curve.losses[-4:]) < 0.4 * curve.losses[0]
    assert all(torch.equal(a, b) for a, b in zip(before, reasoner.network.parameters(), strict=True))
    right = total = 0
    for found, (_, trajectory) in zip(scores_of(verifier, rows), rows, strict=True):
        truth = from_first_error(trajectory.truth, trajectory.n)
        right += sum((v >= 0.5) == (c == "1") for v, c in zip(found, truth, strict=True))
        total += trajectory.n
    assert right / total > 0.9


def test_training_is_the_same_twice_and_unlabelled_steps_teach_nothing(ground):
    reasoner, _, rows = ground
    examples = [dataclasses.replace(e, labels=e.labels[0] + "?" * (len(e.labels) - 1)) for e in examples_of(rows[:8])]
    # Without the steps that have no label: the same texts, only the first step to be scored.
    first_only = [VerifierExample(e.text, e.ends[:1], e.labels[:1]) for e in examples]
    one, two, three = (
        scores_of(train_on(reasoner, chosen, "likelihood"), rows[:8]) for chosen in (examples, examples, first_only)
    )
    assert one == two
    for mine, other in zip(one, three, strict=True):
        assert other == pytest.approx(mine, abs=1e-4)
