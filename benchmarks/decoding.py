"""Decoding m paths of a question on one CPU thread, against HF generate, CTranslate2 and a roofline.

The model is a Llama of 5.4 M parameters with random weights. The shared prompt has 512 tokens and each question
40. Each of the m = 32 paths has 128 tokens, because paths never end early. Figures are CPU time including prefill;
the programs take turns, and each figure is the best of 7 turns. The same run asserts that our logits equal those
of the HF model, that all programs generate the same greedy tokens, and that each generates all tokens. The
roofline is a program, too, and is measured in the same run: it only computes the same matrix products (with packed
layers and torch's bmm) and reads the keys and values of each path's own tokens. In our engine, several questions
share the prompt; the peers compute the prompt again for each question.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "CT2_VERBOSE": "-2"}

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from result import QUICK, Result, arguments
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.engines.local import LocalEngine
from lmsi_kedro.engines.local.packing import PackedLinear
from lmsi_kedro.engines.local.rows import Stops
from lmsi_kedro.params import Sampling

BASE = Path(__file__).parents[1] / "data/06_models/base"  # for its tokenizer
VOCABULARY = 544
SHARED, QUESTION = 512, 40
PATHS, NEW, QUESTIONS, REPEATS = (8, 16, 2, 1) if QUICK else (32, 128, 8, 7)
ROWS = 256
SAMPLING = Sampling(temperature=0.7, max_new_tokens=NEW, seed=1)
GREEDY = Sampling(temperature=0, max_new_tokens=16, seed=1)


SETTINGS = {
    "both": f"{SHARED} shared prompt tokens, {QUESTION} of the question, {PATHS} paths of {NEW} tokens, "
    f"one thread, CPU time, best of {REPEATS}",
    "HF generate fp32": f"num_return_sequences={PATHS}",
    "CTranslate2 fp32": "static prompt; the paths are rows of one batch",
}


def made_model(folder: Path) -> Path:
    tokenizer = AutoTokenizer.from_pretrained(BASE)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=256, num_hidden_layers=6, num_attention_heads=4, num_key_value_heads=4,
        intermediate_size=800, max_position_embeddings=1024, initializer_range=0.1, tie_word_embeddings=True,
        bos_token_id=None, eos_token_id=None, pad_token_id=0,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.bos_token = tokenizer.unk_token = (
        tokenizer.eos_token
    )  # CTranslate2 requires all three
    tokenizer.save_pretrained(folder)
    return folder


def prompts_of(questions: int) -> list[list[int]]:
    """Return prompts as token ids; they share a prefix of SHARED tokens."""
    generator = torch.Generator().manual_seed(2)
    ids = torch.randint(1, VOCABULARY, (SHARED + questions * QUESTION,), generator=generator)
    own = ids[SHARED:].view(questions, QUESTION).tolist()
    return [ids[:SHARED].tolist() + part for part in own]


@dataclass
class Ours:
    """Our local engine; it drops its cached prompt before each run."""

    engine: LocalEngine
    prompts: list[list[int]]

    def __post_init__(self) -> None:
        self.engine.stops = Stops(self.engine.encoder, frozenset())
        self.engine.stops.closing = np.zeros(0, np.int64)

    def requests(self, paths: int) -> list[Request]:
        return [Request(f"q{i}", "", range(paths)) for i in range(len(self.prompts))]

    def __call__(self) -> int:
        self.engine.decoder._shared = None
        table = self.engine.decode(self.requests(PATHS), self.prompts, SAMPLING, ROWS)
        return int(table["tokens"].sum())

    def greedy(self) -> str:
        return str(self.engine.decode(self.requests(1), self.prompts[:1], GREEDY, ROWS)["text"][0])


@dataclass
class Generate:
    """HF generate with its usual options."""

    model: Any
    prompts: list[list[int]]

    def __call__(self) -> int:
        tokens = 0
        for prompt in self.prompts:
            written = self.write(prompt, do_sample=True, temperature=SAMPLING.temperature,
                                 top_k=0, num_return_sequences=PATHS, max_new_tokens=NEW)  # fmt: skip
            tokens += written.numel()
        return tokens

    def write(self, ids: list[int], **options: Any) -> torch.Tensor:
        prompt = torch.tensor([ids])
        mask = torch.ones_like(prompt)
        whole: torch.Tensor = self.model.generate(prompt, attention_mask=mask, **options)
        return whole[:, len(ids) :]

    def greedy(self) -> list[int]:
        return self.write(self.prompts[0], do_sample=False, max_new_tokens=GREEDY.max_new_tokens)[
            0
        ].tolist()


@dataclass
class CTranslate2:
    """CTranslate2 with a static prompt; the paths are rows of one batch, which is its fastest mode."""

    generator: Any
    names: list[str]
    prompts: list[list[int]]

    def write(self, prompt: list[int], rows: int, **options: Any) -> list[Any]:
        names = [self.names[i] for i in prompt]
        static, start = names[:SHARED], [names[SHARED:]] * rows
        written: list[Any] = self.generator.generate_batch(
            start, end_token=[], include_prompt_in_result=False, static_prompt=static, **options
        )
        return written

    def __call__(self) -> int:
        tokens = 0
        warm = {"sampling_topk": 0, "sampling_temperature": SAMPLING.temperature}
        for prompt in self.prompts:
            results = self.write(prompt, PATHS, min_length=NEW, max_length=NEW, **warm)
            tokens += sum(len(result.sequences_ids[0]) for result in results)
        self.generator.unload_model()  # drops the state of the static prompt
        self.generator.load_model()
        return tokens

    def greedy(self) -> list[int]:
        n = GREEDY.max_new_tokens
        (result,) = self.write(self.prompts[0], 1, min_length=n, max_length=n)
        ids: list[int] = result.sequences_ids[0]
        return ids


class Roofline:
    """The work that no decoder can avoid: matrix products, and reading the keys and values of each path."""

    def __init__(self, model: Any, questions: int) -> None:
        config, dtype, rows = model.config, model.dtype, questions * PATHS
        heads, layers = config.num_attention_heads, config.num_hidden_layers
        width = config.hidden_size // heads
        weights = [layer for layer in model.modules() if isinstance(layer, PackedLinear)]

        def linear(tokens: int) -> list[Callable[[], torch.Tensor]]:
            return [partial(w, torch.randn(tokens, 1, w.inputs).to(dtype)) for w in weights]

        def attention(batch: int, queries: int, length: int) -> list[Callable[[], torch.Tensor]]:
            sizes = (queries, width), (width, length), (queries, length), (length, width)
            query, keys, scores, values = (torch.randn(batch, *size) for size in sizes)
            return [partial(torch.bmm, query, keys), partial(torch.bmm, scores, values)] * layers

        own = torch.randn(2 * layers * rows * config.hidden_size * NEW // 2).to(dtype)
        self.prefill = [*linear(SHARED), *linear(questions * QUESTION)]
        prefixes = attention(heads, rows, SHARED) + attention(heads * questions, PATHS, QUESTION)
        self.step: list[Callable[[], torch.Tensor]] = [
            *linear(rows),
            *prefixes,
            own.view(torch.float32).sum,
        ]
        self.tokens = rows * NEW

    def __call__(self) -> int:
        for work in [*self.prefill, *self.step * NEW]:
            work()
        return self.tokens


def check_logits(engine: LocalEngine, model: Any, prompts: list[list[int]]) -> float:
    """Return the largest difference from the HF model's full forward pass, relative to the largest logit."""
    rows = [prompt for prompt in prompts for _ in range(2)]
    worst, decoder = 0.0, engine.decoder
    decoder.start(prompts, len(rows), 4)
    logits = decoder.add(torch.arange(len(rows)) // 2)
    for _ in range(4):
        for row, ids in enumerate(rows):
            expected = model(torch.tensor([ids])).logits[0, -1]
            error = (logits[row] - expected).abs().max() / expected.abs().max()
            worst = max(worst, float(error))
        tokens = torch.randint(1, VOCABULARY, (len(rows),))
        rows = [[*ids, int(t)] for ids, t in zip(rows, tokens, strict=True)]
        logits = decoder.step(tokens)
    return worst


def best_of(sides: dict[str, Callable[[], int]], tokens: int) -> dict[str, float]:
    """Return the tokens per CPU second of each side in its best turn."""
    seconds = dict.fromkeys(sides, float("inf"))
    for _ in range(REPEATS):
        for name, side in sides.items():
            start = time.process_time()
            written = side()
            seconds[name] = min(seconds[name], time.process_time() - start)
            assert written == tokens, (name, written, tokens)
    return {name: tokens / least for name, least in seconds.items()}


def compared(directory: Path, generator: Any) -> None:
    one, many = prompts_of(1), prompts_of(QUESTIONS)
    formats = {"fp32": torch.float32, "bf16": torch.bfloat16}
    engines = {name: LocalEngine(directory, dtype) for name, dtype in formats.items()}
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    names = engines["fp32"].encoder.tokenizer.convert_ids_to_tokens(range(VOCABULARY))
    hf, ct2 = Generate(model, one), CTranslate2(generator, names, one)
    worst = check_logits(engines["fp32"], model, many[:2])
    assert worst < 1e-5, worst
    text = engines["fp32"].encoder.tokenizer.decode(hf.greedy(), skip_special_tokens=True).strip()
    assert hf.greedy() == ct2.greedy()
    assert text == Ours(engines["fp32"], one).greedy()
    peers: dict[str, Callable[[], int]] = {"HF generate fp32": hf, "CTranslate2 fp32": ct2}
    rates = best_of(peers | sides_of(engines, one), PATHS * NEW)
    result = Result("decoding", SETTINGS)
    add(result, "1 question", rates, list(peers))
    together = best_of(sides_of(engines, many), QUESTIONS * PATHS * NEW)
    add(result, f"{QUESTIONS} questions at once (peers: 1)", rates | together, list(peers))
    result.finish()


def add(result: Result, case: str, rates: dict[str, float], peers: list[str]) -> None:
    for dtype in ("fp32", "bf16"):
        others = {peer: rates[peer] for peer in [*peers, f"roofline {dtype}"]}
        result.add(f"{case}, {dtype}", "tokens/s", rates[f"ours {dtype}"], others)


def sides_of(engines: dict[str, LocalEngine], prompts: list[list[int]]) -> dict[str, Any]:
    ours = {f"ours {name}": Ours(engine, prompts) for name, engine in engines.items()}
    return ours | {f"roofline {n}": Roofline(e.model, len(prompts)) for n, e in engines.items()}


@torch.inference_mode()
def main() -> None:
    arguments(__file__, __doc__).parse_args()
    import ctranslate2
    from ctranslate2.converters import TransformersConverter

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        directory, converted = made_model(Path(folder) / "model"), str(Path(folder) / "ct2")
        TransformersConverter(str(directory)).convert(converted)
        options = {"intra_threads": 1, "compute_type": "float32"}
        compared(directory, ctranslate2.Generator(converted, **options))


if __name__ == "__main__":
    main()
