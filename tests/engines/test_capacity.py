"""If the number of rows is not given, it depends on the free memory; it is part of each chunk's address."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from transformers import AutoConfig

from lmsi_kedro import hardware
from lmsi_kedro.engines import capacity
from lmsi_kedro.engines.architecture import cached_per_token, text_config
from lmsi_kedro.engines.capacity import demand, longest, parts_of, with_rows
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.model_files import count_parameters, number_format
from lmsi_kedro.params import EngineParams, Sampling, ServerParams
from lmsi_kedro.tasks.encoding import AUTO, Encoder

BASE = Path(__file__).parents[2] / "data" / "06_models" / "base"
PROMPT = "Q: a?\nA: b.\n\nQ: How many pens?\nA:"
ENCODER = Encoder.of(BASE, AUTO, False)
PARTS = parts_of(ENCODER, [PROMPT])
SAMPLING = Sampling(temperature=1, max_new_tokens=96, seed=1)
SERVER = ServerParams(urls=["http://localhost:1/v1"], model="m", revision="sha256:00000000")
ENGINE = EngineParams(
    executor="processes", ray_address=None, workers=2, dtype="float32", paths_per_chunk=1024, rows=None,
    chat="auto", trust_remote_code=False, skip_too_long=False, server=SERVER,
)  # fmt: skip


def given(monkeypatch: pytest.MonkeyPatch, free: int) -> EngineParams:
    """The engine's parameters on a machine with this number of free bytes per worker."""
    monkeypatch.setattr(capacity, "free_memory", lambda workers: free)
    return with_rows(ENGINE, BASE, [[PROMPT]], 96)


def test_memory_demand_of_prefix_and_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token takes two numbers per layer, head and dimension; on the CPU, prefixes are also packed in float32."""
    config = json.loads((BASE / "config.json").read_text())
    token = 4 * 2 * config["num_hidden_layers"] * config["hidden_size"]
    logits = 4 * config["vocab_size"]
    weights = sum(tensor.nbytes for tensor in load_file(BASE / "model.safetensors").values())
    for gpus in (0, 1):
        monkeypatch.setattr(capacity, "gpus", lambda gpus=gpus: gpus)
        kept, tied = (token, 0) if gpus else (2 * token, config["tie_word_embeddings"])
        none, some = demand(BASE, ENGINE, 0, 0, 96), demand(BASE, ENGINE, 100, 1, 96)
        assert none.fixed == capacity.PROCESS + weights + tied * logits * config["hidden_size"]
        assert some.fixed == none.fixed + 100 * kept
        assert none.row == 96 * token + 3 * logits
        assert some.row == none.row + kept
        assert some.of(1) == some.fixed + some.shared
        assert some.of(99) == some.fixed + 99 * some.row
        while_computed = demand(BASE, ENGINE, 100, 50, 96).row
        assert while_computed > none.row + 50 * kept


def test_without_the_tree_rows_hold_whole_prompts(tmp_path: Path) -> None:
    """The model is the same, but its configuration has a sliding window."""
    model = Path(shutil.copytree(BASE, tmp_path / "model"))
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(
        json.dumps({**config, "model_type": "mistral", "sliding_window": 8})
    )
    token = 4 * 2 * config["num_hidden_layers"] * config["hidden_size"]
    plain, longer = demand(model, ENGINE, 400, 50, 96), demand(model, ENGINE, 500, 50, 96)
    assert plain.fixed == longer.fixed < demand(BASE, ENGINE, 400, 50, 96).fixed
    assert plain.row > 450 * token
    assert longer.row - plain.row >= 100 * token


def test_sizes_of_any_architecture_are_found(tmp_path: Path) -> None:
    """GPT-2 uses other names for its sizes, and Mamba has no attention."""
    for kind in ("gpt2", "mamba"):
        AutoConfig.for_model(kind).save_pretrained(tmp_path / kind)
        save_file({"weight": np.zeros(9)}, tmp_path / kind / "model.safetensors")
        assert demand(tmp_path / kind, ENGINE, 10, 10, 10).row > 0
    assert cached_per_token(text_config(tmp_path / "gpt2", False)) == 2 * 12 * 768


def test_free_memory_gives_power_of_two_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    one = demand(BASE, ENGINE, *PARTS, 96)
    for rows, found in {1: 1, 3: 2, 70: 64, 120: 64, 129: 128, 10**6: 1024}.items():
        free = int(one.of(rows) / capacity.USABLE) + 1000
        assert given(monkeypatch, free).rows == found
    with pytest.raises(ValueError, match=r"a row needs .* GiB of memory, .* lower engine\.workers"):
        given(monkeypatch, one.fixed)


def test_parts_are_shared_prefix_and_longest_suffix() -> None:
    """The last token of a prompt is never part of the shared prefix."""
    shown = "Q: a?\nA: b.\n\n"
    groups = [[f"{shown}Q: {'pens ' * n}?\nA:" for n in (1, 9, 3)], ["Q: a?\nA:"]]
    tokens = [[len(ids) for ids in ENCODER.prompts(group)] for group in groups]
    parts = [parts_of(ENCODER, group) for group in groups]
    assert [sum(part) for part in parts] == [max(counts) for counts in tokens]
    assert parts[0][0] == len(ENCODER.prompts([shown + "Q: pens"])[0])
    assert parts[1] == (tokens[1][0] - 1, 1)
    assert longest(parts) == (parts[0][0], parts[0][1])


def test_longest_prompt_of_a_plan_limits_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order in which tasks are added does not matter; if rows is given, more prompts change no chunk."""
    long = PROMPT + " How many?" * 200
    free = int(
        demand(BASE, ENGINE, *parts_of(ENCODER, [PROMPT, "A?"]), 96).of(600) / capacity.USABLE
    )
    monkeypatch.setattr(capacity, "free_memory", lambda workers: free)

    def planned(*prompts: str, rows: int | None = None) -> Plan:
        made = Plan(BASE, "d", ENGINE.model_copy(update={"rows": rows}))
        for number, prompt in enumerate(prompts):
            made.add({f"q{number}": prompt, f"p{number}": "A?"}, range(8), SAMPLING, {})
        return made

    def sized(*prompts: str) -> int:
        found = planned(*prompts).sized.rows
        assert found is not None
        return found

    rows = {order: sized(*order) for order in [(PROMPT, long), (long, PROMPT), (PROMPT,)]}
    assert (
        rows[PROMPT, long] == rows[long, PROMPT] == with_rows(ENGINE, BASE, [[long, "A?"]], 96).rows
    )
    assert rows[PROMPT, long] < rows[(PROMPT,)] == 512
    both = planned(PROMPT, long, rows=48).chunks
    assert set(both) > set(planned(PROMPT, rows=48).chunks)


def test_given_number_of_rows_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "free_memory", lambda workers: 0)
    fixed = ENGINE.model_copy(update={"rows": 48})
    assert with_rows(fixed, BASE, [[PROMPT]], 96) is fixed


def test_memory_of_remote_executors_is_not_measured() -> None:
    served = ENGINE.model_copy(update={"executor": "server"})
    assert with_rows(served, BASE, [[PROMPT]], 96).rows == 1024
    with pytest.raises(ValueError, match=r"engine\.rows must be given with executor ray"):
        with_rows(ENGINE.model_copy(update={"executor": "ray"}), BASE, [[PROMPT]], 96)


def test_chosen_rows_are_in_address_and_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A run that chooses another number therefore does not reuse these chunks."""

    def planned(engine: EngineParams) -> Plan:
        made = Plan(BASE, "d", engine)
        made.add({"q": PROMPT}, range(8), SAMPLING, {})
        return made

    monkeypatch.setattr(capacity, "free_memory", lambda workers: 1 << 30)
    with caplog.at_level("INFO"):
        chosen = planned(ENGINE)
        assert len(chosen.chunks) == 1
    assert f"engine.rows={chosen.sized.rows} keeps it" in caplog.text
    same = planned(ENGINE.model_copy(update={"rows": chosen.sized.rows}))
    assert set(same.chunks) == set(chosen.chunks)
    assert set(planned(ENGINE.model_copy(update={"rows": 16})).chunks).isdisjoint(same.chunks)


def test_workers_share_the_memory_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "gpus", lambda: 0)
    monkeypatch.setattr(hardware, "available_memory", lambda: 1000)
    hardware.free_memory.cache_clear()
    assert hardware.free_memory(4) == 250
    monkeypatch.setattr(hardware, "available_memory", lambda: 500)
    assert hardware.free_memory(4) == 250, "measured once: all plans of a run use the same number"
    hardware.free_memory.cache_clear()


def test_gpus_unusable_by_torch_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """If, for example, the driver is too old for torch, the model runs on the CPU."""
    monkeypatch.setattr(hardware, "gpus", lambda: 2)
    monkeypatch.setattr(hardware, "available_memory", lambda: 1000)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    hardware.free_memory.cache_clear()
    assert hardware.free_memory(2) == 500
    hardware.free_memory.cache_clear()


@pytest.mark.parametrize("stored", ["float32", "bfloat16", "float16"])
def test_weights_are_counted_in_any_number_format(tmp_path: Path, stored: str) -> None:
    """Only the headers of files that transformers loads are read; consolidated weights are not counted."""
    import torch
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(BASE, dtype=getattr(torch, stored))
    model.save_pretrained(tmp_path, max_shard_size="1MB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    shutil.copy(BASE / "model.safetensors", tmp_path / "consolidated.safetensors")
    assert count_parameters(tmp_path) == count_parameters(BASE) == model.num_parameters()
    assert number_format(tmp_path) == stored
    file = next(tmp_path.glob("model-*.safetensors"))
    file.write_bytes(file.read_bytes()[:9])
    with pytest.raises(ValueError, match=rf"{file.name} is damaged, fetch it again"):
        count_parameters(tmp_path)
