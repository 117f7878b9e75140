"""The tables, as data: the one definition that files, the Python interface and `docs/tables.md` go by.

Names and meanings of columns are a promise to programs of others: a column may join them, none changes or goes. A new
one stands here, in its table's reader and on the page, whose lines `description.column_lines` makes (a test compares).
"""

from __future__ import annotations

from sapo_studio.app.exports.tables.columns import Column, Reference, TableSpec

_RUN = Column("run", "category", "the run's id, as `sapo runs` has it")
_ITERATION = Column("iteration", "integer", "the iteration, 0 for the warm-up")
_QUESTION = Column("question", "integer", "the question's number in its run")
_TRAJECTORY = Column("trajectory", "integer", "the trajectory's number in its run")
_MADE_IN = Column("iteration", "integer", "the iteration in which the trajectory was made")
_STEP = Column("step", "integer", "the step, from 1 on")
_SOURCE = Column(
    "source", "category", "whose labels: a labeler (sapo, omega, ...), expansion, or file for those of an imported file"
)
_VERIFIER = Column("verifier", "integer", "the verifier's number: V_i is trained in iteration i")
_OF_TRAJECTORY = (_RUN, _TRAJECTORY, _QUESTION, _MADE_IN)
_JUDGED = "correct, incorrect or neutral"

_TO_RUN = Reference(("run",), "runs")
_TO_QUESTION = Reference(("run", "question"), "questions")
_TO_TRAJECTORY = Reference(("run", "trajectory"), "trajectories")
_TO_STEP = Reference(("run", "trajectory", "step"), "steps")

RUNS = TableSpec(
    "runs",
    "a run, or an imported file",
    ("run",),
    (
        _RUN,
        Column("number", "integer", "its number in the store; ids there begin at number * 2^32"),
        Column("name", "text", "what people call it"),
        Column("kind", "category", "run, or import for a file"),
        Column("preset", "category", "the preset it was made from; empty where there was none"),
        Column("status", "category", "queued, running, paused, stopped, interrupted, failed or done"),
        Column("iterations", "integer", "how many iterations are planned behind the warm-up"),
        Column("progress", "real", "how much of the run is done", "share"),
        Column("created_at", "time", "when it was made"),
        Column("started_at", "time", "when its engine began first", optional=True),
        Column("finished_at", "time", "when it ended", optional=True),
        Column("active_seconds", "real", "time spent running, over all attempts", "s"),
        Column("restarts", "integer", "how often a worker that died was started again"),
        Column("device", "text", "what it computed on"),
        Column("tags", "text", "its tags, a JSON list"),
        Column("notes", "text", "what people wrote down about it"),
        Column("error", "text", "why it failed, JSON with what, why and fix", optional=True),
    ),
)

CONFIG = TableSpec(
    "config",
    "a key of a run's configuration",
    ("run", "key"),
    (
        _RUN,
        Column("key", "category", "section and key with a dot between, as `--set` takes it"),
        Column("value", "text", "its value as JSON"),
    ),
    (_TO_RUN,),
)

PHASES = TableSpec(
    "phases",
    "a phase of a run",
    ("run", "phase_number"),
    (
        _RUN,
        Column("phase_number", "integer", "its place in the run, from 0 on"),
        Column("phase", "category", "sft, benchmark, sample, score, label, verifier, rate, pairs, align or evaluate"),
        _ITERATION,
        Column("status", "category", "pending, running or done"),
        Column("done", "integer", "how many of its units are done"),
        Column("total", "integer", "how many there are"),
        Column("unit", "category", "what is counted"),
        Column("started_at", "time", "when it began", optional=True),
        Column("finished_at", "time", "when it was done", optional=True),
        Column("seconds", "real", "how long it took", "s", optional=True),
    ),
    (_TO_RUN,),
)

COMPUTE = TableSpec(
    "compute",
    "what a phase that is done has computed for one purpose",
    ("run", "phase_number", "purpose"),
    (
        _RUN,
        Column("phase_number", "integer", "the phase"),
        Column("phase", "category", "its name"),
        _ITERATION,
        Column("purpose", "category", "method, or evaluation for what only measures it"),
        Column("generated", "integer", "tokens that were sampled", "tokens"),
        Column("prefill", "integer", "tokens that were read before sampling", "tokens"),
        Column("scored", "integer", "tokens that a network scored", "tokens"),
        Column("trained_reasoner", "integer", "tokens that the reasoner was trained on", "tokens"),
        Column("trained_verifier", "integer", "tokens that the verifier was trained on", "tokens"),
        Column("flops", "real", "floating-point operations, estimated from the tokens", "FLOP"),
        Column("complete", "boolean", "false: there was more that nobody counted"),
    ),
    (Reference(("run", "phase_number"), "phases"),),
)

METRICS = TableSpec(
    "metrics",
    "a number of an iteration",
    ("run", "set", "iteration", "metric"),
    (
        _RUN,
        Column("set", "category", "the evaluation set; empty for the run itself and its own test questions"),
        _ITERATION,
        Column("metric", "category", "its name"),
        Column("value", "real", "its value, in the unit of the column beside it"),
        Column(
            "unit",
            "category",
            "share or points (a difference of shares), both as fractions; count, tokens, flops, seconds, score or nats;"
            " empty where unknown",
        ),
        Column("low", "real", "lower end of the 95 % interval", optional=True),
        Column("high", "real", "upper end of the 95 % interval", optional=True),
        Column("n", "integer", "how many things it was measured on", optional=True),
        Column("estimate", "boolean", "true: estimated, not measured"),
    ),
    (_TO_RUN,),
)

CURVES = TableSpec(
    "curves",
    "a point of a training curve",
    ("run", "phase_number", "curve", "point"),
    (
        _RUN,
        Column("phase_number", "integer", "the phase that trained"),
        Column("phase", "category", "its name"),
        _ITERATION,
        Column("curve", "category", "what is drawn: loss, learning_rate and others"),
        Column("point", "integer", "the optimizer's step"),
        Column("value", "real", "the value; empty where it was no number", optional=True),
    ),
    (Reference(("run", "phase_number"), "phases"),),
)

QUESTIONS = TableSpec(
    "questions",
    "a question",
    ("run", "question"),
    (
        _RUN,
        _QUESTION,
        Column("split", "category", "train, test, or process for the process benchmark"),
        Column("set", "category", "the evaluation set it belongs to; empty for the run's own"),
        Column("text", "text", "what is asked"),
        Column("answer", "text", "the reference answer"),
        Column("solution", "text", "the reference solution"),
    ),
    (_TO_RUN,),
)

TRAJECTORIES = TableSpec(
    "trajectories",
    "a solution of a question, step by step",
    ("run", "trajectory"),
    (
        *_OF_TRAJECTORY,
        Column("split", "category", "the question's split"),
        Column("set", "category", "the question's evaluation set; empty for the run's own"),
        Column("sample", "integer", "which of the samples of the question; of evaluation sets 0 is the greedy one"),
        Column("source", "category", "sample, solution (the task's own), expansion, process, test or import"),
        Column("n_steps", "integer", "how many steps it has"),
        Column("answer", "text", "its final answer"),
        Column("correct", "boolean", "whether the final answer is correct"),
        Column("truth", "integer", "first incorrect step by the task's own oracle; 0: none", optional=True),
        Column("verified", "integer", "first incorrect step as rollouts have it; 0: none", optional=True),
        Column("human", "integer", "first incorrect step by people; 0: none", optional=True),
        Column("case", "category", "the case of self-verification; empty where there is none"),
        Column("tokens", "integer", "its length", "tokens"),
        Column("copies", "integer", "how many samples were exactly this one"),
    ),
    (_TO_RUN, _TO_QUESTION),
)

STEPS = TableSpec(
    "steps",
    "a step of a trajectory",
    ("run", "trajectory", "step"),
    (
        *_OF_TRAJECTORY,
        _STEP,
        Column("text", "text", "what it says"),
        Column(
            "truth",
            "boolean",
            "correct by the task's own oracle; false from the first incorrect step on",
            optional=True,
        ),
    ),
    (_TO_TRAJECTORY, _TO_QUESTION),
)

SCORES = TableSpec(
    "scores",
    "a step's score by a verifier",
    ("run", "trajectory", "verifier", "step"),
    (
        *_OF_TRAJECTORY,
        _VERIFIER,
        _STEP,
        Column("score", "real", "the score, from 0 for incorrect to 1 for correct"),
    ),
    (_TO_TRAJECTORY, _TO_STEP),
)

TRAJECTORY_SCORES = TableSpec(
    "trajectory_scores",
    "what a verifier says of a whole trajectory",
    ("run", "trajectory", "verifier"),
    (
        *_OF_TRAJECTORY,
        _VERIFIER,
        Column("mean", "real", "mean of the scores of its steps"),
        Column("lowest", "real", "the lowest of them", optional=True),
        Column("last", "real", "that of the last step", optional=True),
        Column("predicted", "integer", "the predicted first incorrect step: the one with the largest drop"),
    ),
    (_TO_TRAJECTORY,),
)

LABELS = TableSpec(
    "labels",
    "a step's label by a source",
    ("run", "trajectory", "source", "step"),
    (
        *_OF_TRAJECTORY,
        _SOURCE,
        _STEP,
        Column("label", "category", f"{_JUDGED}; empty where the source says nothing of the step", optional=True),
    ),
    (_TO_TRAJECTORY, _TO_STEP),
)

TRAJECTORY_LABELS = TableSpec(
    "trajectory_labels",
    "how a source came to the labels of a trajectory",
    ("run", "trajectory", "source"),
    (
        *_OF_TRAJECTORY,
        _SOURCE,
        Column("labeled_in", "integer", "the iteration that labeled it"),
        Column("case", "category", "the labeler's case; empty where it has none"),
        Column("predicted", "integer", "the predicted first incorrect step that was checked; 0: none"),
        Column("verified", "integer", "the first incorrect step that was found; 0: none"),
        Column("rollouts", "integer", "rollouts that it took"),
        Column("tokens", "integer", "tokens that they took", "tokens"),
    ),
    (_TO_TRAJECTORY,),
)

TRAINING_LABELS = TableSpec(
    "training_labels",
    "a step's label as a verifier was trained on it, where that is not the label as it was written",
    ("run", "trajectory", "verifier", "step"),
    (
        *_OF_TRAJECTORY,
        _VERIFIER,
        _STEP,
        Column("label", "category", "correct or incorrect; empty where the step was left out", optional=True),
        Column("reason", "category", "written (as it was), people, or consensus (left out by it)"),
        Column("belief", "real", "chance that the step is correct, by consensus", optional=True),
    ),
    (_TO_TRAJECTORY, _TO_STEP),
)

ROLLOUTS = TableSpec(
    "rollouts",
    "an attempt to finish a trajectory from one of its prefixes",
    ("run", "rollout"),
    (
        _RUN,
        Column("rollout", "integer", "its number in its run"),
        *_OF_TRAJECTORY[1:3],
        Column("iteration", "integer", "the iteration in which it was made"),
        Column("prefix", "integer", "how many steps of the trajectory it goes on from"),
        Column("text", "text", "what was written behind the prefix"),
        Column("correct", "boolean", "whether it came to the correct answer"),
        Column("tokens", "integer", "its length", "tokens"),
    ),
    (_TO_TRAJECTORY,),
)

STEP_ROLLOUTS = TableSpec(
    "step_rollouts",
    "a step from which the iteration tried to finish the trajectory, and how often that succeeded",
    ("run", "trajectory", "step"),
    (
        *_OF_TRAJECTORY,
        _STEP,
        Column("rollouts", "integer", "attempts from behind this step, with those of trajectories that begin the same"),
        Column("successes", "integer", "how many of them came to the correct answer"),
    ),
    (_TO_TRAJECTORY, _TO_STEP),
)

PAIRS = TableSpec(
    "pairs",
    "a candidate preference pair",
    ("run", "pair"),
    (
        _RUN,
        Column("pair", "integer", "its number in its run"),
        Column("iteration", "integer", "the iteration that made it"),
        _QUESTION,
        Column("winner", "integer", "the preferred trajectory"),
        Column("loser", "integer", "the other one"),
        Column("margin", "real", "by how much the verifier scores the winner higher"),
        Column("used", "boolean", "whether it was trained on"),
    ),
    (_TO_QUESTION, Reference(("run", "winner"), "trajectories"), Reference(("run", "loser"), "trajectories")),
)

JUDGEMENTS = TableSpec(
    "judgements",
    "a person's judgement of a step that still stands",
    ("run", "trajectory", "person", "step"),
    (
        *_OF_TRAJECTORY,
        Column("person", "category", "who judged"),
        _STEP,
        Column("judgement", "category", _JUDGED),
        Column("filled", "boolean", "true: not given by hand, it follows from where the first error is"),
        Column("at", "time", "when it was judged"),
    ),
    (_TO_TRAJECTORY, _TO_STEP),
)

RESOLUTIONS = TableSpec(
    "resolutions",
    "a step's judgement in a resolution, a third judgement where people differ, that still stands",
    ("run", "trajectory", "person", "step"),
    (
        *_OF_TRAJECTORY,
        Column("person", "category", "who resolved it"),
        _STEP,
        Column("judgement", "category", _JUDGED),
        Column("filled", "boolean", "true: not given by hand, it follows from where the first error is"),
        Column("at", "time", "when it was resolved"),
        Column("taken", "category", "whose judgement was taken; empty where it was judged anew"),
        Column("why", "text", "the reason that was given"),
    ),
    (_TO_TRAJECTORY, _TO_STEP),
)

COMMENTS = TableSpec(
    "comments",
    "a person's comment that still stands",
    ("run", "trajectory", "person", "step"),
    (
        *_OF_TRAJECTORY,
        Column("person", "category", "who wrote it"),
        Column("step", "integer", "the step, from 1 on; 0: the whole trajectory"),
        Column("text", "text", "what it says"),
        Column("at", "time", "when it was written"),
    ),
    (_TO_TRAJECTORY,),
)

ALARMS = TableSpec(
    "alarms",
    "an alarm of an iteration",
    ("run", "iteration", "kind"),
    (
        _RUN,
        _ITERATION,
        Column("kind", "category", "what it is about"),
        Column("at", "time", "when it was raised"),
        Column("message", "text", "what it says"),
        Column("facts", "text", "the figures behind it, JSON"),
        Column("seen_at", "time", "when somebody said that they had seen it", optional=True),
    ),
    (_TO_RUN,),
)

LOG = TableSpec(
    "log",
    "a line of a run's log",
    ("run", "line"),
    (
        _RUN,
        Column("line", "integer", "its number in the store, ascending"),
        Column("at", "time", "when it was written"),
        Column("level", "category", "info, warning or error"),
        Column("message", "text", "what it says"),
    ),
    (_TO_RUN,),
)

CONFIG_CHANGES = TableSpec(
    "config_changes",
    "a key of the configuration that was changed when a run was resumed",
    ("run", "change"),
    (
        _RUN,
        Column("change", "integer", "its number in the store, ascending"),
        Column("at", "time", "when"),
        Column(
            "phase_number", "integer", "the phase that was under way or next; empty before the first", optional=True
        ),
        Column("person", "category", "who asked for it"),
        Column("key", "category", "section and key"),
        Column("before", "text", "its value before, JSON"),
        Column("after", "text", "its value from then on, JSON"),
    ),
    (_TO_RUN,),
)

GROUPS: dict[str, tuple[TableSpec, ...]] = {
    "Runs": (RUNS, CONFIG, CONFIG_CHANGES, PHASES, COMPUTE, METRICS, CURVES, ALARMS, LOG),
    "Solutions": (
        *(QUESTIONS, TRAJECTORIES, STEPS, SCORES, TRAJECTORY_SCORES, LABELS, TRAJECTORY_LABELS, TRAINING_LABELS),
        *(ROLLOUTS, STEP_ROLLOUTS, PAIRS),
    ),
    "People": (JUDGEMENTS, RESOLUTIONS, COMMENTS),
}
"""All of them by what they are about: what runs are, what they made, and what people said of it."""

TABLES: tuple[TableSpec, ...] = tuple(table for tables in GROUPS.values() for table in tables)

BY_NAME = {table.name: table for table in TABLES}
