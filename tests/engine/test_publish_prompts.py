"""Published prompts: a chat template that makes the run's own tokens, or none, and then the card's lines do by hand."""

from __future__ import annotations

import json

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from sapo_engine.text.prompts import plain_prompts
from sapo_engine.text.recipe import Recipe, give_template, recipe_of
from sapo_studio import paths
from tests.fixtures.command_line import said
from tests.fixtures.kept_models import LAB, KeptModels, printed, snippet
from tests.fixtures.tiny_models import byte_tokenizer


class Asks:
    """As much of a task as a recipe is made of: a question between texts with every sign that a template could take
    for its own."""

    before = 'Say "{{ 1 }}" {% if %} \\n\n\t\u4e2d\U0001f600 {# no #}\r\n'
    after = "\n{{- x }}'\\"

    def chat(self, question):
        return None

    def prompt(self, question):
        return f"{self.before}{question.text}{self.after}"


def beginning(tokenizer):
    """The tokenizer with a token that it puts before every text."""
    tokenizer.bos_token = "<|im_start|>"
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|im_start|> $A", special_tokens=[("<|im_start|>", tokenizer.bos_token_id)]
    )
    return tokenizer


@pytest.mark.parametrize("made", [byte_tokenizer, lambda: beginning(byte_tokenizer())], ids=["plain", "begins"])
def test_a_template_makes_the_prompts_of_the_run(made):
    tokenizer, questions = made(), ["How many?", "  {{ question }}\n", "\u00e9\U0001f600"]
    recipe = recipe_of(Asks(), tokenizer)
    assert (recipe.before, recipe.after) == (Asks.before, Asks.after)
    assert recipe.bos == (tokenizer.bos_token is not None)
    wanted = plain_prompts(tokenizer, [f"{Asks.before}{question}{Asks.after}" for question in questions])
    assert recipe.prompts(tokenizer, questions) == wanted
    assert give_template(recipe, tokenizer, questions)
    for question, tokens in zip(questions, wanted, strict=True):
        asked = [{"role": "user", "content": question}]
        assert tuple(tokenizer.apply_chat_template(asked, add_generation_prompt=True)["input_ids"]) == tokens
    with pytest.raises(Exception, match="single questions"):
        tokenizer.apply_chat_template([{"role": "system", "content": "be"}, {"role": "user", "content": "?"}])
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_where_no_template_makes_them_there_is_none():
    # As Llama 2's: the first word of a text is another token than the same word behind a token.
    inner = Tokenizer(models.WordLevel({"<s>": 0, "▁How": 1, "How": 2, "▁many": 3, "?": 4}, unk_token="?"))
    inner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    inner.add_special_tokens(["<s>"])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", eos_token="<s>", unk_token="?")
    tokenizer.chat_template = "{{ messages }}"  # the base's own
    recipe = Recipe("", "", bos=True)
    assert recipe.prompts(tokenizer, ["How many"]) == [(0, 1, 3)]
    assert not give_template(recipe, tokenizer, ["How many"])
    assert tokenizer.chat_template is None


def test_without_a_template_the_lines_lay_questions_out_by_hand(monkeypatch, tmp_path):
    run = KeptModels(tmp_path / "home", LAB)
    monkeypatch.setenv(paths.HOME_VARIABLE, str(run.home))
    monkeypatch.setattr("sapo_engine.publishing.parts.give_template", lambda *_: False)
    for name, options in (("reasoner", ()), ("verifier", ("--verifier",))):
        code, _, err = said("publish", run.run_id, *options, "--out", tmp_path / name)
        assert code == 0, err
    card = (tmp_path / "reasoner" / "README.md").read_text()
    assert not (tmp_path / "reasoner" / "chat_template.jinja").exists()
    assert "apply_chat_template" not in card
    assert "by hand" in card
    asked = run.session.task.questions("test")[0]
    assert printed(snippet(card), tmp_path / "reasoner") == run.greedy(asked.text)
    card = (tmp_path / "verifier" / "README.md").read_text()
    scores = json.loads(printed(snippet(card), tmp_path / "verifier"))
    assert ", ".join(f"{score:.4f}" for score in scores) in card
