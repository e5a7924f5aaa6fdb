"""The trainer process: `python -m lmsi_kedro.training.trainer job.json`, once for each rank.

It runs `transformers.Trainer` on DeepSpeed with the loss on target tokens only, on any number of processes and any
ZeRO stage. It reads and writes only the job folder, and ends when its launcher ends.
"""

import os
import sys
import traceback
import warnings
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from lmsi_kedro.parent import end_with
from lmsi_kedro.training.job import Job, TrainingError
from lmsi_kedro.training.lease import end_without


def main() -> None:
    """Runs the job whose job.json is the first argument; the second may be the token of a lease."""
    launcher = os.environ.get("LMSI_LAUNCHER_PID")
    if launcher:
        end_with(int(launcher))
    job = Job.read(Path(sys.argv[1]))
    for lease in sys.argv[2:]:
        end_without(job.lease, lease)
    prepare_environment()
    try:
        if launcher:
            meet(job)
        run(job)
    except Exception as error:
        traceback.print_exc()
        write_error(job, error)
        sys.exit(1)


def write_error(job: Job, error: Exception) -> None:
    """Writes the error for the launcher; a TrainingError overwrites errors that it caused in other processes."""
    with suppress(OSError):  # a full disk may be the reason
        if isinstance(error, TrainingError):
            job.error.write_text(str(error))
        elif not job.error.exists():
            job.error.write_text(f"{type(error).__name__}: {error}")


def prepare_environment() -> None:
    """Sets variables that libraries read on import, so that a single process also runs without a launcher."""
    import torch

    # DeepSpeed calls torch functions by deprecated names.
    warnings.filterwarnings("ignore", category=FutureWarning)
    alone = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "LOCAL_SIZE": "1"}
    alone |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}
    quiet = {"TRANSFORMERS_VERBOSITY": "error", "ACCELERATE_LOG_LEVEL": "error"}
    # oneDNN caches a kernel per sequence length. Training takes 2.9 GiB with the default of 1,024 kernels, and
    # 1.7 GiB with 64.
    few = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64"}
    defaults = {**alone, **quiet, **few, "HF_HUB_OFFLINE": "1"}
    if not torch.cuda.is_available():
        defaults["DS_ACCELERATOR"] = "cpu"
    for name, value in defaults.items():
        os.environ.setdefault(name, value)


def meet(job: Job) -> None:
    """Joins the process group of this machine."""
    import torch

    torch.distributed.init_process_group(
        "nccl" if torch.cuda.is_available() else "gloo",
        init_method=f"file://{job.rendezvous}",
        rank=int(os.environ["RANK"]),
        world_size=int(os.environ["WORLD_SIZE"]),
        timeout=timedelta(minutes=30),
    )


def run(job: Job) -> None:
    """Trains, from the newest intact checkpoint if there is one, and saves the model."""
    from lmsi_kedro.training.checkpoints import newest_whole
    from lmsi_kedro.training.saving import save_checked
    from lmsi_kedro.training.setup import build_trainer

    trainer = build_trainer(job)
    args = trainer.args
    resumed = newest_whole(job.checkpoints, args.process_index, args.world_size, args.device)
    trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
    save_checked(trainer, job)


if __name__ == "__main__":
    main()
