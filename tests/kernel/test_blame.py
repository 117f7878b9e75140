"""From an error to the setting to blame: every error that an engine can raise, read out of its source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import sapo_engine
import sapo_studio
from sapo_studio.config.blame import RULES, blame, resumes, rule_for, setting, value_of, with_change
from sapo_studio.config.changes import CHANGEABLE
from sapo_studio.config.overrides import override
from sapo_studio.config.presets import find_preset, list_presets
from sapo_studio.config.schema import RunConfig, field_paths, parse_config
from sapo_studio.domain.runs import PhaseName
from sapo_studio.errors import InputError

ENGINE, KERNEL = Path(sapo_engine.__file__).parent, Path(sapo_studio.__file__).parent
RAISED = ("EngineError", "InputError", "StoreError", "Failed", "CardTrouble")
CARDS = KERNEL / "domain" / "card_choice.py"
PLACES = (*sorted(ENGINE.rglob("*.py")), *sorted((KERNEL / "model_files").glob("*.py")), CARDS)
NOT_OF_A_RUN = ("service", "publishing", "saved_run.py", "classifiers.py")
"""Of what is asked beside a run, or after it."""
REFUSALS = ("is already running", "X is X")
"""What is said to who asks for something that cannot be done to a run; no run fails by it."""
WORDS = {
    "what": "X: column 'a', which task.fields names for question, is missing",
    "column": "X: column 'a', which task.fields names for question,",
    "golds.summary": "1 of 50 reference answers are not graded as right: X",
    "who": "The engine worker",
    "cards": "3",
    "count": "4",
    "most // MIB": "16",
    "'is' if number == 1 else 'are'": "are",
    "'card' if number == 1 else 'cards'": "cards",
    "number": "3",
    "processes": "4",
    "key": "vocab_size",
    "address": "hub:x",
}
"""What stands in some of the gaps; X in the others."""


def words_of(node: ast.expr | None) -> list[str]:
    """The texts that an expression may be, as far as its source tells."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            whole = [""]
            for part in parts:
                inner = words_of(part.value if isinstance(part, ast.FormattedValue) else part)
                whole = [before + text for before in whole for text in inner[:1] or ["X"]]
            return whole
        case ast.IfExp(body=first, orelse=second) if ast.unparse(node) not in WORDS:
            return [*words_of(first), *words_of(second)]
        case ast.expr():
            return [WORDS.get(ast.unparse(node), "X")]
        case _:
            return []


def raised() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for place in PLACES:
        if any(part in place.parts for part in NOT_OF_A_RUN):
            continue
        for node in ast.walk(ast.parse(place.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISED:
                named = next((one.value for one in node.keywords if one.arg == "what"), None)
                texts = words_of(node.args[0] if node.args else named)
                found += [(f"{place.name}:{node.lineno}", text) for text in texts]
    return [(where, what) for where, what in found if not any(refusal in what for refusal in REFUSALS)]


ALL = raised()


def test_the_source_was_read():
    whats = {what for _, what in ALL}
    assert len(whats) > 80
    assert "The device ran out of memory" in whats
    assert "The engine worker was killed by X" in whats


@pytest.mark.parametrize(("where", "what"), [one for one in ALL if one[1] != "X"], ids=lambda text: text[:60])
def test_every_error_of_a_run_has_a_rule(where, what):
    rule, told = rule_for(what)
    assert rule is not None, f"{where} raises {what!r}, and no rule of blame.RULES knows it"
    assert told is not None


def test_only_what_says_nothing_of_its_own_is_left_out():
    """Errors whose headline is handed on from another one: those are known by their own."""
    assert {where.partition(":")[0] for where, what in ALL if what == "X"} <= {
        "checks.py",
        "exit_reasons.py",
        "launch.py",
    }


def test_no_rule_is_for_nothing_and_all_name_settings_that_there_are():
    keys = [rule.key for rule in RULES]
    assert len(set(keys)) == len(keys)
    known = set(field_paths())
    assert all(one.path in known for rule in RULES for one in rule.suggestions)
    used = {rule.key for _, what in ALL for rule in [rule_for(what)[0]] if rule is not None}
    elsewhere = {"store", "room", "python", "path", "revision", "benchmark", "hub", "golds", "version", "worker"}
    elsewhere |= {"graphs"}  # PyTorch says it
    assert set(keys) - used <= elsewhere


def found(what, why="", *, phase="", bad_input=True, **sections):
    config = RunConfig.model_validate({"model": {"source": "hub:a/b"}, "task": {"kind": "gsm8k"}, **sections})
    return blame(what, why, bad_input=bad_input, config=config, phase=phase)


@pytest.mark.parametrize("phase", list(PhaseName))
def test_memory_is_saved_where_it_ran_out_and_a_run_goes_on_with_it(phase):
    told = found("The device ran out of memory", "CUDA", phase=phase, bad_input=False)
    first = told.proposals[0]
    trains = phase in ("sft", "verifier", "align")
    assert first.path == ("runtime.micro_tokens" if trains else "runtime.rollout_batch")
    assert first.after == (4096 if trains else 256)
    assert first.resumes
    assert told.resume
    assert {one.path for one in told.proposals[1:]} >= {"model.tuning", "verifier.base"}
    assert not any(one.resumes for one in told.proposals if one.path in ("model.tuning", "verifier.base"))


def test_several_processes_are_told_to_divide_what_is_trained():
    proposed = {
        processes: {
            one.path: one.after
            for one in found("The device ran out of memory", phase="align", runtime={"processes": processes}).proposals
        }
        for processes in (1, 2)
    }
    assert "runtime.sharded_training" not in proposed[1]
    assert proposed[2]["runtime.sharded_training"] == "on"


def test_halving_goes_on_from_the_last_value_and_ends_at_one():
    text = 230 + 320  # the longest of GSM8K, as far as the configuration knows
    small = found("The engine worker ran out of memory", phase="align", runtime={"micro_tokens": 900})
    assert small.proposals[0].after == text
    one = found("The engine worker ran out of memory", phase="align", runtime={"micro_tokens": text})
    assert "runtime.micro_tokens" not in [proposal.path for proposal in one.proposals]


@pytest.mark.parametrize(
    ("what", "sections", "path", "after"),
    [
        ("runtime.device = 'gpu' is not a valid device", {"runtime": {"device": "gpu"}}, "runtime.device", "auto"),
        ("There is no device cuda:3", {"runtime": {"device": "cuda:3"}}, "runtime.device", "auto"),
        (
            "runtime.processes = 4, but there are 2 to work on",
            {"runtime": {"processes": 4}},
            "runtime.processes",
            2,
        ),
        (
            "runtime.processes = 4, but there are 0 cards to work on",
            {"runtime": {"processes": 4, "device": "cuda"}},
            "runtime.device",
            "auto",
        ),
        ("runtime.gpus names card 7, which", {"runtime": {"gpus": "7"}}, "runtime.gpus", ""),
        (
            'model.precision = "fp16" is not for a CPU',
            {"model": {"source": "x", "precision": "fp16"}},
            "model.precision",
            "fp32",
        ),
        ("vLLM is not installed", {"runtime": {"backend": "vllm"}}, "runtime.backend", "hf"),
        (
            "CUDA error: operation not permitted when stream is capturing",
            {"runtime": {"backend": "slots"}},
            "runtime.backend",
            "hf",
        ),
        ('optimiser.kind = "grpo" needs TRL', {"optimiser": {"kind": "grpo"}}, "optimiser.kind", "orpo"),
        (
            "A training of the architecture beam cannot be divided among processes",
            {"runtime": {"processes": 2, "sharded_training": "on"}},
            "runtime.sharded_training",
            "off",
        ),
        ("There is nothing to warm up on", {}, "warmup.epochs", 0.0),
        (
            "The model has no chat template",
            {"task": {"kind": "gsm8k", "prompt": "chat"}},
            "task.prompt",
            "plain",
        ),
        (
            "A prompt of 900 tokens leaves no room for an answer",
            {"task": {"kind": "gsm8k", "prompt": "few-shot", "shots": 4}},
            "task.shots",
            3,
        ),
    ],
)
def test_what_is_proposed_is_valid_and_another_value(what, sections, path, after):
    told = found(what, **sections)
    assert (told.proposals[0].path, told.proposals[0].after) == (path, after)
    assert told.proposals[0].before != after
    assert told.kind == "setting"


def test_of_several_files_the_one_that_the_error_names_is_to_blame():
    own = {"kind": "jsonl", "train_data": "/d/train.jsonl", "test_data": "/d/test.jsonl", "process_data": "/d/p.jsonl"}
    for path in ("train", "test"):
        told = found(f"There is no data file /d/{path}.jsonl", task=own)
        assert [one.path for one in told.proposals] == [f"task.{path}_data"]
        assert told.proposals[0].after is None, "only the user knows another"
    assert [one.path for one in found("/d/p.jsonl is not JSON", task=own).proposals] == ["task.process_data"]
    model = {"source": "/models/mine"}
    assert [one.path for one in found("/models/mine/config.json cannot be read", task=own, model=model).proposals] == [
        "model.source"
    ]


def test_a_configuration_that_is_not_valid_names_its_own_fields():
    why = "sampling.samples: should be more than 0 (given: -1)\nnot.there: no such key"
    told = found("the run's configuration is not valid", why)
    assert [one.path for one in told.proposals] == ["sampling.samples"]


@pytest.mark.parametrize(
    ("what", "bad_input", "resume"),
    [
        ("Something that nobody has heard of", False, True),
        ("Something that nobody has heard of", True, False),
        ("Unexpected engine error: IndexError", False, False),
        ("The engine worker was killed by SIGTERM", False, True),
        ("The engine found no room for a file", False, True),
    ],
)
def test_an_unknown_error_blames_nothing_and_is_resumed_only_where_that_can_help(what, bad_input, resume):
    told = found(what, bad_input=bad_input)
    assert (told.kind, told.proposals, told.resume) == ("unknown", (), resume)


@pytest.mark.parametrize("preset", [preset.name for preset in list_presets()])
def test_with_every_preset_all_proposals_can_be_set(preset):
    config = find_preset(preset).config
    for _, what in ALL:
        for one in blame(what, "", bad_input=True, config=config).proposals:
            if one.after is not None:
                changed = with_change(config, one.path, one.after)
                assert value_of(changed, one.path) == one.after
                again = parse_config(override(config.model_dump(mode="json"), [setting(one.path, one.after)]))
                assert again == changed, "the same by the window and by sapo resume --set"
                assert one.resumes <= (one.path in CHANGEABLE)


def test_a_rate_can_change_until_its_phase_is_behind_the_run():
    config = RunConfig()
    assert resumes(config, "optimiser.learning_rate", 1e-4)
    assert not resumes(config, "optimiser.learning_rate", 1e-4, frozenset({"align"}))
    assert not resumes(config, "sampling.samples", 4)


def test_values_that_are_not_valid_are_refused():
    with pytest.raises(ValueError, match="greater than or equal"):
        with_change(RunConfig(), "sampling.samples", 0)
    with pytest.raises(InputError):
        override({}, ["no sign"])
