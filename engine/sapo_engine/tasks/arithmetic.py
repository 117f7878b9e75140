"""The arithmetic lab: generated word problems whose every step has an exact truth.

A problem is a running amount that goes through `n` dependent changes::

    Finn has 44 stamps, sells 9, halves, buys 8, triples. How many?

and its solution is one line a change, the last line carrying the answer::

    44 - 9 = 35
    ...

Difficulty is configuration: how many changes, and how large the amounts get (each pair of amount and change is a
fact that the reasoner has to learn, since a number is one token).

A problem may ask for a rest instead of the amount (`task.asks`)::

    Finn has 44 stamps, sells 9, halves, buys 8, triples. Packed in 5s, how many are left?

Its last line is `51 % 5 = 1`. A rest has few values, so that a solution with a wrong step comes to the right answer
every third or fourth time: right answers by wrong steps, as on multiple-choice and yes-or-no tasks.
"""

from __future__ import annotations

import random
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from sapo_engine.grading.base import Grade
from sapo_engine.tasks.base import GIVEN, Message, Question, WrittenSolution
from sapo_engine.tasks.segmenters import Lines
from sapo_studio.config.engine_limits import lab_tokens
from sapo_studio.config.schema import TaskConfig
from sapo_studio.formats.registry import read_file
from sapo_studio.paths import process_data_path

NAMES = ("Ann", "Ben", "Cara", "Dan", "Eva", "Finn", "Gita", "Hugo")
THINGS = ("stamps", "coins", "shells", "pens", "cards", "beads")
GAINS = ("buys", "finds")
LOSSES = ("sells", "loses")
SPLITS = ("train", "development", "test", "process")

PACKS = (3, 4, 5)
"""How many go into a pack where the question is for the rest."""

_TOKEN = r"\. How many\?|\. Packed in \d+s, how many are left\?|, [a-z]+(?: \d+)?|[-+*/%] \d+|= \d+|\n|[A-Za-z]+|\d+"
_STEP = re.compile(r"(\d+) ([-+*/%]) (\d+) = (\d+)")


@dataclass(frozen=True)
class Change:
    """One change of the running amount, as the problem words it and as a calculation. `key` tells it from the
    problem's others.
    """

    words: str
    operator: str
    operand: int
    key: int | str

    def apply(self, amount: int) -> int:
        """The amount after the change."""
        return calculate(amount, self.operator, self.operand) or 0


def calculate(left: int, operator: str, right: int) -> int | None:
    """The value of `left operator right`; None where it is not a whole number."""
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "%":
            return left % right if right else None
        case _:
            return left // right if right and left % right == 0 else None


class ArithmeticTask:
    """Questions, tokenizer, grader and step oracle of the lab."""

    def __init__(self, config: TaskConfig, seed: int) -> None:
        self.config = config
        self.runs_on = False
        self.max_new_tokens = lab_tokens(config.max_steps)
        self.segmenter = Lines()
        self._truth: dict[int, tuple[int, ...]] = {}
        self._splits = self._generate(seed)
        self._benchmark = _read_benchmark(config.process_data) if config.process_data else None

    def questions(self, split: str) -> Sequence[Question]:
        """See Task."""
        return self._splits[split]

    def _generate(self, seed: int) -> dict[str, list[Question]]:
        config = self.config
        sizes = (
            config.train_questions,
            config.development_questions,
            config.test_questions,
            config.process_solutions,
        )
        rng = random.Random(f"arithmetic {seed}")
        seen: set[str] = set()
        number = 0
        splits: dict[str, list[Question]] = {}
        for split, size in zip(SPLITS, sizes, strict=True):
            questions: list[Question] = []
            while len(questions) < size:
                text, steps, amounts = self._problem(rng)
                # Names and things do not make a problem another one: what is calculated must differ.
                key = "\n".join(steps)
                if key in seen:
                    continue
                seen.add(key)
                questions.append(Question(number, split, text, steps, str(amounts[-1])))
                self._truth[number] = amounts
                number += 1
            splits[split] = questions
        return splits

    def _problem(self, rng: random.Random) -> tuple[str, tuple[str, ...], tuple[int, ...]]:
        asked = int(self.config.asks == "rest")  # the step that answers what is asked
        count = rng.randint(self.config.min_steps, self.config.max_steps) - asked
        amount = rng.randint(2, self.config.largest_number)
        amounts = [amount]
        words = [f"{rng.choice(NAMES)} has {amount} {rng.choice(THINGS)}"]
        steps: list[str] = []
        used: set[int | str] = set()
        for _ in range(count):
            # No two changes of a problem are worded with the same number: which one comes next is never ambiguous.
            change = self._change(rng, amount, used)
            used.add(change.key)
            after = change.apply(amount)
            words.append(change.words)
            steps.append(f"{amount} {change.operator} {change.operand} = {after}")
            amount = after
            amounts.append(amount)
        if self.config.asks == "amount":
            return f"{', '.join(words)}. How many?", tuple(steps), tuple(amounts)
        pack = rng.choice(PACKS)
        steps.append(f"{amount} % {pack} = {amount % pack}")
        amounts.append(amount % pack)
        return f"{', '.join(words)}. Packed in {pack}s, how many are left?", tuple(steps), tuple(amounts)

    def _change(self, rng: random.Random, amount: int, used: set[int | str]) -> Change:
        largest, most = self.config.largest_number, self.config.largest_change
        free = [k for k in range(2, most + 1) if k not in used]
        gains = free[: bisect_right(free, largest - amount)]
        losses = free[: bisect_right(free, amount - 2)]
        kinds = ["gain"] * (3 if gains else 0) + ["loss"] * (3 if losses else 0)
        for word, fits in (
            ("doubles", 2 * amount <= largest),
            ("triples", 3 * amount <= largest),
            ("halves", amount % 2 == 0 and amount >= 4),
        ):
            if fits and word not in used:
                kinds.append(word)
        match rng.choice(kinds):
            case "gain":
                many = rng.choice(gains)
                return Change(f"{rng.choice(GAINS)} {many}", "+", many, many)
            case "loss":
                many = rng.choice(losses)
                return Change(f"{rng.choice(LOSSES)} {many}", "-", many, many)
            case "halves":
                return Change("halves", "/", 2, "halves")
            case word:
                return Change(word, "*", 2 if word == "doubles" else 3, word)

    def build_tokenizer(self) -> PreTrainedTokenizerBase:
        """One token for a word, a number, `, buys 7`, `+ 7` and `= 28`, so that a step is four tokens and a
        small model needs one look-up for each. Decoding puts spaces around line breaks; steps are stripped when
        they are cut.
        """
        numbers = range(self.config.largest_number + 1)
        changes = range(2, max(self.config.largest_change, 3) + 1)
        words = ["<pad>", "<eos>", "<unk>", "\n", ". How many?", "has", *NAMES, *THINGS]
        words += [f", {verb}" for verb in ("doubles", "triples", "halves")]
        words += [f", {verb} {operand}" for verb in (*GAINS, *LOSSES) for operand in changes]
        words += [f"{operator} {operand}" for operator in "+-*/" for operand in changes]
        words += [str(number) for number in numbers] + [f"= {number}" for number in numbers]
        if self.config.asks == "rest":
            words += [f". Packed in {pack}s, how many are left?" for pack in PACKS] + [f"% {pack}" for pack in PACKS]
        inner = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="<unk>"))
        inner.pre_tokenizer = pre_tokenizers.Split(Regex(_TOKEN), "removed", invert=True)
        return PreTrainedTokenizerFast(
            tokenizer_object=inner,
            pad_token="<pad>",
            eos_token="<eos>",
            unk_token="<unk>",
            clean_up_tokenization_spaces=False,
            padding_side="left",
        )

    def prompt(self, question: Question) -> str:
        """The question on a line of its own."""
        return question.text + "\n"

    def join(self, steps: Sequence[str]) -> str:
        """One step a line."""
        return "\n".join(steps)

    def chat(self, question: Question) -> list[Message] | None:
        """The lab's models know no chat."""
        return None

    def process_benchmark(self) -> Sequence[WrittenSolution] | None:
        """See Task. None where no file is named: the run writes its own, since the oracle knows every step's truth."""
        return self._benchmark

    def grade(self, items: Sequence[tuple[Question, str]]) -> list[Grade]:
        """The answer is what the last line comes to."""
        return [self._grade(question, text) for question, text in items]

    def _grade(self, question: Question, text: str) -> Grade:
        found = _STEP.fullmatch(text.rstrip().rpartition("\n")[2].strip())
        if not found:
            return Grade(False, reason="the last line is no calculation")
        right = found[4] == question.answer
        return Grade(right, found[4], "" if right else f"the answer is {question.answer}")

    def close(self) -> None:
        """Nothing is held."""

    def answer_end(self, text: str) -> int | None:
        """None: a solution ends with the end-of-text token."""
        return None

    def first_error(self, question: Question, steps: Sequence[str]) -> int | None:
        """The first step that does not lead from the amount so far to the amount that the problem's next change gives.

        Any true calculation that does so counts (`35 + 35 = 70` for doubling). A solution that ends too early
        or goes on too long is wrong at the step that does so. None of a question that came with a file.
        """
        amounts = self._truth.get(question.number)
        if amounts is None:
            return None
        for index, step in enumerate(steps):
            found = _STEP.fullmatch(step.strip())
            if not found or index + 1 >= len(amounts):
                return index + 1
            left, operator, right, result = int(found[1]), found[2], int(found[3]), int(found[4])
            if left != amounts[index] or calculate(left, operator, right) != result or result != amounts[index + 1]:
                return index + 1
        return 0 if len(steps) + 1 == len(amounts) else len(steps)


def _read_benchmark(file: str) -> list[WrittenSolution]:
    """The solutions in a file. Rollouts from a row without an answer cannot be graded."""
    return [
        WrittenSolution(
            Question(GIVEN + number, "process", row.problem, (), row.answer),
            *(row.steps, row.ends_right, row.first_error or 0, row.id, row.contradicts),
            ungraded="" if row.answer else "the row has no answer",
        )
        for number, row in enumerate(read_file(process_data_path(file)))
    ]
