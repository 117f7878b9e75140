"""What the lab shows, measured: `python benchmarks/lab/results.py docs/results` (SAPO, compute-matched RFT and the
outcome-only ablation, five seeds).

Every run is kept in the work folder and is not done again, so that a stopped measurement goes on where it was.
Hyper-parameters were chosen on development questions; the numbers printed are of the test questions.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from results_page import write_page

from sapo_engine.loop import run
from sapo_engine.phases.codecs import reasoner_codec
from sapo_engine.phases.context import RunContext
from sapo_engine.phases.train_verifier import fit_verifier
from sapo_engine.phases.warmup import warm_up
from sapo_engine.saved_run import SavedRun
from sapo_engine.service.label_study import sample_wrong, study
from sapo_engine.session import RunSession
from sapo_engine.training.trainer import NullCallback
from sapo_engine.verifier.scoring import predict
from sapo_studio.config.phase_plan import plan
from sapo_studio.config.presets import find_preset
from sapo_studio.config.schema import RunConfig, parse_config
from sapo_studio.domain.ledger import SHARED_PHASES, Compute
from sapo_studio.domain.verifier_metrics import step_metrics
from sapo_studio.events import Event
from sapo_studio.events.kinds import Metric, PhaseCompute, PhaseFinished

METHODS = ("sapo", "rft", "outcome")
RFT_SOLUTIONS = 4000
STUDIED = 600
"""Wrong trajectories a seed in the label study."""

Numbers = dict[int, dict[str, float]]


def measure(config: RunConfig, folder: Path) -> dict[str, Any]:
    """Run `config` in `folder` without a store. Returns its metrics by iteration, what the method computed after the
    warm-up by phase, seconds, and where its artefacts are.
    """
    phases = plan(config)
    numbers: Numbers = {}
    estimates: set[tuple[int, str]] = set()
    seconds: dict[str, float] = {}
    compute: dict[str, dict[str, int]] = {}

    def note(event: Event) -> None:
        if isinstance(event, Metric):
            numbers.setdefault(event.iteration, {})[event.name] = event.value
            if event.estimate:
                estimates.add((event.iteration, event.name))
        elif isinstance(event, PhaseCompute) and phases[event.ordinal].name not in SHARED_PHASES:
            phase = phases[event.ordinal]
            compute[f"{phase.name} {phase.iteration}"] = event.method.model_dump()
        elif isinstance(event, PhaseFinished):
            phase = phases[event.ordinal]
            seconds[f"{phase.name} {phase.iteration}"] = event.seconds

    began = time.monotonic()
    run(RunContext(RunSession(config, folder, torch.device("cpu")), phases, note))
    measured = {
        i: {name: value for name, value in mine.items() if (i, name) not in estimates} for i, mine in numbers.items()
    }
    return {
        "metrics": measured,
        "compute": compute,
        "seconds": time.monotonic() - began,
        "phases": seconds,
        "config": config.model_dump(),
    }


def variant(base: RunConfig, method: str, seed: int, start: Path, sapo: dict[str, Any] | None) -> RunConfig:
    """The configuration of one method. All start from the same warmed-up reasoner of the seed. `sapo`: what `measure`
    gave for SAPO."""
    data = base.model_dump()
    data["seed"] = seed
    if method == "warm":
        return parse_config(data)
    data["model"]["source"] = str(start)
    data["warmup"]["epochs"] = 0
    if method == "outcome":
        data["labeling"] |= {"labeler": "outcome", "start_labeler": "outcome"}
    if method == "rft":
        if sapo is None:
            raise ValueError("RFT is matched to a SAPO run of the same seed, which comes first")
        # Half of SAPO's FLOPs go into more samples, half into training on the right ones. A prompt is read once,
        # however many samples it has.
        budget = spent(sapo).flops
        sampled = spent(sapo, [f"sample {i}" for i in range(1, base.iterations + 1)])
        aligned = spent(sapo, [f"align {i}" for i in range(1, base.iterations + 1)])
        a_token = sampled.flops / (sampled.generated + sampled.prefill)
        a_sample = a_token * sampled.generated / base.sampling.samples
        samples = max(1, round((0.5 * budget - a_token * sampled.prefill) / a_sample))
        pairs = sum(mine.get("pairs_used", 0.0) for mine in sapo["metrics"].values())
        a_text = aligned.flops / max(2 * pairs * base.optimiser.epochs, 1)
        epochs = 0.5 * budget / (base.iterations * RFT_SOLUTIONS * a_text)
        data["sampling"]["samples"] = samples
        data["labeling"]["labeler"] = "none"
        data["optimiser"] |= {
            "kind": "sft",
            "epochs": epochs,
            "max_pairs": RFT_SOLUTIONS,
            "pairs_per_question": samples,
        }
    return parse_config(data)


def spent(measured: Mapping[str, Any], phases: Iterable[str] | None = None) -> Compute:
    """What a measured run's method has computed after the warm-up, in all or in these phases."""
    bills = {name: Compute(**bill) for name, bill in measured["compute"].items()}
    return sum((bills[name] for name in (bills if phases is None else phases)), Compute())


def one_seed(base: RunConfig, seed: int, work: Path) -> None:
    """All methods of a seed, and the label study on its SAPO run. What is there already stays."""
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    work.mkdir(parents=True, exist_ok=True)
    start = work / "start"

    def warm() -> dict[str, Any]:
        config = variant(base, "warm", seed, start, None)
        session = RunSession(config, work / "warm", torch.device("cpu"))
        context = RunContext(session, plan(config), lambda _: None)
        began = time.monotonic()
        reasoner_codec(session).save(warm_up(context, session.start()), work / "warm")
        (work / "warm" / "model").rename(start)
        return {"seconds": time.monotonic() - began}

    once(work / "warm.json", warm)
    sapo: dict[str, Any] | None = None
    for method in METHODS:
        config = variant(base, method, seed, start, sapo)
        found = once(work / f"{method}.json", lambda config=config, method=method: measure(config, work / method))
        if "compute" not in found:
            raise SystemExit(f"{work / method}.json knows no FLOPs: it is an earlier version's. Remove {work} first.")
        if method == "sapo":
            sapo = found
            once(work / "study.json", lambda config=config: label_study(config, work / "sapo"))
            once(work / "heads.json", lambda config=config: head_study(config, work / "sapo"))


def label_study(config: RunConfig, folder: Path) -> dict[str, Any]:
    """The labelers on the wrong trajectories of the last iteration, with its reasoner and the verifier before it."""
    last = config.iterations
    run = SavedRun(config, folder, torch.device("cpu"))
    model = run.reasoner(last)
    verifier = run.verifier(last - 1)
    calibration = run.calibration(last - 1, verifier)
    questions = run.session.task.questions("development")
    longest = config.task.max_steps
    found: dict[str, Any] = {}
    for name, length in (("demo", 0), ("long", longest)):
        chosen = [q for q in questions if not length or len(q.steps) == length]
        wrong = sample_wrong(run.session, model, chosen, "label study", STUDIED)
        predictions = predict(run.session, verifier, wrong)
        found[name] = [
            tried.to_json() for tried in study(run.session, model, last, wrong, predictions, calibration=calibration)
        ]
    return found


def head_study(config: RunConfig, folder: Path) -> dict[str, Any]:
    """Both verifier heads on the same labels: step and first-error accuracy on the benchmark, by head and iteration."""
    run = SavedRun(config, folder, torch.device("cpu"))
    benchmark = run.benchmark()
    found: dict[str, Any] = {}
    for i in (0, config.iterations):
        model, labels = run.reasoner(max(i, 1)), run.labels(i)
        for head in ("scalar", "likelihood"):
            verifier = fit_verifier(run.session, i, model, labels, NullCallback(), head=head)
            scores = predict(run.session, verifier, benchmark)
            measured = step_metrics([(scores[t.number][0], t.truth or 0) for t in benchmark])
            found[f"{head} {i}"] = {
                "verifier_step_accuracy": measured.step_accuracy.value,
                "first_error_accuracy": measured.first_error_accuracy.value,
            }
    return found


def once(file: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `file` holds, made first if it is not there."""
    if not file.exists():
        data = make()
        part = file.with_suffix(".part")
        part.write_text(json.dumps(data))
        part.replace(file)
    return json.loads(file.read_text())


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write lab.json and lab.md."""
    parser = argparse.ArgumentParser(prog="python benchmarks/lab/results.py", description=__doc__)
    parser.add_argument("out", type=Path, help="folder for lab.json and lab.md")
    parser.add_argument("--preset", default="lab-full")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2, help="seeds measured side by side")
    parser.add_argument("--work", type=Path, default=Path("build/results"), help="where runs are kept")
    given = parser.parse_args(arguments)
    base = find_preset(given.preset).config
    jobs = [(base, seed, given.work / f"{given.preset}-{seed}") for seed in range(given.seeds)]
    with multiprocessing.get_context("spawn").Pool(given.jobs) as pool:
        pool.starmap(one_seed, jobs, chunksize=1)
    folders = [folder for _, _, folder in jobs]
    write_page(given.out, base, folders)


if __name__ == "__main__":
    main()
