"""A program's tests, each run by itself."""

from pathlib import Path

import pytest

from sapo_engine.service.program_tests import answer
from sapo_engine.tasks.kinds import KINDS, load_problems
from sapo_studio.config.schema import TaskConfig
from sapo_studio.errors import InputError
from sapo_studio.requests.kinds import ProgramTestsRequest
from tests.fixtures.written_tasks import mbpp_file


@pytest.fixture
def data(tmp_path):
    return str(mbpp_file(tmp_path / "mbpp.jsonl", 4))


def asked(data, question, program):
    task = TaskConfig(kind="mbpp", train_data=data, unsandboxed=True).model_dump(mode="json")
    return ProgramTestsRequest(run=Path(data).parent, task=task, question=question, program=program)


def test_each_test_is_told_with_what_was_got(data):
    question = load_problems(KINDS["mbpp"], data)[1].question
    found = answer(asked(data, question, "def times_3(numbers):\n    return [3 * n for n in numbers if n > 0]"))
    assert [one["passed"] for one in found["tests"]] == [True, True, False]
    assert found["tests"][2]["test"] == "assert times_3([-3]) == [-9]"
    assert found["tests"][2]["reason"] == "assert times_3([-3]) == [-9] (got [])"
    assert found["seconds"] > 0


def test_a_question_that_the_data_do_not_have(data):
    with pytest.raises(InputError, match="not known any more"):
        answer(asked(data, "Another question?", "x = 1"))
