"""Measures time and memory of all steps except sampling and training, for 10,000 to 1,000,000 paths.

The script calls `kedro run` with 32 paths per question. Instead of sampling, an executor returns texts that the
embedded model has sampled before, with synthetic answers, of which 60 % agree. There are two runs for each number
of paths: the run of `mixing` has this many paths on unlabeled questions, and the run of `self_improve` has this
many on held-out questions for each of three models. There is no training: all models are copies of the base model.
The script prints the CPU seconds and the peak resident memory of each run, and of its largest nodes, including
loading and saving.

    python benchmarks/load.py                    # 10,000 and 100,000 paths
    python benchmarks/load.py --paths 1000000
"""

import argparse
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl
from kedro.framework.hooks import hook_impl

ROOT = Path(__file__).parents[1]
M = 32
RUNS = {
    "mixing": (("sampling", "mixing"), "unlabeled", f"paths.m={M},paths.questions_per_task={{n}}"),
    "report": (
        ("self_improve",), "held_out",
        f"evaluation.m={M},evaluation.greedy_questions={{n}},evaluation.voted_questions={{n}}",
    ),
}  # fmt: skip


class Synthetic:
    """An executor that returns texts from the pool, with answers that mostly agree."""

    def __init__(self, pool: Sequence[str]) -> None:
        self.pool = pool

    def compute(self, chunks: dict[str, Any], missing: Sequence[str]) -> Iterator[Any]:
        for name in missing:
            yield name, chunks[name].table(self)

    def sample(self, requests: Sequence[Any], sampling: Any) -> pl.DataFrame:
        rows = chain.from_iterable(self.paths(request) for request in requests)
        names = ("question_id", "path", "text", "tokens", "logprob", "finish")
        types = (pl.String, pl.Int32, pl.String, pl.Int32, pl.Float64, pl.String)
        schema = dict(zip(names, types, strict=True))
        return pl.DataFrame(list(rows), schema=schema, orient="row")

    def paths(self, request: Any) -> Iterator[tuple[Any, ...]]:
        answer = int(request.question_id[:4], 16) % 90
        for path in request.paths:
            draw = random.Random(f"{request.question_id} {path}")
            stated = answer if draw.random() < 0.6 else answer + draw.randrange(1, 9)
            text = f"{draw.choice(self.pool)} The answer is {stated}."
            yield request.question_id, path, text, 30, -9.0, "stop"

    def close(self) -> None:
        pass


@cache
def rows_of_the_world() -> list[dict[str, Any]]:
    lines = (ROOT / "data/01_raw/questions.jsonl").read_text().splitlines()
    return [row for row in map(json.loads, lines) if row["task"] == "mini_gsm"]


def sampled_texts(folder: Path) -> list[str]:
    """Sample paths of the embedded model for 50 questions and return their texts without the answers."""
    kedro(folder / "pool", "sampling", "paths.m=8,paths.questions_per_task=50")
    files = (folder / "pool/03_paths/round_1").glob("*.parquet")
    texts = pl.concat([pl.read_parquet(file) for file in sorted(files)])["text"]
    return sorted({re.split(" ?The answer is", text)[0] for text in texts})


def write_questions(path: Path, split: str, n: int) -> None:
    """Write n questions of the split, and a few questions of the other splits."""
    given = rows_of_the_world()
    few = [row for s in ("unlabeled", "held_out", "probe") for row in given if row["split"] == s]
    counts = {"unlabeled": 16, "held_out": 16, "probe": 8} | {split: n}
    with path.open("w") as file:
        for each, count in counts.items():
            for number in range(count):
                row = few[number % len(few)]
                question = f"Story {number} of {each}. {row['question']}"
                file.write(json.dumps({**row, "split": each, "question": question}) + "\n")


def kedro(data: Path, pipeline: str, params: str, pool: Path | None = None) -> None:
    command = (
        [sys.executable, __file__, "--child", str(pool)]
        if pool
        else [sys.executable, "-m", "kedro"]
    )
    given = [f"--pipelines={pipeline}", "--env=smoke", f"--params=data_root={data},{params}"]
    subprocess.run([*command, "run", *given], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


class Measure:
    """A hook that records CPU seconds and peak memory between the end of a node and the end of the next."""

    def __init__(self, file: Path) -> None:
        self.file, self.last = file, time.process_time()

    @hook_impl
    def after_node_run(self, node: Any) -> None:
        self.add(node.name)

    @hook_impl
    def after_dataset_saved(self, node: Any) -> None:
        self.add(node.name)

    def add(self, node: str) -> None:
        now = time.process_time()
        status = Path("/proc/self/status").read_text()
        peak = int(re.findall(r"VmHWM:\s*(\d+)", status)[0]) // 1024
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        with self.file.open("a") as file:
            file.write(json.dumps([node, now - self.last, peak]) + "\n")
        self.last = now


def copied(job: Any) -> Path:
    """Copy the base model instead of training."""
    left_out = shutil.ignore_patterns("training.json")
    return Path(shutil.copytree(job.base_model, job.model, ignore=left_out, dirs_exist_ok=True))


def child(pool: Path, arguments: list[str]) -> None:
    """Run the Kedro command with replacements for sampling and training."""
    from kedro.framework.cli.cli import main

    from lmsi_kedro import settings
    from lmsi_kedro.engines import plan
    from lmsi_kedro.pipelines.fine_tuning import nodes

    texts = json.loads(pool.read_text())
    vars(plan)["executor_of"] = lambda *_: Synthetic(texts)
    vars(nodes)["train"] = copied
    vars(settings)["HOOKS"] = (*settings.HOOKS, Measure(pool.with_name("nodes.jsonl")))
    sys.argv = ["kedro", *arguments]
    main()


def measure(folder: Path, pool: Path, name: str, paths: int) -> None:
    """Print the total of each run, and the nodes that take the most time or memory."""
    pipelines, split, params = RUNS[name]
    n, data = paths // M, folder / f"{name}_{paths}"
    questions, nodes = folder / f"{name}.jsonl", folder / "nodes.jsonl"
    write_questions(questions, split, n)
    for pipeline in pipelines:
        nodes.unlink(missing_ok=True)
        kedro(data, pipeline, f"questions={questions},{params.format(n=n)}", pool)
        table = report(nodes)
        total = sum(seconds for _, seconds, _ in table)
        print(
            f"{paths:,} paths, {pipeline}: {total:.0f} CPU-s, peak {max(p for *_, p in table):,} MiB"
        )
        for node, seconds, peak in table:
            if seconds > 0.02 * total or peak > 1024:
                print(f"    {node:30} {seconds:7.1f} s {peak:6,} MiB", flush=True)


def report(file: Path) -> list[tuple[str, float, int]]:
    """Return the name of each node, its CPU seconds and its memory peak in MiB."""
    nodes: dict[str, tuple[float, int]] = {}
    for node, seconds, peak in map(json.loads, file.read_text().splitlines()):
        before = nodes.get(node, (0.0, 0))
        nodes[node] = before[0] + seconds, max(before[1], peak)
    return [(node, *measured) for node, measured in nodes.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--paths", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--runs", nargs="*", default=list(RUNS))
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = chosen.folder or Path(made)
        folder.mkdir(exist_ok=True)
        if any(folder.iterdir()):
            sys.exit(f"{folder} is not empty: stored results would be reused instead of measured")
        pool = folder / "pool.json"
        pool.write_text(json.dumps(sampled_texts(folder)))
        for paths in chosen.paths:
            for name in chosen.runs:
                measure(folder, pool, name, paths)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(Path(sys.argv[2]), sys.argv[3:])
    else:
        main()
