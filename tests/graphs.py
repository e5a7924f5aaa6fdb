"""The ancestors of a dataset in a pipeline, and all control arms."""

from kedro.pipeline import Pipeline

from lmsi_kedro.params import Arm

ARMS: tuple[Arm, ...] = ("random", "shuffled", "gold", "direct_only", "few_shot_cot_only")


def ancestors(pipeline: Pipeline, dataset: str) -> set[str]:
    return pipeline.to_outputs(dataset).datasets()
