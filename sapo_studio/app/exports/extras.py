"""What the store has of trajectories besides a first error, as the program's own format holds it."""

from __future__ import annotations

from collections.abc import Sequence

from sapo_studio.formats.extras import (
    Comment,
    Extras,
    Judgement,
    Resolution,
    ResolvedStep,
    Rollout,
    Scores,
    SourceLabels,
)
from sapo_studio.formats.holding import Fact, Losses
from sapo_studio.store import queries, resolutions
from sapo_studio.store.annotations import standing
from sapo_studio.store.codec import id_range, unpack_scores
from sapo_studio.store.comments import standing_comments
from sapo_studio.store.db import Store
from sapo_studio.store.faults import reading
from sapo_studio.store.imports import FILE_LABELS
from sapo_studio.store.records import AnnotationInfo

_COUNTED = {
    Fact.JUDGEMENTS: "SELECT count(*) FROM v_annotations WHERE trajectory_id BETWEEN ? AND ?",
    Fact.RESOLUTIONS: "SELECT count(*) FROM resolutions WHERE undone_at IS NULL AND trajectory_id BETWEEN ? AND ?",
    Fact.COMMENTS: "SELECT count(*) FROM comments WHERE undone_at IS NULL AND trajectory_id BETWEEN ? AND ?",
    Fact.SCORES: "SELECT count(*) FROM scores WHERE trajectory_id BETWEEN ? AND ?",
    Fact.SOURCES: f"SELECT count(*) FROM labels WHERE source != '{FILE_LABELS}' AND trajectory_id BETWEEN ? AND ?",
    Fact.ROLLOUTS: "SELECT count(*) FROM rollouts WHERE trajectory_id BETWEEN ? AND ?",
}


def count_extras(store: Store, run_id: str, losses: Losses) -> None:
    """Count all of it as lost."""
    reach = id_range(queries.get_number(store, run_id))
    for fact, query in _COUNTED.items():
        losses.add(fact.value, int(store.value(query, reach)), "record")


def extras_of(store: Store, identities: Sequence[int]) -> dict[int, Extras]:
    """Everything about these trajectories, which are a run's in the order of their ids. What stands alone counts: no
    judgement that was taken back, no comment or resolution behind which its author wrote another one."""
    if not identities:
        return {}
    comments: dict[int, list[Comment]] = {}
    scores: dict[int, list[Scores]] = {}
    labels: dict[int, list[SourceLabels]] = {}
    rollouts: dict[int, list[Rollout]] = {}
    between = "BETWEEN ? AND ?"
    reach = (identities[0], identities[-1])
    judgements = standing(store, *reach)
    resolved = resolutions.standing_resolutions(store, *reach)
    for identity, one in standing_comments(store, *reach):
        comments.setdefault(identity, []).append(Comment(person=one.annotator, step=one.step, at=one.at, text=one.text))
    for identity, verifier, blob, predicted in store.rows(
        f"SELECT trajectory_id, verifier, scores, predicted FROM scores WHERE trajectory_id {between} ORDER BY 1, 2",
        reach,
    ):
        with reading(store.path, f"scores of trajectory {identity}"):
            values = tuple(round(float(value), 5) for value in unpack_scores(blob))
        scores.setdefault(identity, []).append(Scores(verifier=verifier, scores=values, predicted=predicted))
    for identity, *facts in store.rows(
        'SELECT trajectory_id, source, iteration, labels, "case", predicted, verified, rollouts, tokens FROM labels'
        f" WHERE trajectory_id {between} AND source != ? ORDER BY 1, 2",
        (*reach, FILE_LABELS),
    ):
        labels.setdefault(identity, []).append(SourceLabels(**dict(zip(SourceLabels.model_fields, facts, strict=True))))
    for identity, *facts in store.rows(
        "SELECT trajectory_id, iteration, prefix, text, correct, tokens FROM rollouts"
        f" WHERE trajectory_id {between} ORDER BY id",
        reach,
    ):
        made = dict(zip(Rollout.model_fields, facts, strict=True))
        made["correct"] = bool(made["correct"])
        rollouts.setdefault(identity, []).append(Rollout.model_validate(made))
    return {
        identity: Extras(
            judgements=tuple(_judgement(one) for one in judgements.get(identity, ())),
            resolutions=tuple(_resolution(one) for one in resolved.get(identity, ())),
            comments=tuple(comments.get(identity, ())),
            scores=tuple(scores.get(identity, ())),
            labels=tuple(labels.get(identity, ())),
            rollouts=tuple(rollouts.get(identity, ())),
        )
        for identity in identities
    }


def _judgement(one: AnnotationInfo) -> Judgement:
    return Judgement(person=one.annotator, step=one.step, judgement=one.judgement, at=one.at, filled=one.filled)


def _resolution(one: resolutions.Resolution) -> Resolution:
    steps = tuple(ResolvedStep(step=s, judgement=said, filled=s in one.filled) for s, said in sorted(one.steps.items()))
    return Resolution(person=one.resolver, at=one.at, steps=steps, taken=one.taken, why=one.why)
