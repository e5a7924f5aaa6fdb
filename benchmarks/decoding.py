"""Decoding on one CPU thread: m paths of a question against HF generate and CTranslate2, and against a roofline.

A Llama of 5.4 M parameters with random weights; a shared prompt of 512 tokens, a question of 40, m = 32 paths of
128 tokens that never end early. CPU time with every prefill, the sides taking turns, best of 7. Asserted in the
same run: our logits are the model's own, all sides write the same greedy tokens, and every side writes all tokens.
The roofline is measured too: the same matrix products into prepared memory, and a read of the paths' own keys.
Several questions at once, as the engine runs, share the prompt; the peers repeat it.
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

import ctranslate2
import numpy as np
import torch
import transformers
from ctranslate2.converters import TransformersConverter
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.engines.local import LocalEngine
from lmsi_kedro.engines.local.packing import PackedLinear
from lmsi_kedro.engines.local.rows import Stops
from lmsi_kedro.engines.local.tree_decoder import Parts
from lmsi_kedro.params import Sampling
from lmsi_kedro.tasks import Prompt

BASE = Path(__file__).parents[1] / "data/06_models/base"  # its tokenizer
VOCABULARY = 544
SHARED, QUESTION, PATHS, NEW, QUESTIONS = 512, 40, 32, 128, 8
REPEATS = int(os.environ.get("REPEATS", "7"))
ROWS = 256
SAMPLING = Sampling(temperature=0.7, max_new_tokens=NEW, seed=1)
GREEDY = Sampling(temperature=0, max_new_tokens=16, seed=1)


def made_model(folder: Path) -> Path:
    tokenizer = AutoTokenizer.from_pretrained(BASE)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=256, num_hidden_layers=6, num_attention_heads=4,
        num_key_value_heads=4, intermediate_size=800, max_position_embeddings=1024,
        initializer_range=0.1, tie_word_embeddings=True,
        bos_token_id=None, eos_token_id=None, pad_token_id=0,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.bos_token = tokenizer.unk_token = tokenizer.eos_token  # CTranslate2 wants them all
    tokenizer.save_pretrained(folder)
    return folder


def prompts_of(questions: int) -> list[Parts]:
    """Token ids of one shared part and a part of each question."""
    generator = torch.Generator().manual_seed(2)
    ids = torch.randint(1, VOCABULARY, (SHARED + questions * QUESTION,), generator=generator)
    own = ids[SHARED:].view(questions, QUESTION).tolist()
    return [(ids[:SHARED].tolist(), part) for part in own]


@dataclass
class Ours:
    """The local engine, which forgets the shared prompt before each run."""

    engine: LocalEngine
    prompts: list[Parts]

    def __post_init__(self) -> None:
        self.engine.stops = Stops(self.engine.tokenizer, frozenset())
        self.engine.stops.closing = np.zeros(0, np.int64)

    def requests(self, paths: int) -> list[Request]:
        return [Request(f"q{i}", Prompt("", ""), range(paths)) for i in range(len(self.prompts))]

    def __call__(self) -> int:
        self.engine.decoder._shared = None
        table = self.engine.decode(self.requests(PATHS), self.prompts, SAMPLING, ROWS)
        return int(table["tokens"].sum())

    def greedy(self) -> str:
        return str(self.engine.decode(self.requests(1), self.prompts[:1], GREEDY, ROWS)["text"][0])


@dataclass
class Generate:
    """HF generate, as its users call it."""

    model: Any
    prompts: list[Parts]

    def __call__(self) -> int:
        tokens = 0
        for shared, own in self.prompts:
            written = self.write([*shared, *own], do_sample=True, temperature=SAMPLING.temperature,
                                 top_k=0, num_return_sequences=PATHS, max_new_tokens=NEW)  # fmt: skip
            tokens += written.numel()
        return tokens

    def write(self, ids: list[int], **options: Any) -> torch.Tensor:
        prompt = torch.tensor([ids])
        mask = torch.ones_like(prompt)
        return self.model.generate(prompt, attention_mask=mask, **options)[:, len(ids) :]

    def greedy(self) -> list[int]:
        ids = [*self.prompts[0][0], *self.prompts[0][1]]
        return self.write(ids, do_sample=False, max_new_tokens=GREEDY.max_new_tokens)[0].tolist()


@dataclass
class CTranslate2:
    """With the prompt's state computed once: the paths are rows of one batch, as the fastest of its ways."""

    generator: Any
    names: list[str]
    prompts: list[Parts]

    def write(self, ids: list[int], shared: list[int], rows: int, **options: Any) -> list[Any]:
        start = [[self.names[i] for i in ids]] * rows
        return self.generator.generate_batch(
            start,
            end_token=[],
            include_prompt_in_result=False,
            static_prompt=[self.names[i] for i in shared],
            **options,
        )

    def __call__(self) -> int:
        tokens = 0
        for shared, own in self.prompts:
            results = self.write(
                own, shared, PATHS, sampling_topk=0, sampling_temperature=SAMPLING.temperature,
                min_length=NEW, max_length=NEW,
            )  # fmt: skip
            tokens += sum(len(result.sequences_ids[0]) for result in results)
        self.generator.unload_model()  # forgets the prompt's state
        self.generator.load_model()
        return tokens

    def greedy(self) -> list[int]:
        shared, own = self.prompts[0]
        length = GREEDY.max_new_tokens
        return self.write(own, shared, 1, min_length=length, max_length=length)[0].sequences_ids[0]


class Roofline:
    """What no decoder of this shape avoids: its matrix products, and a read of the paths' own keys and values."""

    def __init__(self, model: Any, questions: int) -> None:
        config, dtype = model.config, model.dtype
        rows, heads, layers = (
            questions * PATHS,
            config.num_attention_heads,
            config.num_hidden_layers,
        )
        width = config.hidden_size // heads
        weights = [layer for layer in model.modules() if isinstance(layer, PackedLinear)]
        inputs = [layer.packed.shape[1] for layer in weights]

        def linear(tokens: int) -> list[Callable[[], torch.Tensor]]:
            pairs = zip(weights, inputs, strict=True)
            return [partial(w, torch.randn(tokens, 1, n).to(dtype)) for w, n in pairs]

        def attention(batch: int, queries: int, length: int) -> list[Callable[[], torch.Tensor]]:
            query, keys, scores, values = (
                torch.randn(batch, *shape)
                for shape in ((queries, width), (width, length), (queries, length), (length, width))
            )
            return [partial(torch.bmm, query, keys), partial(torch.bmm, scores, values)] * layers

        own = torch.randn(2 * layers * rows * config.hidden_size * NEW // 2).to(dtype)
        self.prefill = [*linear(SHARED), *linear(questions * QUESTION)]
        self.step = [
            *linear(rows),
            *attention(heads, rows, SHARED),
            *attention(heads * questions, PATHS, QUESTION),
            own.view(torch.float32).sum,
        ]
        self.tokens = rows * NEW

    def __call__(self) -> int:
        for work in [*self.prefill, *self.step * NEW]:
            work()
        return self.tokens


def check_logits(engine: LocalEngine, model: Any, prompts: list[Parts]) -> float:
    """The largest difference to the model's own full forward, relative to the largest logit."""
    rows = [[*shared, *own] for shared, own in prompts for _ in range(2)]
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
    """Tokens a CPU second of each side at its best; the sides take turns."""
    seconds = dict.fromkeys(sides, float("inf"))
    for _ in range(REPEATS):
        for name, side in sides.items():
            start = time.process_time()
            written = side()
            seconds[name] = min(seconds[name], time.process_time() - start)
            assert written == tokens, (name, written, tokens)
    return {name: tokens / least for name, least in seconds.items()}


def show(rates: dict[str, float]) -> None:
    for name, rate in rates.items():
        share = f"{rate / rates[f'roofline {name[-4:]}']:4.0%} of the roofline"
        print(
            f"{name:18} {rate:8.0f} tokens/s {rate / rates['HF generate fp32']:6.2f} x HF  {share}"
        )


def compared(directory: Path, converted: str) -> None:
    one, many = prompts_of(1), prompts_of(QUESTIONS)
    formats = (("fp32", torch.float32), ("bf16", torch.bfloat16))
    engines = {name: LocalEngine(directory, dtype) for name, dtype in formats}
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    generator = ctranslate2.Generator(converted, intra_threads=1, compute_type="float32")
    names = engines["fp32"].tokenizer.convert_ids_to_tokens(range(VOCABULARY))
    hf, ct2 = Generate(model, one), CTranslate2(generator, names, one)
    worst = check_logits(engines["fp32"], model, many[:2])
    tokens = hf.greedy()
    text = engines["fp32"].tokenizer.decode(tokens, skip_special_tokens=True).strip()
    assert worst < 1e-5, worst
    assert tokens == ct2.greedy()
    assert text == Ours(engines["fp32"], one).greedy()
    versions = f"torch {torch.__version__}, transformers {transformers.__version__}"
    print(f"{versions}, ctranslate2 {ctranslate2.__version__}; logits differ by {worst:.1e}")
    sides: dict[str, Callable[[], int]] = {"HF generate fp32": hf, "CTranslate2 fp32": ct2}
    for name, engine in engines.items():
        sides[f"ours {name}"] = Ours(engine, one)
        sides[f"roofline {name}"] = Roofline(engine.model, 1)
    rates = best_of(sides, PATHS * NEW)
    show(rates)
    print(f"{QUESTIONS} questions at once; x HF of one")
    sides = {}
    for name, engine in engines.items():
        sides[f"ours {name}"] = Ours(engine, many)
        sides[f"roofline {name}"] = Roofline(engine.model, QUESTIONS)
    together = best_of(sides, QUESTIONS * PATHS * NEW)
    show({"HF generate fp32": rates["HF generate fp32"]} | together)


@torch.inference_mode()
def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        directory, converted = made_model(Path(folder) / "model"), str(Path(folder) / "ct2")
        TransformersConverter(str(directory)).convert(converted)
        compared(directory, converted)


if __name__ == "__main__":
    main()
