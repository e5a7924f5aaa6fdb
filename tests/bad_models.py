"""Damaged model directories: how a good one is damaged, and the expected error line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
PUT = "put a complete Hugging Face model with safetensors weights there, or run the pipeline that makes it."
Damage = Callable[[Path], Any]


def cut(name: str, size: int) -> Damage:
    return lambda model: (model / name).write_bytes((model / name).read_bytes()[:size])


def without(name: str) -> Damage:
    def damage(model: Path) -> None:
        for file in model.glob(name):
            file.unlink()

    return damage


def with_index(content: str) -> Damage:
    def damage(model: Path) -> None:
        (model / WEIGHTS).unlink()
        (model / INDEX).write_text(content)

    return damage


def renamed(name: str) -> Damage:
    def damage(model: Path) -> None:
        (model / WEIGHTS).rename(model / name)

    return damage


def edited(name: str, **changed: Any) -> Damage:
    def damage(model: Path) -> None:
        content = json.loads((model / name).read_text()) | changed
        (model / name).write_text(json.dumps(content))

    return damage


def weighted(name: str, weight: torch.Tensor | None) -> Damage:
    def damage(model: Path) -> None:
        weights = load_file(model / WEIGHTS)
        weights.pop(name)
        if weight is not None:
            weights[name] = weight
        save_file(weights, model / WEIGHTS, metadata={"format": "pt"})

    return damage


MODELS: list[tuple[Damage, str]] = [
    (shutil.rmtree, "{path} is not a model: config.json, tokenizer*, model.safetensors missing; that directory does not exist. "
     "A model of the Hugging Face hub is named hub:owner/name"),
    (without("config.json"), f"{{path}} is not a model: config.json missing; {PUT}"),
    (without("tokenizer*"), f"{{path}} is not a model: tokenizer* missing; {PUT}"),
    (without(WEIGHTS), f"{{path}} is not a model: model.safetensors missing; {PUT}"),
    (renamed("pytorch_model.bin"), "{path} is not a model: model.safetensors missing; weights must be safetensors: load "
     "the model with transformers and save it with save_pretrained"),
    (renamed("m.gguf"), "{path} is not a model: model.safetensors missing; the GGUF file in it is a model by itself: use model={path}/m.gguf"),
    (lambda model: (model / "adapter_config.json").write_text("{}"), "{path} has an adapter_config.json, so its base model would be "
     "loaded, not the weights in it: remove it, or merge the adapter into the weights"),
    (with_index("{"), f"{{path}}/{INDEX} is damaged: it has no weight_map"),
    (with_index("[]"), f"{{path}}/{INDEX} is damaged: it has no weight_map"),
    (with_index('{"weight_map": {"a": "../a.safetensors"}}'), f"{{path}}/{INDEX} names '../a.safetensors', which is not a file in its folder"),
    (with_index('{"weight_map": {"a": "/a.safetensors"}}'), f"{{path}}/{INDEX} names '/a.safetensors', which is not a file in its folder"),
    (with_index('{"weight_map": {"a": "a.safetensors"}}'), f"{{path}} is not a model: a.safetensors missing; {PUT}"),
    (cut("config.json", 0), "{path}/config.json is damaged, fetch it again: Expecting value: line 1 column 1 (char 0)"),
    (cut("config.json", 10), "{path}/config.json is damaged, fetch it again: Unterminated string starting at: "
     "line 2 column 3 (char 4)"),
    (cut("tokenizer.json", 0), "{path}/tokenizer.json is damaged, fetch it again: Expecting value: line 1 column 1 (char 0)"),
    (cut("tokenizer_config.json", 1), "{path}/tokenizer_config.json is damaged, fetch it again: Expecting property name enclosed in "
     "double quotes: line 1 column 2 (char 1)"),
    (cut(WEIGHTS, 0), "{path}/model.safetensors is damaged, fetch it again: Error while deserializing header: header too small"),
    (cut(WEIGHTS, 1000), "{path}/model.safetensors is damaged, fetch it again: Error while deserializing header: invalid header length"),
    (cut(WEIGHTS, 50_000), "{path}/model.safetensors is damaged, fetch it again: Error while deserializing header: incomplete metadata, "
     "file not fully covered"),
    (weighted("model.norm.weight", None), "{path} lacks 1 weight of its architecture, model.norm.weight: fetch it again"),
    (weighted("model.norm.weight", torch.ones(3)), "{path}: the weight model.norm.weight has the shape [3], but config.json requires "
     "[64]: they belong to different models"),
    (weighted("model.norm.weight", torch.full((64,), torch.nan)),
     "question q1, path 0, token 0: logits hold NaN. The model's weights are damaged: fetch it again"),
    (weighted("model.norm.weight", torch.full((64,), torch.inf)),
     "question q1, path 0, token 0: logits hold NaN. The model's weights are damaged: fetch it again"),
    (edited("config.json", vocab_size=100), "The base model's tokenizer has 760 tokens, but its config.json has vocab_size 100: they "
     "belong to different models, or the embeddings were not resized for added tokens."),
    (edited("tokenizer_config.json", eos_token=None), "The base model's tokenizer has no end token (eos_token), so the tuned model "
     "could never stop; set eos_token in its tokenizer_config.json."),
]  # fmt: skip
