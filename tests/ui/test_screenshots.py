"""The pictures that the program takes of itself."""

from pathlib import Path

import pytest

from sapo_studio.config.schema import RunConfig
from sapo_studio.store import runs
from sapo_ui import screenshots


def add(store, name):
    return runs.create_run(store, RunConfig.model_validate({"name": name}))


@pytest.mark.slow
def test_pictures_are_taken_of_a_run(qapp, store, tmp_path):
    run_id = add(store, "shown")
    assert screenshots.main([str(tmp_path / "shots"), "--run", run_id]) == 0
    written = sorted(path.name for path in Path(tmp_path / "shots").iterdir())
    assert written == [
        *("audit-dark.png", "audit-light.png", "new-run-dark.png", "new-run-light.png"),
        *("run-4k.png", "run-dark.png", "run-light.png"),
    ]
    assert not screenshots.has_queues()
    assert not screenshots.has_benchmarks()
    from PySide6.QtGui import QImage

    assert QImage(str(tmp_path / "shots" / "run-4k.png")).size().toTuple() == (3840, 2160)
    assert QImage(str(tmp_path / "shots" / "run-light.png")).size().toTuple() == (1280, 800)
