"""The presets for real models build, without weights: adapters attach, and a step of training goes through."""

import pytest

from sapo_studio.config.presets import find_preset, list_presets
from sapo_studio.errors import InputError
from tests.fixtures.meta_build import build, known_shape

WEIGHTS = {
    "gsm8k-qwen2.5-0.5b": ("qwen2", 494_032_768),
    "mbpp-qwen2.5-0.5b": ("qwen2", 494_032_768),
    "gsm8k-smollm2-card": ("llama", 134_515_008),
    "gsm8k-llama3.2-1b": ("llama", 1_235_814_400),
    "gsm8k-gemma2-2b-qlora": ("gemma2", 2_614_341_888),
}


def test_every_preset_for_the_hub_is_tried_here():
    hub = {preset.name for preset in list_presets() if preset.config.model.source.startswith("hub:")}
    assert hub == set(WEIGHTS)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name == "gsm8k-qwen2.5-0.5b" else pytest.mark.slow) for name in sorted(WEIGHTS)],
)
def test_a_preset_builds_without_weights(name):
    family, weights = WEIGHTS[name]
    config = find_preset(name).config
    built = build(config)
    assert built.family == family
    if config.model.tuning == "full":
        assert built.weights == built.trained == weights
        assert built.verifier_own > weights  # a model of its own, and the head
    else:
        assert built.weights == weights + built.trained
        assert built.gradients == 2 * 7 * 26  # A and B beside the seven linear layers of each block
        assert built.verifier_own == built.verifier_trained < 0.02 * weights


def test_a_shape_that_is_not_known_is_told():
    assert known_shape("hub:nobody/nothing") is None
    config = find_preset("gsm8k-qwen2.5-0.5b").config
    other = config.model_copy(update={"model": config.model.model_copy(update={"source": "hub:nobody/nothing"})})
    with pytest.raises(InputError, match="nobody/nothing"):
        build(other)
