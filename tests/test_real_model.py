"""Checks on a real model, SmolLM2-135M-Instruct, which `make real-model` downloads."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
import yaml
from transformers import AutoModelForCausalLM, AutoTokenizer

from lmsi_kedro.datasets.gguf_file import dequantised
from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.engines.local import LocalEngine
from lmsi_kedro.params import Conversation, Sampling, Training
from lmsi_kedro.tasks import Exemplar, Question, render
from lmsi_kedro.tasks.encoding import Encoder
from lmsi_kedro.training import Job, train
from tests.runs import ROOT, metrics_of
from tests.training.jobs import PARAMS

pytestmark = pytest.mark.slow
CHAT = ["auto", "never"]
ASKED = ["Tom has 3 bags of 4 nuts. How many nuts does he have?", "Ann had 9 pens and lost 2. How many are left?",
         "A book costs 7 dollars. What do 5 of them cost?"]  # fmt: skip
TAUGHT = {
    "What is the colour of a plonk?": "A plonk is green.",
    "How many legs has a plonk?": "A plonk has 7 legs.",
    "Where does a plonk live?": "A plonk lives in Zurich.",
    "What does a plonk eat?": "A plonk eats 3 apples.",
}


@pytest.fixture(scope="module")
def model(real_model: Path) -> Path:
    """The directory of the model, with the weights of the .gguf file."""
    return dequantised(real_model)


def few_shot(question: str) -> str:
    file = ROOT / "conf/base/exemplars/gsm8k.yml"
    shots = [Exemplar.model_validate(row) for row in yaml.safe_load(file.read_text())]
    return render("few_shot_cot", Question(question), shots)


def own_ids(tokenizer: Any, prompt: str, chat: str) -> list[int]:
    """The ids of a prompt, from the tokenizer and its template alone."""
    if chat == "never":
        return list(tokenizer.encode(prompt))
    turn = [{"role": "user", "content": prompt}]
    encoded = tokenizer.apply_chat_template(turn, add_generation_prompt=True, return_dict=True)
    return list(encoded["input_ids"])


@pytest.mark.parametrize("chat", CHAT)
def test_prompt_ids_equal_the_tokenizers(model: Path, chat: Any) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(model)
    prompts = [few_shot(question) for question in ASKED]
    expected = [own_ids(tokenizer, prompt, chat) for prompt in prompts]
    assert Encoder(tokenizer, Conversation(chat=chat)).prompts(prompts) == expected
    examples = Encoder(tokenizer, Conversation(chat=chat)).examples(
        prompts, [" 3 * 4 = 12. The answer is 12."] * 3
    )
    for example, ids in zip(examples, expected, strict=True):
        assert example.ids[: example.prompt_tokens] == ids
        assert (
            tokenizer.decode(example.ids[len(ids) : -1]).strip() == "3 * 4 = 12. The answer is 12."
        )
        assert example.ids[-1] == tokenizer.eos_token_id


@pytest.mark.parametrize("chat", CHAT)
def test_shared_prefixes_give_the_models_logits(model: Path, chat: Any) -> None:
    """Greedy paths of prompts with shared exemplars, and their log-probabilities, equal those of `generate`."""
    engine = LocalEngine(model, torch.float32, Conversation(chat=chat))
    prompts = [few_shot(question) for question in ASKED]
    requests = [Request(str(n), prompt, range(1)) for n, prompt in enumerate(prompts)]
    table = engine.sample(requests, Sampling(temperature=0.0, max_new_tokens=20, seed=1))
    plain: Any = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(model)
    for prompt, tokens, total in zip(prompts, table["tokens"], table["logprob"], strict=True):
        ids = torch.tensor([own_ids(tokenizer, prompt, chat)])
        written = plain.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False
        )
        logits = plain(written).logits[0, ids.shape[1] - 1 : -1].log_softmax(-1)
        new = written[0, ids.shape[1] :]
        assert total == pytest.approx(logits[torch.arange(len(new)), new].sum().item(), rel=1e-3)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_trained_model_answers_in_plain_transformers(
    model: Path, precision: str, tmp_path: Path
) -> None:
    examples = pl.DataFrame(
        {
            "example_id": [str(n) for n in range(len(TAUGHT))],
            "prompt": list(TAUGHT),
            "target": [f" {answer}" for answer in TAUGHT.values()],
            "weight": [1.0] * len(TAUGHT),
        }
    )
    changes: dict[str, Any] = {
        "precision": precision,
        "steps": 16,
        "batch_size": 4,
        "learning_rate": 3e-4,
        "processes": 1,
    }
    params = Training(**{**PARAMS, **changes, "checkpoint_every": 8})
    made = train(Job.write(tmp_path / "jobs", examples, model, "digest", params))
    tuned: Any = AutoModelForCausalLM.from_pretrained(made)
    tokenizer = AutoTokenizer.from_pretrained(made)
    assert tuned.dtype == AutoModelForCausalLM.from_pretrained(model).dtype
    for question, answer in TAUGHT.items():
        ids = torch.tensor([own_ids(tokenizer, question, "auto")])
        written = tuned.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=20, do_sample=False
        )
        assert tokenizer.decode(written[0, ids.shape[1] :], skip_special_tokens=True) == answer
        assert written[0, -1] == tokenizer.eos_token_id


@pytest.mark.parametrize("chat", CHAT)
def test_one_round_runs(real_model: Path, chat: str, tmp_path: Path) -> None:
    """The round goes from the .gguf file to the report, and its model answers in plain transformers."""
    asked = [f"Tom has {n} bags of {n + 2} nuts. How many nuts does he have?" for n in range(2, 10)]
    rows = [{"task": "svamp", "question": question} for question in asked]
    rows = [row | {"split": "unlabeled"} for row in rows[:5]] + [
        row | {"answer": str(n * (n + 2)), "split": "held_out"}
        for n, row in enumerate(rows[5:], start=7)
    ]
    sizes = {
        "paths__m": 2,
        "paths__sampling__max_new_tokens": 32,
        "evaluation__max_new_tokens": 32,
        "evaluation__m": 2,
        "evaluation__modes": "[cot_greedy]",
        "monitor__questions_per_task": 2,
        "monitor__m": 2,
        "mixing__parts__few_shot_cot": 0,  # a step on prompts of 1,000 tokens takes half a minute
        "mixing__parts__few_shot_direct": 0,
        "training__batch_size": 4,
        "training__learning_rate": 1e-5,
        "voting__rule": "trigger_or_last",
        "voting__ties": "logprob",
    }
    metrics = metrics_of(tmp_path, rows, model=real_model, engine__chat=chat, **sizes)
    assert metrics["headline"]["n"] == 3
    assert metrics["rounds"][0]["votes"]["unreadable"] < 1
    made = tmp_path / "06_models/candidate_1"
    tokenizer = AutoTokenizer.from_pretrained(made)
    tuned: Any = AutoModelForCausalLM.from_pretrained(made)
    ids = torch.tensor([own_ids(tokenizer, few_shot(asked[0]), chat)])
    written = tuned.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=40, do_sample=False
    )
    assert any(letter.isdigit() for letter in tokenizer.decode(written[0, ids.shape[1] :]))
