"""From the work of a run and the speed of its engine to hours and bytes. Arithmetic only."""

from dataclasses import dataclass

from lmsi_kedro.pipelines.controls.nodes import TRAINED

# Per parameter while training: float32 weights, gradients, Adam's two moments, in two checkpoints.
CHECKPOINT_BYTES = 2 * 12
MODEL_COPIES = 3  # of a round: the job's, the candidate, the promoted one


@dataclass(frozen=True)
class Work:
    """Counted from the plans and the trainings of a pipeline."""

    paths: int  # sampled to learn from, in all rounds
    other_paths: int  # to generate, to evaluate and to monitor
    examples: list[int]  # steps x batch size of each training
    workers: int


@dataclass(frozen=True)
class Measured:
    """One worker for a short time, on the run's own prompts."""

    paths: int
    tokens: int
    bytes: int  # of the chunks on disk
    seconds: float
    forward_tokens_per_second: float
    example_tokens: float  # mean length of a training example
    parameters: int
    weight_bytes: int


@dataclass(frozen=True)
class Cost:
    """tokens are sampled ones; device_hours is the time of one device summed over all of them."""

    tokens: int
    sampling_hours: float
    training_tokens: int
    training_hours: float
    device_hours: float
    disk_gib: float


def cost_of(work: Work, measured: Measured) -> Cost:
    """Sampling is divided by the workers; training is one device's, and faster on more."""
    paths = work.paths + work.other_paths
    tokens = round(paths * measured.tokens / measured.paths)
    device = tokens / (measured.tokens / measured.seconds) / 3600
    trained = round(sum(work.examples) * measured.example_tokens)
    training = trained * TRAINED / measured.forward_tokens_per_second / 3600
    disk = (
        paths * measured.bytes / measured.paths
        + len(work.examples) * MODEL_COPIES * measured.weight_bytes
        + CHECKPOINT_BYTES * measured.parameters
    )
    return Cost(
        tokens=tokens,
        sampling_hours=device / work.workers,
        training_tokens=trained,
        training_hours=training,
        device_hours=device + training,
        disk_gib=disk / 2**30,
    )
