"""`labeling.people`: what people say joins what a verifier is trained on; a run that goes on takes the same words."""

from __future__ import annotations

import json

import pytest
import torch

from sapo_engine.labeling.human_labels import with_people, without_people
from sapo_engine.loop import run
from sapo_engine.phases.codecs import WRITTEN
from sapo_engine.phases.context import RunContext
from sapo_engine.phases.control import ControlState
from sapo_engine.saved_run import SavedRun
from sapo_engine.session import RunSession
from sapo_engine.text.trajectory import Trajectory
from sapo_studio.config.phase_plan import plan
from sapo_studio.domain.runs import PhaseName, Verb
from sapo_studio.errors import Stopped
from sapo_studio.events import kinds as k
from sapo_studio.events.kinds import TrainingLabelRow
from tests.fixtures.small_run import SMALLEST, config

CPU = torch.device("cpu")
USED = config(
    **SMALLEST | {"labeling": SMALLEST["labeling"] | {"people": "use", "consensus": "dawid-skene"}},
)


def trajectory(number: int, n: int = 3, correct: bool = False) -> Trajectory:
    steps = tuple(f"s{j}" for j in range(n))
    return Trajectory(number, 0, 0, 0, "sample", tuple(range(n)), tuple(range(1, n + 1)), steps, correct, "", None)


def test_what_joins_what_is_changed_and_what_was_written():
    labeled = [(trajectory(1), "110"), (trajectory(2, correct=True), "111"), (trajectory(3), "1?0")]
    filtered = {
        3: TrainingLabelRow(trajectory=3, labels="1?0", reasons="wcw", beliefs=[0.9, 0.5, 0.1]),
        4: TrainingLabelRow(trajectory=4, labels="???", reasons="ccc", beliefs=[0.5] * 3),
    }
    judged = {
        1: {2: False},  # other than the rollouts
        2: {2: False},  # a correct answer by an incorrect step
        3: {3: False},
        4: {1: True},  # left out by consensus altogether
        5: {1: True, 2: True, 3: False},  # judged and not labeled
        9: {1: True},  # not in the pool: held out
    }
    found = with_people(labeled, [trajectory(4), trajectory(5)], judged, filtered)
    assert {t.number: labels for t, labels in found.training} == {1: "100", 2: "100", 3: "1?0", 4: "1??", 5: "110"}
    assert {row.trajectory: row.reasons for row in found.rows} == {1: "wpp", 2: "wpp", 3: "wcp", 4: "pcc", 5: "ppp"}
    assert {row.trajectory: len(row.beliefs) for row in found.rows} == {1: 0, 2: 0, 3: 3, 4: 3, 5: 0}
    assert found.written == {1: "110", 2: "111", 3: "1?0", 4: "", 5: ""}
    assert (found.labels, found.changed) == (2 + 2 + 1 + 1 + 3, 1 + 2 + 0 + 1 + 3)
    assert without_people(found.training, found.written) == labeled
    assert with_people(labeled, [], {}, {}).training == labeled


class Parent:
    """Hears what is sent and answers as a run's parent does. Each time it is asked, people say something else."""

    def __init__(self, stop_at: str = "") -> None:
        self.control = ControlState()
        self.events: list[k.Event] = []
        self.asked: list[int] = []
        self.stop_at = stop_at

    def hear(self, event: k.Event) -> None:
        self.events.append(event)
        if isinstance(event, k.JudgementsWanted):
            self.asked.append(event.verifier)
            step = 1 + len(self.asked) % 2
            self.control.take_judgements({number: {step: False} for number in self.samples()[:5]})
        if event.kind == self.stop_at:
            self.stop_at = ""
            self.control.take(Verb.STOP)

    def samples(self) -> list[int]:
        sent = [e for e in self.events if isinstance(e, k.Trajectories)]
        return [row.number for e in sent for row in e.rows if row.source == "sample"]

    def rows(self) -> dict[tuple[int, int], TrainingLabelRow]:
        sent = [e for e in self.events if isinstance(e, k.TrainingLabels)]
        return {(e.verifier, row.trajectory): row for e in sent for row in e.rows}

    def metric(self, name: str) -> dict[int, float]:
        return {e.iteration: e.value for e in self.events if isinstance(e, k.Metric) and e.name == name}

    def work(self, folder) -> None:
        done = [e.ordinal for e in self.events if isinstance(e, k.PhaseFinished)]
        run(RunContext(RunSession(USED, folder, CPU), plan(USED), self.hear, self.control, done))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "people-1"
    parent = Parent()
    parent.work(folder)
    return folder, parent


def test_a_run_asks_once_a_verifier_and_trains_on_it(whole):
    folder, parent = whole
    assert parent.asked == [0, 1]
    assert len(parent.rows()) == 10
    saved = SavedRun(USED, folder, CPU)
    for i in (0, 1):
        kept = saved.training_set(i)
        assert dict(kept.written).keys() == {number for verifier, number in parent.rows() if verifier == i}
        trained = {t.number: labels for t, labels in kept.labels}
        for number in kept.written:
            assert trained[number] == parent.rows()[i, number].labels
        assert parent.metric("people_labels")[i] == sum(
            row.reasons.count("p") for (verifier, _), row in parent.rows().items() if verifier == i
        )
        assert 0 < parent.metric("people_changed")[i] <= parent.metric("people_labels")[i]
    # Those of M_0 that were judged later join the labels of V_1.
    assert any(number < 10_000_000 * 2 and "w" not in row.reasons for (_, number), row in parent.rows().items())


def test_stopped_after_the_answer_the_same_words_are_taken(whole, tmp_path):
    _, undisturbed = whole
    parent = Parent(stop_at="training_labels")
    with pytest.raises(Stopped):
        parent.work(tmp_path / "people-1")
    assert parent.asked == [0]
    parent.control = ControlState()
    parent.work(tmp_path / "people-1")
    assert parent.rows() == undisturbed.rows()
    (artefact,) = (tmp_path / "people-1" / "artefacts").glob(f"*-{PhaseName.LABEL}-0")
    assert json.loads((artefact / WRITTEN).read_text())
