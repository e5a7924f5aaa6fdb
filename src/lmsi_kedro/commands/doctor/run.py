"""Checks the model, questions, training and disk of a configured run, with the same checks as the run itself."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kedro.io import DatasetError

from lmsi_kedro.commands.doctor.finding import Finding
from lmsi_kedro.commands.mistakes import sentence
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.server.faults import ServerError
from lmsi_kedro.hardware import available_memory, gpus
from lmsi_kedro.params import EngineParams, TrainingParams
from lmsi_kedro.printable import counted
from lmsi_kedro.training.job import TrainingError

# Bytes per parameter: a trained one has its weight, gradient and Adam's two moments in float32, and a 16-bit copy
# of the weight for the computation; a frozen one has only the 16-bit weight.
TRAINED_BYTES, FROZEN_BYTES = 18, 2
PROBLEMS = (DatasetError, OSError, ServerError, TrainingError, ValueError)
SSH = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5"]


def check_run(catalog: Any, params: dict[str, Any]) -> Iterator[Finding]:
    """Yields the finding of each check as soon as it is known; if there is no model, it checks nothing else."""
    engine, training = params["engine"], params["training"]
    try:
        model = catalog.load("base_model")
    except PROBLEMS as error:
        yield failed("model", error)
        return
    yield Finding("model", f"{model.path}, digest {model.digest[:12]}")
    yield attempt("end token", lambda: end_of(model, engine))
    yield attempt("questions", lambda: questions_of(catalog))
    yield attempt("training", lambda: training_of(model, training, engine))
    if training.hostfile:
        yield attempt("hosts", lambda: hosts_of(Path(training.hostfile)))


def attempt(name: str, check: Callable[[], str | Finding]) -> Finding:
    """Returns the result of a check; if it fails, the error with which the run would stop, and what to change."""
    try:
        result = check()
    except PROBLEMS as error:
        return failed(name, error)
    return result if isinstance(result, Finding) else Finding(name, result)


def failed(name: str, error: Exception) -> Finding:
    """Returns the finding of a failed check; the error message also says what to do."""
    return Finding(name, sentence(error), "")


def end_of(model: Model, engine: EngineParams) -> str | Finding:
    """Checks that every engine stops at the end token that training uses."""
    from transformers import AutoConfig, GenerationConfig

    from lmsi_kedro.tasks.encoding import Encoder
    from lmsi_kedro.training.encoding import check_end, check_vocabulary

    trust = engine.trust_remote_code
    encoder = Encoder.of(model.path, engine.conversation, trust)
    tokenizer, end = encoder.tokenizer, encoder.end
    config = AutoConfig.from_pretrained(model.path, trust_remote_code=trust)
    check_end(tokenizer)
    check_vocabulary(tokenizer, config.get_text_config())
    file = "generation_config.json" if (model.path / "generation_config.json").exists() else None
    generation = GenerationConfig.from_pretrained(model.path) if file else config.get_text_config()
    stops = (
        generation.eos_token_id
        if isinstance(generation.eos_token_id, list)
        else [generation.eos_token_id]
    )
    ending = f"answers end with {tokenizer.decode([end])!r} ({end})"
    if end not in stops:
        where = file or "config.json"
        remedy = (
            f"add {end} to eos_token_id in {where}, or other engines never stop the tuned model"
        )
        return Finding("end token", f"{ending}, but {where} stops at {stops}", remedy)
    return (
        f"{ending}, prompts {'in its chat template' if encoder.frame.is_chat else 'as plain text'}"
    )


def questions_of(catalog: Any) -> str:
    """Runs the preparation and preflight of the run: files, splits, labels, context, memory."""
    from kedro.framework.project import pipelines

    from lmsi_kedro.commands.dry_run import dry_run

    datasets = dry_run(
        pipelines["self_improve"].to_nodes("check_machine", "prepare_labels"), catalog
    )
    found, kept, tasks = datasets["preflight"], datasets["questions"], datasets["tasks"]
    return (
        f"{kept.height:,} in {counted(len(tasks.root), 'task')}, the longest prompt has "
        f"{found['longest_prompt']} tokens of {found['context']}, sampling needs {found['memory_gib']} GiB"
    )


def training_of(model: Model, training: TrainingParams, engine: EngineParams) -> str | Finding:
    """Checks devices, batch size, the targets of LoRA and memory."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from lmsi_kedro.training.adapters import check_targets
    from lmsi_kedro.training.setup import check_batch, check_devices

    trust = {"trust_remote_code": engine.trust_remote_code}
    config = AutoConfig.from_pretrained(model.path, **trust)
    with torch.device("meta"):  # a model without data, for names and sizes
        empty: Any = AutoModelForCausalLM.from_config(config, **trust)
    lora = training.adapters(model)
    if lora:
        check_targets(empty, lora)
    if not training.hostfile:
        check_devices(training.processes)
        check_batch(training, training.processes)
    parameters = empty.num_parameters()
    each = FROZEN_BYTES if lora else TRAINED_BYTES
    copies = training.processes if training.zero_stage == 0 else 1
    needed, free = parameters * each * copies, device_memory(training)
    memory = f"ZeRO-{training.zero_stage} keeps about {needed / 2**30:,.2f} GiB besides activations"
    if needed > free and not training.hostfile:
        remedy = "train with lora, offload, a higher zero_stage or more processes"
        return Finding("training", f"{memory}, {free / 2**30:,.2f} GiB are free", remedy)
    return f"{parameters / 1e6:,.1f} M parameters, {training.processes} processes, {memory}"


def device_memory(training: TrainingParams) -> int:
    """Returns the total memory of the training's devices in bytes."""
    import torch

    if not gpus() or training.offload == "all":
        return available_memory()
    return training.processes * int(torch.cuda.get_device_properties(0).total_memory)


def hosts_of(hostfile: Path) -> str:
    """Checks that every host of the file answers; raises TrainingError for the first that does not."""
    from lmsi_kedro.training.launcher import read_hostfile

    hosts = read_hostfile(hostfile)
    for program in ("ssh", "pdsh"):
        if shutil.which(program) is None:
            raise TrainingError(f"training.hostfile needs {program}: apt install {program}")
    for host in hosts:
        if subprocess.run([*SSH, host, "true"], capture_output=True, check=False).returncode:
            raise TrainingError(
                f"training.hostfile: {host} does not answer `ssh {host} true` without a password"
            )
    return f"{len(hosts)} answer, {sum(hosts.values())} slots"


def room(folder: Path, disk_gib: float) -> Finding:
    """Checks whether the disk of a folder, which may not exist yet, has room for a run."""
    there = next(parent for parent in [folder, *folder.absolute().parents] if parent.exists())
    free = shutil.disk_usage(there).free / 2**30
    space = f"{free:,.1f} GiB free, a run writes about {disk_gib:,.2f} GiB"
    remedy = "free some space, or run elsewhere with --params=data_root=..."
    return Finding("disk", space, remedy if free < disk_gib else None)
