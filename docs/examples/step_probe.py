"""Train a linear probe: is a step correct, given what a verifier says of it and of the steps around it?

    python docs/examples/step_probe.py lab-demo-1 --verifier 2

What counts as correct is the task's own oracle where it has one; `--labels sapo` takes a labeler's labels instead. The
probe is measured on questions that it was not trained on, beside the verifier's own score.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sapo_studio

KEY = ["run", "trajectory", "step"]
FEATURES = ["score", "before", "drop", "lowest", "step"]


def features(scores: pd.DataFrame) -> pd.DataFrame:
    """Beside each score: the one of the step before, the drop from it, and the lowest one so far."""
    scores = scores.sort_values(KEY)
    by_trajectory = scores.groupby(["run", "trajectory"], observed=True)["score"]
    scores["before"] = by_trajectory.shift(fill_value=1.0)
    scores["drop"] = scores["before"] - scores["score"]
    scores["lowest"] = by_trajectory.cummin()
    return scores


def main(arguments: Sequence[str] | None = None) -> None:
    """Train and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", default="last")
    parser.add_argument("--home", help="the data folder, if it is not the usual one")
    parser.add_argument("--verifier", type=int, default=1)
    parser.add_argument("--labels", help="a labeler, in place of the task's own oracle")
    asked = parser.parse_args(arguments)
    with sapo_studio.open_store(asked.home) as store:
        run = store.run(asked.run)
        scores = features(run.scores(verifier=asked.verifier).pandas())
        if asked.labels:
            known = run.labels(source=asked.labels, where={"label": ["correct", "incorrect"]}).pandas()
            known["correct"] = known["label"] == "correct"
        else:
            known = run.steps(where={"truth": [True, False]}).pandas().rename(columns={"truth": "correct"})
    rows = scores.merge(known[[*KEY, "correct"]], on=KEY)
    target = rows["correct"].astype(bool)
    if target.nunique() < 2:
        raise SystemExit("There are not both correct and incorrect steps with a score and a label.")
    split = GroupShuffleSplit(n_splits=1, test_size=0.3, random_state=0)
    train, test = next(split.split(rows, groups=rows["question"]))
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    probe.fit(rows.loc[rows.index[train], FEATURES], target.iloc[train])
    held_out = rows.loc[rows.index[test]]
    said = probe.predict_proba(held_out[FEATURES])[:, 1]
    print(f"{len(train):,} steps to train on, {len(test):,} of other questions to test on")
    print(f"AUC of the verifier's score: {roc_auc_score(target.iloc[test], held_out['score']):.3f}")
    print(f"AUC of the probe:            {roc_auc_score(target.iloc[test], said):.3f}")
    for name, weight in zip(FEATURES, probe[-1].coef_[0], strict=True):
        print(f"  {name:8} {weight:+.2f}")


if __name__ == "__main__":
    main()
