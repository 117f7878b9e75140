"""Who may load what, looked at in fresh interpreters."""

from __future__ import annotations

import importlib.util
import pkgutil
import subprocess
import sys

import pytest

TORCH = ("torch", "transformers", "peft", "accelerate", "tokenizers")
QT = ("PySide6", "pyqtgraph", "superqt")


def modules_of(package: str) -> list[str]:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    found = [package]
    for info in pkgutil.walk_packages(list(spec.submodule_search_locations), f"{package}."):
        found.append(info.name)
    return found


def loaded_by(modules: list[str]) -> set[str]:
    """Top-level names in sys.modules after importing `modules` in a new interpreter."""
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "print(' '.join(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("modules", "forbidden", "at_least"),
    [
        ("sapo_studio", (*TORCH, *QT, "sapo_ui", "sapo_engine"), 30),
        ("sapo_ui", (*TORCH, "sapo_engine"), 20),
        pytest.param("sapo_engine", (*QT, "sapo_ui"), 15, marks=pytest.mark.slow),  # torch takes its time
    ],
)
def test_packages_keep_to_their_side(modules: str, forbidden: tuple[str, ...], at_least: int):
    names = [name for name in modules_of(modules) if not name.endswith("__main__")]
    assert len(names) >= at_least, "the walk found too little"
    assert loaded_by(names) & set(forbidden) == set()


def test_the_engine_parent_stays_small():
    assert loaded_by(["sapo_engine.parent.parent", "sapo_engine.__main__"]) & {*TORCH, *QT} == set()


def test_the_command_line_loads_little():
    assert loaded_by(["sapo_studio.cli"]) & {*TORCH, *QT, "numpy", "sqlite_utils"} == set()
