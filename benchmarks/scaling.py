"""Time and memory of the sampling step as questions and paths increase, and with one or two workers.

A model with one small layer samples paths of four tokens, so nearly all of the measured work is that of our own
code: planning, starting workers, storing and parsing. Every size runs in its own process with one worker and one
thread.

The comparison of one worker with two uses the embedded model. Memory is peak resident memory, and CPU seconds
include all processes.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from result import QUICK, Result, arguments

QUESTIONS, PATHS = ((50, 100, 200), (8,)) if QUICK else ((1_000, 5_000, 20_000), (8, 16, 32))
SETTINGS = {
    "paths": "a model with one layer of width 32, four tokens per path, one worker, one thread",
    "workers": "the embedded model, up to 96 tokens per path; one and two workers give the same tables",
}
BASE = Path(__file__).parents[1] / "data" / "06_models" / "base"


def small_model(folder: Path) -> Path:
    """Write a model with one layer of width 32 and the tokenizer of the embedded model."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(BASE)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=1024, bos_token_id=None, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def tables(count: int) -> tuple[Any, Any, Any]:
    """Return tables with `count` distinct questions of one task and with its two exemplars, and the tasks."""
    import polars as pl

    from lmsi_kedro import schemas
    from lmsi_kedro.tasks import Task, Tasks

    texts = (
        f"Ann has {i} pens and buys {i % 7} boxes of {i % 11}. How many?" for i in range(count)
    )
    rows = [
        (f"{i:016x}", "mini_gsm", "unlabeled", text, None, None) for i, text in enumerate(texts)
    ]
    questions = pl.DataFrame(rows, schema=schemas.QUESTIONS, orient="row")
    shots = [("mini_gsm", f"Ben has {n} caps.", None, None, f"He has {n}.", str(n)) for n in (3, 4)]
    exemplars = pl.DataFrame(shots, schema=schemas.EXEMPLARS, orient="row")
    return questions, exemplars, Tasks({"mini_gsm": Task(kind="number", exemplar_set="mini_gsm")})


def planned(
    model: Path, count: int, m: int, tokens: int, **changed: Any
) -> tuple[Any, Callable[[Any], int]]:
    """Return a plan of the sampling step, and a function that parses its chunks and counts the rows."""
    from lmsi_kedro.datasets.model_directory import Model
    from lmsi_kedro.params import EngineParams, PathParams, Sampling, VotingParams
    from lmsi_kedro.pipelines.sampling.nodes import plan_paths
    from lmsi_kedro.reading import read_answers

    questions, exemplars, tasks = tables(count)
    engine = EngineParams(**({
        "executor": "processes", "ray_address": None, "workers": 1, "dtype": "float32", "paths_per_chunk": 256,
        "rows": 256, "chat": "never", "trust_remote_code": False, "skip_too_long": False,
    } | changed))  # fmt: skip
    sampling = Sampling(temperature=0.7, max_new_tokens=tokens, seed=1)
    paths = PathParams(m=m, sampling=sampling, questions_per_task=count)
    voting = VotingParams(
        rule="trigger", ties="abstain", min_confidence=0, max_confidence=1, max_paths_per_question=4, seed=1
    )  # fmt: skip
    plan = plan_paths(questions, exemplars, Model.at(model), tasks, paths, engine, voting)
    return plan, lambda chunks: read_answers(chunks, questions, tasks, voting).height


def run(model: Path, store: Path, count: int, m: int) -> dict[str, float]:
    """Run the sampling step and parse the answers; return the CPU seconds and memory peaks of both."""
    from lmsi_kedro.datasets.chunk_store import ChunkStore, StoredChunks
    from lmsi_kedro.engines.sample import sample_paths

    chunks, cpu = ChunkStore(filepath=str(store), check="lmsi_kedro.schemas.paths"), seconds()
    plan, read = planned(model, count, m, tokens=4)
    found = {"plan_s": seconds() - cpu, "plan_mb": peak()}
    for chunk in sample_paths(plan, StoredChunks(filepath=str(store)).load(), date.today()):
        chunks.save(chunk)
    found |= {"sample_s": seconds() - cpu, "sample_mb": peak(), "worker_mb": worker_peak()}
    del plan
    cpu = seconds()
    assert read(chunks.load()) == count * m
    return found | {"read_s": seconds() - cpu, "read_mb": peak()}


def peak() -> float:
    """Return the peak memory of this process in MB. getrusage would include the parent's memory before exec."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def worker_peak() -> float:
    """Return the peak memory in MB of the largest worker that has ended."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def seconds() -> float:
    """Return the CPU time of this process and of its children that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def measured(model: Path, count: int, m: int) -> dict[str, float]:
    """Call `run` in a separate process and return its result."""
    with tempfile.TemporaryDirectory() as folder:
        request = json.dumps([str(model), f"{folder}/paths", count, m])
        done = subprocess.run(
            [sys.executable, __file__, "--one", request],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def scaling(result: Result, model: Path) -> None:
    """Compare the cost per path and the memory peaks for many questions with those for few; ideal ratios are 1."""
    fewest, fewer, most = QUESTIONS
    for m in PATHS:
        found = {count: measured(model, count, m) for count in QUESTIONS}
        cost = slope(found, m, fewer, most)
        less = {f"up to {fewer:,} questions": slope(found, m, fewest, fewer)}
        result.add(f"an additional path, up to {most:,} questions, m = {m}", "us", cost, less)
        for name in ("sample", "worker", "read"):
            few, many = (found[count][f"{name}_mb"] for count in (fewest, most))
            case = f"peak memory of {name}, {most:,} questions, m = {m}"
            result.add(case, "MB", many, {f"{fewest:,} questions": few})


def slope(found: dict[int, dict[str, float]], m: int, fewer: int, more: int) -> float:
    """Return the CPU microseconds per additional path when the number of questions grows from fewer to more."""
    added = found[more]["sample_s"] - found[fewer]["sample_s"]
    return 1e6 * added / (m * (more - fewer))


def workers(result: Result) -> None:
    """Compare the tokens per second of one loaded worker with those of two; their tables must be equal.

    Wall time is only meaningful if two cores are free; CPU time shows the cost of a second worker in any case.
    """
    rates, used, sampled = {}, {}, []
    questions = 32 if QUICK else 192
    for count in (1, 2):
        warm, _ = planned(BASE, 64, 8, tokens=96, workers=count, dtype="auto")
        plan, _ = planned(BASE, questions, 16, tokens=96, workers=count, dtype="auto")
        plan.executor = warm.executor
        while len(set(warm.executor.started().map(worker, range(count)))) < count:
            continue
        list(warm.compute(list(warm.chunks)))
        start, cpu = time.monotonic(), all_seconds()
        sampled.append(dict(plan.compute(list(plan.chunks))))
        took, used[count] = time.monotonic() - start, all_seconds() - cpu
        rates[count] = sum(int(table["tokens"].sum()) for table in sampled[-1].values()) / took
        plan.close()
    assert all(sampled[1][name].equals(table) for name, table in sampled[0].items())
    result.add("2 workers", "tokens/s", rates[2], {"1 worker": rates[1]})
    result.add("2 workers", "CPU s", used[2], {"1 worker": used[1]})


def all_seconds() -> float:
    """Return the CPU time of this process and of its running children."""
    import psutil

    this = psutil.Process()
    return sum(sum(one.cpu_times()[:2]) for one in (this, *this.children()))


def worker(_: int) -> int:
    """Return the process id of the worker, after a pause in which another worker takes the next task."""
    time.sleep(1)
    return os.getpid()


def main() -> None:
    parser = arguments(__file__, __doc__)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        model, store, count, m = json.loads(given.one)
        print(json.dumps(run(Path(model), Path(store), count, m)))
        return
    result = Result("scaling", SETTINGS)
    with tempfile.TemporaryDirectory() as folder:
        scaling(result, small_model(Path(folder)))
    workers(result)
    result.finish()


if __name__ == "__main__":
    main()
