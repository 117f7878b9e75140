"""RunConfig: what is refused, and what is said about it."""

from __future__ import annotations

import pytest

from sapo_studio.config.gone import GONE
from sapo_studio.config.machines import port_of
from sapo_studio.config.phase_plan import plan
from sapo_studio.config.schema import RunConfig, field_paths, nearest, parse_config
from sapo_studio.errors import InputError


def told(data: dict[str, object]) -> str:
    with pytest.raises(InputError) as caught:
        parse_config(data)
    assert caught.value.exit_code == 2
    return caught.value.why


def test_defaults_are_valid():
    config = parse_config({})
    assert config == RunConfig()
    assert RunConfig.model_validate_json(config.model_dump_json()) == config


def test_every_field_explains_itself():
    def check(model: type, where: str) -> int:
        count = 0
        for name, field in model.model_fields.items():
            kind = field.annotation
            if isinstance(kind, type) and hasattr(kind, "model_fields"):
                count += check(kind, f"{where}{name}.")
            else:
                assert field.description, f"{where}{name} has no docstring"
                count += 1
        return count

    assert check(RunConfig, "") == len(field_paths()) > 40


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"optimizer": {"kind": "orpo"}}, "optimizer: no such key; did you mean optimiser?"),
        (
            {"optimiser": {"learning_rat": 1e-3}},
            "optimiser.learning_rat: no such key; did you mean optimiser.learning_rate?",
        ),
        ({"nam": "x"}, "nam: no such key; did you mean name?"),
        ({"stop_at": 0.5}, "stop_at: no such key; did you mean warmup.stop_at?"),
        ({"sampling": {"rollouts": 4}}, "sampling.rollouts: no such key; did you mean labeling.rollouts?"),
        ({"iterations": -1}, "iterations: should be at least 0 (given: -1)"),
        ({"iterations": 21}, "iterations: should be at most 20 (given: 21)"),
        ({"task": 3}, "task: is a section: write its keys under [task]"),
        ({"labeling": {"labeler": "oracle"}}, "labeling.labeler: should be 'sapo', 'omega'"),
        ({"task": {"min_steps": 6, "max_steps": 4}}, "task: min_steps (6) must not exceed max_steps (4)"),
        ({"sampling": {"questions": 190_000}}, "sampling.questions (190000) must not exceed task.train_questions"),
        (
            {"iterations": 2, "optimiser": {"rft_iterations": 2}},
            "optimiser.rft_iterations (2) must be smaller than iterations (2)",
        ),
        ({"labeling": {"labeler": "none"}}, 'labeling.labeler = "none" trains no verifier'),
        ({"runtime": {"gpus": "one"}}, "runtime.gpus: give numbers of cards, such as 0,2, or nothing (given: 'one')"),
        ({"runtime": {"ray_address": "node1"}}, "runtime.ray_address: give HOST:PORT, such as 10.0.0.1:6379, or noth"),
        ({"runtime": {"hosts": "a b"}}, "runtime.hosts: name two machines or more, such as node1,node2 (given: 'a b')"),
        ({"runtime": {"hosts": "a,-oProxyCommand=x"}}, "runtime.hosts: name two machines or more"),
        ({"runtime": {"launcher": "ssh"}}, "name two machines or more, this one first, for ssh"),
        ({"runtime": {"launcher": "hand", "hosts": "a:1,me@A,b"}}, "a stands there more than once"),
    ],
)
def test_faults_name_the_field_and_what_would_be_right(data: dict[str, object], expected: str):
    assert expected in told(data)


def test_rft_comes_first_and_then_the_optimiser():
    optimiser = parse_config({"iterations": 3, "optimiser": {"kind": "grpo", "rft_iterations": 1}}).optimiser
    assert [optimiser.kind_at(i) for i in range(4)] == ["grpo", "sft", "grpo", "grpo"]
    assert parse_config({"iterations": 1, "optimiser": {"kind": "sft", "rft_iterations": 3}})  # says the same twice


def test_every_fault_is_named_at_once():
    lines = told({"seed": -1, "bogus": 1, "warmup": {"epochs": "many"}}).splitlines()
    assert [line.split(":")[0] for line in lines] == ["seed", "warmup.epochs", "bogus"]


def test_a_name_in_several_sections_lists_them():
    assert nearest("epochs") == ["warmup.epochs", "verifier.epochs", "optimiser.epochs"]


def test_a_configuration_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        RunConfig().seed = 3  # type: ignore[misc]


MATH = {"name": "MATH", "kind": "math"}
WORDS = {"model": {"source": "hub:a/b"}, "task": {"kind": "gsm8k"}}


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        ([MATH, MATH], "two sets are called MATH"),
        ([MATH, MATH | {"name": "math"}], "two sets are called MATH"),
        ([MATH | {"name": ""}], "name ('') must be some words"),
        ([MATH | {"name": "  "}], "must be some words"),
        ([MATH | {"name": "a\nb"}], "must be some words"),
        ([{"kind": "math"}], "evaluation.sets.0.name: is missing"),
        ([{"name": "x"}], "evaluation.sets.0.kind: is missing"),
        ([MATH | {"kind": "maths"}], "evaluation.sets.0.kind: should be 'gsm8k', 'math'"),
        ([MATH | {"kind": "arithmetic"}], "evaluation.sets.0.kind: should be"),
        ([MATH | {"kind": "jsonl"}], 'the set MATH of kind "jsonl" needs data'),
        ([MATH | {"samples": 0}], "evaluation.sets.0.samples: should be at least 1"),
        ([MATH | {"samples": 10**6}], "evaluation.sets.0.samples: should be at most 256"),
        ([MATH | {"samples": 2.5}], "evaluation.sets.0.samples: "),
        ([MATH | {"prompt": "shout"}], "evaluation.sets.0.prompt: "),
        ([MATH | {"sample": 3}], "evaluation.sets.0.sample: no such key"),
        ([MATH | {"name": f"set {k}"} for k in range(11)], "evaluation.sets: should have at most 10 items"),
    ],
)
def test_a_faulty_evaluation_set_is_told(sets, expected):
    assert expected in told(WORDS | {"evaluation": {"sets": sets}})


def test_evaluation_sets_need_a_reasoner_with_words():
    assert "evaluation.sets need a reasoner" in told({"evaluation": {"sets": [MATH]}})
    found = parse_config(WORDS | {"evaluation": {"sets": [MATH, {"name": "HE", "kind": "humaneval"}]}})
    assert [one.name for one in found.evaluation.sets] == ["MATH", "HE"]
    assert parse_config(found.model_dump(mode="json")) == found


def test_a_run_of_no_iterations_is_one():
    found = parse_config({"iterations": 0, "warmup": {"epochs": 0}})
    assert [(phase.name, phase.iteration) for phase in plan(found)] == [("sft", 0), ("evaluate", 0)]


def test_a_setting_that_is_gone_is_left_out_where_it_changes_nothing_and_named_where_it_does():
    config = parse_config({"verifier": {"labels": "current", "epochs": 2.0}})
    assert config.verifier.epochs == 2.0
    assert not hasattr(config.verifier, "labels")
    with pytest.raises(InputError, match=r"verifier\.labels = 'all'") as told:
        parse_config({"verifier": {"labels": "all"}}, source="the configuration of run old-1")
    assert "the configuration of run old-1" in told.value.what
    assert told.value.fix
    assert not set(GONE) & set(field_paths())


@pytest.mark.parametrize("port", ["0", "65536", "99999", "-1", "", "01"])
def test_a_port_that_is_none_is_refused(port: str):
    assert "runtime.hosts" in told({"runtime": {"launcher": "ssh", "hosts": f"a:{port},b", "processes": 2}})


@pytest.mark.parametrize("port", [1, 9999, 29500, 59999, 64999, 65535])
def test_every_port_can_be_the_one_where_workers_meet(port: int):
    config = parse_config({"runtime": {"launcher": "ssh", "hosts": f"a:{port},b", "processes": 2}})
    assert port_of(config.runtime) == port


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"evaluation": {"sets": 3}}, "evaluation.sets: should be a list (given: 3)"),
        ({"iterations": "two"}, "iterations: should be a whole number (given: 'two')"),
        ({"iterations": 1.5}, "iterations: should be a whole number (given: 1.5)"),
        ({"optimiser": {"learning_rate": "low"}}, "optimiser.learning_rate: should be a number (given: 'low')"),
        ({"optimiser": {"learning_rate": []}}, "optimiser.learning_rate: should be a number (given: [])"),
        ({"model": {"gradient_checkpointing": "perhaps"}}, "model.gradient_checkpointing: should be true or false"),
        ({"name": 3}, "name: should be text (given: 3)"),
        ({"evaluation": {"sets": [3]}}, "evaluation.sets.0: is a section: write its keys under [[evaluation.sets]]"),
        ({"task": 3}, "task: is a section: write its keys under [task]"),
        ({"optimiser": {"learning_rate": float("nan")}}, "optimiser.learning_rate: should be"),
    ],
)
def test_what_is_wrong_is_said_without_the_names_of_types(given, said):
    with pytest.raises(InputError) as caught:
        parse_config(given)
    assert said in caught.value.why
    assert not any(word in caught.value.why for word in ("Input", "valid", "tuple", "dictionary", "instance", "parse"))
