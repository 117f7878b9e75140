"""`sapo annotate`: what it makes, prints, and refuses."""

from __future__ import annotations

import json

import pytest

from sapo_studio.store.db import Store
from sapo_studio.store.queues import list_queues
from tests.fixtures.command_line import said
from tests.fixtures.synthetic import synthetic_run


@pytest.fixture
def run_id(store: Store) -> str:
    return synthetic_run(store, name="lab", trajectories=24, questions=8, iterations=1)


def test_make_list_delete(store: Store, run_id: str):
    options = ("--rule", "uncertain", "--size", "10", "--seed", "4", "--overlap", "0.5", "--gold", "0.2")
    code, out, _ = said(
        "annotate", "make", "last", *options, "--iteration", "1", "--outcome", "wrong", "--as", "mira", "--json"
    )
    assert code == 0
    made = json.loads(out)
    (kept,) = list_queues(store)
    assert made["name"] == kept.name == "lab it 1, uncertain"
    assert (made["run_id"], made["rule"], made["seed"], made["size"]) == (run_id, "uncertain", 4, 10)
    assert (made["gold"], made["overlap"], made["created_by"], made["uid"]) == (2, 0.5, "mira", kept.uid)
    assert (kept.source["iteration"], kept.source["outcome"], kept.source["size"]) == (1, "wrong", 10)
    code, out, _ = said("annotate", "make", run_id, "--rule", "uncertain", "--iteration", "1")
    assert code == 0
    assert "'lab it 1, uncertain 2': 24 items" in out
    code, out, _ = said("annotate", "list", "--json")
    assert [json.loads(line)["name"] for line in out.splitlines()] == ["lab it 1, uncertain 2", "lab it 1, uncertain"]
    code, out, _ = said("annotate", "list")
    assert code == 0
    assert "lab it 1, uncertain" in out
    code, out, _ = said("annotate", "delete", "lab it 1, uncertain")
    assert (code, "Its judgements stay" in out) == (0, True)
    assert [queue.name for queue in list_queues(store)] == ["lab it 1, uncertain 2"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("make", "no such run"),
        ("make", "last", "--text", "no such words"),
        ("make", "last", "--size", "0"),
        ("make", "last", "--gold", "2"),
        ("make", "last", "--name", ""),
        ("make", "last", "--rule", "best"),
        ("make", "last", "--source", "import"),
        ("delete", "no such queue"),
    ],
)
def test_nonsense_ends_with_2(store: Store, run_id: str, arguments: tuple[str, ...]):
    code, _, told = said("annotate", *arguments)
    assert code == 2
    assert told
    assert "Traceback" not in told
    assert list_queues(store) == []


def test_before_there_is_a_store():
    assert said("annotate", "list")[:2] == (0, "No queues yet. Make one: sapo annotate make last\n")
    assert said("annotate", "list", "--json")[:2] == (0, "")
    code, _, told = said("annotate", "make", "last")
    assert code == 2
    assert "There is no store" in told
