"""Computes seconds and bytes from the work of a run and the speed of its engine."""

from dataclasses import dataclass

# The cost of training on a token, in forward passes: 3 by arithmetic, 4 with gradient checkpointing. The embedded
# model processes 33 k tokens per core and second in a forward pass, and 8.2 k in training, where the optimizer
# takes additional time.
TRAINED = 4.0
# The time to start and end a trainer (16 s), and the time of all nodes that neither sample nor train (16 s), in
# units of the start-up time of a worker (5.5 s).
STARTS_OF_TRAINING = STARTS_OF_OTHERS = 3
# Bytes per parameter on disk while training: two checkpoints of float32 weights and Adam's two moments.
CHECKPOINT_BYTES = 2 * 12
MODEL_COPIES = 3  # per round: the job's model, the candidate and the promoted model


@dataclass(frozen=True)
class Work:
    """The work of a pipeline, counted from its plans and trainings."""

    paths: int  # paths for training, in all rounds
    other_paths: int  # paths for generation, evaluation and monitoring
    stages: int  # nodes that sample; each starts its workers
    examples: list[int]  # steps x batch size of each training
    workers: int
    processes: int  # processes of the trainer


@dataclass(frozen=True)
class Measured:
    """The results of a short measurement: of workers that sampled, and of forward passes in one process."""

    paths: int
    tokens: int
    bytes: int  # size of the chunks on disk
    tokens_per_second: float  # sampled by all workers
    start_seconds: float  # start-up time of a worker
    forward_tokens_per_second: float  # in one worker
    example_tokens: float  # mean length of a training example: its prompt and a path
    parameters: int
    weight_bytes: int


@dataclass(frozen=True)
class Cost:
    """The estimate: `tokens` are sampled tokens, and `seconds` is the wall-clock time of the whole run."""

    tokens: int
    sampling_seconds: float
    training_tokens: int
    training_seconds: float
    seconds: float
    disk_gib: float


def cost_of(work: Work, measured: Measured) -> Cost:
    """Computes the cost of a run whose stages follow one another; every stage adds its start-up time."""
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
