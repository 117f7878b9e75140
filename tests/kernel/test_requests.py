"""Requests to an engine: what may be asked, how it travels, how errors come back, and that the commands agree."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_type_hints

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.models import ArgumentInfo, OptionInfo

from sapo_studio.app.commands import doctor, evaluate, grade, label_study, people_study
from sapo_studio.config.schema import TaskConfig
from sapo_studio.domain.labelers.registry import LABELERS
from sapo_studio.domain.task_kinds import WRITTEN
from sapo_studio.errors import EngineError, InputError, SapoError, Stopped, StoreError
from sapo_studio.requests import client
from sapo_studio.requests.kinds import (
    Asked,
    ClusterProbeRequest,
    DataCheckRequest,
    EvaluateRequest,
    GradeRequest,
    HubUploadRequest,
    LabelStudyRequest,
    ModelCheckRequest,
    PeopleStudyRequest,
    PreviewRequest,
    ProgramTestsRequest,
    PublishRequest,
    Request,
    SampleSolutionsRequest,
    SandboxProbeRequest,
    ScoreRequest,
    ShadowStudyRequest,
    SolutionText,
    TokenizerCheckRequest,
    read_request,
)

NAMES = st.text(st.characters(), max_size=30)
"""With lone surrogates, which Python has for bytes of a file's name that are not UTF-8."""
PATHS = NAMES.map(Path)
TASKS = st.sampled_from(WRITTEN)
COUNTS = st.integers(10, 10**12)
REQUESTS: dict[type[Asked], st.SearchStrategy[Any]] = {
    EvaluateRequest: st.builds(
        EvaluateRequest,
        run=PATHS,
        verifier=st.none() | st.integers(0, 10**6) | PATHS,
        benchmark=st.none() | PATHS,
        best_of=st.integers(0, 64),
        questions=COUNTS,
        matrix=st.booleans(),
        trajectories=COUNTS,
    )
    | st.builds(EvaluateRequest, verifier=PATHS, benchmark=PATHS),
    ScoreRequest: st.builds(
        ScoreRequest,
        run=PATHS,
        verifier=st.none() | st.integers(0, 10**6),
        solutions=st.lists(
            st.builds(
                SolutionText,
                number=COUNTS,
                problem=NAMES,
                steps=st.lists(NAMES, min_size=1, max_size=3).map(tuple),
            ),
            min_size=1,
            max_size=3,
        ).map(tuple),
    ),
    LabelStudyRequest: st.builds(
        LabelStudyRequest,
        run=PATHS,
        iteration=st.integers(0, 99),
        trajectories=COUNTS,
        lengths=st.lists(st.integers(1, 99)).map(tuple),
        labelers=st.lists(st.sampled_from(list(LABELERS)), min_size=1).map(tuple),
    ),
    PeopleStudyRequest: st.builds(
        PeopleStudyRequest,
        run=PATHS,
        judged=st.dictionaries(st.integers(0, 2**40), st.dictionaries(st.integers(1, 99), st.booleans())),
        iteration=st.integers(0, 99),
        benchmark=st.none() | PATHS,
        tuning=st.integers(0, 99),
    ),
    ShadowStudyRequest: st.builds(
        ShadowStudyRequest,
        run=PATHS,
        iteration=st.integers(0, 99),
        labels=st.dictionaries(st.integers(0, 2**40), st.text("01?"), min_size=1),
    ),
    SampleSolutionsRequest: st.builds(
        SampleSolutionsRequest,
        like=PATHS,
        models=st.lists(PATHS, min_size=1, max_size=3).map(tuple),
        verifier=st.none() | PATHS,
        questions=COUNTS,
        samples=st.integers(1, 64),
        rollouts=st.integers(1, 256),
    ),
    PublishRequest: st.builds(
        PublishRequest,
        run=PATHS,
        artefact=PATHS,
        verifier=st.booleans(),
        iteration=st.integers(0, 99),
        form=st.sampled_from(("whole", "adapter")),
        dtype=st.sampled_from(("", "fp32", "bf16", "fp16")),
        base=NAMES,
        revision=NAMES,
        target=PATHS,
        converter=st.none() | PATHS,
        name=NAMES,
    ),
    HubUploadRequest: st.builds(
        HubUploadRequest,
        folder=PATHS,
        repository=NAMES,
        private=st.booleans(),
        update=st.booleans(),
        message=NAMES,
    ),
    GradeRequest: st.builds(
        GradeRequest,
        task=TASKS,
        file=NAMES,
        data=NAMES,
        seconds=st.floats(0, 600, exclude_min=True),
        processes=st.integers(0, 999),
        unsandboxed=st.booleans(),
    ),
    PreviewRequest: st.builds(
        PreviewRequest, task=TASKS, data=NAMES, steps=NAMES, pattern=NAMES, count=st.integers(0, 99)
    ),
    DataCheckRequest: st.builds(
        DataCheckRequest, config=st.dictionaries(NAMES, NAMES | st.integers(-9, 9) | st.lists(st.booleans()))
    ),
    SandboxProbeRequest: st.builds(SandboxProbeRequest),
    ProgramTestsRequest: st.builds(
        ProgramTestsRequest,
        run=PATHS,
        task=st.dictionaries(NAMES, NAMES | st.integers(-9, 9)),
        question=NAMES,
        program=NAMES,
    ),
    ModelCheckRequest: st.builds(ModelCheckRequest, folder=PATHS),
    TokenizerCheckRequest: st.builds(TokenizerCheckRequest, folder=PATHS),
    ClusterProbeRequest: st.builds(ClusterProbeRequest, address=NAMES),
}


def test_every_kind_is_tried_here():
    assert set(REQUESTS) == set(get_args(Request))
    assert len({kind.model_fields["kind"].default for kind in REQUESTS}) == len(REQUESTS)


@pytest.mark.parametrize("kind", REQUESTS)
def test_a_request_arrives_as_it_was(kind: type[Asked]):
    @settings(max_examples=30)  # of each kind
    @given(REQUESTS[kind])
    def check(request: Asked) -> None:
        text = request.to_json()
        assert text.isascii()
        assert "\n" not in text
        arrived = read_request(text)
        assert type(arrived) is kind
        assert arrived == request

    check()


@pytest.mark.parametrize("kind", REQUESTS)
def test_every_field_says_what_it_is(kind: type[Asked]):
    (written,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(written, ast.ClassDef)
    said = [
        ast.unparse(field.target)
        for field, after in pairwise(written.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
        and after.value.value
    ]
    assert said == list(kind.model_fields)
    assert "The answer has " in (kind.__doc__ or "")


def refusal(make: Callable[[], object]) -> InputError:
    with pytest.raises(InputError) as told:
        make()
    assert told.value.fix
    return told.value


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"kind": "divine", "task": "gsm8k"}', "no request of the kind 'divine'"),
        ('{"kind": ["grade"], "task": "gsm8k", "file": "-"}', "no request of the kind ['grade']"),
        ('{"task": "gsm8k", "file": "-"}', "no request of the kind None"),
        ("[1]", "no request of the kind None"),
        ('{"kind": "sandbox_probe", "how": "landlock"}', "how: there is no such field"),
        ('{"kind": "grade", "task": "gsm8k", "file": "-", "secnods": 3}', "secnods: there is no such field"),
        ('{"kind": "grade", "task": "gsm8k"}', "file: is missing"),
        ('{"kind": "grade", "task": "gsm8k", "file": 3}', "file: "),
        ('{"kind": "grade", "task": "arithmetic", "file": "-"}', "'arithmetic' to grade"),
        ('{"kind": "grade", "task": ["gsm8k"], "file": "-"}', "to grade"),
        ('{"kind": "grade", "task": "gsm8k", "file": "-", "seconds": NaN}', "seconds: "),
        ('{"kind": "label_study", "run": 7}', "run: "),
        ('{"kind": "label_study", "run": "x", "lengths": [4, "many"]}', "lengths.1: "),
        ('{"kind": "label_study", "run": "x", "labelers": ["best"]}', "labelers.0: "),
        ('{"kind": "label_study", "run": "x", "labelers": []}', "labelers: "),
        ('{"kind": "evaluate", "run": "x", "verifier": -1}', "verifier: "),
        ('{"kind": "evaluate", "run": "x", "verifier": 1.5}', "verifier: "),
    ],
)
def test_what_is_no_request_is_refused_by_name(text: str, named: str):
    told = refusal(lambda: read_request(text))
    assert named in f"{told.what}\n{told.why}"


def test_what_is_not_json_is_refused():
    with pytest.raises(InputError, match="not JSON"):
        read_request("grade gsm8k -")


@pytest.mark.parametrize("seconds", [0.0, -1.0, 600.5, float("inf"), float("-inf"), float("nan")])
def test_seconds_are_finite_and_more_than_none(seconds: float):
    assert refusal(lambda: GradeRequest(task="gsm8k", file="-", seconds=seconds)).why.startswith("seconds: ")


def test_one_message_names_every_fault():
    told = refusal(lambda: GradeRequest(task="gsm8k", file="-", seconds=-1.0, processes=-1))
    assert told.what == "The grade request is not valid"
    assert [line.partition(":")[0] for line in told.why.splitlines()] == ["seconds", "processes"]
    assert "(given: -1)" in told.why


def test_a_request_for_nothing_is_none():
    for fields in ({}, {"verifier": 0, "benchmark": Path("b")}, {"verifier": Path("v")}, {"benchmark": Path("b")}):
        assert "nothing to evaluate" in refusal(lambda fields=fields: EvaluateRequest(**fields)).what


def test_defaults_of_a_task_are_those_of_a_run():
    """They stand in `requests.limits` for the commands, which may not load the configuration."""
    asked, configured = GradeRequest.model_fields["seconds"], TaskConfig.model_fields["test_seconds"]
    assert (asked.default, limits_of(asked)) == (configured.default, limits_of(configured))
    assert PreviewRequest.model_fields["steps"].default == TaskConfig.model_fields["steps"].default


# -- The commands


def limits_of(field: Any) -> dict[str, Any]:
    """The limits of a field of a model, by pydantic's names."""
    pairs = [(name, getattr(part, name, None)) for name in ("ge", "gt", "le") for part in field.metadata]
    return {name: value for name, value in pairs if value is not None}


@pytest.mark.parametrize(
    ("command", "kind", "only_options", "only_fields"),
    [
        (evaluate.evaluate, EvaluateRequest, {"out", "as_json"}, {"tuning"}),
        (label_study.label_study, LabelStudyRequest, {"out", "as_json"}, {"labelers"}),
        (people_study.people_study, PeopleStudyRequest, {"as_json"}, {"judged", "tuning"}),
        (grade.grade, GradeRequest, set(), set()),
        (doctor.doctor, PreviewRequest, {"as_json", "cluster", "address"}, set()),
    ],
)
def test_a_commands_options_are_the_fields_of_its_request(
    command: Callable[..., None], kind: type[Asked], only_options: set[str], only_fields: set[str]
):
    parameters = inspect.signature(command).parameters
    fields = {name: field for name, field in kind.model_fields.items() if name != "kind"}
    assert set(parameters) - only_options == set(fields) - only_fields
    hints = get_type_hints(command, include_extras=True)
    for name in set(parameters) - only_options:
        (told,) = (part for part in hints[name].__metadata__ if isinstance(part, OptionInfo | ArgumentInfo))
        field, default = fields[name], parameters[name].default
        if field.is_required():
            assert default is inspect.Parameter.empty or not default, name
        elif isinstance(field.default, bool | int | float) or field.default:
            assert default == field.default, name
        else:
            assert not default, name  # as text "" stands for None and for an empty list
        limits = limits_of(field)
        if told.min is not None or told.max is not None:
            assert (told.min, told.max) == (limits.get("ge"), limits.get("le")), name


# -- The client


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Has `ask` start a program of the test's own instead of the engine."""

    def pretend(code: str) -> None:
        monkeypatch.setattr(client, "COMMAND", (sys.executable, "-c", code))

    return pretend


@pytest.mark.parametrize("kind", [SapoError, InputError, StoreError, EngineError, Stopped])
def test_errors_arrive_as_they_were_told(engine: Callable[[str], None], kind: type[SapoError]):
    told = kind("Größe\nfehlt", why="It is\nnot “there”.", fix="Say `größe`.")
    engine(
        "import sys; from sapo_studio import errors; from sapo_studio.requests.wire import write_error\n"
        "print('noise', file=sys.stderr)\n"
        f"sys.exit(write_error(errors.{kind.__name__}({told.what!r}, why={told.why!r}, fix={told.fix!r})))"
    )
    with pytest.raises(SapoError) as caught:
        client.ask(SandboxProbeRequest())
    arrived = caught.value
    assert type(arrived) is kind
    assert (arrived.what, arrived.why, arrived.fix, arrived.exit_code) == (
        told.what,
        told.why,
        told.fix,
        kind.exit_code,
    )


def test_the_engines_own_errors_arrive(tmp_path: Path):
    with pytest.raises(InputError) as caught:
        client.ask(GradeRequest(task="gsm8k", file=str(tmp_path / "absent.jsonl")))
    assert caught.value.what == f"There is no file {tmp_path / 'absent.jsonl'}"


def test_a_request_may_be_longer_than_an_argument(engine: Callable[[str], None]):
    engine(
        "import json, sys; from sapo_studio.requests.kinds import read_request\n"
        "print('noise'); print(json.dumps({'lengths': len(read_request(sys.stdin.read()).lengths)}))"
    )
    asked = LabelStudyRequest(run=Path("x"), lengths=tuple(range(100_000)))
    assert len(asked.to_json()) > 2**18
    assert client.ask(asked) == {"lengths": 100_000}


def test_an_answer_is_what_the_engine_said(engine: Callable[[str], None], capfd: pytest.CaptureFixture[str]):
    """A request that streams leaves standard output to its results, and its answer comes on standard error."""
    engine(
        "import json, sys; from sapo_studio.requests.kinds import read_request\n"
        "print('a verdict', flush=True); print(json.dumps({'file': read_request(sys.argv[1]).file}), file=sys.stderr)"
    )
    assert client.ask(GradeRequest(task="gsm8k", file="b\udcff")) == {"file": "b\udcff"}
    assert capfd.readouterr() == ("a verdict\n", "")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise ValueError('out of cheese')", "ValueError: out of cheese"),
        ("import sys; sys.exit(9)", "It ended with status 9."),
        ("print('no answer')", "It ended with status 0."),
        ("print('[1, 2]')", "It ended with status 0."),
        ("", "It ended with status 0."),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
def test_an_engine_that_does_not_answer(engine: Callable[[str], None], code: str, why: str):
    engine(code)
    with pytest.raises(EngineError) as caught:
        client.ask(SandboxProbeRequest())
    assert (caught.value.what, caught.value.why) == ("The engine could not do this", why)
    assert ("pip install" in caught.value.fix) == ("no_such_module" in why), "what is there need not be installed"


@pytest.mark.parametrize(
    ("status", "last", "what"),
    [
        (-9, "", "The engine was killed (SIGKILL)"),
        (-15, "", "The engine was ended (SIGTERM)"),
        (-99, "", "The engine was ended (signal 99)"),
        (1, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", "The engine ran out of memory"),
    ],
)
def test_an_engine_that_was_ended_needs_no_installation(status: int, last: str, what: str):
    with pytest.raises(EngineError) as caught:
        client.answer_of(status, "", f"noise\n{last}\n")
    assert caught.value.what == what
    assert "install" not in caught.value.fix
    assert caught.value.fix


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends it there")
def test_an_engine_ends_with_who_asked_however_that_ends():
    """Its input stays open, and so it would wait on."""
    asks = (
        "import os, subprocess, sys; from sapo_studio import processes\n"
        "os.environ[processes.PARENT_VARIABLE] = str(os.getpid())\n"
        "print(subprocess.Popen([sys.executable, '-m', 'sapo_engine.service']).pid, flush=True)\n"
        "import threading; threading.Event().wait()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", asks], stdin=pipe, stdout=pipe, text=True) as parent:
        assert parent.stdout is not None
        engine = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        parent.wait()
        psutil.wait_procs([engine], timeout=60)
        assert not engine.is_running() or engine.status() == psutil.STATUS_ZOMBIE


def test_an_engine_that_hangs_is_ended(engine: Callable[[str], None]):
    engine("import threading; threading.Event().wait()")
    with pytest.raises(EngineError, match=r"not answered within 0\.5 seconds"):
        client.ask(SandboxProbeRequest(), seconds=0.5)


def test_an_engine_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(client, "COMMAND", (str(tmp_path / "no-python"),))
    with pytest.raises(EngineError, match="could not be started"):
        client.ask(SandboxProbeRequest())
