"""Words that several screens share: what is offered in their combo boxes, and what iterations, sources and labelers are
called."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sapo_studio.domain.labelers import registry
from sapo_studio.errors import RunGone, SapoError
from sapo_studio.readable import sentences

OUTCOMES = (("All outcomes", "all"), ("Incorrect", "wrong"), ("Correct", "right"))

FOUND = tuple((words, case) for case, words in registry.CASES.items())
"""What a labeler can have found: the cases of self-verification, and how the others came to their labels."""

CASES = (("All cases", ""), *FOUND)

SOURCES = (
    ("Samples", "sample"),
    ("Task's own solutions", "solution"),
    ("Expanded rollouts", "expansion"),
    ("Process benchmark", "process"),
    ("Test questions", "test"),
)

SOURCE_WORDS = {
    "solution": "the task's own",
    "expansion": "expanded rollout",
    "process": "benchmark",
    "test": "test question",
    "import": "imported",
}
"""What a trajectory is called that is no sample."""


def iteration_name(iteration: int) -> str:
    """What an iteration is called on an axis: 0 is the state before the first one."""
    return "start" if iteration == 0 else f"it {iteration}"


SECTION_TITLES = {
    "": "Run",
    "task": "Task and data",
    "model": "Model",
    "warmup": "Warm-up",
    "sampling": "Sampling",
    "labeling": "Labeling",
    "verifier": "Verifier",
    "optimiser": "Alignment",
    "evaluation": "Evaluation",
    "early_stop": "Early stop",
    "runtime": "This machine",
}
"""The sections of a configuration, by key; empty: the run itself."""

_ACRONYMS = {"mce": "MCE", "gpus": "GPUs", "vllm": "vLLM", "lora": "LoRA", "rft": "RFT"}


def setting_label(path: str) -> str:
    """What a setting is called on a form: `labeling.mce_rollouts` is `MCE rollouts`."""
    words = [_ACRONYMS.get(word, word) for word in path.rpartition(".")[2].split("_")]
    label = " ".join(words)
    return label if words[0] in _ACRONYMS.values() else label[0].upper() + label[1:]


def with_mnemonics(texts: Sequence[str]) -> list[str]:
    """The entries of a menu with a letter marked in each (`&Pause`), no two the same as far as the letters go: that of
    the first word, else of a later one, else any in it. One that finds all its letters taken moves an earlier entry on
    to another of its own. An entry for which that does not help either comes back as it is.
    """
    owner: dict[str, int] = {}
    place: dict[int, int] = {}

    def settle(entry: int, tried: set[str]) -> bool:
        text = texts[entry]
        starts = [at for at in range(len(text)) if at == 0 or text[at - 1] == " "]
        order = [at for at in (*starts, *(at for at in range(len(text)) if at not in starts)) if text[at].isalnum()]
        free = [at for at in order if text[at].lower() not in owner]
        for at in (*free, *order):
            letter = text[at].lower()
            if letter not in tried:
                tried.add(letter)
                if letter not in owner or settle(owner[letter], tried):
                    owner[letter], place[entry] = entry, at
                    return True
        return False

    for entry in range(len(texts)):
        settle(entry, set())
    return [
        f"{text[: place[entry]]}&{text[place[entry] :]}" if entry in place else text for entry, text in enumerate(texts)
    ]


IN_WINDOW = {
    "restore": "Restore in the Store menu",
    "runs": "the list of runs",
    "run": "New run",
    "stop": "Stop in the Run menu",
    "resume": "Resume in the Run menu",
    "follow": "the run's page",
    "queue": "the page Queue",
    "queue move": "dragging in the queue",
    "bin list": "Bin in the Store menu",
    "import": "Import file in the Run menu",
    "bundle import": "Import file in the Run menu",
    "export": "the Export menu",
    "evaluate": "Evaluate verifier in the View menu",
    "score": "Score in the Run menu",
}
"""What does in the window what a command of `sapo` does: messages of the kernel name commands."""

_COMMAND = re.compile(r"(^|[.:] )?`sapo ([a-z-]+(?: [a-z]+)?)((?: [^`]*)?)`")


def in_window(text: str) -> str:
    """A message for somebody who has the window before them, and perhaps no terminal. A command that the window has
    nothing for stays, and so does one with settings."""

    def named(found: re.Match[str]) -> str:
        begins, command, rest = found[1], found[2], found[3]
        words = IN_WINDOW.get(command) or IN_WINDOW.get(command.partition(" ")[0])
        if words is None or "--" in rest:
            return found[0]
        return f"{begins or ''}{words[0].upper() + words[1:] if begins is not None else words}"

    return _COMMAND.sub(named, text)


def told(error: Exception) -> str:
    """An error in sentences, as a page says it beside what went wrong; of a fault of the program its kind."""
    if isinstance(error, RunGone):  # nobody types ids here: it was there when it was chosen
        return sentences(error.what, "It was deleted meanwhile.")
    if not isinstance(error, SapoError):
        return f"{type(error).__name__}: {error}"
    return in_window(sentences(error.what, error.why, error.fix))
