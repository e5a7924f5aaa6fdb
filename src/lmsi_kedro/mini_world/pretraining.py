"""Builds the embedded base model: a tokenizer and a small Llama, both from documents of the mini world.

This is a plain training loop on one machine: next-token loss, AdamW, bf16 autocast; short lists first, then
documents. The learning rate is constant except for the warm-up and the last part, so the first steps of a longer
training are those of a shorter one. The package `training` fine-tunes the result like any other model.
"""

import hashlib
import json
import logging
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from lmsi_kedro import durable
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.mini_world.documents import documents, lists
from lmsi_kedro.mini_world.params import PretrainingParams

log = logging.getLogger(__name__)
END = "<|end|>"
# Each digit, with its leading space, is a token: the model reads numbers digit by digit, and text round-trips
# exactly.
PIECES = r" ?\d| ?[A-Za-z']+| ?[^\sA-Za-z\d]+|\s+"
WARMUP = 50  # steps
LIST_BLOCK = 48  # tokens; a repeated list has 14 to 60
DECAY = 0.3  # the last part of the steps, in which the learning rate decays to zero


def train_tokenizer(seed: int, sample: int = 20_000) -> Any:
    """Trains byte-level BPE on sample documents: any text can be encoded; each word of the world is one token."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1024,
        min_frequency=50,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(islice(documents(seed), sample), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=END,
        clean_up_tokenization_spaces=False,
        model_max_length=1024,
    )


def blocks(tokenizer: Any, texts: Iterator[str], length: int) -> Iterator[list[int]]:
    """Yields blocks of token ids [length] without end; each begins with a new text and cuts its last one."""
    end = tokenizer.eos_token_id
    encode = tokenizer.backend_tokenizer.encode
    block: list[int] = []
    for text in texts:
        block += [*encode(text).ids, end]
        if len(block) >= length:
            yield block[:length]
            block = []


def build_model(vocab: int, params: PretrainingParams) -> Any:
    """Builds a Llama with random weights.

    Its embeddings are not tied: all names are equally likely as outputs, so if tied, the embeddings of names
    became equal.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(params.seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=-(-vocab // 64) * 64,
            hidden_size=params.width,
            num_hidden_layers=params.layers,
            num_attention_heads=params.heads,
            num_key_value_heads=params.heads,
            intermediate_size=params.feed_forward,
            max_position_embeddings=1024,
            tie_word_embeddings=False,
            bos_token_id=None,
            eos_token_id=0,
            pad_token_id=0,
        )
    )


class Pretraining:
    """The content of a checkpoint: model, optimizer, schedule and losses so far."""

    def __init__(self, model: Any, params: PretrainingParams, checkpoint: Path) -> None:
        self.model, self.params, self.checkpoint = model, params, checkpoint
        self.optimizer, self.schedule = build_optimizer(model, params)
        self.losses: list[dict[str, float]] = []
        self.step = 0
        self.seconds = 0.0

    @property
    def stateful(self) -> dict[str, Any]:
        return {"model": self.model, "optimizer": self.optimizer, "schedule": self.schedule}

    def resume(self) -> None:
        """Continues from the checkpoint, if there is one."""
        import torch

        if self.checkpoint.exists():
            state = torch.load(self.checkpoint, weights_only=True)
            for name, part in self.stateful.items():
                part.load_state_dict(state[name])
            self.step, self.losses, self.seconds = state["step"], state["losses"], state["seconds"]
            log.info("resuming at step %d of %d", self.step, self.params.steps)

    def save(self) -> None:
        import torch

        state = {name: part.state_dict() for name, part in self.stateful.items()}
        state |= {"step": self.step, "losses": self.losses, "seconds": self.seconds}
        with durable.file(self.checkpoint) as temporary:
            torch.save(state, temporary)

    def learn(self, forward: Any, batch: Any) -> None:
        """Trains one step on token ids [batch, block]."""
        import torch

        start = time.monotonic()
        with torch.autocast("cpu", torch.bfloat16):
            loss = forward(input_ids=batch, labels=batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.schedule.step()
        self.optimizer.zero_grad()
        self.step += 1
        self.seconds += time.monotonic() - start
        if self.step % self.params.log_every == 0:
            self.losses.append({"step": self.step, "loss": round(loss.item(), 4)})
            rate = self.step * batch.numel() / self.seconds
            log.info("step %d of %d: loss %.4f, %.0f tokens/s", self.step, self.params.steps,
                     self.losses[-1]["loss"], rate)  # fmt: skip
        if self.step % self.params.checkpoint_every == 0:
            self.save()


def pretrain(params: PretrainingParams, workspace: str) -> Model:
    """Trains a tokenizer and a model on documents of the mini world; resumes from the last checkpoint."""
    import torch

    folder = Path(workspace, address(params))
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = train_tokenizer(params.seed)
    model = build_model(len(tokenizer), params)
    training = Pretraining(model, params, folder / "checkpoint.pt")
    training.resume()
    done = training.step
    forward = torch.compile(model, dynamic=False)
    for batch in islice(batches(tokenizer, params), done, None):
        training.learn(forward, batch)
    return save(training, tokenizer, folder / "model")


def address(params: PretrainingParams) -> str:
    """Hashes everything that determines the result: the parameters, and the first documents of the world."""
    texts = [*islice(lists(params.seed), 50), *islice(documents(params.seed), 200)]
    content = "\n".join([params.model_dump_json(), *texts])
    return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()


def batches(tokenizer: Any, params: PretrainingParams) -> Iterator[Any]:
    """Yields one batch of token ids per step: lists [more rows, LIST_BLOCK], then documents [batch, block]."""
    import torch

    short = blocks(tokenizer, lists(params.seed), LIST_BLOCK)
    for _ in range(params.list_steps):
        yield torch.tensor(list(islice(short, params.batch * params.block // LIST_BLOCK)))
    long = blocks(tokenizer, documents(params.seed), params.block)
    for _ in range(params.list_steps, params.steps):
        yield torch.tensor(list(islice(long, params.batch)))


def build_optimizer(model: Any, params: PretrainingParams) -> tuple[Any, Any]:
    """Returns AdamW, with weight decay on the layers' matrices only, and the schedule of the learning rate.

    The rate rises linearly, is constant, and then falls linearly.
    """
    import torch

    def scale(step: int) -> float:
        return min(1.0, (step + 1) / WARMUP, (1 - step / params.steps) / DECAY)

    matrices = [p for p in model.model.layers.parameters() if p.ndim > 1]
    decayed = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in decayed]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=params.learning_rate, betas=(0.9, 0.95), fused=True)
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, scale)


def save(training: Pretraining, tokenizer: Any, directory: Path) -> Model:
    """Saves the weights, the tokenizer and a record of the training in one directory."""
    params = training.params
    training.model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    record = {
        "command": "kedro run --pipelines=base_model",
        "params": params.model_dump(),
        "tokens": params.steps * params.batch * params.block,
        "seconds": round(training.seconds),
        "losses": training.losses,
    }
    (directory / "training.json").write_text(json.dumps(record, indent=1) + "\n")
    return Model.at(directory)
