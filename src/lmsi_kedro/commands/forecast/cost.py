"""From the work of a run and the speed of its engine to seconds and bytes. Arithmetic only."""

from dataclasses import dataclass

# What training a token costs, in forward passes of one: 3 by arithmetic, 4 with checkpoints. Measured with the
# embedded model, whose optimizer weighs more: 33 k tokens a core and second forward, 8.2 k trained.
TRAINED = 4.0
# A trainer's start and end, and all nodes that neither sample nor train, in starts of a worker: measured 16 s,
# 16 s and 5.5 s.
STARTS_OF_TRAINING = STARTS_OF_OTHERS = 3
# Per parameter while training: float32 weights, gradients, Adam's two moments, in two checkpoints.
CHECKPOINT_BYTES = 2 * 12
MODEL_COPIES = 3  # of a round: the job's, the candidate, the promoted one


@dataclass(frozen=True)
class Work:
    """Counted from the plans and the trainings of a pipeline."""

    paths: int  # sampled to learn from, in all rounds
    other_paths: int  # to generate, to evaluate and to monitor
    stages: int  # nodes that sample; each starts its workers
    examples: list[int]  # steps x batch size of each training
    workers: int
    processes: int  # of the training


@dataclass(frozen=True)
class Measured:
    """The run's workers for a short time, on its own prompts, and a forward pass of one of them."""

    paths: int
    tokens: int
    bytes: int  # of the chunks on disk
    tokens_per_second: float  # of all workers
    start_seconds: float  # of a worker
    forward_tokens_per_second: float  # of one worker
    example_tokens: float  # mean length of a training example, its prompt and a path
    parameters: int
    weight_bytes: int


@dataclass(frozen=True)
class Cost:
    """tokens are sampled ones; seconds are those of the whole run by the clock."""

    tokens: int
    sampling_seconds: float
    training_tokens: int
    training_seconds: float
    seconds: float
    disk_gib: float


def cost_of(work: Work, measured: Measured) -> Cost:
    """What the stages take one after the other, each with its start."""
    paths, start = work.paths + work.other_paths, measured.start_seconds
    tokens = round(paths * measured.tokens / measured.paths)
    sampling = tokens / measured.tokens_per_second + work.stages * start
    trained = round(sum(work.examples) * measured.example_tokens)
    training = trained * TRAINED / measured.forward_tokens_per_second / work.processes
    training += len(work.examples) * STARTS_OF_TRAINING * start
    disk = (
        paths * measured.bytes / measured.paths
        + len(work.examples) * MODEL_COPIES * measured.weight_bytes
        + CHECKPOINT_BYTES * measured.parameters
    )
    return Cost(
        tokens=tokens,
        sampling_seconds=sampling,
        training_tokens=trained,
        training_seconds=training,
        seconds=sampling + training + STARTS_OF_OTHERS * start,
        disk_gib=disk / 2**30,
    )
