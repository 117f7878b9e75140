"""The Python that the engine lives in: which one it is, and whether it will do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sapo_studio import engines, supervisor
from sapo_studio.app import diagnosis
from sapo_studio.app.set_up.missing import NEEDS, missing
from sapo_studio.config.schema import RunConfig
from sapo_studio.errors import InputError
from sapo_studio.events import PROTOCOL
from sapo_studio.requests.client import ask, command_for
from sapo_studio.requests.kinds import (
    EvaluateRequest,
    LabelStudyRequest,
    PeopleStudyRequest,
    ProgramTestsRequest,
    SampleSolutionsRequest,
    SandboxProbeRequest,
    ScoreRequest,
    ShadowStudyRequest,
    SolutionText,
)
from sapo_studio.store import queries, runs
from sapo_studio.store.db import Store
from tests.fixtures.command_line import sapo

GOOD = {"torch": "2.10.0+cu128", "transformers": "5.1.0", "tokenizers": "0.22.1", "safetensors": "0.6.0"}


@pytest.fixture(autouse=True)
def no_choice(monkeypatch):
    monkeypatch.delenv(engines.PYTHON_VARIABLE, raising=False)


def python(folder: Path, answer: str, status: int = 0) -> Path:
    """A program that answers as a Python would, whatever it is asked."""
    made = folder / "python"
    made.write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\nexit {status}\n")
    made.chmod(0o755)
    return made


def told(protocol: object = PROTOCOL, packages: dict[str, str] | None = None) -> str:
    import json

    facts = {"python": "3.12.1", "packages": GOOD if packages is None else packages, "release": "0.1.0"}
    return json.dumps({**facts, "protocol": protocol, **({} if protocol else {"why": "No module named 'sapo_engine'"})})


def test_the_run_the_variable_the_profile_and_this_program_in_this_order(monkeypatch, tmp_path):
    assert engines.python_of() == Path(sys.executable)
    assert engines.is_own(engines.python_of())
    engines.choose("/profile/python")
    assert engines.python_of() == Path("/profile/python")
    monkeypatch.setenv(engines.PYTHON_VARIABLE, "/variable/python")
    assert engines.python_of() == Path("/variable/python")
    assert engines.python_of("~/own/python") == Path.home() / "own" / "python"
    monkeypatch.delenv(engines.PYTHON_VARIABLE)
    engines.choose("")
    assert engines.python_of() == Path(sys.executable)


def test_this_python_is_asked_and_will_do():
    found = engines.look(Path(sys.executable))
    assert (found.protocol, found.why) == (PROTOCOL, "")
    assert "torch" in found.packages
    engines.check(found, PROTOCOL)
    assert found.summary.startswith(f"Python {sys.version.split()[0]}, torch ")


@pytest.mark.parametrize(
    ("protocol", "packages", "what", "why"),
    [
        (None, GOOD, "has no SAPO Studio engine", "No module named 'sapo_engine'"),
        (PROTOCOL + 1, GOOD, "is of another version", f"speaks protocol {PROTOCOL + 1}, this program {PROTOCOL}"),
        (PROTOCOL, {**GOOD, "torch": "2.4.1"}, "cannot run the engine", "torch is 2.4.1, 2.10 or newer is needed"),
        (PROTOCOL, {"torch": "2.10.0"}, "cannot run the engine", "transformers is not installed"),
    ],
)
def test_another_python_that_will_not_do_is_refused_with_what_to_install(
    tmp_path, monkeypatch, protocol, packages, what, why
):
    monkeypatch.setattr(engines, "least_versions", lambda: {"torch": "2.10", "transformers": "5.0"})
    found = engines.look(python(tmp_path, told(protocol, packages)))
    with pytest.raises(InputError, match=what) as refused:
        engines.check(found, PROTOCOL)
    assert why in refused.value.why
    assert f"{tmp_path / 'python'} -m pip install" in refused.value.fix


def test_what_is_no_python_is_said_to_be_none(tmp_path):
    with pytest.raises(InputError, match="There is no Python"):
        engines.look(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no Python that can run the engine"):
        engines.look(python(tmp_path, "hello", status=1))
    (tmp_path / "python").chmod(0o644)
    with pytest.raises(InputError, match="cannot be started"):
        engines.look(tmp_path / "python")


def test_the_oldest_versions_are_those_of_the_program_itself():
    least = engines.least_versions()
    assert not least or {"torch", "transformers"} <= set(least)


def test_a_run_keeps_its_python_and_is_not_started_by_one_that_will_not_do(tmp_path):
    other = python(tmp_path, told(None))
    config = RunConfig.model_validate({"runtime": {"engine_python": str(other)}})
    with Store.open() as store:
        run_id = runs.create_run(store, config)
        with pytest.raises(InputError, match="has no SAPO Studio engine"):
            supervisor.launch(store, run_id)
        assert queries.get_run(store, run_id).pid is None
        assert queries.get_config(store, run_id).runtime.engine_python == str(other)


def test_the_command_line_names_a_python_and_refuses_a_bad_one_before_there_is_a_run(tmp_path):
    other = python(tmp_path, told(PROTOCOL + 1))
    done = sapo("run", "lab-smoke", "--engine-python", str(other))
    assert done.returncode == 2
    assert "is of another version" in done.stderr
    with Store.open() as store:
        assert queries.list_runs(store) == []


def test_the_doctor_looks_at_the_python_that_is_chosen(monkeypatch, tmp_path):
    def said() -> list[tuple[str, str]]:
        return [(one.state, one.finding) for one in diagnosis._engine_python()]

    assert said() == []
    monkeypatch.setattr(engines, "least_versions", dict)
    engines.choose(str(python(tmp_path, told())))
    assert said() == [("good", f"{tmp_path / 'python'}: Python 3.12.1, torch 2.10.0+cu128, transformers 5.1.0")]
    python(tmp_path, told(None))
    assert said() == [("bad", f"{tmp_path / 'python'} has no SAPO Studio engine")]


def test_requests_are_answered_by_the_python_that_is_chosen(tmp_path):
    answering = python(tmp_path, '{"sandbox": "here", "why": ""}')
    assert ask(SandboxProbeRequest())["sandbox"] != "here"
    with engines.lives_in(str(answering)):
        assert ask(SandboxProbeRequest())["sandbox"] == "here"


@pytest.mark.parametrize(
    "about",
    [
        lambda run: EvaluateRequest(run=run),
        lambda run: ScoreRequest(run=run, solutions=(SolutionText(number=0, problem="1 + 1", steps=("2",)),)),
        lambda run: LabelStudyRequest(run=run),
        lambda run: PeopleStudyRequest(run=run, judged={0: {1: True}}),
        lambda run: ShadowStudyRequest(run=run, iteration=1, labels={0: "1"}),
        lambda run: SampleSolutionsRequest(like=run, models=(run,)),
        lambda run: ProgramTestsRequest(run=run, task={}, question="", program=""),
    ],
    ids=["evaluate", "score", "label-study", "people-study", "shadow", "sample", "tests"],
)
def test_what_is_asked_about_a_run_is_answered_by_the_python_of_the_run(tmp_path, about):
    answering = python(tmp_path, '{"from": "the run\'s"}')
    (tmp_path / "config.toml").write_text(f'[runtime]\nengine_python = "{answering}"\n')
    assert ask(about(tmp_path)) == {"from": "the run's"}
    with engines.lives_in("/nowhere/python"):
        assert ask(about(tmp_path)) == {"from": "the run's"}


@pytest.mark.parametrize("text", ["", "runtime = 3", "[runtime]\nengine_python = 3", "[runtime", "\0"])
def test_a_run_that_names_none_is_left_to_the_profile(tmp_path, text):
    (tmp_path / "config.toml").write_text(text)
    engines.choose("/profile/python")
    assert command_for(EvaluateRequest(run=tmp_path))[0] == "/profile/python"
    assert command_for(EvaluateRequest(run=tmp_path / "gone"))[0] == "/profile/python"


def test_what_is_missing_is_told_for_what_the_run_wants_with_the_command(tmp_path):
    other = python(tmp_path, told(packages=GOOD))

    def lacks(**sections: object) -> dict[str, str]:
        runtime = {"engine_python": str(other), **dict(sections.pop("runtime", {}))}  # type: ignore[call-overload]
        config = RunConfig.model_validate({"runtime": runtime, **sections})
        return {one.package: one.command for one in missing(config)}

    assert lacks() == {}
    assert lacks(runtime={"backend": "vllm"}) == {"vllm": f"{other} -m pip install 'sapo-studio[vllm]'"}
    assert set(lacks(model={"tuning": "qlora"}, verifier={"base": "shared"})) == {"bitsandbytes"}
    assert set(lacks(optimiser={"kind": "grpo"})) == {"trl"}
    assert {need.package for need in NEEDS} <= set(engines.SEEN)
