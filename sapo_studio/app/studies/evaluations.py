"""What comes of an engine's answers where verifiers are evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sapo_studio.app.studies import pooled, self_verification_matrix
from sapo_studio.errors import StoreError
from sapo_studio.requests.kinds import EvaluateRequest


def keep(requests: Sequence[EvaluateRequest], answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Keep the matrices in the `answers`, one a request, in the runs' folders. Returns all answers as one; under
    `unkept`, in sentences, which matrix could not be kept: what was measured for hours is shown all the same. Raises
    InputError where the runs were not evaluated alike."""
    unkept: list[str] = []
    for request, answer in zip(requests, answers, strict=True):
        if request.run is not None and "matrix" in answer:
            try:
                self_verification_matrix.keep(request.run, answer)
            except StoreError as error:
                unkept.append(f"The matrix could not be kept in {request.run}: {error.why}.")
    found = pooled.evaluations(answers)
    return found | {"unkept": unkept} if unkept else found
