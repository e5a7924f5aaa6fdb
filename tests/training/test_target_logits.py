import pytest
import torch
from transformers import AutoModelForCausalLM

from lmsi_kedro.training.attention import FLOAT32_ATTENTION
from lmsi_kedro.training.batches import collate
from lmsi_kedro.training.encoding import Encoded
from lmsi_kedro.training.target_trainer import target_logits

EXAMPLES = [Encoded([5, 6, 7, 8], 3), Encoded([1, 2, 3, 4, 9, 0], 4), Encoded([7, 7, 7], 1)]


@pytest.mark.parametrize("attention", ["eager", "sdpa", FLOAT32_ATTENTION])
def test_padded_batches_give_the_logits_of_each_example_alone(base_model, attention):
    model = AutoModelForCausalLM.from_pretrained(base_model, attn_implementation=attention)
    alone = AutoModelForCausalLM.from_pretrained(base_model, attn_implementation="eager")
    batch = collate(EXAMPLES)
    logits = target_logits(model, model, batch["input_ids"], batch["positions"])
    expected = [
        alone(torch.tensor([example.ids])).logits[0, example.prompt_tokens - 1 : -1]
        for example in EXAMPLES
    ]
    torch.testing.assert_close(logits, torch.cat(expected), rtol=1e-4, atol=1e-4)
    assert not model.get_output_embeddings()._forward_pre_hooks


def test_attention_in_float32_is_as_exact_as_the_rest_in_bfloat16(base_model):
    batch = collate(EXAMPLES)

    def logits(attention, dtype):
        model = AutoModelForCausalLM.from_pretrained(
            base_model, attn_implementation=attention, dtype=dtype
        )
        return target_logits(model, model, batch["input_ids"], batch["positions"]).float()

    exact = logits("sdpa", torch.float32)
    ours = (logits(FLOAT32_ATTENTION, torch.bfloat16) - exact).abs().max()
    theirs = (logits("sdpa", torch.bfloat16) - exact).abs().max()
    assert ours < 2 * theirs
