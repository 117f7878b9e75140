"""A trajectory as the engine holds it: token ids beside the text, steps cut once and kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from sapo_engine.grading.base import Grade
from sapo_engine.numbering import SOLUTIONS
from sapo_engine.process_group import ALONE, Group
from sapo_engine.tasks.base import Question, Task, WrittenSolution
from sapo_engine.text.answer_watch import THOUGHT, THOUGHT_ENDS, AnswerWatch
from sapo_engine.text.prompts import plain_prompt, plain_prompts, token_id
from sapo_engine.text.trajectory import Trajectory, TrajectoryDraft

REMEMBERED = 10_000
"""Texts that are kept."""
THOUGHT_TOKENS = 12
"""The last tokens of a prompt, in which a chat template may open a thought."""


def _decoder(tokenizer: PreTrainedTokenizerBase) -> Callable[[list[int]], str]:
    """What `tokenizer.decode` does; where no class of its own may do more, without what transformers puts around it,
    which takes longer than the decoding of a short text."""
    if type(tokenizer) is PreTrainedTokenizerFast and not tokenizer.clean_up_tokenization_spaces:
        inner = tokenizer.backend_tokenizer
        return lambda ids: str(inner.decode(ids, skip_special_tokens=False))
    return lambda ids: str(tokenizer.decode(ids))


@dataclass(slots=True)
class TrajectoryBuilder:
    """Cuts completions into steps, as the task says, and has them graded. `more_ends` are tokens that end a completion
    beside the tokenizer's own."""

    task: Task
    tokenizer: PreTrainedTokenizerBase
    group: Group = ALONE
    more_ends: tuple[int, ...] = ()
    _breaks: dict[int, int] = field(default_factory=dict)
    _texts: dict[tuple[int, ...], str] = field(default_factory=dict)
    _decode: Callable[[list[int]], str] = field(init=False)
    _eos: int | None = field(init=False)  # asking the tokenizer for it takes as long as looking for it

    def __post_init__(self) -> None:
        self._eos = cast("int | None", self.tokenizer.eos_token_id)
        self._decode = _decoder(self.tokenizer)

    def text_of(self, tokens: Sequence[int]) -> str:
        """A completion as text, without the end-of-text token.

        Where completions are looked at for their first answer their texts are kept a while: the same one is asked for
        again, to be graded and cut into steps.
        """
        if not self.task.runs_on or not isinstance(tokens, tuple):
            return self._decode(list(self._body(tokens)))
        text = self._texts.get(tokens)
        if text is None:
            if len(self._texts) >= REMEMBERED:
                self._texts.clear()
            text = self._texts[tokens] = self._decode(list(self._body(tokens)))
        return text

    def _body(self, tokens: Sequence[int]) -> Sequence[int]:
        for end in self.more_ends:
            tokens = tokens[: tokens.index(end)] if end in tokens else tokens
        return tokens[: tokens.index(self._eos)] if self._eos in tokens else tokens

    def first_answer(self, tokens: tuple[int, ...]) -> tuple[int, ...]:
        """`tokens` up to the end of the first complete answer, where they go on with a question of their own; else
        `tokens` themselves."""
        if not self.task.runs_on:
            return tokens
        text = self.text_of(tokens)
        end = self.task.answer_end(text)
        if end is None:
            return tokens
        shortest, longest = 0, len(tokens)
        while shortest < longest:
            middle = (shortest + longest) // 2
            if len(self._decode(list(tokens[:middle]))) < end:
                shortest = middle + 1
            else:
                longest = middle
        return tokens[:shortest]

    def watch(self, prompt: Sequence[int], begun: Sequence[int] = ()) -> Callable[[], AnswerWatch] | None:
        """What makes a watch for each completion of `prompt` that goes on from the tokens `begun`: it ends those that
        `first_answer` would cut. None where the task's completions end by themselves."""
        if not self.task.runs_on:
            return None
        opening = self._decode(list(prompt[-THOUGHT_TOKENS:]))
        thinking = opening.rfind(THOUGHT) > opening.rfind(THOUGHT_ENDS)
        return lambda: AnswerWatch(self.task.answer_end, self._decode, begun, thinking=thinking)

    def stopped_early(self, tokens: Sequence[int]) -> bool:
        """Whether these are tokens that `first_answer` has cut: neither their end nor the limit was reached."""
        return self.task.runs_on and self._eos not in tokens and len(tokens) < self.task.max_new_tokens

    def cut_off(self, tokens: Sequence[int]) -> bool:
        """Whether a completion of these tokens ended at the limit, without its end token or a complete answer."""
        return self._eos not in tokens and not self.stopped_early(tokens)

    def _line_breaks(self, token: int) -> int:
        """How many lines end inside one token."""
        count = self._breaks.get(token)
        if count is None:
            count = self._breaks[token] = str(self.tokenizer.decode([token])).count("\n")
        return count

    def cut(self, tokens: Sequence[int], text: str | None = None) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """Where each step ends (exclusive token index), and the steps' texts. `text`: what `text_of` makes of the
        tokens, where it is known.

        Lines are told by the tokens that contain a line break, which every tokenizer keeps; the task's segmenter says
        which of them begin a step. Steps that would be empty belong to the step before.
        """
        body = self._body(tokens)
        lines = (self.text_of(tokens) if text is None else text).split("\n")
        ends: list[int] = []  # of lines
        for index, token in enumerate(body):
            ends += [index + 1] * self._line_breaks(token)
        # A line break that only shows in the whole text (bytes spread over tokens) cannot be told apart: one line less.
        del ends[len(lines) - 1 :]
        lines[len(ends) :] = ["\n".join(lines[len(ends) :])]
        ends.append(min(len(body) + 1, len(tokens)))

        clean = self.task.segmenter.clean
        step_ends: list[int] = []
        steps: list[str] = []
        held: list[str] = []
        starts = [*self.task.segmenter.starts(lines)[1:], True]
        for line, end, last in zip(lines, ends, starts, strict=True):
            held.append(line)
            if not last:
                continue
            text = clean("\n".join(held))
            if (text or not steps) and (not step_ends or end > step_ends[-1]):
                step_ends.append(end)
                steps.append(text)
            else:
                step_ends[-1] = max(end, step_ends[-1])
                steps[-1] = clean("\n".join([steps[-1], *held])) if text else steps[-1]
            held = []
        return tuple(step_ends), tuple(steps)

    def grade(self, items: Sequence[tuple[Question, Sequence[int]]]) -> list[Grade]:
        """A verdict for each completion; equal ones are graded once. Several processes grade a part each."""
        distinct = {(question.number, tuple(tokens)): question for question, tokens in items}
        texts = [(question, self.text_of(tokens)) for (_, tokens), question in distinct.items()]
        verdicts = dict(zip(distinct, self.group.map(texts, self.task.grade), strict=True))
        return [verdicts[question.number, tuple(tokens)] for question, tokens in items]

    def trajectories(self, drafts: Sequence[TrajectoryDraft]) -> list[Trajectory]:
        """Cut, graded and, where the task can, checked step by step. In the order of `drafts`."""
        texts = [self.text_of(draft.tokens) for draft in drafts]
        grades = self.group.map(
            [(draft.question, text) for draft, text in zip(drafts, texts, strict=True)], self.task.grade
        )
        return [self.trajectory(*known) for known in zip(drafts, grades, texts, strict=True)]

    def trajectory(self, draft: TrajectoryDraft, grade: Grade, text: str | None = None) -> Trajectory:
        """A trajectory whose verdict is known already, and perhaps its text."""
        ends, steps = self.cut(draft.tokens, text)
        return Trajectory(
            number=draft.number,
            question=draft.question.number,
            iteration=draft.iteration,
            sample=draft.sample,
            source=draft.source,
            tokens=tuple(draft.tokens),
            ends=ends,
            steps=steps,
            correct=grade.correct,
            answer=grade.answer or grade.reason,
            truth=self.task.first_error(draft.question, steps),
            copies=draft.copies,
        )

    def solutions(self, questions: Sequence[Question]) -> list[Trajectory]:
        """The task's own solutions of these questions, as trajectories (D_org). They are taken for right."""
        texts = plain_prompts(self.tokenizer, [self.task.join(q.steps) for q in questions], special=False)
        end = token_id(self.tokenizer.eos_token_id)
        return [
            self.trajectory(
                TrajectoryDraft(
                    question, (*text, end), number=SOLUTIONS + question.number, iteration=0, source="solution"
                ),
                Grade(True, question.answer),
            )
            for question, text in zip(questions, texts, strict=True)
        ]

    def benchmark(self) -> list[Trajectory]:
        """The process benchmark that came with the task's data, as trajectories; none where none did."""
        return [self.from_written(number, row) for number, row in enumerate(self.task.process_benchmark() or ())]

    def from_written(self, number: int, row: WrittenSolution) -> Trajectory:
        """A solution that came as text, its first error known, as tokens. Its steps stay as they were cut."""
        tokens: list[int] = []
        ends: list[int] = []
        for index, step in enumerate(row.steps):
            last = index + 1 == len(row.steps)
            tokens += plain_prompt(self.tokenizer, step if last else step + "\n", special=False)
            ends.append(len(tokens))
        tokens.append(token_id(self.tokenizer.eos_token_id))
        if ends:
            ends[-1] = len(tokens)
        return Trajectory(
            number=number,
            question=row.question.number,
            iteration=0,
            sample=0,
            source="process",
            tokens=tuple(tokens),
            ends=tuple(ends),
            steps=row.steps,
            correct=row.correct,
            answer="",
            truth=row.first_error,
        )
