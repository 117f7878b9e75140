"""A verifier's scores of solutions from anywhere (`sapo score` asks). Nothing is kept: that is for the caller."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sapo_engine.saved_run import SavedRun, config_of
from sapo_engine.service.telling import Told
from sapo_engine.service.torch_setup import set_up_on
from sapo_engine.tasks.base import Question, WrittenSolution
from sapo_engine.text.prompts import plain_prompt
from sapo_engine.text.trajectory import Trajectory
from sapo_engine.verifier.classifiers import Classifier
from sapo_engine.verifier.scoring import Prediction, predict
from sapo_studio.config.schema import RuntimeConfig
from sapo_studio.domain.labels import detect
from sapo_studio.requests.kinds import ScoreRequest, SolutionText

FIRST = 2**40
"""Numbers of the questions that are asked here begin behind all of a run's own."""


def answer(request: ScoreRequest) -> dict[str, Any]:
    """See ScoreRequest."""
    if isinstance(request.verifier, Path):
        classifier = Classifier(request.verifier, set_up_on(RuntimeConfig(), request.device))
        for one in request.solutions:
            classifier.check(one.problem, one.steps)
        told = Told(len(request.solutions))
        found: list[tuple[int, Prediction]] = []
        for one in request.solutions:
            scores = classifier.score(one.problem, one.steps)
            found.append((one.number, (scores, detect(scores))))
            told.tick(1)
        return {"verifier": None, "scores": _rows(found), "left_out": {}}
    assert request.run is not None, "the request has a run or a model"
    config = config_of(request.run)
    run = SavedRun(config, request.run, set_up_on(config.runtime, request.device))
    try:
        own = request.verifier if request.verifier is not None else (run.verifiers or [0])[-1]
        verifier = run.verifier(own)
        left_out: dict[str, int] = {}
        readable: list[Trajectory] = []
        for one in request.solutions:
            trajectory = _trajectory(run, one)
            why = _trouble(run, one, trajectory)
            if why:
                left_out[why] = left_out.get(why, 0) + 1
            else:
                readable.append(trajectory)
        scores = predict(run.session, verifier, readable, tick=Told(len(readable)).tick)
        return {"verifier": own, "scores": _rows(scores.items()), "left_out": left_out}
    finally:
        run.close()


def _rows(found: Iterable[tuple[int, Prediction]]) -> list[list[Any]]:
    return [[number, scores, predicted] for number, (scores, predicted) in found]


def _trajectory(run: SavedRun, one: SolutionText) -> Trajectory:
    question = Question(FIRST + one.number, "process", one.problem, (), "")
    run.session.questions[question.number] = question
    return run.session.builder.from_written(one.number, WrittenSolution(question, one.steps, False, 0))


def _trouble(run: SavedRun, one: SolutionText, trajectory: Trajectory) -> str:
    """Why the verifier cannot read a solution; empty where it can."""
    tokenizer, longest = run.session.tokenizer, run.session.prompts.context_length
    asked = plain_prompt(tokenizer, run.session.task.prompt(run.session.questions[trajectory.question]), special=False)
    unknown = tokenizer.unk_token_id
    if unknown is not None and (unknown in asked or unknown in trajectory.tokens):
        return "the run's tokenizer does not know a word of them"
    if len(asked) + len(trajectory.tokens) >= longest:
        return f"they are longer than the {longest:,} tokens that the model reads"
    return ""
