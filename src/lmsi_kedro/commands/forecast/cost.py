"""From the work of a run and the speed of its engine to hours and bytes. Arithmetic only."""

from dataclasses import dataclass

BACKWARD = 3  # a training step does about three times the arithmetic of a forward pass (Kaplan et al. 2020)
# Per parameter while training: float32 weights, gradients, Adam's two moments, in two checkpoints.
CHECKPOINT_BYTES = 2 * 12
MODEL_COPIES = 3  # of a round: the job's, the candidate, the promoted one


@dataclass(frozen=True)
class Work:
    """Counted from the configuration and the questions."""

    rounds: int
    paths: int  # sampled to learn from, per round
    evaluation_paths: int  # per evaluated model
    models_evaluated: int
    trainings: int
    training_examples: int  # steps x batch size of one training
    workers: int
    extra_paths: int = 0  # to evaluate, once per run


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
    examples_per_training: int
    disk_gib: float


def cost_of(work: Work, measured: Measured) -> Cost:
    """Sampling is divided by the workers; training is one device's, and faster on more."""
    paths = work.rounds * work.paths + work.models_evaluated * work.evaluation_paths
    paths += work.extra_paths
    tokens = round(paths * measured.tokens / measured.paths)
    device = tokens / (measured.tokens / measured.seconds) / 3600
    trained = round(work.trainings * work.training_examples * measured.example_tokens)
    training = trained * BACKWARD / measured.forward_tokens_per_second / 3600
    disk = (
        paths * measured.bytes / measured.paths
        + work.trainings * MODEL_COPIES * measured.weight_bytes
        + CHECKPOINT_BYTES * measured.parameters
    )
    return Cost(
        tokens=tokens,
        sampling_hours=device / work.workers,
        training_tokens=trained,
        training_hours=training,
        device_hours=device + training,
        examples_per_training=work.training_examples,
        disk_gib=disk / 2**30,
    )
