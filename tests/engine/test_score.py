"""Scores of solutions from anywhere: the same numbers as the run's own, and what cannot be read is counted."""

from __future__ import annotations

import pytest
import torch

from sapo_engine.service import evaluate, score
from sapo_engine.verifier.scoring import predict
from sapo_studio.app.imports import scoring
from sapo_studio.app.imports.take_in import known_format, take_in
from sapo_studio.errors import InputError
from sapo_studio.formats.base import ReadAs
from sapo_studio.requests.kinds import ScoreRequest
from sapo_studio.store import imports, queries
from sapo_studio.store.db import Store
from tests.fixtures.small_run import config, finished_run
from tests.fixtures.step_files import ROWS, lines


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return finished_run(tmp_path_factory.mktemp("runs") / "small-1", config(iterations=1))


@pytest.fixture(scope="module")
def own(folder):
    """The run's own benchmark: rows to import, and what its verifier says of them."""
    run = evaluate.SavedRun(config(iterations=1), folder, torch.device("cpu"))
    written = run.benchmark()[:6]
    scores = predict(run.session, run.verifier(1), written)
    rows = [
        {
            "id": str(t.number),
            "problem": run.session.questions[t.question].text,
            "steps": list(t.steps),
            "final_answer_correct": t.correct,
            "label": (t.truth or 0) - 1,
        }
        for t in written
    ]
    return rows, [scores[t.number] for t in written]


def test_scores_are_the_runs_own(folder, own, tmp_path):
    rows, known = own
    file = tmp_path / "own.jsonl"
    file.write_text(lines(*rows, ROWS["processbench"]))
    with Store.open(tmp_path / "studio.db") as store:
        run_id = take_in(store, file, known_format(file), ReadAs()).run_id
        solutions = [
            {"number": n, "problem": row["problem"], "steps": row["steps"]}
            for n, row in enumerate([*rows, ROWS["processbench"]], start=1)
        ]
        request = ScoreRequest.model_validate({"run": folder, "verifier": 1, "solutions": solutions})
        found = scoring.score(store, scoring.Scoring(run_id, request, "small-1"), score.answer)
        assert (found.verifier, found.number, found.scored) == ("small-1/V_1", 1, 6)
        assert found.left_out == {"the run's tokenizer does not know a word of them": 1}
        ids = [int(one) for one in queries.trace_ids(store, queries.TraceFilter(run_id, source="import"))]
        for identity, (scores, predicted) in zip(ids, known, strict=False):
            assert queries.trace(store, identity).scores[1] == pytest.approx(scores, abs=1e-4)
            assert queries.trace_rows(store, [identity])[0].predicted == predicted
        shown = queries.heatmap(store, queries.HeatmapQuery(run_id, -1, 1, "import"))
        assert shown.total == 6
        # Another run's V_1 does not take the place of this one; the same verifier again does.
        rows_again = [(identity, [0.5] * queries.trace_rows(store, [identity])[0].n_steps, 1) for identity in ids[:2]]
        assert imports.write_scores(store, run_id, "other/V_1", 1, rows_again) == 2
        assert imports.write_scores(store, run_id, "small-1/V_1", 1, rows_again) == 1
        assert queries.heatmap(store, queries.HeatmapQuery(run_id, -1, 1, "import")).total == 2
        assert imports.info(store, run_id).settings["scored_by"] == {"1": "small-1/V_1", "2": "other/V_1"}
        nothing = ScoreRequest.model_validate({"run": folder, "solutions": solutions[-1:]})
        with pytest.raises(InputError, match="cannot read a single solution"):
            scoring.score(store, scoring.Scoring(run_id, nothing, "small-1"), score.answer)


def test_a_request_has_a_verifier():
    one = {"number": 1, "problem": "p", "steps": ["a"]}
    for told in ({"solutions": [one]}, {"solutions": [one], "verifier": 1}):
        with pytest.raises(InputError, match="no verifier"):
            ScoreRequest.model_validate(told)
    with pytest.raises(InputError):
        ScoreRequest.model_validate({"run": "x", "solutions": []})
