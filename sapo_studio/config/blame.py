"""From the error that a run failed with to the setting that is to blame, and what to set instead.

All of it is data: RULES says for each error that an engine can raise which field is meant (tests hold the engine's
errors against it). An error that no rule knows blames nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

from sapo_studio.config.changes import changed
from sapo_studio.config.engine_limits import MICRO_TOKENS
from sapo_studio.config.schema import PAIRED, RunConfig, field_paths
from sapo_studio.config.text_lengths import longest_text
from sapo_studio.domain.runs import PhaseName
from sapo_studio.errors import InputError

TRAINS = (PhaseName.SFT, PhaseName.VERIFIER, PhaseName.ALIGN)
"""Phases whose memory goes by what is trained on at a time; the others' by what is sampled."""

Told = re.Match[str]
Propose = Callable[[RunConfig, Told], Any]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A field, what proposes another value (None: only the user knows one; it returns None where it has none), and what
    that does. `phases`: it helps in these alone; empty: in all."""

    path: str
    propose: Propose | None = None
    effect: str = ""
    phases: tuple[PhaseName, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """Errors whose headline `says` this. `resume`: what the machine has may have changed, so that going on unchanged
    can help. `named`: of the fields, the one whose value the error names comes first."""

    key: str
    says: str
    suggestions: tuple[Suggestion, ...] = ()
    resume: bool = False
    named: bool = False


def _half(path: str, otherwise: Callable[[RunConfig], int] = lambda config: 0) -> Propose:
    """Half of what a number is now, or of what an open one (0) comes to."""

    def propose(config: RunConfig, told: Told) -> int | None:
        now = int(value_of(config, path)) or otherwise(config)
        return now // 2 if now > 1 else None

    return propose


def _to(value: Any) -> Propose:
    return lambda config, told: value


def _largest_batch(config: RunConfig) -> int:
    return max(config.warmup.batch_size, config.verifier.batch_size, config.optimiser.batch_size)


def _fewer_tokens(config: RunConfig, told: Told) -> int | None:
    """Half of the positions that are trained on at a time; none where one text alone has as many."""
    one = longest_text(config.task)
    now = config.runtime.micro_tokens or min(MICRO_TOKENS, _largest_batch(config) * one)
    return max(one, now // 2) if now > one else None


def _divided(config: RunConfig, told: Told) -> str | None:
    """Divided training, where there is something to divide among several."""
    runtime, model = config.runtime, config.model
    fit = runtime.processes > 1 and model.tuning == "full" and model.precision != "fp16"
    return "on" if fit and runtime.sharded_training != "on" else None


def _cards_there(config: RunConfig, told: Told) -> int | None:
    return int(told["cards"]) or None


def _room_there(config: RunConfig, told: Told) -> int | None:
    room = told["cards"] or ""
    return int(room) or None if room.isdecimal() else None


def _no_card(config: RunConfig, told: Told) -> str | None:
    return None if int(told["cards"]) else "auto"


def _fewer_shots(config: RunConfig, told: Told) -> int | None:
    return config.task.shots - 1 if config.task.prompt == "few-shot" and config.task.shots > 1 else None


_SAME = "the result is the same: gradients of the parts are summed"
MEMORY = (
    Suggestion("runtime.micro_tokens", _fewer_tokens, _SAME, TRAINS),
    Suggestion(
        "runtime.rollout_batch",
        _half("runtime.rollout_batch", lambda config: 512),
        "the same samples, fewer at a time",
        tuple(phase for phase in PhaseName if phase not in TRAINS),
    ),
    Suggestion("model.gradient_checkpointing", _to(True), "about a third more time in training", TRAINS),
    Suggestion("runtime.sharded_training", _divided, "each process holds a part of what is trained", TRAINS),
    Suggestion("model.tuning", _to("lora"), "adapters are trained beside frozen weights"),
    Suggestion("verifier.base", _to("shared"), "the verifier is adapters on the reasoner's weights"),
)
_LOCAL = Suggestion("runtime.launcher", _to("local"), "on this machine alone")
_DATA = (
    Suggestion("task.train_data"),
    Suggestion("task.test_data"),
    Suggestion("task.process_data"),
    Suggestion("task.fields"),
)
_MODEL = (Suggestion("model.source"),)
_PLAIN = (Suggestion("task.prompt", _to("plain"), "questions without the model's chat template"),)
_HF = (Suggestion("runtime.backend", _to("hf"), "the program's own sampler, slower on a card"),)
_PYTHON = (Suggestion("runtime.engine_python", _to(""), "the Python that all runs have"),)

RULES: tuple[Rule, ...] = (
    Rule("memory", r"(?:ran out of memory|out of memory)$", MEMORY, resume=True),
    Rule("room", r"found no room for a file|^The disk with .* is full|^Cannot write to the run's folder", resume=True),
    Rule("store", r"^The store .*|^Cannot open the store|^A number is too large|is not valid text$", resume=True),
    # The machine
    Rule(
        "device",
        r"is not a valid device$|^There is no device",
        (Suggestion("runtime.device", _to("auto"), "a card where there is one, else the CPU"),),
    ),
    Rule(
        "one-card",
        r"^runtime\.device = .* is one card",
        (
            Suggestion("runtime.device", _to("cuda"), "each process has a card of its own"),
            Suggestion("runtime.processes", _to(1), "one process on this card"),
        ),
    ),
    Rule(
        "cards",
        r"^runtime\.processes = \d+, but there (?:is|are) (?P<cards>\d+)",
        (
            Suggestion("runtime.processes", _cards_there, "one for each card that is there"),
            Suggestion("runtime.device", _no_card, "a card where there is one, else the CPU"),
        ),
        resume=True,
    ),
    Rule("gpus", r"^runtime\.gpus names", (Suggestion("runtime.gpus", _to(""), "as many cards as it needs"),)),
    Rule(
        "cluster-room",
        r"^runtime\.processes = \w+, but the Ray cluster has room for (?P<cards>\w+)|^The Ray cluster had no room",
        (Suggestion("runtime.processes", _room_there, "as many as there is room for"), _LOCAL),
        resume=True,
    ),
    Rule("cluster-lost", r"was lost with its place on the cluster", (_LOCAL,), resume=True),
    Rule(
        "cluster",
        r'^runtime\.launcher = "ray"|Ray cluster|Ray client|^runtime\.ray_address',
        (Suggestion("runtime.ray_address"), _LOCAL),
        resume=True,
    ),
    Rule(
        "machines",
        r"^runtime\.hosts names|^The machines did not meet|^The workers on|^The workers are of several releases"
        r"|lost the others$|^There is no folder .* on ",
        (Suggestion("runtime.hosts"), _LOCAL),
        resume=True,
    ),
    Rule("windows", r"^runtime\.processes = .* Windows", (Suggestion("runtime.processes", _to(1), "one process"),)),
    Rule(
        "python",
        r"no SAPO Studio engine$|^There is no Python|cannot run the engine$|can run the engine$",
        _PYTHON,
        True,
    ),
    Rule("version", r"^The engine worker is of another version|^The engine in .* is of another version", _PYTHON, True),
    Rule("worker", r"^The engine worker could not be started|^The engine could not be started", _PYTHON, True),
    # What the method needs
    Rule(
        "trl",
        r'^optimiser\.kind = "grpo" needs TRL',
        (Suggestion("optimiser.kind", _to(PAIRED[0]), "pairs, as in the paper"),),
        resume=True,
    ),
    Rule(
        "fp16",
        r'^model\.precision = "fp16"',
        (Suggestion("model.precision", _to("fp32"), "what torch trains in on a CPU"),),
    ),
    Rule(
        "divided",
        r"^A training of the architecture .* cannot be divided",
        (
            Suggestion("runtime.sharded_training", _to("off"), "each process holds a whole copy of what is trained"),
            Suggestion("model.source"),
        ),
    ),
    Rule(
        "qlora-precision", r"^QLoRA computes in", (Suggestion("model.precision", _to("auto"), "bf16 where there is"),)
    ),
    Rule(
        "qlora",
        r'^model\.tuning = "qlora"',
        (Suggestion("model.tuning", _to("lora"), "adapters beside weights of full size"),),
        resume=True,
    ),
    Rule(
        "architecture",
        r"^The program's own sampler cannot write",
        (Suggestion("model.source"), Suggestion("runtime.backend", _to("vllm"), "vLLM, if it knows this model")),
    ),
    Rule("vllm", r"vLLM", _HF, resume=True),
    Rule("graphs", r"(?i)cuda ?graph|stream is capturing", _HF),
    Rule(
        "warm-up",
        r"^There is nothing to warm up on",
        (
            Suggestion("warmup.epochs", _to(0.0), "no warm-up: the reasoner begins as it is"),
            Suggestion("task.train_data"),
        ),
    ),
    Rule("revision", r"^model\.revision =", (Suggestion("model.revision", _to(""), "the newest version"),)),
    Rule(
        "sandbox",
        r"^Programs cannot be graded|^The sandbox failed",
        (Suggestion("task.unsandboxed", effect="programs that a model wrote could do whatever you can do"),),
        resume=True,
    ),
    # Texts
    Rule("template", r"chat template|[Cc]hat templates", _PLAIN, resume=False),
    Rule(
        "long-prompt",
        r"^A prompt of \d+ tokens|^A prompt of .* tokens",
        (
            Suggestion("task.shots", _fewer_shots, "a worked example less before each question"),
            Suggestion("task.max_new_tokens", _half("task.max_new_tokens", lambda config: 320), "shorter solutions"),
            Suggestion("model.source"),
        ),
    ),
    Rule("set", r"^Evaluation set |^The evaluation set ", (Suggestion("evaluation.sets"),)),
    Rule(
        "golds",
        r"^Too few questions are left|not graded as right",
        (
            Suggestion("task.bad_golds", _to("leave_out"), "questions whose gold fails are left out and named"),
            Suggestion("task.train_data"),
        ),
    ),
    Rule(
        "few-questions",
        r"^There are too few questions",
        (Suggestion("task.train_data"), Suggestion("task.test_data")),
    ),
    Rule("ungraded", r"^Nothing is known to grade", (Suggestion("task.process_data"), Suggestion("task.train_data"))),
    Rule(
        "benchmark",
        r"process benchmark|is in no format that is known|has no solutions?\b|no format .* to import"
        r"|:\d+ is not (?!a? ?JSON|UTF-8)",
        (Suggestion("task.process_data", _to(""), "without a benchmark: no accuracy of the verifier, no gap"),),
    ),
    Rule("datasets", r"needs the package datasets$", _DATA, resume=True, named=True),
    Rule("mixed", r"^The data mix ", _DATA[:2], named=True),
    Rule("hub", r"^hub:\S+ cannot be had$", _MODEL, resume=True),
    # Files: what an error names decides, and where it names none of them, what the words are of
    Rule(
        "model",
        r"[Tt]okenizer|weights|tensor|\bmodel\b|GGUF|safetensors|\.json\b.* (?:says|does not say)|adapter|remote code"
        r"|chat_template|lists no tensors|is nested deeper|is larger than \d+ MiB|leads nowhere|is not a plain file"
        r"|is not valid JSON|does not say|says [a-z_.]+ =|names a file that is not there",
        (*_MODEL, *_DATA),
        named=True,
    ),
    Rule(
        "data",
        r"data file|data set|not valid data|is empty$|is not JSON|JSON object|UTF-8|longer than a line|column"
        r"|field '?.*'? (?:is|must|has)|there (?:is no answer|must be either)|: (?:the|test) .* has "
        r"|^\S+ cannot be loaded$|is a pipe|cannot be read$|^There is no file",
        (*_DATA, *_MODEL),
        named=True,
    ),
    Rule("path", r"cannot be used as a path$|cannot be started$", (*_DATA, *_MODEL, *_PYTHON), named=True),
    Rule(
        "hangs",
        r"worker hangs$",
        (
            Suggestion(
                "runtime.hang_seconds",
                lambda config, told: 2 * config.runtime.hang_seconds,
                "a step may take twice as long before it counts as hanging",
            ),
        ),
        resume=True,
    ),
    # Of no setting
    Rule("killed", r"was killed by|closed its connection|without saying that its work is done", resume=True),
    Rule(
        "ended",
        r"ended with exit code|exited during startup|phases are missing|did not start$|not be started$",
        resume=True,
    ),
    Rule("fault", r"^Unexpected engine error|by an error of its own|^Protocol error"),
)

_KEY = re.compile(r"^([a-z_]+(?:\.[a-z_]+)*)\b")
_LINE = re.compile(r"^(?:.*: )?([a-z_]+(?:\.[a-z_]+)*): ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change that may help. `after` None: the field is to blame, and only the user knows what to set.

    `resumes`: a run may go on from its checkpoint with it, and need not begin anew.
    """

    path: str
    before: Any
    after: Any
    effect: str
    resumes: bool


@dataclass(frozen=True, slots=True)
class Blame:
    """What to do about a failure: the first proposal, or one of the others. None: no setting is known to be to blame.

    `resume`: going on unchanged can help.
    """

    rule: str
    proposals: tuple[Proposal, ...]
    resume: bool
    kind: Literal["setting", "unknown"]


def blame(
    what: str, why: str, *, bad_input: bool, config: RunConfig, phase: str = "", done: frozenset[str] = frozenset()
) -> Blame:
    """What a run of `config` failed by, which ended with this error in `phase`. `done`: phases it has behind it."""
    rule, told = rule_for(what)
    if rule is None or told is None:
        found = [Suggestion(path) for path in _keys_in(what, why)]
        proposals = tuple(_proposal(one, config, re.match("", what), done) for one in found)
        return Blame("", proposals, not bad_input and not proposals, "setting" if proposals else "unknown")
    meant = [one for one in rule.suggestions if not one.phases or not phase or phase in one.phases]
    if rule.named:
        texts = f"{what}\n{why}"
        meant.sort(key=lambda one: not (value := str(value_of(config, one.path))) or value not in texts)
        meant = meant[:1]
    useful: list[Proposal] = []
    for suggestion in meant:
        one = _proposal(suggestion, config, told, done)
        better = one.after is not None and one.after != one.before and _valid(config, one)
        if better or suggestion.propose is None:
            useful.append(one)
    return Blame(rule.key, tuple(useful), rule.resume, "setting" if useful else "unknown")


def rule_for(what: str) -> tuple[Rule | None, Told | None]:
    """The first rule that knows an error's headline."""
    headline = what.splitlines()[0].strip() if what.strip() else ""
    for rule in RULES:
        told = re.search(rule.says, headline)
        if told is not None:
            return rule, told
    return None, None


def with_change(config: RunConfig, path: str, value: Any) -> RunConfig:
    """`config` with another value. Raises ValueError where that is not valid."""
    data: dict[str, Any] = config.model_dump()
    at = data
    *sections, name = path.split(".")
    for section in sections:
        at = at[section]
    at[name] = value
    return RunConfig.model_validate(data)


def value_of(config: RunConfig, path: str) -> Any:
    """The value of a setting, by its dotted path."""
    found: Any = config
    for name in path.split("."):
        found = getattr(found, name)
    return found


def setting(path: str, value: Any) -> str:
    """A change as `--set` and `supervisor.resume` take it."""
    if isinstance(value, bool):
        return f"{path}={str(value).lower()}"
    return f"{path}={json.dumps(value) if isinstance(value, str) else value}"


def resumes(config: RunConfig, path: str, value: Any, done: frozenset[str] = frozenset()) -> bool:
    """Whether a run may go on from its checkpoint with another value (`config.changes`)."""
    try:
        changed(config, [setting(path, value)], done)
    except InputError:
        return False
    return True


def _proposal(one: Suggestion, config: RunConfig, told: Told | None, done: frozenset[str]) -> Proposal:
    after = None if told is None or one.propose is None else one.propose(config, told)
    goes_on = after is not None and resumes(config, one.path, after, done)
    return Proposal(one.path, value_of(config, one.path), after, one.effect, goes_on)


def _valid(config: RunConfig, one: Proposal) -> bool:
    try:
        with_change(config, one.path, one.after)
    except ValueError:
        return False
    return True


def _keys_in(what: str, why: str) -> list[str]:
    """Settings that an error names at its beginning, or at that of a line of its cause (a configuration that is not
    valid names each fault's)."""
    known = set(field_paths())
    named = [match[1] for match in (_KEY.match(what),) if match is not None]
    named += cast("list[str]", _LINE.findall(why))
    return list(dict.fromkeys(path for path in named if path in known))
