"""Compare two runs question by question: which does the second solve more often, and which less?

    python docs/examples/questions_won_and_lost.py lab-demo-1 lab-demo-2 --iteration 2

A question is the same in both where its text is. What is compared is the share of its samples that are correct, of test
questions (the greedy answer is one of the samples) after the iteration; without `--iteration`, the newest that both
have. `--source sample` takes training questions, whose samples an iteration draws before it trains: those of iteration
1 are the warm-up's. The p-value is the sign test's: how likely so uneven a split of wins and losses is if neither run
is better. (`sapo compare` does more.)
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from math import comb

import pandas as pd

import sapo_studio


def solved(run: sapo_studio.StoredRun, iteration: int, source: str) -> pd.DataFrame:
    """By text of the question: the share of its samples that are correct, and one of the trajectories."""
    found = run.trajectories(iteration=iteration, where={"source": source, "set": ""}).pandas()
    texts = run.questions().pandas()[["question", "text"]]
    rows = found.merge(texts, on="question").sort_values(["correct", "trajectory"])
    weighted = rows["correct"] * rows["copies"]
    grouped = rows.assign(weighted=weighted).groupby("text")
    counts = grouped[["weighted", "copies"]].sum()
    return pd.DataFrame({"share": counts["weighted"] / counts["copies"], "trajectory": grouped["trajectory"].first()})


def newest(runs: Sequence[sapo_studio.StoredRun], source: str) -> int:
    """The last iteration in which each of the runs has such solutions."""
    wanted = {"source": source, "set": ""}
    there = [{row["iteration"] for row in run.trajectories(where=wanted)} for run in runs]
    common = set.intersection(*there)
    if not common:
        raise SystemExit(f"There is no iteration in which both runs have solutions of source {source}.")
    return max(common)


def sign_test(wins: int, losses: int) -> float:
    """Two-sided p-value."""
    n, few = wins + losses, min(wins, losses)
    return min(1.0, 2 * sum(comb(n, k) for k in range(few + 1)) / 2**n)


def solution(run: sapo_studio.StoredRun, iteration: int, trajectory: int) -> str:
    """The text of a trajectory, a step a line."""
    rows = run.steps(iteration=iteration, where={"trajectory": trajectory})
    return "\n".join(f"      {row['step']}. {row['text']}" for row in rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the counts, and the questions with the largest differences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first")
    parser.add_argument("second")
    parser.add_argument("--home", help="the data folder, if it is not the usual one")
    parser.add_argument("--iteration", type=int, help="without it, the newest that both have")
    parser.add_argument("--source", default="test")
    parser.add_argument("--most", type=int, default=3, help="how many questions to show each way")
    asked = parser.parse_args(arguments)
    with sapo_studio.open_store(asked.home) as store:
        first, second = store.run(asked.first), store.run(asked.second)
        iteration = newest((first, second), asked.source) if asked.iteration is None else asked.iteration
        sides = [solved(run, iteration, asked.source) for run in (first, second)]
        both = sides[0].add_suffix("_first").join(sides[1].add_suffix("_second"), how="inner")
        if both.empty:
            raise SystemExit("The runs have no question in common in this iteration.")
        change = (both["share_second"] - both["share_first"]).sort_values()
        wins, losses = int((change > 0).sum()), int((change < 0).sum())
        print(f"Iteration {iteration}, {len(both):,} questions in both: ", end="")
        print(f"{second.id} is better on {wins:,}, {first.id} on {losses:,}")
        print(f"mean difference {change.mean():+.1%}, sign test p = {sign_test(wins, losses):.3g}")
        for title, shown in (("lost", change[change < 0]), ("won", change[change > 0][::-1])):
            for text, by in shown.head(asked.most).items():
                print(f"  {title} {by:+.0%}: {text}")
                print(solution(second, iteration, int(both.loc[text, "trajectory_second"])))


if __name__ == "__main__":
    main()
