"""`sapo agreement | bundle`: what they print, and a queue that goes to another machine and comes back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sapo_studio import paths
from sapo_studio.app.annotation.agreement import people_of
from sapo_studio.app.annotation.bundles import export_bundle, import_bundle, merge_bundle
from sapo_studio.domain.judgements import no_error
from sapo_studio.store import queue_work
from sapo_studio.store.bundle_records import ItemRecord
from sapo_studio.store.bundles import read_queue
from sapo_studio.store.comments import write_comment
from sapo_studio.store.db import Store
from sapo_studio.store.queue_progress import progress
from sapo_studio.store.queue_records import QueueSpec
from sapo_studio.store.queues import find_queue, make_queue
from sapo_studio.store.records import TraceFilter
from sapo_studio.store.resolutions import resolve
from tests.fixtures.two_people import JONAS, MIRA, every_third_too_early, judge_all, judged_queue, truly
from tests.kernel.test_commands import Sapo

QUEUE = "lab it 1"


@pytest.fixture
def sapo(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Sapo:
    return Sapo(capsys, monkeypatch)


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another machine's data folder: `monkeypatch.setenv` goes there."""
    return tmp_path / "away"


def test_agreement_as_text_and_json(sapo: Sapo, store: Store):
    queue_id = judged_queue(store, gold_rate=0.5)
    found = people_of(store, queue_id).agreement
    code, out, _ = sapo("agreement", QUEUE)
    assert code == 0
    assert "2 people, 9 trajectories" in out
    assert f"{found.pairs[0].kappa_steps.value:.2f} (" in out
    assert "Gold items, Mira: first error exact 4 of 4" in out
    code, out, _ = sapo("agreement", QUEUE, "--json")
    facts = json.loads(out)
    assert (code, facts["queue"], facts["people"]) == (0, QUEUE, ["Jonas", "Mira"])
    assert facts["alpha_steps"]["value"] == found.alpha_steps.value
    code, _, err = sapo("agreement", "none")
    assert code == 2
    assert "no queue 'none'" in err


def test_agreement_of_one_person_says_why_there_is_none(sapo: Sapo, store: Store):
    judged_queue(store, [(MIRA, truly)])
    code, out, _ = sapo("agreement", QUEUE)
    assert code == 0
    assert "No alpha: nothing was judged by two people" in out
    _, out, _ = sapo("agreement", QUEUE, "--json")
    facts = json.loads(out)
    assert facts["alpha_steps"]["value"] is None
    assert facts["alpha_steps"]["why"] == "nothing was judged by two people"
    assert "NaN" not in out


@pytest.mark.parametrize("suffix", [".jsonl", ".db"])
def test_there_and_back(
    sapo: Sapo, store: Store, tmp_path: Path, away: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
):
    queue_id = judged_queue(store, [(MIRA, truly)])
    there, back = str(tmp_path / f"there{suffix}"), str(tmp_path / f"back{suffix}")
    assert sapo("bundle", "export", QUEUE, "-o", there)[0] == 0
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv(paths.HOME_VARIABLE, str(away))
        code, out, _ = sapo("bundle", "import", there)
        assert code == 0
        assert "The trajectories are now the run lab-it-1-1" in out
        with Store.open() as other:
            (there_id,) = other.row("SELECT id FROM queues") or ()
            assert other.value("SELECT count(*) FROM scores") == 0, "it can be judged blind"
            judge_all(other, there_id, JONAS, every_third_too_early)
            trajectory, n_steps = other.rows(
                "SELECT t.id, t.n_steps FROM queue_items i JOIN trajectories t ON t.id = i.trajectory_id"
            )[0]
            write_comment(other, trajectory, 1, "Jonas", "half of 72")
            queue_work.undo_last(other, there_id, JONAS)
            queue_work.save_item(other, queue_work.next_item(other, there_id, JONAS).id, JONAS)
            resolve(other, trajectory, "Jonas", no_error(n_steps), why="all right")
            theirs = read_queue(other, there_id)
        assert sapo("bundle", "export", QUEUE, "-o", back)[0] == 0
    code, out, _ = sapo("bundle", "merge", back, "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["judgements"], told["comments"], told["resolutions"], told["run_id"]) == (9, 1, 1, None)
    ours = read_queue(store, queue_id)
    for part in ("judgements", "comments", "acts", "resolutions", "states"):
        assert getattr(ours, part) == getattr(theirs, part)
    assert progress(store, queue_id, "Jonas").saved == 9
    assert people_of(store, queue_id).agreement.trajectories == 9
    assert "Nothing new" in sapo("bundle", "merge", back)[1]
    assert "Nothing new" in sapo("bundle", "import", back)[1]
    assert read_queue(store, queue_id) == ours


def test_scores_travel_where_they_are_asked_for(
    sapo: Sapo, store: Store, tmp_path: Path, away: Path, monkeypatch: pytest.MonkeyPatch
):
    judged_queue(store, [])
    file = str(tmp_path / "out.jsonl")
    assert sapo("bundle", "export", QUEUE, "-o", file, "--with-scores")[0] == 0
    monkeypatch.setenv(paths.HOME_VARIABLE, str(away))
    assert sapo("bundle", "import", file)[0] == 0
    with Store.open() as other:
        (count,) = other.row("SELECT count(DISTINCT trajectory_id) FROM scores") or ()
        assert count == 9
        assert other.value("SELECT count(*) FROM trajectories WHERE truth IS NULL") == 0


def test_a_queue_that_is_made_over_trajectories_that_are_here(sapo: Sapo, store: Store, tmp_path: Path):
    queue_id = judged_queue(store)
    file = str(tmp_path / "out.jsonl")
    before = read_queue(store, queue_id)
    sapo("bundle", "export", QUEUE, "-o", file)
    store.execute("DELETE FROM queues")
    store.execute("DELETE FROM annotations")
    code, out, _ = sapo("bundle", "import", file)
    assert code == 0
    assert "now the run" not in out
    after = read_queue(store, int(store.value("SELECT id FROM queues")))
    assert after == before
    assert store.value("SELECT count(*) FROM runs") == 1


def test_two_queues_with_the_same_trajectories_share_them_elsewhere(store: Store, tmp_path: Path, away: Path):
    first = judged_queue(store, [(MIRA, truly)], size=6)
    (run_id,) = store.row("SELECT id FROM runs") or ()
    second = make_queue(store, QueueSpec("second", TraceFilter(run_id, iteration=1), rule="random", size=9), "Mira")
    with Store.open(away / "studio.db") as other:
        for queue_id in (first, second):
            export_bundle(store, queue_id, tmp_path / "out.jsonl")
            import_bundle(other, tmp_path / "out.jsonl")
        assert other.value("SELECT count(*) FROM trajectories") == 9, "six came first, and three more"
        assert other.value("SELECT count(DISTINCT run_id) FROM trajectories") == 2
        for name in (QUEUE, "second"):
            judge_all(other, find_queue(other, name), JONAS, every_third_too_early)
            export_bundle(other, find_queue(other, name), tmp_path / "back.jsonl")
            merge_bundle(store, tmp_path / "back.jsonl")
        assert [read_queue(store, one).items for one in (first, second)] == [
            tuple(replace_source(item, "sample") for item in read_queue(other, find_queue(other, name)).items)
            for name in (QUEUE, "second")
        ], "they know where they come from"
    assert progress(store, second, "Jonas").saved == 9


def replace_source(item: ItemRecord, source: str) -> ItemRecord:
    return item.model_copy(update={"source": source})


def test_runs_that_look_alike_stay_apart(store: Store, tmp_path: Path, away: Path):
    queues = [judged_queue(store, [(MIRA, truly)], name=name) for name in ("one", "two")]
    assert len({item.steps for one in queues for item in read_queue(store, one).items}) < 18, "they do look alike"
    with Store.open(away / "studio.db") as other:
        for queue_id in queues:
            export_bundle(store, queue_id, tmp_path / "out.jsonl")
            import_bundle(other, tmp_path / "out.jsonl")
        assert other.value("SELECT count(*) FROM trajectories") == 18
        for name in ("one", "two"):
            judge_all(other, find_queue(other, name), JONAS, never_wrong)
            export_bundle(other, find_queue(other, name), tmp_path / "back.jsonl")
            merge_bundle(store, tmp_path / "back.jsonl")
    assert [progress(store, one, "Jonas").saved for one in queues] == [9, 9]


def never_wrong(*_: object) -> int:
    return 0


def test_what_goes_wrong_is_told(sapo: Sapo, store: Store, tmp_path: Path):
    judged_queue(store, [], size=2)
    for arguments, told in (
        (("export", QUEUE, "-o", str(tmp_path / "out.txt")), "neither .sapo nor .jsonl nor .db"),
        (("export", "none", "-o", str(tmp_path / "out.db")), "no queue 'none'"),
        (("merge", str(tmp_path / "none.db")), "cannot be read"),
        (("import", ""), "empty text"),
    ):
        code, _, err = sapo("bundle", *arguments)
        assert code == 2
        assert told in err
