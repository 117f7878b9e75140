"""The engine's limits stand once: nobody writes the number of another file down again."""

from __future__ import annotations

import ast
from pathlib import Path

from sapo_studio.config import engine_limits
from sapo_studio.config.presets import find_preset
from sapo_studio.config.schema import TaskConfig
from sapo_studio.forecast.lengths import lengths

ROOT = Path(__file__).parents[2]
NAMES = {name for name in vars(engine_limits) if name.isupper()}


def assigned(file: Path) -> set[str]:
    """The names that a module gives values to."""
    targets = [
        target
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign)
        for target in node.targets
    ]
    names = [name for target in targets for name in (target.elts if isinstance(target, ast.Tuple) else [target])]
    return {name.id for name in names if isinstance(name, ast.Name)}


def imported(file: Path) -> set[str]:
    """What a module takes from engine_limits."""
    return {
        name.name
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "sapo_studio.config.engine_limits"
        for name in node.names
    }


def files(*folders: str) -> list[Path]:
    return [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]


def test_no_limit_has_a_second_definition():
    there = {
        file.relative_to(ROOT).as_posix(): assigned(file) & NAMES
        for file in files("sapo_studio", "engine")
        if assigned(file) & NAMES
    }
    assert there == {"sapo_studio/config/engine_limits.py": NAMES}
    assert len(NAMES) >= 9


def test_each_limit_is_used_by_the_engine_and_by_the_forecast():
    for folder in ("engine", "sapo_studio/forecast"):
        used = set().union(*(imported(file) for file in files(folder)))
        assert used == {*NAMES, "lab_tokens"}, folder


def test_the_configuration_tells_the_limits_that_are_there():
    told = TaskConfig.model_fields["max_new_tokens"].description or ""
    assert f"({engine_limits.ANSWER_TOKENS} for answers, {engine_limits.CODE_TOKENS} for code)" in told


def test_the_forecast_of_a_task_goes_by_them():
    for preset, most in (("gsm8k-qwen2.5-0.5b", engine_limits.ANSWER_TOKENS), ("lab-demo", None)):
        task = find_preset(preset).config.task
        assert lengths(task).longest_solution == (most or engine_limits.lab_tokens(task.max_steps))
