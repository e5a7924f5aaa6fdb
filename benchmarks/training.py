"""Training: examples in a forest against rows of their own, the loss's head on targets alone, TRL's SFTTrainer.

    python benchmarks/training.py data/05_examples/round_1/mixture.parquet     (what `make run` leaves)

A Llama of 5.4 M parameters with random weights, the tokenizer of the embedded model, one thread, CPU time of
a step forward and backward, the sides taking turns, best of 3; their losses are asserted to be equal.
`mixture` are the run's own examples, `format 1` a batch of few-shot chain-of-thought prompts that
begin with the same 8 exemplars (about 900 tokens, as in the paper). SFTTrainer and our trainer each run in a
process of their own, bfloat16, median CPU time of a step; SFTTrainer with the best of its settings; its
padding-free ones want flash attention, and need more than 16 GB for format 1 without it.
The head on targets alone is compared with the head on all tokens for two vocabularies: its share of the work.

A sample, 2 cores (AVX-512, bf16), torch 2.13.0, transformers 5.23.0, trl 1.16.0:

    4,096 tokens, float32: head on targets 1.820, head everywhere 2.105 (1.16x)
    32,768 tokens, float32: head on targets 2.870, head everywhere 4.778 (1.67x)
    mixture, float32: forest 1.977, rows 4.998 (2.53x), fixed rows 4.858 (2.46x)
    format 1, bfloat16: forest 2.364, rows 14.155 (5.99x), fixed rows 14.003 (5.92x)
    format 1, whole trainers: ours 2.748, SFTTrainer by length 27.059 (9.85x)
"""

import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any

import polars as pl

ROOT = Path(__file__).parents[1]
BASE = ROOT / "data/06_models/base"
REPEATS, BATCH, STEPS = 3, 32, 5
EXEMPLARS, EXEMPLAR_TOKENS = 8, 110
VOCABULARY, LARGE_VOCABULARY = 4096, 32_768
LIMIT = 900  # seconds for a trainer's steps
SETTINGS: dict[str, dict[str, Any]] = {
    "padded": {},
    "by length": {"train_sampling_strategy": "group_by_length"},
    "by length, 8 x 4": {
        "train_sampling_strategy": "group_by_length",
        "per_device_train_batch_size": BATCH // 4,
        "gradient_accumulation_steps": 4,
    },
}


def format_1(mixture: pl.DataFrame, tokenizer: Any) -> pl.DataFrame:
    """Few-shot chain-of-thought examples with the same long beginning."""
    cot = mixture.filter(format="zero_shot_cot").sort("example_id")
    asked = cot.select(pl.col("prompt") + pl.col("target")).to_series().to_list()
    shots: list[str] = []
    while len(tokenizer.encode("\n\n".join(shots))) < EXEMPLARS * EXEMPLAR_TOKENS:
        shots.append(asked[-len(shots) - 1])
    beginning = "\n\n".join(shots) + "\n\n"
    return cot.head(BATCH * STEPS).with_columns(prompt=beginning + pl.col("prompt"))


def made_model(folder: Path, vocabulary: int = VOCABULARY) -> Path:
    """The random Llama with the embedded model's tokenizer."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=256, num_hidden_layers=6, num_attention_heads=8,
        intermediate_size=632, max_position_embeddings=2048, tie_word_embeddings=True,
        bos_token_id=None, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(BASE)
    tokenizer.save_pretrained(folder)
    (folder / "parameters").write_text(f"{model.num_parameters() / 1e6:.1f} M")
    return folder


def batches(examples: pl.DataFrame, tokenizer: Any) -> list[list[Any]]:
    """STEPS batches, each sorted as the plan sorts them."""
    from lmsi_kedro.tasks.encoding import Encoder

    pairs = examples["prompt"].to_list(), examples["target"].to_list()
    encoded = Encoder(tokenizer).examples(*pairs)
    Random(0).shuffle(encoded)
    cut = [encoded[i * BATCH : (i + 1) * BATCH] for i in range(STEPS)]
    return [sorted(batch, key=lambda example: example.ids) for batch in cut]


def best_of(sides: dict[str, Callable[[int], float]]) -> dict[str, float]:
    """The least CPU seconds of a step of each side; their losses are equal."""
    best = dict.fromkeys(sides, float("inf"))
    for repeat in range(REPEATS):
        losses = []
        for name, side in sides.items():
            start = time.process_time()
            losses.append(side(repeat % STEPS))
            best[name] = min(best[name], time.process_time() - start)
        assert max(losses) - min(losses) < 1e-3 * max(losses), losses
    return best


def step(model: Any, batch: dict[str, Any], everywhere: bool = False) -> float:
    """Forward and backward; the head on the targets' positions, or everywhere."""
    from torch.nn.functional import cross_entropy

    from lmsi_kedro.training.logits import target_logits

    if everywhere:
        places, targets = batch.pop("positions"), batch.pop("targets")
        logits = model(**batch, use_cache=False).logits.flatten(0, 1)[places]
    else:
        targets, logits = batch["targets"], target_logits(model, model, batch)
    loss = cross_entropy(logits.float(), targets)
    loss.backward()
    return loss.item()


def loaded(folder: Path, dtype: str, attention: str) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    form = getattr(torch, dtype)
    return AutoModelForCausalLM.from_pretrained(folder, dtype=form, attn_implementation=attention)


def compare_layouts(folder: Path, examples: pl.DataFrame, dtype: str) -> dict[str, float]:
    """Forest, rows padded to the longest of their batch, rows padded to the longest of all."""
    from transformers import AutoTokenizer

    from lmsi_kedro.tasks.encoding import Encoded
    from lmsi_kedro.training.attention import NAME
    from lmsi_kedro.training.forest import pad, plant

    steps = batches(examples, AutoTokenizer.from_pretrained(folder))
    longest = max(len(example.ids) for batch in steps for example in batch)

    def fixed(batch: Sequence[Encoded]) -> dict[str, Any]:
        padded = pad([*batch, Encoded([0] * longest, longest)])
        return {**padded, "input_ids": padded["input_ids"][:-1]}

    ours, plain = loaded(folder, dtype, NAME), loaded(folder, dtype, "sdpa")
    return best_of(
        {
            "forest": lambda n: step(ours, plant(steps[n])),
            "rows": lambda n: step(plain, pad(steps[n])),
            "fixed rows": lambda n: step(plain, fixed(steps[n])),
        }
    )


def compare_heads(folder: Path, examples: pl.DataFrame, dtype: str) -> dict[str, float]:
    """The head on the targets' positions, and on all."""
    from transformers import AutoTokenizer

    from lmsi_kedro.training.attention import NAME
    from lmsi_kedro.training.forest import plant

    steps = batches(examples, AutoTokenizer.from_pretrained(folder))
    model = loaded(folder, dtype, NAME)
    return best_of(
        {
            "head on targets": lambda n: step(model, plant(steps[n])),
            "head everywhere": lambda n: step(model, plant(steps[n]), everywhere=True),
        }
    )


def our_steps(folder: Path, examples: Path) -> list[float]:
    """CPU seconds of our trainer's steps, DeepSpeed and all."""
    from kedro.config import OmegaConfigLoader

    from lmsi_kedro.datasets.model_directory import Model
    from lmsi_kedro.params import TrainingParams
    from lmsi_kedro.training import Job
    from lmsi_kedro.training.trainer import prepare_environment

    loader = OmegaConfigLoader(str(ROOT / "conf"), base_env="base", default_run_env="base")
    given = loader["parameters"]["training"]
    given |= {"steps": STEPS, "batch_size": BATCH, "processes": 1, "gradient_accumulation": 1}
    table = pl.read_parquet(examples)
    params = TrainingParams(**given).of(Model.at(folder), table.height)
    job = Job.write(folder / "jobs", table, folder, "", params)
    prepare_environment()
    from lmsi_kedro.training.setup import build_trainer

    return timed(build_trainer(job))


def sft_steps(folder: Path, examples: Path, settings: str) -> list[float]:
    """CPU seconds of SFTTrainer's steps on the same examples, the loss on completions alone."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = pl.read_parquet(examples).select("prompt", completion=pl.col("target"))
    arguments: dict[str, Any] = {
        "per_device_train_batch_size": BATCH,
        "max_length": 2048,
        **SETTINGS[settings],
    }
    config = SFTConfig(
        output_dir=str(folder / "sft"), max_steps=STEPS, bf16=True, use_cpu=True, report_to=[],
        completion_only_loss=True, gradient_checkpointing=False, save_strategy="no",
        disable_tqdm=True, **arguments,
    )  # fmt: skip
    model = AutoModelForCausalLM.from_pretrained(folder)
    data = Dataset.from_list(rows.to_dicts())
    return timed(SFTTrainer(model, config, train_dataset=data, processing_class=tokenizer))


def timed(trainer: Any) -> list[float]:
    """CPU seconds of each step of a transformers Trainer."""
    import torch
    from transformers import TrainerCallback

    marks: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            marks.append(time.process_time())

    torch.set_num_threads(1)
    trainer.add_callback(Clock())
    trainer.train()
    return [after - before for before, after in itertools.pairwise(marks)]


def in_a_process(side: str, folder: Path, examples: Path) -> float:
    """The median step of a side; not a number where its settings fail."""
    command = [sys.executable, __file__, "--side", side, str(folder), str(examples)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=LIMIT
        )
    except subprocess.TimeoutExpired:
        print(f"    {side}: not done with {STEPS} steps after {LIMIT} s")
        return float("nan")
    if done.returncode:
        print(f"    {side}: {done.stderr.strip().splitlines()[-1]}")
        return float("nan")
    return statistics.median(json.loads(done.stdout.splitlines()[-1]))


def line(name: str, times: dict[str, float]) -> str:
    ours, *rest = times.items()
    shown = ", ".join(f"{side} {each:.3f} ({each / ours[1]:.2f}x)" for side, each in rest)
    return f"{name}: {ours[0]} {ours[1]:.3f}, {shown}"


def main(mixture: Path) -> None:
    import torch
    from transformers import AutoTokenizer

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = made_model(Path(temporary))
        names = ", ".join(f"{n} {version(n)}" for n in ("torch", "transformers", "trl"))
        print(f"{names}, {(folder / 'parameters').read_text()} parameters, {BATCH} examples a step")
        print("CPU seconds of a step, and how many times ours it takes")
        examples = pl.read_parquet(mixture)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        sets = {"mixture": examples, "format 1": format_1(examples, tokenizer)}
        for vocabulary in (VOCABULARY, LARGE_VOCABULARY):
            made = made_model(folder / str(vocabulary), vocabulary)
            for dtype in ("float32", "bfloat16"):
                found = compare_heads(made, examples, dtype)
                print(line(f"{vocabulary:,} tokens, {dtype}", found))
        for name, rows in sets.items():
            for dtype in ("float32", "bfloat16"):
                print(line(f"{name}, {dtype}", compare_layouts(folder, rows, dtype)))
        for name, rows in sets.items():
            rows.write_parquet(file := folder / f"{name}.parquet")
            sides = ["ours", *(f"SFTTrainer {settings}" for settings in SETTINGS)]
            found = {side: in_a_process(side, folder, file) for side in sides}
            print(line(f"{name}, whole trainers", found))


if __name__ == "__main__":
    if sys.argv[1] == "--side":
        side, model, data = sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
        found = our_steps(model, data) if side == "ours" else sft_steps(model, data, side[11:])
        print(json.dumps(found))
    else:
        main(Path(sys.argv[1]))
