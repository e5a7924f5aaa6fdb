"""The trainer process: `python -m lmsi_kedro.training.trainer job.json`, once for each rank.

`transformers.Trainer` on DeepSpeed, with the loss on target tokens only, on any number of
processes and any ZeRO stage. It reads a job folder and writes there only; it knows nothing of who
started it, except that it ends with its launcher.
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
    """Does the job named on the command line; a lease may follow."""
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
        tell(job, error)
        sys.exit(1)


def tell(job: Job, error: Exception) -> None:
    """Leaves the reason to the launcher; one of ours is worth more than what another process makes of its end."""
    with suppress(OSError):  # as the disk may be what is full
        if isinstance(error, TrainingError):
            job.error.write_text(str(error))
        elif not job.error.exists():
            job.error.write_text(f"{type(error).__name__}: {error}")


def prepare_environment() -> None:
    """Settings that libraries read when they are imported; a single process needs no launcher."""
    import torch

    # About torch functions that DeepSpeed calls by their old names.
    warnings.filterwarnings("ignore", category=FutureWarning)
    alone = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "LOCAL_SIZE": "1"}
    alone |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}
    quiet = {"TRANSFORMERS_VERBOSITY": "error", "ACCELERATE_LOG_LEVEL": "error"}
    # Every length is a shape of its own: with 1,024 kernels kept, training grows to 2.9 GiB, else 1.7.
    few = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64"}
    defaults = {**alone, **quiet, **few, "HF_HUB_OFFLINE": "1"}
    if not torch.cuda.is_available():
        defaults["DS_ACCELERATOR"] = "cpu"
    for name, value in defaults.items():
        os.environ.setdefault(name, value)


def meet(job: Job) -> None:
    """Joins the other processes of this machine."""
    import torch

    torch.distributed.init_process_group(
        "nccl" if torch.cuda.is_available() else "gloo",
        init_method=f"file://{job.rendezvous}",
        rank=int(os.environ["RANK"]),
        world_size=int(os.environ["WORLD_SIZE"]),
        timeout=timedelta(minutes=30),
    )


def run(job: Job) -> None:
    """Trains, from the newest whole checkpoint if there is one, and saves the model."""
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
