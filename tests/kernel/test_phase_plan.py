"""The plan of a run: the forecast reckons with its very phases, and it goes to the store as an event."""

from __future__ import annotations

import json

import pytest

from sapo_studio.config.phase_plan import WEIGHTS, plan
from sapo_studio.config.schema import RunConfig, parse_config
from sapo_studio.domain.runs import PHASE_LABELS, PhaseName, PlannedPhase
from sapo_studio.events import decode, encode
from sapo_studio.events.kinds import Plan
from sapo_studio.forecast.lengths import lengths
from sapo_studio.forecast.workload import phases


def choices(section: str, name: str) -> list[str]:
    """What the field may be, by the configuration's own schema."""
    schema = RunConfig.model_json_schema()
    model = schema["properties"][section]["$ref"].rpartition("/")[2]
    return schema["$defs"][model]["properties"][name]["enum"]


LABELERS = choices("labeling", "labeler")
OPTIMISERS = choices("optimiser", "kind")


def test_all_labelers_and_optimisers_are_looked_at():
    assert len(LABELERS) >= 5
    assert len(OPTIMISERS) >= 5


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("labeler", LABELERS)
def test_the_forecast_has_the_phases_of_the_plan(labeler: str, optimiser: str):
    settings = {"kind": optimiser, "reward": "answer" if labeler == "none" else "verifier"}
    for iterations, rft in ((1, 0), (3, 2)):
        config = parse_config(
            {
                "iterations": iterations,
                "labeling": {"labeler": labeler},
                "optimiser": settings | {"rft_iterations": rft},
            }
        )
        planned = plan(config)
        work = phases(config, lengths(config.task))
        assert [(phase.name, phase.iteration) for phase in planned] == [(one.name, one.iteration) for one in work]
        assert [phase.ordinal for phase in planned] == list(range(len(planned)))
        assert all(phase.weight > 0 for phase in planned)
        assert (PhaseName.LABEL in {phase.name for phase in planned}) == (labeler != "none")


def test_every_phase_has_a_weight_and_a_name_on_screen():
    assert set(WEIGHTS) == set(PHASE_LABELS) == set(PhaseName)


def test_a_plan_travels_as_an_event():
    sent = Plan(phases=plan(RunConfig()))
    line = encode(sent)
    assert json.loads(line)["phases"][0] == {"ordinal": 0, "name": "sft", "iteration": 0, "weight": 8.0}
    assert decode(line) == sent


def test_a_plan_of_a_later_version_is_still_read():
    row = {"ordinal": 0, "name": "distil", "iteration": 0, "weight": 1.0, "colour": "blue"}
    found = decode(json.dumps({"kind": "plan", "phases": [row]}).encode())
    assert found == Plan(phases=[PlannedPhase(0, "distil", 0)])
