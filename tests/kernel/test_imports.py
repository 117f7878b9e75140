"""Who may load what, looked at in fresh interpreters."""

from __future__ import annotations

import importlib.util
import json
import pkgutil
import subprocess
import sys

import pytest

from sapo_studio.store.db import Store
from tests.fixtures.synthetic import synthetic_run

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
        pytest.param(
            "sapo_ui", (*TORCH, "sapo_engine"), 20, marks=pytest.mark.slow
        ),  # Qt, too; a start is looked at below
        pytest.param("sapo_engine", (*QT, "sapo_ui"), 15, marks=pytest.mark.slow),  # torch takes its time
    ],
)
def test_packages_keep_to_their_side(modules: str, forbidden: tuple[str, ...], at_least: int):
    names = [name for name in modules_of(modules) if not name.endswith("__main__")]
    assert len(names) >= at_least, "the walk found too little"
    assert loaded_by(names) & set(forbidden) == set()


HEAVY = (
    # of the kernel
    *("numpy", "platformdirs", "psutil", "pydantic", "rich", "sqlite3", "sqlite_utils", "tomli_w", "typer"),
    # of the window
    *("PySide6.QtWidgets", "PySide6.QtSvg", "PySide6.QtOpenGL", "PySide6.QtWebEngineCore", "pyqtgraph", "superqt"),
    # of the engine
    *("torch", "transformers", "tokenizers", "safetensors", "peft", "accelerate", "datasets", "jinja2", "gguf"),
    *("mpmath", "pynvml", "bitsandbytes", "vllm", "trl", "ray"),
    # of nobody, or of one command
    *("pandas", "pyarrow", "matplotlib", "scipy", "sklearn", "sympy", "math_verify", "huggingface_hub", "httpx"),
    # our own that take long, or bring much along
    *("sapo_studio.forecast", "sapo_studio.formats.base", "sapo_studio.app.html_report", "sapo_studio.config.schema"),
    *("sapo_studio.store", "sapo_engine.grading", "sapo_engine.tasks", "sapo_engine.session"),
)
"""What takes a hundredth of a second or more to load, or brings such along: each is looked for in every start."""

SHOWN = ("typer", "rich")
STORED = ("numpy", "pydantic", "platformdirs", "psutil", "sqlite3", "tomli_w")
OWN = ("sapo_studio.config.schema", "sapo_studio.formats.base", "sapo_studio.store")
STARTS: dict[str, tuple[str, set[str]]] = {
    "sapo --help": ("sys.argv = ['sapo', '--help']; from sapo_studio.cli import main; main()", {*SHOWN}),
    "sapo runs": (
        "sys.argv = ['sapo', 'runs']; from sapo_studio.cli import main; main()",
        {*SHOWN, *STORED, *OWN},
    ),
    "the window": (
        "from sapo_ui.app import Program; it = Program(); it.open(); it.app.processEvents(); it.close()",
        {*STORED, *OWN, "PySide6.QtWidgets", "PySide6.QtSvg"},
    ),
    "the engine's parent": ("import sapo_engine.__main__", {*STORED, *OWN}),
    "an answer to a request": ("import sapo_engine.service.__main__", {"psutil", "pydantic"}),
    "sapo_studio in a program": (
        "import sapo_studio; sapo_studio.open_store()",
        {*STORED, *OWN} - {"psutil", "tomli_w", "sapo_studio.formats.base"},
    ),
}
"""Each start, and what it loads of HEAVY: no more, for that is waited for, and no less, or the list is not true."""


def heavy_after(code: str) -> set[str]:
    """What of HEAVY a new interpreter has loaded after `code`, however that ends."""
    program = (
        "import atexit, json, sys\n"
        f"atexit.register(lambda: print('\\n' + json.dumps([name for name in {HEAVY!r} if name in sys.modules])))\n"
        f"{code}"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("start", STARTS)
def test_a_start_loads_what_it_needs_and_no_more(start: str, store: Store):
    synthetic_run(store, trajectories=4, questions=2)
    code, loaded = STARTS[start]
    assert heavy_after(code) == loaded


@pytest.mark.slow  # torch and transformers take their time
def test_a_worker_loads_nothing_heavy_besides_torch_and_transformers():
    theirs = heavy_after("import torch, transformers.modeling_utils, transformers.models.auto.modeling_auto")
    ours = heavy_after("import torch, transformers, sapo_engine.worker.__main__, sapo_engine.loop, sapo_engine.session")
    assert {"torch", "transformers"} <= theirs
    assert ours - theirs - {*STORED} == {
        *("sapo_studio.config.schema", "sapo_studio.forecast", "sapo_studio.formats.base"),
        *("sapo_engine.grading", "sapo_engine.session", "sapo_engine.tasks", "tokenizers"),
    }
