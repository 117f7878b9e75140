"""The losses of alignment against TRL's, on TRL's own batches."""

from __future__ import annotations

import copy

import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from sapo_engine.training.batching import PromptCompletion
from sapo_engine.training.objectives import DpoLoss, OrpoLoss, SftLoss, preferences
from sapo_engine.training.trainer import TrainingArgs
from sapo_studio.paths import resources_dir

datasets = pytest.importorskip("datasets")
trl = pytest.importorskip("trl", reason="TRL is not installed: pip install 'sapo-studio[baselines]'")

BETA, NLL = 0.3, 0.5
ROWS = [
    ("1 2 3", " 4 5", " 6 7 8"),
    ("2 3 4 5", " 9", " 1 1 2 2"),
    ("7", " 1 2 3 4", " 5"),
    ("8 9 10 11 12", " 3 3", " 2 5 6"),
]
SETTINGS = {
    "report_to": [],
    "use_cpu": True,
    "bf16": False,
    "per_device_train_batch_size": len(ROWS),
    "disable_tqdm": True,
}


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(resources_dir() / "models" / "lab")


def network(tokenizer, seed):
    torch.manual_seed(seed)
    shape = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        initializer_range=0.2,
    )
    return LlamaForCausalLM(shape).eval()


def preference_rows():
    prompts, chosen, rejected = zip(*ROWS, strict=True)
    return datasets.Dataset.from_dict({"prompt": prompts, "chosen": chosen, "rejected": rejected})


def texts_of(batch, mask):
    """TRL's rows as ours."""
    found = []
    for ids, there, counts in zip(batch["input_ids"], batch["attention_mask"], mask, strict=True):
        tokens = ids[there.bool()].tolist()
        begin = int((counts[there.bool()] == 0).sum())
        found.append(PromptCompletion(tuple(tokens[:begin]), tuple(tokens[begin:])))
    return found


def dpo_trainer(tokenizer, tmp_path, model, before, size, **more):
    settings = SETTINGS | {"per_device_train_batch_size": size}
    config = trl.DPOConfig(output_dir=str(tmp_path), beta=BETA, **settings, **more)
    return trl.DPOTrainer(
        model=copy.deepcopy(model),
        ref_model=before,
        args=config,
        train_dataset=preference_rows(),
        processing_class=tokenizer,
    )


def anchored(model, before, pairs, nll):
    args = TrainingArgs(1e-3, 1, len(pairs), 0)
    loss = DpoLoss(model, pairs, 0, preferences(before, pairs, args, pad_id=0), BETA, nll)
    return float(loss.part(range(len(pairs)))[0]) / loss.weigh(range(len(pairs)))


def trls(trainer, batch):
    trainer.model.eval()
    with torch.no_grad():
        return float(trainer.compute_loss(trainer.model, batch))


def pairs_of(batch):
    rows = texts_of(batch, batch["completion_mask"])
    half = len(rows) // 2
    return list(zip(rows[:half], rows[half:], strict=True))


def test_dpo_is_trls(tokenizer, tmp_path):
    model, before = network(tokenizer, 0), network(tokenizer, 1)
    trainer = dpo_trainer(tokenizer, tmp_path, model, before, len(ROWS))
    (batch,) = list(trainer.get_train_dataloader())
    assert anchored(model, before, pairs_of(batch), 0.0) == pytest.approx(trls(trainer, batch), abs=1e-5)


def test_rpo_is_trls_pair_by_pair(tokenizer, tmp_path):
    """Over several pairs TRL takes the likelihood's mean over all tokens, we (as its authors) over each text's."""
    model, before = network(tokenizer, 0), network(tokenizer, 1)
    more = {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, NLL]}
    trainer = dpo_trainer(tokenizer, tmp_path, model, before, 1, **more)
    batches = list(trainer.get_train_dataloader())
    assert len(batches) == len(ROWS)
    for batch in batches:
        assert anchored(model, before, pairs_of(batch), NLL) == pytest.approx(trls(trainer, batch), abs=1e-5)


def test_sft_is_trls(tokenizer, tmp_path):
    model = network(tokenizer, 0)
    prompts, chosen, _ = zip(*ROWS, strict=True)
    trainer = trl.SFTTrainer(
        model=copy.deepcopy(model),
        args=trl.SFTConfig(output_dir=str(tmp_path), completion_only_loss=True, **SETTINGS),
        train_dataset=datasets.Dataset.from_dict({"prompt": prompts, "completion": chosen}),
        processing_class=tokenizer,
    )
    (batch,) = list(trainer.get_train_dataloader())
    loss = SftLoss(model, texts_of(batch, batch["labels"] != -100), 0)
    mine = float(loss.part(range(len(ROWS)))[0]) / loss.weigh(range(len(ROWS)))
    assert mine == pytest.approx(trls(trainer, batch), abs=1e-5)


def test_the_odds_ratio_is_trls(tokenizer, tmp_path):
    """TRL's likelihood beside it counts the prompts too; the paper's, and ours, the winner's solution alone."""
    orpo = pytest.importorskip("trl.experimental.orpo")
    model = network(tokenizer, 0)
    trainer = orpo.ORPOTrainer(
        model=copy.deepcopy(model),
        args=orpo.ORPOConfig(output_dir=str(tmp_path), beta=BETA, **SETTINGS),
        train_dataset=preference_rows(),
        processing_class=tokenizer,
    )
    (batch,) = list(trainer.get_train_dataloader())
    with torch.no_grad():
        chosen, rejected, *_ = trainer.concatenated_forward(trainer.model.eval(), batch)
        theirs = -float(trainer.odds_ratio_loss(chosen, rejected)[0].mean())
    rows = {
        side: [
            PromptCompletion(tuple(ids[labels == -100].tolist()), tuple(ids[(labels != -100)].tolist()))
            for ids, labels in zip(batch[f"{side}_input_ids"], batch[f"{side}_labels"], strict=True)
        ]
        for side in ("chosen", "rejected")
    }
    # Padding is marked like the prompt; it comes last.
    pairs = [
        (_without_padding(winner, tokenizer), _without_padding(loser, tokenizer))
        for winner, loser in zip(rows["chosen"], rows["rejected"], strict=True)
    ]
    loss, told = OrpoLoss(model, pairs, 0, BETA).part(range(len(pairs)))
    mine = float(loss - told["winner_nll"]) / len(pairs)
    assert mine == pytest.approx(theirs, abs=1e-5)


def _without_padding(text, tokenizer):
    return PromptCompletion(tuple(token for token in text.prompt if token != tokenizer.pad_token_id), text.completion)
