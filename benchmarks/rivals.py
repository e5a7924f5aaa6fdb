"""The peers of the benchmark `real_model`: engines that sample paths of SmolLM2 on one CPU thread.

Each has a method `paths`, which samples the same number of paths for each prompt and returns the number of
tokens and the CPU time in seconds. OpenVINO and llama.cpp have the shared part of the prompts in their cache,
the time of ONNX Runtime begins after the prompt, and that of CTranslate2 includes it. A path never ends early,
and its tokens are sampled from the temperature alone.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

Prompts = Sequence[list[int]]


def timed(sample: Callable[[], int]) -> tuple[int, float]:
    """Returns the result of the function and its CPU time in seconds."""
    start = time.process_time()
    tokens = sample()
    return tokens, time.process_time() - start


class OpenVino:
    """OpenVINO GenAI with continuous batching and a prefix cache; precision: INFERENCE_PRECISION_HINT."""

    def __init__(
        self, file: Path, precision: str, paths: int, new: int, temperature: float
    ) -> None:
        import openvino_genai

        scheduler = openvino_genai.SchedulerConfig()
        scheduler.enable_prefix_caching, scheduler.cache_size = True, 4
        scheduler.max_num_batched_tokens = 1024
        self.pipeline = openvino_genai.LLMPipeline(
            str(file), "CPU", scheduler_config=scheduler,
            INFERENCE_NUM_THREADS=1, INFERENCE_PRECISION_HINT=precision,
        )  # fmt: skip
        self.config = openvino_genai.GenerationConfig(
            max_new_tokens=new, min_new_tokens=new, ignore_eos=True, do_sample=True,
            temperature=temperature, top_p=1.0, num_return_sequences=paths,
        )  # fmt: skip

    def paths(self, prompts: Prompts) -> tuple[int, float]:
        import openvino
        import openvino_genai

        ids = openvino.Tensor(np.array(prompts, np.int64))
        inputs = openvino_genai.TokenizedInputs(ids, openvino.Tensor(np.ones_like(ids.data)))
        return timed(lambda: sum(map(len, self.pipeline.generate(inputs, self.config).tokens)))


class LlamaCpp:
    """llama.cpp's server in this process: a slot for each path of a prompt, in a cache that all slots share."""

    def __init__(self, file: Path, context: int, paths: int, new: int, temperature: float) -> None:
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path, params.verbosity, params.warmup = str(file), 0, False
        params.n_parallel, params.kv_unified = paths, True
        params.n_ctx, params.n_batch = context + paths * (new + 1), 1024
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
        self.server = xllamacpp.Server(params)
        self.paths_of_each = paths
        self.request = {
            "n": paths, "n_cmpl": paths, "n_predict": new, "ignore_eos": True, "cache_prompt": True,
            "samplers": ["temperature"], "temperature": temperature,
        }  # fmt: skip

    def paths(self, prompts: Prompts) -> tuple[int, float]:
        return timed(lambda: sum(map(self.write, prompts)))

    def write(self, prompt: list[int]) -> int:
        reply = self.server.handle_completions({"prompt": prompt, **self.request})
        assert len(reply["choices"]) == self.paths_of_each
        return len(reply["choices"]) * int(reply["usage"]["completion_tokens"])


class CTranslate2:
    """CTranslate2 with a static prompt, which the first call computes; the paths are rows of one batch."""

    def __init__(
        self, model: Path, folder: Path, shared: int, paths: int, new: int, temperature: float
    ) -> None:
        import ctranslate2

        converter = ctranslate2.converters.TransformersConverter(str(model))
        converter.convert(str(folder), quantization="int8", force=True)
        self.names = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
        self.generator = ctranslate2.Generator(str(folder), compute_type="int8", intra_threads=1)
        self.shared, self.rows = shared, paths
        self.options = {
            "min_length": new, "max_length": new, "sampling_topk": 0, "sampling_temperature": temperature,
            "end_token": [], "include_prompt_in_result": False,
        }  # fmt: skip

    def paths(self, prompts: Prompts) -> tuple[int, float]:
        return timed(lambda: sum(map(self.write, prompts)))

    def write(self, prompt: list[int]) -> int:
        names = [self.names[token] for token in prompt]
        static, own = names[: self.shared], names[self.shared :]
        written = self.generator.generate_batch(
            [own] * self.rows, static_prompt=static, **self.options
        )
        return sum(len(path.sequences_ids[0]) for path in written)


class OnnxRuntime:
    """ONNX Runtime GenAI; each path has its own copy of the prompt, whose time is not counted."""

    def __init__(self, model: Path, folder: Path, paths: int, new: int, temperature: float) -> None:
        import onnxruntime_genai

        builder = [
            sys.executable,
            "-m",
            "onnxruntime_genai.models.builder",
            "-p",
            "int4",
            "-e",
            "cpu",
        ]
        where = ["-i", str(model), "-o", str(folder), "-c", str(folder / "cache")]
        subprocess.run([*builder, *where], check=True, capture_output=True)
        config = json.loads((folder / "genai_config.json").read_text(encoding="utf-8"))
        config["model"]["decoder"]["session_options"]["intra_op_num_threads"] = 1
        (folder / "genai_config.json").write_text(json.dumps(config), encoding="utf-8")
        self.model, self.rows, self.new = onnxruntime_genai.Model(str(folder)), paths, new
        self.options = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}

    def paths(self, prompts: Prompts) -> tuple[int, float]:
        tokens, seconds = zip(*map(self.write, prompts), strict=True)
        return sum(tokens), sum(seconds)

    def write(self, prompt: list[int]) -> tuple[int, float]:
        import onnxruntime_genai

        length = len(prompt) + self.new
        params = onnxruntime_genai.GeneratorParams(self.model)
        params.set_search_options(
            batch_size=self.rows, min_length=length, max_length=length, **self.options
        )
        generator = onnxruntime_genai.Generator(self.model, params)
        generator.append_tokens(np.array([prompt] * self.rows, np.int32))
        generator.generate_next_token()

        def others() -> int:
            while not generator.is_done():
                generator.generate_next_token()
            return self.rows * (len(generator.get_sequence(0)) - len(prompt) - 1)

        return timed(others)
