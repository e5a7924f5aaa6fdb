"""Stands in for `vllm serve`: accepts its flags, starts an engine process in a separate session, and serves.

Further flags make it misbehave: --lives N --requests M ends it after M requests in its first N starts,
--begin-slowly S waits S seconds before it listens, --extra-tokens K counts K tokens too many in each prompt,
--stubborn starts an engine that ignores SIGTERM, --seconds-each S waits S seconds before each answer.
With --parts FOLDER, each server takes the first file there, which contains further flags.
"""

import argparse
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from tests.engines.fake_server import FakeServer, Reply, completion


def main() -> None:
    arguments = parse()
    given = os.environ.get("CUDA_VISIBLE_DEVICES", "none")
    wait = ["sh", "-c", f"trap '' {'TERM' if arguments.stubborn else 'USR1'}; exec sleep 600"]
    engine = subprocess.Popen(wait, start_new_session=True)
    print(f"processes {os.getpid()} {engine.pid}; GPUs {given}", flush=True)
    time.sleep(arguments.begin_slowly)
    tokenizer = Tokenizer.from_file(str(arguments.model / "tokenizer.json"))
    lives = Path(f"{arguments.model}.{arguments.port}.lives")
    life = 1 + (int(lives.read_text()) if lives.exists() else 0)
    lives.write_text(str(life))
    asked, lock = [0], threading.Lock()

    def length(prompt: str) -> int:
        return len(tokenizer.encode(prompt).ids) + int(arguments.extra_tokens)

    def answer(body: dict[str, Any], count: int) -> Reply:
        with lock:
            asked[0] += 1
        if life <= arguments.lives and asked[0] > arguments.requests:
            print("CUDA out of memory", flush=True)
            os._exit(1)
        if body["model"] != arguments.served_model_name:
            return 404, {"error": {"message": f"there is no model {body['model']}"}}
        time.sleep(arguments.seconds_each)
        return completion(body, length)

    server = FakeServer(answer, arguments.port)
    server.models = 200, {"data": [{"id": arguments.served_model_name}]}
    server.serve_forever()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="vllm serve")
    parser.add_argument("serve")
    parser.add_argument("model", type=Path)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--served-model-name", required=True)
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], required=True)
    parser.add_argument("--tensor-parallel-size", type=int, required=True)
    parser.add_argument("--lives", type=int, default=0)
    parser.add_argument("--requests", type=int, default=0)
    parser.add_argument("--begin-slowly", type=float, default=0)
    parser.add_argument("--extra-tokens", type=int, default=0)
    parser.add_argument("--stubborn", action="store_true")
    parser.add_argument("--seconds-each", type=float, default=0)
    parser.add_argument("--parts", type=Path)
    given = parser.parse_args()
    return parser.parse_args([*sys.argv[1:], *part_of(given.parts)]) if given.parts else given


def part_of(folder: Path) -> list[str]:
    """The flags of the first file that no other server has taken."""
    for file in sorted(folder.glob("*.flags")):
        with suppress(FileNotFoundError):
            return file.rename(file.with_suffix(f".{os.getpid()}")).read_text().split()
    return []


if __name__ == "__main__":
    main()
