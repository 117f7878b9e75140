"""Phase `sft`: M0 = SFT(M, D_org), until the development accuracy is reached."""

from __future__ import annotations

from sapo_engine.evaluation.accuracy import accuracy
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.phases.codecs import reasoner_codec
from sapo_engine.phases.context import PhaseContext, RunContext
from sapo_engine.phases.golds import golds_metrics
from sapo_engine.training import objectives
from sapo_studio.config.engine_limits import CHECKS_AN_EPOCH, WARMUP_SAMPLES
from sapo_studio.domain.runs import PhaseName
from sapo_studio.errors import InputError


def warm_up(run: RunContext, model: Reasoner) -> Reasoner:
    """`model` fine-tuned on the task's own solutions. Changes `model` and returns it."""
    session, config = run.session, run.config.warmup

    def work(phase: PhaseContext) -> Reasoner:
        golds_metrics(phase)  # known by now: nobody is to wait for an evaluation to hear of them
        if config.epochs == 0:
            return model
        solved = [q for q in session.task.questions("train") if q.steps]
        texts = [session.text(t) for t in session.builder.solutions(solved)]
        if not texts:
            raise InputError(
                "There is nothing to warm up on",
                why="None of the training questions comes with a solution.",
                fix="Set warmup.epochs = 0, or add solutions to the data.",
            )

        per_epoch = -(-len(texts) // config.batch_size)
        with session.placement.training(model) as training:

            def warm_enough(step: int) -> bool:
                with training.pause():
                    reached = accuracy(session, model, "development", "warm-up", WARMUP_SAMPLES).accuracy.value
                phase.curve("development_accuracy", step, reached)
                phase.log(f"Step {step}: {reached:.1%} of samples on the development questions are right")
                return reached >= config.stop_at

            objectives.sft(
                model.trainable(),
                texts,
                session.training_args(config, run.config.seed),
                phase,
                pad_id=session.pad_id,
                state_file=phase.state_file,
                enough=warm_enough if config.stop_at < 1 else None,
                check_every=max(1, per_epoch // CHECKS_AN_EPOCH),
                cool_down=max(1, per_epoch // CHECKS_AN_EPOCH),
            )
        return model

    return run.phase(PhaseName.SFT, 0, work, reasoner_codec(session))
