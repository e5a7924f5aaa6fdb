"""Checkpoints that are used only if they are completely on disk, and loaded without running code from them.

    <job>/checkpoints/checkpoint-<step>/
        ...                     DeepSpeed's and the Trainer's own files
        seal-<rank>.json        checksums of a share of these files, written after they are flushed to disk

Each of n processes seals and checks every n-th file, so that no process has to read the whole optimizer state.
"""

import hashlib
import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from deepspeed.runtime.checkpoint_engine import TorchCheckpointEngine
from deepspeed.runtime.fp16.loss_scaler import LossScaler
from deepspeed.runtime.zero.config import ZeroStageEnum
from deepspeed.utils.tensor_fragment import fragment_address

from lmsi_kedro import durable
from lmsi_kedro.training.job import TrainingError, reading

PREFIX = "checkpoint-"
SEAL = "seal-"
# The classes that DeepSpeed stores in addition to numbers, strings and containers.
CLASSES = [LossScaler, ZeroStageEnum, fragment_address]
log = logging.getLogger(__name__)


def read_without_code(
    _: TorchCheckpointEngine, path: str | os.PathLike[str], map_location: Any = None
) -> Any:
    """Replaces DeepSpeed's loader, which would run code from a file; UnpicklingError if a file contains code."""
    with torch.serialization.safe_globals(CLASSES):
        return torch.load(path, map_location=map_location, weights_only=True)


def files(checkpoint: Path) -> list[Path]:
    """All files except the seals, sorted; OSError for an unreadable folder, which `rglob` would skip."""
    walked = os.walk(checkpoint, onerror=stop)
    found = (Path(folder, name) for folder, _, names in walked for name in names)
    return sorted(path for path in found if not path.name.startswith(SEAL))


def stop(error: OSError) -> None:
    raise error


def seal(checkpoint: Path, rank: int, processes: int) -> None:
    """Flushes one process's share to disk and stores its checksums, after all processes wrote their files."""
    share = files(checkpoint)[rank::processes]
    for path in share:
        durable.flush(path)
    for folder in {path.parent for path in share}:
        durable.flush(folder)
    sums = {str(path.relative_to(checkpoint)): checksum(path) for path in share}
    durable.write(checkpoint / f"{SEAL}{rank}.json", json.dumps(sums, indent=1).encode())


def is_whole(checkpoint: Path, rank: int, processes: int) -> bool:
    """Whether this process's share is unchanged; TrainingError if a different number of processes sealed it."""
    try:
        with reading(checkpoint):
            if (by := sealed_by(checkpoint)) not in (0, processes):
                raise TrainingError(
                    f"{checkpoint} was saved by {by} processes, but this training has {processes}: restore the "
                    f"hosts of training.hostfile, or remove {checkpoint.parent} to train from the start."
                )
            if by == 0:
                return False
            sums = json.loads((checkpoint / f"{SEAL}{rank}.json").read_bytes())
            return all(checksum(checkpoint / name) == sums[name] for name in sums)
    except (FileNotFoundError, ValueError, TypeError):
        return False


def sealed_by(checkpoint: Path) -> int:
    """The number of processes that sealed the checkpoint; 0 if the seals do not cover all files."""
    count = sum(each.match(f"{SEAL}*.json") for each in checkpoint.iterdir())
    names = [str(path.relative_to(checkpoint)) for path in files(checkpoint)]
    for rank in range(count):
        sums = json.loads((checkpoint / f"{SEAL}{rank}.json").read_bytes())
        if set(sums) != set(names[rank::count]):
            return 0
    return count


def checksum(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def newest_whole(folder: Path, rank: int, processes: int, device: torch.device) -> Path | None:
    """The newest checkpoint that is intact for all processes, or None; newer, damaged checkpoints are removed."""
    for checkpoint in newest_first(folder):
        if agreed(is_whole(checkpoint, rank, processes), device):
            return checkpoint
        if rank == 0:
            log.warning("%s is damaged or incomplete and will be removed", checkpoint)
            shutil.rmtree(checkpoint)
        torch.distributed.barrier()
    return None


def newest_first(folder: Path) -> list[Path]:
    """All checkpoints of a job, including damaged ones."""
    try:
        with reading(folder):
            found = [each for each in folder.iterdir() if each.name.startswith(PREFIX)]
    except FileNotFoundError:
        return []
    return sorted(found, key=lambda path: int(path.name.removeprefix(PREFIX)), reverse=True)


def agreed(here: bool, device: torch.device) -> bool:
    """Whether `here` is true in every process."""
    everywhere = torch.tensor(int(here), device=device)
    torch.distributed.all_reduce(everywhere, torch.distributed.ReduceOp.MIN)
    return bool(everywhere.item())
