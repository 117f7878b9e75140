"""`sapo try`: what is asked of which checkpoint, what is shown, and how it ends."""

from __future__ import annotations

import io
import json
import signal

import pytest

from sapo_studio.app.commands import try_session
from sapo_studio.app.commands.safe_console import SafeConsole
from sapo_studio.app.commands.try_lines import LinesTryView
from sapo_studio.app.commands.try_live import LiveTryView
from sapo_studio.app.commands.try_session import Edit, Side, Trial, run_trial
from sapo_studio.app.playground import session
from sapo_studio.errors import EngineError, InputError
from sapo_studio.requests.play import (
    Asking,
    Checkpoint,
    ContinueResult,
    Done,
    Load,
    Loading,
    Piece,
    Sample,
    Scorer,
    SolutionDone,
    Started,
    StepScored,
    Verdict,
    Verdicts,
)
from tests.kernel.test_commands import Sapo
from tests.kernel.test_playground import a_run
from tests.kernel.test_playground_session import FAKE

SIDE = Side("lab, M2", Checkpoint(run="runs/lab-1", iteration=2), Scorer(run="runs/lab-1", iteration=1), "lab, V1")
ASKED = Sample(id="s", question=Asking(text="Finn has 44 stamps\x1b[31m"), solutions=1)


@pytest.fixture
def sapo(capsys, monkeypatch) -> Sapo:
    return Sapo(capsys, monkeypatch)


@pytest.fixture
def trials(monkeypatch):
    """What `sapo try` would ask; nothing is asked."""
    found: list[Trial] = []
    monkeypatch.setattr(try_session, "run_trial", lambda path, trial, device, **_: found.append(trial) or 0)
    return found


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr(session, "ENGINE_ARGUMENTS", (str(FAKE),))
    monkeypatch.setenv("PYTHONPATH", str(FAKE.parents[2]))
    monkeypatch.setattr(try_session, "MemoryCheck", lambda *_: session.anywhere)


def solution(name="s/0", **facts):
    told = {
        "request": "s",
        "solution": name,
        "text": "44 - 9 = 35\n35 + 8 = 43",
        "steps": ("44 - 9 = 35", "def f():\n    return 43"),
        "answer": "43",
        "correct": True,
        "why": "",
        "truth": 0,
        "scores": (0.75, 1.0),
        "predicted": 1,
        "mean": 0.875,
        "min": 0.75,
        "last": 1.0,
        "tokens": 8,
        "finished": True,
        "seconds": 0.1,
    }
    return SolutionDone(**told | facts)


def verdicts():
    return Verdicts(
        request="s",
        done=2,
        of=2,
        greedy=Verdict(answer="40", correct=False, solution="s/greedy"),
        majority=Verdict(answer="43", correct=True, solution="s/0", votes=2, of=2),
        best_mean=Verdict(answer="43", correct=True, solution="s/0", of=2, score=0.875),
        best_min=None,
        best_last=None,
    )


# -- What is asked


def test_a_run_is_asked_by_its_last_reasoner_scored_by_its_last_verifier(sapo, store, trials):
    run = a_run(store, "lab", "sft-0", "verifier-0", "verifier-1", "align-1")
    assert (
        sapo("try", "lab", "Finn has 44 stamps", "-n", "3", "--temperature", "1.2", "--seed", "9", "--answer", "4")[0]
        == 0
    )
    (trial,) = trials
    (side,) = trial.sides
    assert (side.name, side.scored_by, side.run_id) == ("lab, M2 (after alignment 1, final)", "lab, V1", run)
    assert (trial.question.text, trial.question.answer) == ("Finn has 44 stamps", "4")
    assert (trial.solutions, trial.temperature, trial.seed, trial.edit) == (3, 1.2, 9, None)


def test_two_sides_and_a_verifier_for_both(sapo, store, trials):
    a_run(store, "lab", "sft-0", "verifier-0", "verifier-1", "align-1")
    assert sapo("try", "lab@2", "Q", "--against", "lab@0", "--verifier", "lab@0")[0] == 0
    assert sapo("try", "lab@2", "Q", "--verifier", "none")[0] == 0
    first, second = trials
    assert [side.checkpoint.iteration for side in first.sides] == [2, 0]
    assert {side.scored_by for side in first.sides} == {"lab, V0"}
    assert second.sides[0].verifier is None


def test_a_model_by_itself_and_a_program_with_its_tests(sapo, store, trials, tmp_path):
    (tmp_path / "model").mkdir()
    assert (
        sapo("try", "--model", str(tmp_path / "model"), "Write f.", "--test", "assert f(1) == 2", "--test", "f(2)")[0]
        == 0
    )
    (trial,) = trials
    assert trial.sides[0].checkpoint == Checkpoint(model=tmp_path / "model")
    assert trial.question == Asking(text="Write f.", tests=("assert f(1) == 2", "f(2)"))


def test_a_question_from_standard_input_or_the_runs_own(sapo, store, trials, monkeypatch):
    a_run(store, "lab", "sft-0")
    store.execute(
        "INSERT INTO questions (id, run_id, split, text, solution, answer) VALUES (?, ?, 'process', 'Q', '', '7')",
        ((1 << 32) + 6, "lab-1"),
    )
    monkeypatch.setattr("sys.stdin", io.StringIO("  What\nis it? \n"))
    assert sapo("try", "lab", "-")[0] == 0
    assert sapo("try", "lab", "--take", "6")[0] == 0
    assert sapo("try", "lab", "--take", "random", "--continue-from", "2", "--text", "1 + 1 = 2")[0] == 0
    assert trials[0].question == Asking(text="What\nis it?")
    assert trials[1].question == Asking(text="Q", answer="7", number=6)
    assert trials[2].edit == Edit(2, "1 + 1 = 2")


@pytest.mark.parametrize(
    "line",
    [
        *(["lab"], ["lab", "Q", "--take", "1"], ["lab", "Q", "--text", "x"], ["lab", "Q", "--continue-from", "1"]),
        ["lab", "Q", "--continue-from", "1", "--text", " "],
        *(["lab@9", "Q"], ["none", "Q"], ["lab", " "], ["lab", "Q", "--verifier", "none@1"], ["lab", "--take", "x"]),
        *(["lab", "Q", "-n", "0", "--no-greedy"], ["lab", "Q", "--model", "m"], ["--model", "m", "--take", "random"]),
        *(["lab", "Q", "--temperature", "nan"], ["lab", "Q", "-n", "65"], ["lab", "Q", "--against", "none"], []),
    ],
)
def test_what_cannot_be_asked_is_bad_input(sapo, store, trials, line):
    a_run(store, "lab", "sft-0")
    code, _, err = sapo("try", *line)
    assert code == 2
    assert err.strip()
    assert not trials


# -- What is shown


def test_plain_lines(capsys):
    view = LinesTryView()
    view.begin(SIDE, Load(id="l", checkpoint=SIDE.checkpoint))
    view.begin(SIDE, ASKED)
    for answer in (solution("s/greedy", answer="40", correct=False, finished=False), solution(), verdicts()):
        view.heard(answer)
    view.heard(Done(request="s", seconds=1.0))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "lab, M2, scored by lab, V1"
    assert lines[1] == r"Finn has 44 stamps\x1b[31m"
    assert lines[2] == "greedy:  40  wrong  mean 0.88  cut off at 8 tokens"
    assert lines[3:6] == ["  0.75  44 - 9 = 35", "  1.00  def f():", "            return 43"]
    assert lines[6] == "1:  43  right  mean 0.88"
    assert lines[-3:] == ["Greedy:  40  wrong", "Majority:  43  right  2 of 2", "Best by mean:  43  right  1, 0.88"]


def test_how_often_a_changed_step_leads_to_the_right_answer(capsys):
    view = LinesTryView()
    for successes, low, high in ((3, 0.2, 0.9), (None, None, None)):
        view.begin(SIDE, ASKED)
        view.heard(ContinueResult(request="s", done=4, of=4, successes=successes, low=low, high=high))
        view.heard(Done(request="s", seconds=1.0, cancelled=successes is None))
    lines = capsys.readouterr().out.splitlines()
    assert "3 of 4 rollouts from the changed step are right (95 % interval 0.20 to 0.90)" in lines
    assert lines[-1] == "Ended by Ctrl+C"
    assert "nobody knows the answer" in lines[-2]


def test_the_live_picture(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    out = io.StringIO()
    view = LiveTryView(SafeConsole(file=out, width=100, force_terminal=True, color_system=None))
    with view:
        view.begin(SIDE, Load(id="l", checkpoint=SIDE.checkpoint))
        view.heard(Loading(request="l", side="a", what="Loading M_2", done=0.5))
        view.begin(SIDE, ASKED)
        view.heard(Started(request="s", solutions=("s/greedy", "s/0")))
        view.heard(Piece(request="s", solution="s/0", at=0, text="44 - 9 = 36", tokens=3))
        view.heard(Piece(request="s", solution="s/0", at=10, text="5\n35 + \x1b]0;x\x07", tokens=5))
        view.heard(StepScored(request="s", solution="s/0", step=1, score=0.75))
        assert "44 - 9 = 35 35 +" in picture(view)
        assert ".75" in picture(view)
        view.heard(solution())
        view.heard(verdicts())
        view.heard(Done(request="s", seconds=1.0))
    told = out.getvalue()
    assert "Majority" in told
    assert "44 - 9 = 35" in told
    assert "\x07" not in told


def picture(view):
    out = io.StringIO()
    SafeConsole(file=out, width=100).print(view._picture())
    return out.getvalue()


# -- How it ends


def trial(text="ok"):
    return Trial((SIDE,), Asking(text=text), 1, False, 0.8, 0, 0, None)


def test_everything_is_told_as_json(store, fake):
    said: list[object] = []
    assert run_trial(store.path, trial(), "", as_json=True, say_json=said.append) == 0
    lines = [json.loads(json.dumps(one)) for one in said]
    assert [line["kind"] for line in lines] == [
        *("load", "ready", "loaded", "done", "sample", "started", "text", "done"),
    ]
    assert lines[0]["called"] == "lab, M2"
    assert lines[0]["checkpoint"]["iteration"] == 2


def test_ctrl_c_ends_it_with_3(store, fake):
    said: list[str] = []

    def say(line):
        said.append(line["kind"])
        if line["kind"] == "text":
            signal.raise_signal(signal.SIGINT)

    assert run_trial(store.path, trial("hang"), "", as_json=True, say_json=say) == 3
    assert said[-1] == "done"


def test_a_second_ctrl_c_waits_for_nothing(store, fake):
    def say(line):
        if line["kind"] == "text":
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    assert run_trial(store.path, trial("hang"), "", as_json=True, say_json=say) == 3


@pytest.mark.parametrize(("text", "error"), [("bad", InputError), ("die", EngineError)])
def test_what_the_engine_tells_is_raised(store, fake, text, error):
    with pytest.raises(error):
        run_trial(store.path, trial(text), "", as_json=True, say_json=lambda _: None)


def test_a_step_that_the_greedy_solution_has_not():
    assert try_session._edited(solution(), Edit(2, "x")) == ("44 - 9 = 35", "x")
    assert try_session._edited(solution(), Edit(3, "x"))[-1] == "x"
    with pytest.raises(InputError, match="no step 4"):
        try_session._edited(solution(), Edit(4, "x"))
