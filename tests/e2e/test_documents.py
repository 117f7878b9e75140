"""What README and docs show is run: command lines over one finished run of the lab, Python, TOML."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sapo_studio import paths
from sapo_studio.config.presets import to_toml
from sapo_studio.store.db import Store
from tests.fixtures.command_line import sapo
from tests.fixtures.small_run import config
from tests.fixtures.snippets import PAGES, ROOT, SHELLS, as_run, blocks, why_not
from tests.fixtures.two_people import judged_queue
from tests.fixtures.written_tasks import gsm8k_file, mbpp_file

pytestmark = pytest.mark.slow  # one small run, and a hundred commands over it

WITH_LINES = [page for page in PAGES if any(b.lines() and not b.not_run for b in blocks(page) if b.language in SHELLS)]
STANDS_FOR = {
    "lab-demo-1": "lab-demo-2",
    "lab-demo-3": "lab-demo-2",
    "lab/sapo/0": "lab-demo-2",
    "sapo-1": "lab-demo-2",
    "dpo-2": "lab-demo-2@1",
}
"""Runs of the pages, and which of the data folder's stand for them."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a finished run of the lab, `lab-demo-2`, a queue of another that two people have judged, and
    files beside it that pages name."""
    folder = tmp_path_factory.mktemp("documents")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(paths.HOME_VARIABLE, str(folder / "home"))
        with Store.open() as store:
            judged_queue(store, name="lab it 2")
        (folder / "small.toml").write_text(to_toml(config(name="lab-demo", iterations=3)), encoding="utf-8")
        ended = sapo("run", folder / "small.toml")
        assert ended.returncode == 0, ended.stderr
        assert sapo("queue", "pause").returncode == 0, "what a page puts in is not to start"
    return folder


@pytest.fixture
def there(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it for one page, as the working folder."""
    copied = tmp_path / "there"
    shutil.copytree(finished, copied)
    gsm8k_file(copied / "train.jsonl", 60)
    gsm8k_file(copied / "test.jsonl", 20, seed=1)
    mbpp_file(copied / "mbpp.jsonl", 4)
    monkeypatch.setenv(paths.HOME_VARIABLE, str(copied / "home"))
    monkeypatch.chdir(copied)
    return copied


@pytest.mark.parametrize("page", WITH_LINES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_command_lines_run(page: Path, there: Path):
    failed: list[str] = []
    for block in blocks(page):
        if block.not_run or block.language not in SHELLS:
            continue
        for line in block.lines():
            if why_not(line):
                continue
            words, given = as_run(line, STANDS_FOR)
            done = sapo(*words, given=given or "y\n")
            if done.returncode != 0:
                failed.append(f"{line}\n    as: {' '.join(words)}\n    {done.returncode}: {done.stderr.strip()}")
    assert failed == [], "\n".join(failed)
