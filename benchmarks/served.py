"""Sampling through a server: our engine against a plain client with the same requests to `transformers serve`.

Both clients take turns to send the same number of concurrent requests to the same server, which serves the
embedded model and counts the tokens. Before its time is measured, our engine samples one chunk to detect what the
server supports.
"""

import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from result import QUICK, ROOT, Result, arguments

BASE = ROOT / "data/06_models/base_small"
QUESTIONS, PATHS, TOKENS, AT_A_TIME, TURNS = (2, 2, 16, 2, 1) if QUICK else (8, 8, 32, 4, 2)
SETTINGS = {
    "both": f"{QUESTIONS} questions x {PATHS} paths of {TOKENS} tokens, {AT_A_TIME} concurrent requests, "
    f"best of {TURNS}",
    "ours": "engine.executor=server, which checks prompts, retries requests, seeds each path and returns a table",
    "plain client": "urllib in a pool of threads; it discards the texts",
}
PROMPTS = {
    f"q{i}": f"Q: Ann has {i + 2} pens and buys {i + 3} boxes of 4. How many?\nA:"
    for i in range(QUESTIONS)
}
MODEL = "model"


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, str]]:
    """Start a server; yield its URL and the name of its model."""
    from lmsi_kedro.engines.server.served_model import sampling_model

    model = sampling_model(BASE, folder / MODEL)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        "transformers",
        "serve",
        model,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--dtype",
        "float32",
    ]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log)
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5)
                break
            except OSError:
                if server.poll() is not None:
                    sys.exit((folder / "log").read_text()[-1000:])
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1", str(model)
    finally:
        server.kill()
        server.wait()


def ours(url: str, model: str, seed: int) -> float:
    """Return the tokens per second of our engine."""
    from lmsi_kedro.datasets.model_directory import Model
    from lmsi_kedro.engines.plan import Plan
    from lmsi_kedro.params import EngineParams, Sampling, ServerParams

    given = Model.at(BASE)
    server = ServerParams(
        urls=[url], model=model, revision=f"sha256:{given.digest}", concurrency=AT_A_TIME
    )
    engine = EngineParams(
        executor="server", ray_address=None, workers=1, dtype="float32", paths_per_chunk=PATHS, rows=PATHS,
        chat="auto", trust_remote_code=False, skip_too_long=False, server=server,
    )  # fmt: skip
    plan = Plan(given.path, given.digest, engine)
    sampling = Sampling(temperature=0.7, max_new_tokens=TOKENS, seed=seed)
    plan.add({"first": "Q: 1 + 1?\nA:"}, range(1), sampling, {"exemplar_set": "none"})
    plan.add(PROMPTS, range(PATHS), sampling, {"exemplar_set": "none"})
    first, *others = plan.chunks
    with closing(plan):
        list(plan.compute([first]))
        begun = time.perf_counter()
        tokens = sum(int(table["tokens"].sum()) for _, table in plan.compute(others))
        return tokens / (time.perf_counter() - begun)


def plain(url: str, model: str, seed: int) -> float:
    """Return the tokens per second of a client without any checks."""

    def complete(request: tuple[str, int]) -> int:
        prompt, path = request
        body = {
            "model": model,
            "prompt": prompt,
            "max_tokens": TOKENS,
            "temperature": 0.7,
            "seed": seed + path,
            "stop": ["\nQ:"],
        }
        sent = urllib.request.Request(
            f"{url}/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(sent, timeout=600) as answer:
            return int(json.load(answer)["usage"]["completion_tokens"])

    requests = [(prompt, path) for prompt in PROMPTS.values() for path in range(PATHS)]
    begun = time.perf_counter()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return sum(pool.map(complete, requests)) / (time.perf_counter() - begun)


def main() -> None:
    arguments(__file__, __doc__).parse_args()
    rates: dict[Any, list[float]] = {ours: [], plain: []}
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as server:
        plain(*server, 0)  # makes the server load the model
        for turn in range(TURNS):
            for client, found in rates.items():
                found.append(client(*server, 1 + turn))
    result = Result("served", SETTINGS)
    result.add(
        "transformers serve", "tokens/s", max(rates[ours]), {"plain client": max(rates[plain])}
    )
    result.finish()


if __name__ == "__main__":
    main()
