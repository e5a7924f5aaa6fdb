"""Stands in for `llama-server`: accepts its flags, reads the GGUF file, and only accepts token ids as prompts."""

import argparse
import os
from pathlib import Path
from typing import Any

from gguf import GGUFReader

from tests.engines.fake_server import FakeServer, Reply, completion


def main() -> None:
    parser = argparse.ArgumentParser(prog="llama-server")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--alias", required=True)
    given = parser.parse_args()
    reader = GGUFReader(given.model)
    print(f"{given.model.name} has {len(reader.tensors)} tensors", flush=True)

    def answer(body: dict[str, Any], count: int) -> Reply:
        if not isinstance(body["prompt"], list):
            return 400, {"error": {"message": "a text may be tokenized differently here"}}
        # Several threads answer requests, so each line is written by one call.
        os.write(1, f"prompt {body['prompt']}\n".encode())
        return completion(body, len)

    server = FakeServer(answer, given.port)
    server.models = 200, {"data": [{"id": given.alias}]}
    server.serve_forever()


if __name__ == "__main__":
    main()
