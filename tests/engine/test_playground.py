"""The playground's engine: what it streams is what a run would have written, scored and graded."""

from __future__ import annotations

import itertools
import threading

import pytest
import torch

from sapo_engine.rollouts import HfBackend
from sapo_engine.service import score
from sapo_engine.service.playground import streaming
from sapo_engine.service.playground.__main__ import Post
from sapo_engine.service.playground.cancelling import Apart, Cancelled, Wanted
from sapo_engine.service.playground.models import Models, Run
from sapo_engine.service.playground.server import Server
from sapo_engine.service.playground.writing import Put, keys, rollout
from sapo_studio.domain.step_evidence import Tries
from sapo_studio.requests.kinds import ScoreRequest
from sapo_studio.requests.play import (
    Asking,
    Cancel,
    Checkpoint,
    Continue,
    ContinueResult,
    Done,
    Failed,
    GiveBack,
    Load,
    Loaded,
    Loading,
    MemoryGivenBack,
    Piece,
    Sample,
    Score,
    Scorer,
    SolutionDone,
    Started,
    StepDone,
    StepScored,
    Verdicts,
)
from tests.fixtures.play_run import QUESTION, STEPS, play_run

CPU = torch.device("cpu")
ASKING = Asking(text=QUESTION)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return play_run(tmp_path_factory.mktemp("runs") / "full-1")


@pytest.fixture(scope="module")
def adapters(tmp_path_factory):
    return play_run(
        tmp_path_factory.mktemp("runs") / "lora-1",
        model={"tuning": "lora", "lora_rank": 2},
        verifier={"base": "shared"},
    )


class Bench:
    """A server whose clock stands still until it is moved, and what it has said."""

    def __init__(self, heard=lambda answer: None):
        self.now = 0.0
        self.said = []
        self.heard = heard
        self.server = Server(self.take, CPU, idle_seconds=300, clock=lambda: self.now)

    def take(self, answer):
        self.said.append(answer)
        self.heard(answer)

    def ask(self, request):
        """All that is answered to a request."""
        del self.said[:]
        self.server.take(request)
        self.server.work(0)
        assert isinstance(self.said[-1], Done | Failed)
        return list(self.said)

    def load(self, folder, iteration=1, verifier: int | None = 1, side="a"):
        scorer = None if verifier is None else Scorer(run=folder, iteration=verifier)
        checkpoint = Checkpoint(run=folder, iteration=iteration)
        answers = self.ask(Load(id=f"load-{side}", side=side, checkpoint=checkpoint, verifier=scorer))
        return one(answers, Loaded)


@pytest.fixture
def bench():
    made = Bench()
    yield made
    made.server.close()


@pytest.fixture
def every_token(monkeypatch):
    """Pieces are told at each token, whatever the clock says."""
    monkeypatch.setattr(streaming, "PIECE_SECONDS", -1.0)


def every(answers, kind):
    return [answer for answer in answers if isinstance(answer, kind)]


def cancelled():
    raise Cancelled


def one(answers, kind):
    (found,) = every(answers, kind)
    return found


def solutions_of(answers):
    """Those of a request by their numbers: as they are told depends on when the thread that grades them has a turn."""
    return sorted(every(answers, SolutionDone), key=lambda done: done.solution)


def text_of(answers, solution):
    text = ""
    for piece in every(answers, Piece):
        if piece.solution == solution:
            text = text[: piece.at] + piece.text
    return text


def last_told(answers, kind, solution, field):
    return {a.step: getattr(a, field) for a in every(answers, kind) if a.solution == solution}


@pytest.mark.usefixtures("every_token")
def test_streamed_texts_are_those_that_are_written_without_anybody_listening(bench, folder):
    bench.load(folder, 2)
    request = Sample(id="s", question=ASKING, solutions=5, temperature=1.3, seed=4)
    answers = bench.ask(request)
    models = Models(CPU)
    writer = models.writer(Checkpoint(run=folder, iteration=2), lambda *_: None)
    put = Put.of(ASKING, writer, None)
    desk, asked = put.desk, put.asked.question
    backend = HfBackend(writer.reasoner, eos=desk.eos, pad=desk.pad, precision=writer.precision)
    (plain,) = backend.generate([rollout(put, keys(request, 5), 0)], temperature=1.3)
    assert len({completion.tokens for completion in plain}) > 1
    for number, completion in enumerate(plain):
        name = f"s/{number}"
        done = next(a for a in every(answers, SolutionDone) if a.solution == name)
        _, steps = desk.builder.cut(completion.tokens)
        assert done.text == text_of(answers, name) == desk.builder.text_of(completion.tokens)
        assert done.steps == steps == tuple(last_told(answers, StepDone, name, "text").values())
        assert (done.tokens, done.finished) == (len(completion.tokens), completion.finished)
        grade = desk.task.grade([(asked, done.text)])[0]
        assert (done.answer, done.correct) == (grade.answer, grade.correct)
        assert done.truth == desk.task.first_error(asked, steps)
    desk.close()


@pytest.mark.usefixtures("every_token")
def test_live_scores_are_those_of_sapo_score(bench, folder):
    bench.load(folder, 2)
    answers = bench.ask(Sample(id="s", question=ASKING, solutions=4, temperature=1.3))
    done = every(answers, SolutionDone)
    solutions = [{"number": n, "problem": QUESTION, "steps": list(d.steps)} for n, d in enumerate(done)]
    found = score.answer(ScoreRequest.model_validate({"run": folder, "verifier": 1, "solutions": solutions}))
    assert len(found["scores"]) == len(done) == 5
    for (_, scores, predicted), solution in zip(found["scores"], done, strict=True):
        assert solution.scores == pytest.approx(scores, abs=1e-5)
        assert solution.predicted == predicted
        told = last_told(answers, StepScored, solution.solution, "score")
        assert tuple(told.values()) == pytest.approx(scores, abs=1e-3)
        assert (solution.mean, solution.last) == pytest.approx((sum(scores) / len(scores), scores[-1]), abs=1e-5)


@pytest.mark.usefixtures("every_token")
def test_steps_are_scored_while_the_rest_is_still_written(bench, folder):
    bench.load(folder)
    answers = bench.ask(Sample(id="s", question=ASKING, solutions=3, greedy=False))
    order = [type(answer) for answer in answers if getattr(answer, "solution", "") == "s/0"]
    last_piece = len(order) - 1 - order[::-1].index(Piece)
    assert order.index(StepScored) < last_piece
    assert isinstance(answers[0], Started)
    assert one(answers, Started).solutions == ("s/0", "s/1", "s/2")


def test_the_ways_to_choose_stand_beside_each_other(bench, folder):
    bench.load(folder)
    answers = bench.ask(Sample(id="s", question=ASKING, solutions=4))
    found = every(answers, Verdicts)
    assert [verdicts.done for verdicts in found] == [0, 1, 2, 3, 4]
    last = found[-1]
    assert last.greedy.solution == "s/greedy"
    assert (last.majority.answer, last.majority.of) == (last.greedy.answer, 4)
    done = {d.solution: d for d in every(answers, SolutionDone) if d.solution != "s/greedy"}
    assert last.best_min.score == max(d.min for d in done.values())
    assert done[last.best_mean.solution].mean == last.best_mean.score == max(d.mean for d in done.values())


def test_the_same_seed_gives_the_same_texts_whatever_is_asked_beside_it(bench, folder):
    bench.load(folder, 2, None)
    more = bench.ask(Sample(id="m", question=ASKING, solutions=6, temperature=1.3, greedy=False))
    few = bench.ask(Sample(id="f", question=ASKING, solutions=2, temperature=1.3, greedy=False))
    texts = [{d.solution[2:]: d.text for d in every(found, SolutionDone)} for found in (more, few)]
    assert all(texts[0][name] == text for name, text in texts[1].items())
    other = bench.ask(Sample(id="o", question=ASKING, solutions=6, temperature=1.3, greedy=False, seed=1))
    assert [d.text for d in solutions_of(other)] != [d.text for d in solutions_of(more)]


def test_without_a_verifier_and_an_answer_nothing_is_scored_or_graded(bench, folder):
    bench.load(folder, verifier=None)
    # Not worded as the lab's problems are: what it comes to is not known.
    answers = bench.ask(Sample(id="s", question=Asking(text="Finn has 44 stamps"), solutions=2))
    for solution in every(answers, SolutionDone):
        assert (solution.correct, solution.truth, solution.scores, solution.mean) == (None, None, None, None)
    assert not every(answers, StepScored)
    assert every(answers, Verdicts)[-1].best_mean is None


@pytest.mark.usefixtures("every_token")
@pytest.mark.parametrize("kind", ["folder", "adapters"])
def test_both_sides_write_by_turns_what_each_writes_alone(bench, kind, request):
    folder = request.getfixturevalue(kind)
    alone = {}
    for side, iteration in (("a", 1), ("b", 2)):
        bench.load(folder, iteration, 1, side=side)
    for side in "ab":
        answers = bench.ask(Sample(id=f"alone-{side}", side=side, question=ASKING, solutions=3, temperature=1.3))
        alone[side] = [(d.text, d.scores) for d in solutions_of(answers)]
    del bench.said[:]
    for side in "ab":
        bench.server.take(Sample(id=side, side=side, question=ASKING, solutions=3, temperature=1.3))
    bench.server.work(0)
    turns = [piece.request for piece in every(bench.said, Piece)]
    assert "a" in turns[turns.index("b") :]
    for side in "ab":
        done = solutions_of(answer for answer in bench.said if answer.request == side)
        assert [d.text for d in done] == [text for text, _ in alone[side]]
        for solution, (_, scores) in zip(done, alone[side], strict=True):
            assert solution.scores == pytest.approx(scores, abs=1e-6)


def test_a_side_is_asked_one_thing_after_the_other(bench, folder):
    bench.load(folder)
    for name in ("one", "two"):
        bench.server.take(Sample(id=name, question=ASKING, solutions=1))
    del bench.said[:]
    bench.server.work(0)
    assert {answer.request for answer in bench.said} == {"one"}
    bench.server.work(0)
    assert isinstance(bench.said[-1], Done)
    assert bench.said[-1].request == "two"


# -- Going on from a changed step


def test_it_goes_on_from_a_changed_step(bench, folder):
    bench.load(folder)
    steps = (*STEPS[:2], "43 + 3 = 40")
    answers = bench.ask(Continue(id="c", question=ASKING, steps=steps, rollouts=5, temperature=1.0))
    done = every(answers, SolutionDone)
    assert len(done) == 5
    for solution in done:
        assert solution.steps[:3] == steps
        assert solution.text == text_of(answers, solution.solution)
        assert solution.truth == 3
    result = every(answers, ContinueResult)[-1]
    assert (result.done, result.of) == (5, 5)
    assert result.successes == sum(solution.correct for solution in done)
    assert (result.low, result.high) == Tries(result.successes, 5).interval()
    right = bench.ask(Continue(id="d", question=ASKING, steps=STEPS[:5], rollouts=3, temperature=0))
    assert every(right, ContinueResult)[-1].successes == 3


def test_a_step_that_the_checkpoint_cannot_read_is_refused(bench, folder):
    bench.load(folder)
    failed = bench.ask(Continue(id="c", question=ASKING, steps=("44 minus nine",), rollouts=2))[-1]
    assert failed.what == "The checkpoint cannot read the step"
    assert "'minus'" in failed.why
    assert failed.exit_code == 2


def test_a_written_text_is_scored(bench, folder):
    bench.load(folder)
    done = one(bench.ask(Score(id="x", question=ASKING, text="\n".join(STEPS))), SolutionDone)
    assert (done.steps, done.correct, done.truth) == (STEPS, True, 0)
    assert len(done.scores) == len(STEPS)


# -- Ending what is under way


def test_cancelled_in_the_middle_of_a_text_it_ends_there_and_goes_on_serving(folder):
    def cancel(answer):
        if isinstance(answer, Piece) and answer.request == "s":
            bench.server.take(Cancel(id="s"))

    bench = Bench(cancel)
    bench.load(folder)
    answers = bench.ask(Sample(id="s", question=ASKING, solutions=8))
    assert answers[-1].cancelled
    assert not every(answers, SolutionDone)
    assert len({piece.solution for piece in every(answers, Piece)}) == 1
    assert not bench.ask(Sample(id="t", question=ASKING, solutions=1))[-1].cancelled
    bench.server.close()


@pytest.mark.parametrize("where", [Loading, StepScored])
def test_cancelled_while_it_loads_or_scores(folder, where):
    def cancel(answer):
        if isinstance(answer, where) and not bench.calm:
            bench.server.take(Cancel())

    bench = Bench(cancel)
    bench.calm = where is not Loading
    checkpoint, scorer = Checkpoint(run=folder, iteration=1), Scorer(run=folder, iteration=1)
    load = bench.ask(Load(id="l", checkpoint=checkpoint, verifier=scorer))[-1]
    assert load.cancelled == (where is Loading)
    if where is StepScored:
        bench.calm = False
        assert bench.ask(Sample(id="s", question=ASKING, solutions=2))[-1].cancelled
    bench.calm = True
    # What it was to load is loaded with the next request.
    assert len(every(bench.ask(Sample(id="t", question=ASKING, solutions=2)), SolutionDone)) == 3
    bench.server.close()


def test_a_loading_that_was_cancelled_before_its_turn_lets_go_of_nothing(folder, monkeypatch):
    """Another one may have come before it, whose networks are about to be used."""
    bench, let_go = Bench(), []
    with Apart._one:  # one is at work
        bench.server.take(Load(id="l", checkpoint=Checkpoint(run=folder, iteration=1)))
        bench.server.take(Cancel(id="l"))
        monkeypatch.setattr(Wanted, "check", lambda _: None)  # it is cancelled after it was begun
        monkeypatch.setattr(Wanted, "wait_for", lambda *_: cancelled())
        bench.server.work(0)
        monkeypatch.undo()
        assert bench.said[-1].cancelled
        monkeypatch.setattr(Models, "keep", lambda *_: let_go.append(1))
        (waits,) = [thread for thread in threading.enumerate() if thread.name == "loading"]
    waits.join()
    assert let_go == []


def test_a_request_that_waits_is_cancelled_before_it_begins(bench, folder):
    bench.load(folder)
    bench.server.take(Sample(id="s", question=ASKING))
    bench.server.take(Cancel(id="s"))
    del bench.said[:]
    bench.server.work(0)
    assert [(type(answer), answer.request) for answer in bench.said] == [(Done, "s")]
    assert bench.said[0].cancelled


def test_what_is_cancelled_before_torch_is_there_is_answered_at_once(folder):
    said, taken = [], []

    class Out:
        send = staticmethod(said.append)

    class In:
        take = staticmethod(taken.append)

    post = Post(Out())
    requests = [Load(id=name, checkpoint=Checkpoint(run=folder, iteration=1)) for name in ("l", "m")]
    for message in (*requests, Cancel(id="l"), Cancel(id="none")):
        post.take(message)
    assert [(answer.request, answer.cancelled) for answer in said] == [("l", True)]
    post.hand_to(In())
    post.take(Cancel(id="m"))
    assert taken == [requests[1], Cancel(id="m")]


# -- What goes wrong


@pytest.mark.parametrize(
    ("question", "word"), [("How many seats has a cinema?", "'cinema'"), ("Finn has 440 stamps. How many?", "'440'")]
)
def test_a_question_that_the_lab_cannot_hold_is_refused_and_the_next_one_is_answered(bench, folder, question, word):
    bench.load(folder)
    failed = bench.ask(Sample(id="s", question=Asking(text=question)))[-1]
    assert (failed.what, failed.exit_code) == ("The checkpoint cannot read the question", 2)
    assert word in failed.why
    assert "Finn has 44 stamps" in failed.fix
    assert isinstance(bench.ask(Sample(id="t", question=ASKING, solutions=1))[-1], Done)


def test_half_a_character_is_no_text(bench, folder):
    bench.load(folder)
    failed = bench.ask(Sample(id="s", question=Asking(text="Finn has 44 \udcff")))[-1]
    assert (failed.what, failed.exit_code) == ("The question is no text", 2)
    failed = bench.ask(Continue(id="c", question=ASKING, steps=("44 - 9 = \ud83d",)))[-1]
    assert (failed.what, failed.exit_code) == ("The step is no text", 2)


def test_what_does_not_fit_into_memory_is_told_with_what_to_change(bench, folder, monkeypatch):
    bench.load(folder)

    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")

    with monkeypatch.context() as patch:
        patch.setattr(HfBackend, "steps", full)
        failed = bench.ask(Sample(id="s", question=ASKING))[-1]
    assert failed.what == "The engine ran out of memory"
    assert "fewer solutions" in failed.fix
    assert isinstance(bench.ask(Sample(id="t", question=ASKING, solutions=1))[-1], Done)


def test_a_damaged_artefact_is_not_loaded(bench, folder, tmp_path):
    import shutil

    copy = shutil.copytree(folder, tmp_path / "copy-1")
    weights = next(copy.glob("artefacts/*-sft-0/model/*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-8])
    failed = bench.ask(Load(id="l", checkpoint=Checkpoint(run=copy, iteration=1)))[-1]
    assert "damaged" in failed.what
    missing = bench.ask(Load(id="m", checkpoint=Checkpoint(run=copy, iteration=7)))[-1]
    assert "has no reasoner M_7" in missing.what
    half = Load(id="h", checkpoint=Checkpoint(run=folder, iteration=1), verifier=Scorer(run=folder, iteration=7))
    assert "has no verifier V_7" in bench.ask(half)[-1].what
    assert one(bench.ask(GiveBack(id="g")), MemoryGivenBack).freed == 0
    assert bench.ask(Sample(id="s", question=ASKING))[-1].exit_code == 2


# -- Memory


def test_memory_is_given_back_after_idling_and_taken_again(bench, folder):
    bench.load(folder)
    bench.now = 299.0
    bench.server.work(0)
    assert isinstance(bench.said[-1], Done)
    bench.now = 300.0
    bench.server.work(0)
    freed = bench.said[-1]
    assert isinstance(freed, MemoryGivenBack)
    assert freed.freed > 0
    assert freed.idle_seconds == 300
    answers = bench.ask(Sample(id="s", question=ASKING, solutions=1))
    assert one(answers, Loaded).request == "s"
    assert len(every(answers, SolutionDone)) == 2
    assert one(bench.ask(GiveBack(id="g")), MemoryGivenBack).freed == freed.freed


def test_a_lazy_load_loads_with_the_first_question(bench, folder):
    checkpoint = Checkpoint(run=folder, iteration=1)
    assert [type(a) for a in bench.ask(Load(id="l", checkpoint=checkpoint, lazy=True))] == [Done]
    assert one(bench.ask(Sample(id="s", question=ASKING, solutions=1)), Loaded).parameters > 0


def test_equal_weights_are_loaded_once(bench, folder):
    alone = bench.load(folder, 1, None)
    assert bench.load(folder, 1, None, side="b").memory == alone.memory
    # M_1 of a run without warm-up is what it began with.
    same = bench.load(folder, 0, None, side="b")
    assert (same.memory, same.shared) == (alone.memory, True)
    other = bench.load(folder, 2, None, side="b")
    assert (other.memory, other.shared) == (2 * alone.memory, False)


def test_adapters_share_their_base_and_write_as_they_would_alone(bench, adapters):
    texts = {}
    for iteration, side in itertools.product((1, 2), "ab"):
        bench.load(adapters, iteration, 1, side=side)
        request = Sample(id="s", side=side, question=ASKING, solutions=3, temperature=1.3)
        texts[iteration, side] = [d.text for d in solutions_of(bench.ask(request))]
    assert texts[1, "a"] == texts[1, "b"] != texts[2, "a"] == texts[2, "b"]
    bench.load(adapters, 1, 1, side="a")
    both = bench.load(adapters, 2, 0, side="b")
    assert both.shared
    assert both.memory < 1.5 * 4 * both.parameters
    for side, iteration in (("a", 1), ("b", 2)):
        request = Sample(id=f"t{side}", side=side, question=ASKING, solutions=3, temperature=1.3)
        assert [d.text for d in solutions_of(bench.ask(request))] == texts[iteration, side]


def test_scores_by_adapters_are_those_of_sapo_score(bench, adapters):
    bench.load(adapters, 2, 0)
    done = every(bench.ask(Sample(id="s", question=ASKING, solutions=2)), SolutionDone)
    solutions = [{"number": n, "problem": QUESTION, "steps": list(d.steps)} for n, d in enumerate(done)]
    found = score.answer(ScoreRequest.model_validate({"run": adapters, "verifier": 0, "solutions": solutions}))
    for (_, scores, _), solution in zip(found["scores"], done, strict=True):
        assert solution.scores == pytest.approx(scores, abs=1e-5)


def test_what_nobody_needs_is_let_go(folder, adapters):
    models = Models(CPU)
    writer = models.writer(Checkpoint(run=folder, iteration=1), lambda *_: None)
    alone = models.memory()
    models.verifier(Run(adapters, CPU), 1)
    assert models.memory() > alone
    models.keep(set(writer.keys))
    assert models.memory() == alone
    models.keep(set())
    assert models.memory() == 0
