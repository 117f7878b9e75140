"""Step labels of a run as a PyTorch data set, and a small process reward model trained on it. No trainer library.

    python docs/examples/prm_dataset.py lab-demo-1 --source sapo --epochs 3

`StepLabels` and `collate` are what you would keep. `SmallVerifier` reads bytes, so that the example needs no model;
it is too small to learn arithmetic, so put a network of yours in its place.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

import sapo_studio

IGNORE = -100
"""The target where nobody says anything of a step."""
TARGETS = {"correct": 1, "neutral": 1, "incorrect": 0, None: IGNORE}


@dataclass(frozen=True)
class Labeled:
    """A solution: its texts, and a target for each step."""

    question: int
    text: str
    steps: list[str]
    targets: list[int]


class StepLabels(Dataset[Labeled]):
    """Labeled solutions of a run. `source`: whose labels."""

    def __init__(self, run: sapo_studio.StoredRun, source: str) -> None:
        targets: dict[int, list[int]] = defaultdict(list)
        for row in run.labels(source=source):
            targets[row["trajectory"]].append(TARGETS[row["label"]])
        questions: dict[int, int] = {}
        steps: dict[int, list[str]] = defaultdict(list)
        for row in run.steps():
            if row["trajectory"] in targets:
                steps[row["trajectory"]].append(row["text"])
                questions[row["trajectory"]] = row["question"]
        asked = {row["question"]: row["text"] for row in run.questions()}
        self.items = [
            Labeled(questions[number], asked[questions[number]], steps[number], found)
            for number, found in targets.items()
            if len(steps[number]) == len(found)
        ]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Labeled:
        return self.items[index]


def collate(items: Sequence[Labeled]) -> tuple[torch.Tensor, torch.Tensor]:
    """Bytes (B, T), and targets (B, T): set at the last byte of each step, `IGNORE` everywhere else."""
    texts: list[torch.Tensor] = []
    targets: list[torch.Tensor] = []
    for item in items:
        data = bytearray(f"{item.text}\n".encode())
        marks = [IGNORE] * len(data)
        for step, target in zip(item.steps, item.targets, strict=True):
            data += f"{step}\n".encode()
            marks += [IGNORE] * (len(data) - len(marks) - 1) + [target]
        texts.append(torch.tensor(list(data)))
        targets.append(torch.tensor(marks))
    return (
        pad_sequence(texts, batch_first=True),
        pad_sequence(targets, batch_first=True, padding_value=IGNORE),
    )


class SmallVerifier(nn.Module):
    """Reads bytes from left to right and says at each how likely the step that ends there is correct."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.embed = nn.Embedding(256, width)
        self.read = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, 1)

    def forward(self, texts: torch.Tensor) -> torch.Tensor:
        """Logits (B, T)."""
        return self.head(self.read(self.embed(texts))[0]).squeeze(-1)


def accuracy(model: nn.Module, loader: DataLoader[Labeled]) -> tuple[float, float]:
    """Share of labeled steps that the model gets right, and that the more frequent label would."""
    right = total = positive = 0
    with torch.no_grad():
        for texts, targets in loader:
            known = targets != IGNORE
            said, true = model(texts)[known] > 0, targets[known] == 1
            right += int((said == true).sum())
            positive += int(true.sum())
            total += int(known.sum())
    return right / max(1, total), max(positive, total - positive) / max(1, total)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train on four questions of five, measure on the fifth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", default="last")
    parser.add_argument("--home", help="the data folder, if it is not the usual one")
    parser.add_argument("--source", default="sapo")
    parser.add_argument("--epochs", type=int, default=3)
    asked = parser.parse_args(arguments)
    torch.manual_seed(0)
    with sapo_studio.open_store(asked.home) as store:
        data = StepLabels(store.run(asked.run), asked.source)
    if not len(data):
        raise SystemExit(f"The run has no labels by {asked.source}.")
    parts = [[item for item in data.items if (item.question % 5 == 0) is held_out] for held_out in (False, True)]
    train, test = (DataLoader(part, batch_size=32, shuffle=part is parts[0], collate_fn=collate) for part in parts)
    model = SmallVerifier()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    print(f"{len(parts[0]):,} solutions to train on, {len(parts[1]):,} of other questions to test on")
    for epoch in range(1, asked.epochs + 1):
        losses: list[float] = []
        for texts, targets in train:
            known = targets != IGNORE
            loss = nn.functional.binary_cross_entropy_with_logits(model(texts)[known], targets[known].float())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        right, constant = accuracy(model, test)
        mean = sum(losses) / len(losses)
        print(f"epoch {epoch}: loss {mean:.3f}, held out {right:.1%} (always the same: {constant:.1%})")


if __name__ == "__main__":
    main()
