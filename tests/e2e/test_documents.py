"""What README and docs show is run: command lines over one finished run of the lab, Python, TOML."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest

from sapo_studio import paths
from sapo_studio.app.commands import try_session
from sapo_studio.app.playground.room import Spot
from sapo_studio.app.playground.session import PlaygroundSession, Room, anywhere
from sapo_studio.config.presets import parse_toml, to_toml
from sapo_studio.requests.play import Load
from sapo_studio.store.db import Store
from sapo_studio.store.runs import create_run
from tests.fixtures.command_line import sapo
from tests.fixtures.small_run import config
from tests.fixtures.snippets import PAGES, ROOT, SHELLS, as_run, blocks, why_not
from tests.fixtures.step_files import ROWS
from tests.fixtures.two_people import judged_queue
from tests.fixtures.written_tasks import gsm8k_file, mbpp_file

pytestmark = pytest.mark.slow  # one small run, and a hundred commands over it

WITH_LINES = [page for page in PAGES if any(b.lines() and not b.not_run for b in blocks(page) if b.language in SHELLS)]
STANDS_FOR = {
    **dict.fromkeys(
        ("last", "lab-demo-1", "lab-demo-3", "lab/sapo/0", "lab/sapo/1", "lab/sapo/2", "sapo-1"), "lab-demo-2"
    ),
    **{"dpo-2": "lab-demo-2@1", "omega-3": "lab-demo-2@2", "lab-smoke-1": "synthetic-1", "6801": "QUESTION"},
}
"""Runs and questions of the pages, and which of the data folder's stand for them."""
BY_PAGE = {
    "docs/benchmarks.md": {**STANDS_FOR, "lab-demo-3": "synthetic-1"},  # that people have judged
    "docs/queue.md": {**STANDS_FOR, "lab-demo-3": "waiting"},
}
"""The same for single pages."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a finished run of the lab, `lab-demo-2`, a run `synthetic-1` with a queue that two people have
    judged, a run that waits, and files beside it that pages name."""
    folder = tmp_path_factory.mktemp("documents")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(paths.HOME_VARIABLE, str(folder / "home"))
        with Store.open() as store:
            judged_queue(store, name="lab it 2")
        (folder / "small.toml").write_text(to_toml(config(name="lab-demo", iterations=3)), encoding="utf-8")
        ended = sapo("run", folder / "small.toml")
        assert ended.returncode == 0, ended.stderr
        with Store.open() as store:
            create_run(store, config(name="waiting"))
        assert sapo("queue", "pause").returncode == 0, "what a page puts in is not to start"
        steps = folder / "processbench.jsonl"
        assert sapo("export", "lab-demo-2", "processbench", "-o", steps, "--labels", "rollouts").returncode == 0
    shutil.copy(steps, folder / "processbench.json")
    for name, kind in (("aps", "math_aps"), ("prm800k", "prm800k")):
        (folder / f"{name}.jsonl").write_text(json.dumps(ROWS[kind]) + "\n", encoding="utf-8")
    gsm8k_file(folder / "train.jsonl", 120)
    gsm8k_file(folder / "test.jsonl", 20, seed=1)
    asked = [json.loads(line) for line in (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    _rows(folder / "questions.jsonl", ({"question": one["question"], "answer": one["answer"][-1:]} for one in asked))
    _rows(folder / "answers.jsonl", ({**one, "completion": one["answer"]} for one in asked))
    mbpp_file(folder / "mbpp.jsonl", 4)
    programs = [json.loads(line) for line in (folder / "mbpp.jsonl").read_text(encoding="utf-8").splitlines()]
    _rows(folder / "programs.jsonl", ({"task_id": one["task_id"], "completion": one["code"]} for one in programs))
    data = {"kind": "gsm8k", "train_data": "train.jsonl", "test_data": "test.jsonl"}
    (folder / "gsm8k.toml").write_text(to_toml(config(name="gsm8k", task=data)), encoding="utf-8")
    return folder


def _rows(path: Path, rows: Iterable[object]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def there(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it for one page, as the working folder."""
    copied = tmp_path / "there"
    shutil.copytree(finished, copied)
    monkeypatch.setenv(paths.HOME_VARIABLE, str(copied / "home"))
    monkeypatch.chdir(copied)
    return copied


@dataclass
class OneEngine:
    """Stands for `PlaygroundSession`: the trials of all pages ask one engine, which takes seconds to start."""

    session: PlaygroundSession | None = None
    room: Room = anywhere

    def __call__(self, room: Room) -> AbstractContextManager[PlaygroundSession]:
        self.room = room
        self.session = self.session or PlaygroundSession(self._room_now)
        return nullcontext(self.session)

    def _room_now(self, load: Load, other: Load | None, pid: int | None) -> Spot:
        """As whoever tries asks for it, in the store of his page."""
        return self.room(load, other, pid)

    def close(self) -> None:
        if self.session is not None:
            self.session.close()


@pytest.fixture(scope="module", autouse=True)
def _one_engine() -> Iterator[None]:
    one = OneEngine()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(try_session, "PlaygroundSession", one)
        yield
    one.close()


def own_files(page: str, there: Path) -> None:
    """`mine.toml`, which is a matrix on some pages and a run's configuration on others, and what a page's own TOML
    says that it is called."""
    matrix = "name = 'mine'\npreset = 'lab-smoke'\nmethods = ['sapo', 'rpo']\nseeds = [0]\n"
    own = to_toml(config(name="mine", task={"kind": "jsonl", "train_data": "questions.jsonl"}))
    by_matrix = page in ("README.md", "docs/queue.md", "docs/matrix.md")
    (there / "mine.toml").write_text(matrix if by_matrix else own, encoding="utf-8")
    for block in blocks(ROOT / page):
        if block.language == "toml" and page == "docs/how-to/own-data.md":
            (there / "own.toml").write_text(textwrap.dedent(block.text), encoding="utf-8")


@pytest.mark.parametrize("page", WITH_LINES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_command_lines_run(page: Path, there: Path):
    name, failed = page.relative_to(ROOT).as_posix(), list[str]()
    own_files(name, there)
    with Store.open() as store:
        found = "SELECT min(id) & 4294967295 FROM questions WHERE run_id = 'lab-demo-2' AND split = 'test'"
        question = str(store.value(found))
    stands_for = {old: new.replace("QUESTION", question) for old, new in BY_PAGE.get(name, STANDS_FOR).items()}
    for block in blocks(page):
        if block.not_run or block.language not in SHELLS:
            continue
        for line in block.lines():
            if why_not(line):
                continue
            judged = {"last": "synthetic-1"} if line.startswith("sapo benchmark") else {}
            words, given = as_run(line, {**stands_for, **judged})
            done = sapo(*words, given=given or "y\n")
            if done.returncode != 0:
                failed.append(f"{line}\n    as: {' '.join(words)}\n    {done.returncode}: {done.stderr.strip()}")
    assert failed == [], "\n".join(failed)


def test_python_runs(there: Path):
    seen = 0
    assert sapo("export", "lab-demo-2", "tables", "-o", there / "tables").returncode == 0
    for page in PAGES:
        for block in blocks(page):
            if block.language != "python" or block.not_run:
                continue
            seen += 1
            text = block.text.replace("lab-demo-1", "lab-demo-2").replace("runs/", f"{there}/home/runs/")
            exec(compile(textwrap.dedent(text), block.page, "exec"), {"__name__": "__main__"})
    assert seen > 1


def test_toml_is_a_configuration_or_a_matrix(there: Path):
    seen = 0
    for page in PAGES:
        for block in blocks(page):
            if block.language != "toml" or block.not_run:
                continue
            seen += 1
            text = textwrap.dedent(block.text)
            if "methods =" not in text:
                parse_toml(text, source=block.page)
                continue
            (there / "shown.toml").write_text(text, encoding="utf-8")
            done = sapo("matrix", "shown.toml", "--dry-run")
            assert done.returncode == 0, done.stderr
    assert seen > 8
