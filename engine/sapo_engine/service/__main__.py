"""The one way in for requests: `python -m sapo_engine.service [REQUEST]` (sapo_studio.requests.client starts it).

The request is one JSON object (sapo_studio.requests.kinds), the argument or else all of standard input. The answer is
the last line of standard output, of standard error where the request streams its results to standard output; an error
is the last line of standard error. Each kind's module is imported when it is asked for: grading loads no torch.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from sapo_studio import processes
from sapo_studio.errors import SapoError
from sapo_studio.requests.kinds import (
    ClusterProbeRequest,
    DataCheckRequest,
    EvaluateRequest,
    GradeRequest,
    HubUploadRequest,
    LabelStudyRequest,
    ModelCheckRequest,
    PeopleStudyRequest,
    PreviewRequest,
    ProgramTestsRequest,
    PublishRequest,
    Request,
    SampleSolutionsRequest,
    SandboxProbeRequest,
    ScoreRequest,
    ShadowStudyRequest,
    TokenizerCheckRequest,
    read_request,
)
from sapo_studio.requests.wire import write_error


def answer(request: Request) -> dict[str, Any]:
    """Have the module of its kind answer `request`."""
    match request:
        case EvaluateRequest():
            from sapo_engine.service import evaluate

            return evaluate.answer(request)
        case ScoreRequest():
            from sapo_engine.service import score

            return score.answer(request)
        case LabelStudyRequest():
            from sapo_engine.service import label_study

            return label_study.answer(request)
        case PeopleStudyRequest():
            from sapo_engine.service import people_study

            return people_study.answer(request)
        case ShadowStudyRequest():
            from sapo_engine.service import shadow_study

            return shadow_study.answer(request)
        case SampleSolutionsRequest():
            from sapo_engine.service import sample_solutions

            return sample_solutions.answer(request)
        case PublishRequest():
            # What the run used lies on this machine, and is looked up by libraries that would ask the Hub first.
            os.environ["HF_HUB_OFFLINE"] = "1"
            from sapo_engine.service import publish

            return publish.answer(request)
        case HubUploadRequest():
            from sapo_engine.service import hub_upload

            return hub_upload.answer(request)
        case GradeRequest():
            from sapo_engine.service import grade

            return grade.answer(request)
        case PreviewRequest():
            from sapo_engine.service import preview

            return preview.answer(request)
        case DataCheckRequest():
            from sapo_engine.service import data_check

            return data_check.answer(request)
        case SandboxProbeRequest():
            from sapo_engine.service import sandbox_probe

            return sandbox_probe.answer()
        case ProgramTestsRequest():
            from sapo_engine.service import program_tests

            return program_tests.answer(request)
        case ModelCheckRequest():
            from sapo_engine.service import model_check

            return model_check.answer(request)
        case TokenizerCheckRequest():
            from sapo_engine.service import tokenizer_check

            return tokenizer_check.answer(request)
        case ClusterProbeRequest():
            from sapo_engine.service import cluster_probe

            return cluster_probe.answer(request)


def main(arguments: Sequence[str]) -> int:
    """Exit codes: 0 answered, otherwise that of the error: 2 bad input."""
    try:
        request = read_request(arguments[0] if arguments else sys.stdin.read())
        found = answer(request)
    except SapoError as error:
        return write_error(error)
    print(json.dumps(found), file=sys.stderr if request.streams else sys.stdout)
    return 0


if __name__ == "__main__":
    processes.die_with_parent()  # who asked was killed: nobody waits for an answer that may take hours
    sys.exit(main(sys.argv[1:]))
