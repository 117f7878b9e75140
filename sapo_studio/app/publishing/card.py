"""The model card, README.md: what a run's facts say of its model, in plain sentences. Its head is `card_head`'s."""

from __future__ import annotations

from collections.abc import Iterator

from sapo_studio import __version__
from sapo_studio.app.publishing import snippets
from sapo_studio.app.publishing.card_head import PROGRAM, head
from sapo_studio.app.publishing.facts import OF_A_REASONER, OF_A_VERIFIER, Facts, Number
from sapo_studio.app.publishing.markdown import code_span, plain
from sapo_studio.app.publishing.snippets import Prompting
from sapo_studio.app.publishing.values import interval
from sapo_studio.app.reports.provenance import Origin
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.metric_catalog import METRICS
from sapo_studio.domain.task_kinds import TASK_KINDS
from sapo_studio.model_files.sources import BUNDLED, HUB
from sapo_studio.paths import BENCHMARK
from sapo_studio.readable import counted

SMALL = 1000
"""Fewer questions, or solutions of a benchmark, than this leave wide intervals: the card says so."""
HERE = "."
"""Where a snippet loads from: the folder that the card lies in."""


def card(facts: Facts, where: str = HERE) -> str:
    """All of it. `where`: what the snippets load from, the folder itself or OWNER/NAME."""
    return f"{head(facts)}\n{text(facts, where)}"


def text(facts: Facts, where: str = HERE) -> str:
    """What people read of it: without the head."""
    sections = [
        f"# {facts.name}",
        _summary(facts),
        *(_use(facts, where) if facts.answer else ()),
        "## Numbers",
        *_numbers(facts),
        "## How it was made",
        *_method(facts),
        "## Data, base and licences",
        *_origins(facts),
        "## Limits",
        "\n".join(f"* {line}" for line in _limits(facts)),
    ]
    return "\n\n".join(sections) + "\n"


def _summary(facts: Facts) -> str:
    config, iteration = facts.config, facts.chosen.iteration
    base = code_span(facts.base.name) if facts.base.name != "fresh" else "random weights"
    when = "after its warm-up" if iteration == 0 else f"after iteration {iteration} of {config.iterations}"
    if facts.wanted.verifier:
        what = (
            f"A process verifier: it gives each step of a solution a score from 0 to 1. The verifier V{iteration} of a "
            f"run of self-adaptive process optimization (SAPO), which began from {base}."
        )
    else:
        what = (
            f"A reasoner that writes solutions step by step, {when} of a run of self-adaptive process optimization "
            f"(SAPO), which began from {base}."
        )
    return f"{what} Made and published by {PROGRAM} {__version__}; this card says what the run has on record."


# -- Use


def _use(facts: Facts, where: str) -> Iterator[str]:
    answer = facts.answer
    prompting = Prompting(answer["prompt"], bool(answer["templated"]))
    yield "## Load it"
    if facts.wanted.verifier:
        question, steps, scores = answer["example"] or ("", ("",), ())
        classifier = bool(answer["classifier"])
        yield _code(snippets.verifier(where, question, steps, answer["head"], prompting, classifier=classifier))
        if scores:
            yield f"It prints a score for each step: {', '.join(f'{score:.4f}' for score in scores)}."
        yield _of_the_head(facts)
    elif facts.chosen.adapter:
        dtype = {"fp32": "torch.float32", "bf16": "torch.bfloat16", "fp16": "torch.float16"}[answer["base_dtype"]]
        yield _code(snippets.adapter(where, facts.base, dtype, answer["example"], prompting))
        yield "This is an adapter (LoRA, as peft has them): it changes the base model named in the snippet, no other."
    else:
        yield _code(snippets.reasoner(where, answer["example"], prompting))
    yield _of_the_prompt(facts)
    yield _of_the_weights(facts)


def _code(code: str) -> str:
    return f"```python\n{code}```"


def _of_the_prompt(facts: Facts) -> str:
    answer = facts.answer
    how = {
        "chat": "Questions were put as turns of a chat, by the base model's own chat template",
        "few-shot": f"Questions were put behind {counted(facts.config.task.shots, 'worked example')}",
    }.get(facts.config.task.prompt, "Questions were put as plain text")
    where = (
        "the folder's chat template lays a question out in the same way"
        if answer["templated"]
        else "no chat template makes the same tokens of it, so the snippet lays a question out by hand"
    )
    said = f"{how}; {where}. Laid out otherwise, the model works worse, and the numbers below do not hold."
    if facts.wanted.verifier:
        return said
    said += (
        f" The run sampled at temperature {facts.config.sampling.temperature:g}, up to {answer['max_new_tokens']:,} "
        "tokens (`generation_config.json`); the snippet is greedy."
    )
    if answer["runs_on"]:
        said += (
            " It also cut a solution that went on with a question of its own behind its answer; the snippet does not."
        )
    return said


def _of_the_weights(facts: Facts) -> str:
    answer = facts.answer
    said = f"{answer['parameters']:,} weights in {answer['dtype']}, {answer['architecture']}."
    if named := answer.get("gguf"):
        said += f" `{named}` is the same model for llama.cpp, by its own converter."
    rounding = answer.get("rounding")
    if not rounding:
        return said
    what = "Merging the adapter" if facts.config.model.tuning != "full" else f"Keeping the weights in {answer['dtype']}"
    if facts.config.model.tuning == "qlora":
        what = "The base was kept in 4 bits while it was trained; here it is written out in full. Merging the adapter"
    return (
        f"{said} {what} rounds. Measured on the last tokens of {counted(rounding['prompts'], 'text')} "
        f"({rounding['positions']:,} positions), logits differ from the run's by {rounding['largest']:.3g} at most and "
        f"{rounding['mean']:.3g} on average, the divergence KL is {rounding['kl']:.3g} nats a token, and the likeliest "
        f"token is another at {100 * rounding['changed']:.2g} % of the positions."
    )


def _of_the_head(facts: Facts) -> str:
    answer = facts.answer
    if not answer["classifier"]:
        how = (
            "transformers has no token-classification model of this architecture. The folder is the backbone as a "
            "causal language model, and the head stands in `config.json` (`sapo_verifier`): one weight for each number "
            "of the last hidden state, and for each likelihood feature where it sees those."
        )
    elif answer["head"] == "likelihood":
        how = (
            "The run's head sees the last hidden state and how likely the model itself finds the steps. Both are in "
            "this token-classification model: its outputs are the language head's, and behind them one for the step; "
            "the six weights of the likelihoods stand in `config.json` (`sapo_verifier`), and the lines above put them "
            "together."
        )
    else:
        how = "The run's head is linear on the last hidden state: it is the token classifier's own layer, nothing more."
    measured = (
        f" On {counted(answer['solutions'], 'solution')} of the run ({answer['steps']:,} steps) scores differ from the "
        f"run's own verifier by {answer['apart']:.2g} at most."
        if answer["solutions"]
        else ""
    )
    return f"{how} No code comes with it.{measured}"


# -- Numbers


def _numbers(facts: Facts) -> Iterator[str]:
    if not facts.numbers:
        yield "Nothing was measured of this iteration."
        return
    before = any(number.before for number in facts.numbers)
    rows = ["| | on | this model | before (iteration 0) |" if before else "| | on | this model |"]
    rows.append("|---" * (4 if before else 3) + "|")
    for number in facts.numbers:
        metric = METRICS[number.name]
        cells = [f"{metric.title}", _measured_on(facts, number), interval(metric, number.value)]
        cells += [interval(metric, number.before) if number.before else "\u2014"] if before else []
        rows.append(f"| {' | '.join(cells)} |")
    yield "\n".join(rows)
    yield "In brackets: 95 % intervals, and n, how many questions or solutions a number is of."
    yield "\n".join(f"* {METRICS[name].title}: {METRICS[name].meaning}." for name in _names(facts))


def _names(facts: Facts) -> list[str]:
    return list(dict.fromkeys(number.name for number in facts.numbers))


def _measured_on(facts: Facts, number: Number) -> str:
    if number.of:
        return f"evaluation set {plain(number.of)}"
    return "process benchmark" if number.name in OF_A_VERIFIER else f"test questions ({facts.config.task.kind})"


# -- Method


def _method(facts: Facts) -> Iterator[str]:
    config = facts.config
    yield (
        "Each iteration samples solutions of the training questions, has the verifier before look for the first error "
        "of those that end wrong, checks a few prefixes by rollouts, trains a verifier on the labels, and aligns the "
        "reasoner with pairs that this verifier ranks."
    )
    rows = [f"| {name} | {value} |" for name, value in _settings(config)]
    yield "\n".join(["| setting | value |", "|---|---|", *rows])


def _settings(config: RunConfig) -> Iterator[tuple[str, str]]:
    task, labeling, optimiser = config.task, config.labeling, config.optimiser
    tuning = config.model.tuning
    yield "Task", f"{task.kind}: {TASK_KINDS[task.kind].help}"
    yield "Seed", str(config.seed)
    yield "Tuning", tuning if tuning == "full" else f"{tuning}, rank {config.model.lora_rank}"
    yield "Precision", config.model.precision
    yield "Warm-up", f"{config.warmup.epochs:g} epochs at most, learning rate {config.warmup.learning_rate:g}"
    yield (
        "Sampling",
        f"{config.sampling.questions:,} questions, {config.sampling.samples} solutions each, temperature "
        f"{config.sampling.temperature:g}",
    )
    yield (
        "Labels",
        f"{labeling.labeler} (at first {labeling.start_labeler}), {labeling.trajectories:,} trajectories, "
        f"{labeling.rollouts} rollouts a prefix, {labeling.max_checks} prefixes at most",
    )
    yield "People's labels", "used" if labeling.people == "use" else "not used"
    yield (
        "Verifier",
        f"{config.verifier.head} head, {config.verifier.epochs:g} epochs, learning rate "
        f"{config.verifier.learning_rate:g}",
    )
    yield (
        "Alignment",
        f"{optimiser.kind}, learning rate {optimiser.learning_rate:g}, beta {optimiser.beta:g}, margin "
        f"{optimiser.eta:g}",
    )


# -- Origins


def _origins(facts: Facts) -> Iterator[str]:
    lines: list[str] = []
    for one in facts.origins:
        lines.append(f"* **{one.role}**: {_named(one)}. Licence: {plain(one.licence)}.")
        lines += [f"  * {code_span(file.name)}, SHA-256 `{file.digest}`" for file in one.files]
    yield "\n".join(lines)
    yield (
        "A licence is what the base's or the data's own files state, unread by anybody here; where none is stated, "
        "nobody knows. What was made from them may be bound by it."
    )


def _named(origin: Origin) -> str:
    """As it is named, without folders of this machine."""
    name = origin.named
    if not name.startswith((HUB, BUNDLED, BENCHMARK)):
        name = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return code_span(name)


# -- Limits


def _limits(facts: Facts) -> Iterator[str]:
    expected = OF_A_VERIFIER if facts.wanted.verifier else OF_A_REASONER[:2]
    have = {number.name for number in facts.numbers if not number.of}
    if absent := [METRICS[name].title for name in expected if name in METRICS and name not in have]:
        yield f"Not measured: {', '.join(absent)}."
    counts = [number.value.n for number in facts.numbers if number.value.n]
    if counts and min(counts) < SMALL:
        fewest = counted(min(counts), "solution" if facts.wanted.verifier else "question")
        yield f"Numbers are of as few as {fewest}: look at their intervals."
    yield f"One run with one seed ({facts.config.seed}): how much another seed would change is not in the intervals."
    if not facts.config.evaluation.sets:
        yield "Nothing but the run's own kind of questions was measured. What it does with others is unknown."
    if facts.config.task.kind == "arithmetic":
        yield "It knows the program's own small word problems and no other text: it is for trying things out."
    yield "Nothing was done or measured for safety, bias, or questions that are no problems to be solved."
    if facts.wanted.verifier:
        yield (
            "Its scores are trained on labels by rollouts, which are wrong now and then, and on solutions of this "
            "run's reasoners; solutions of other models may be scored worse."
        )
    elif facts.code:
        yield "It writes programs. Run them in a sandbox."
    for alarm in facts.alarms:
        yield f"Alarm in iteration {alarm.iteration}, {alarm.title.lower()}: {plain(alarm.message)}"
