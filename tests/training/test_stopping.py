"""After training, greedy answers that do not end by themselves are counted and logged."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from lmsi_kedro.tasks.encoding import Encoded
from lmsi_kedro.training.saving import stopped

PROMPT = [5, 6, 7, 8]


def test_answers_without_end_are_counted_and_logged(
    base_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model: Any = AutoModelForCausalLM.from_pretrained(base_model)
    first = int(model(torch.tensor([PROMPT])).logits[0, -1].argmax())
    never = next(
        token
        for token in range(model.config.vocab_size)
        if token not in model.generate(torch.tensor([PROMPT]), max_new_tokens=8, do_sample=False)
    )
    ends, goes_on = (Encoded([*PROMPT, 9, 9, 9, token], len(PROMPT)) for token in (first, never))
    with caplog.at_level(logging.WARNING):
        assert stopped(model, [ends] * 3) == {"prompts": 3, "ended": 3}
        assert not caplog.records
        assert stopped(model, [ends, goes_on] * 4) == {"prompts": 4, "ended": 4}
        assert stopped(model, [ends, goes_on, goes_on]) == {"prompts": 3, "ended": 1}
    assert "Only 1 of 3 greedy answers ended within 8 tokens" in caplog.text
