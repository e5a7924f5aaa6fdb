"""Training steps: packed or padded batches, the LM head on targets or on all tokens, our trainer or that of TRL.

The examples are those that `make run` wrote, or those of another mixture.parquet. There are two sets of them:
`mixture` has all examples; `format 1` has few-shot chain-of-thought examples that are made from them, with prompts
that begin with the same 8 exemplars (about 900 tokens, as in the paper).

The model is a Llama of 5.4 M parameters with random weights and the tokenizer of the embedded model. Figures are
the CPU time of the forward and backward pass of a step on one thread. The compared variants take turns, each
figure is the best of 3 turns, and the benchmark asserts that their losses are equal. The LM head on targets only
is compared with the head on all tokens for two sizes of the vocabulary. Our trainer and SFTTrainer run in separate
processes in bfloat16, and their figure is the median CPU time of a step. SFTTrainer runs with each of the settings
in trainers.py. Its padding-free mode is not one of them: it is meant for flash attention, and without flash
attention it needs more than 16 GB of memory for `format 1`.
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
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
from result import QUICK, ROOT, Result, arguments
from trainers import BATCH, SETTINGS, STEPS

BASE = ROOT / "data/06_models/base"
MIXTURE = ROOT / "data/05_examples/round_1/mixture.parquet"
REPEATS = 1 if QUICK else 3
DTYPES = ("bfloat16",) if QUICK else ("bfloat16", "float32")
EXEMPLARS, EXEMPLAR_TOKENS = 8, 110
VOCABULARY, LARGE_VOCABULARY = 4096, 32_768
LIMIT = 900  # seconds that a trainer may take


DESCRIPTION = {
    "both": f"Llama of 5.4 M random parameters, {BATCH} examples per step, one thread, CPU time; "
    f"whole trainers: median of {STEPS} steps; other cases: best of {REPEATS}",
    "ours": "packed batches with shared prefixes; whole trainers include DeepSpeed",
    "SFTTrainer": "bfloat16, completion_only_loss; " + "; ".join(SETTINGS),
}


def format_1(mixture: pl.DataFrame, tokenizer: Any) -> pl.DataFrame:
    """Return few-shot chain-of-thought examples with a long common prefix."""
    cot = mixture.filter(format="zero_shot_cot").sort("example_id")
    worked = cot.select(pl.col("prompt") + pl.col("target")).to_series().to_list()
    shots: list[str] = []
    while len(tokenizer.encode("\n\n".join(shots))) < EXEMPLARS * EXEMPLAR_TOKENS:
        shots.append(worked[-len(shots) - 1])
    beginning = "\n\n".join(shots) + "\n\n"
    return cot.head(BATCH * STEPS).with_columns(prompt=beginning + pl.col("prompt"))


def made_model(folder: Path, vocabulary: int = VOCABULARY) -> Path:
    """Write a Llama with random weights and the tokenizer of the embedded model."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=256, num_hidden_layers=6, num_attention_heads=8,
        intermediate_size=632, max_position_embeddings=2048, tie_word_embeddings=True,
        bos_token_id=None, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(BASE)
    tokenizer.save_pretrained(folder)
    return folder


def batches(examples: pl.DataFrame, tokenizer: Any) -> list[list[Any]]:
    """Return STEPS batches; the examples in each are sorted as in our trainer."""
    from lmsi_kedro.tasks.encoding import Encoder

    pairs = examples["prompt"].to_list(), examples["target"].to_list()
    encoded = Encoder(tokenizer).examples(*pairs)
    Random(0).shuffle(encoded)
    cut = [encoded[i * BATCH : (i + 1) * BATCH] for i in range(STEPS)]
    return [sorted(batch, key=lambda example: example.ids) for batch in cut]


def best_of(sides: dict[str, Callable[[int], float]]) -> dict[str, float]:
    """Return the CPU seconds per step of each side in its best turn; assert that their losses are equal."""
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
    """Run forward and backward, with the LM head on target positions only or on all positions."""
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
    """Compare packed batches with batches padded to their own longest row or to the longest row of all."""
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
            "packed batch": lambda n: step(ours, plant(steps[n])),
            "padded to longest of batch": lambda n: step(plain, pad(steps[n])),
            "padded to longest of all": lambda n: step(plain, fixed(steps[n])),
        }
    )


def compare_heads(folder: Path, examples: pl.DataFrame, dtype: str) -> dict[str, float]:
    """Compare the LM head on target positions with the head on all positions."""
    from transformers import AutoTokenizer

    from lmsi_kedro.training.attention import NAME
    from lmsi_kedro.training.forest import plant

    steps = batches(examples, AutoTokenizer.from_pretrained(folder))
    model = loaded(folder, dtype, NAME)
    return best_of(
        {
            "head on targets": lambda n: step(model, plant(steps[n])),
            "head on all positions": lambda n: step(model, plant(steps[n]), everywhere=True),
        }
    )


def in_a_process(side: str, folder: Path, examples: Path) -> float:
    """Run a trainer in a separate process; return the median time of a step, or print the error and return 0."""
    script = Path(__file__).with_name("trainers.py")
    command: list[str | Path] = [
        sys.executable,
        script,
        side,
        folder,
        examples,
        *["--quick"] * QUICK,
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=LIMIT
        )
    except subprocess.TimeoutExpired:
        print(f"    {side}: did not finish {STEPS} steps within {LIMIT} s")
        return 0.0
    if done.returncode:
        print(f"    {side}: {done.stderr.strip().splitlines()[-1]}")
        return 0.0
    seconds: list[float] = json.loads(done.stdout.splitlines()[-1])
    return statistics.median(seconds)


def compare(result: Result, folder: Path, examples: pl.DataFrame) -> None:
    """Compare the trainers, then the layouts of batches, then the LM heads."""
    from transformers import AutoTokenizer

    def add(case: str, times: dict[str, float]) -> None:
        ours, *_ = times
        result.add(f"{case}: {ours}", "CPU s per step", times.pop(ours), times)

    made_model(folder)
    sets = {"mixture": examples}
    if not QUICK:
        sets["format 1"] = format_1(examples, AutoTokenizer.from_pretrained(folder))
    for name, rows in sets.items():
        rows.write_parquet(file := folder / f"{name}.parquet")
        sides = ["our trainer", *(f"SFTTrainer {settings}" for settings in SETTINGS)]
        found = {side: in_a_process(side, folder, file) for side in sides[: 2 if QUICK else None]}
        times = {side: took for side, took in found.items() if took}
        result.add(f"{name}, whole trainers", "CPU s per step", times.pop("our trainer"), times)
    for (name, rows), dtype in itertools.product(sets.items(), DTYPES):
        add(f"{name}, {dtype}", compare_layouts(folder, rows, dtype))
    for vocabulary in (VOCABULARY,) if QUICK else (VOCABULARY, LARGE_VOCABULARY):
        made = made_model(folder / str(vocabulary), vocabulary)
        for dtype in DTYPES:
            add(f"{vocabulary:,} tokens, {dtype}", compare_heads(made, examples, dtype))


def main() -> None:
    parser = arguments(__file__, __doc__)
    parser.add_argument("mixture", nargs="?", type=Path, default=MIXTURE)
    given = parser.parse_args()
    if not given.mixture.exists():
        parser.error(f"{given.mixture} is missing: run `make run` first, or name another file")
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        result = Result("training", DESCRIPTION)
        compare(result, Path(temporary), pl.read_parquet(given.mixture))
    result.finish()


if __name__ == "__main__":
    main()
