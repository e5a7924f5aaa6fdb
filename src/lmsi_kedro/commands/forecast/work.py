"""Counts the sampling and training work of a pipeline from the plans and parameters of its nodes."""

from typing import Any

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.commands.forecast.cost import Work
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.params import TrainingParams
from lmsi_kedro.pipelines.evaluation.nodes import plan_evaluation
from lmsi_kedro.pipelines.sampling.nodes import plan_paths
from lmsi_kedro.stages import function_of, samples, trains
from lmsi_kedro.tasks.questions import exemplars_of, prompts_of

SAMPLE = 50  # questions per task whose training examples are measured


def count(pipeline: Pipeline, datasets: dict[str, Any]) -> Work:
    """Counts the work of a pipeline from the datasets of `dry_run`; raises ValueError if it samples nothing."""
    planned = {node.inputs[0] for node in pipeline.nodes if samples(node)}
    if not planned:
        raise ValueError("the pipeline samples nothing")
    learned = {n.outputs[0] for n in pipeline.nodes if function_of(n) is plan_paths}
    paths = {name: paths_of(datasets[name]) for name in planned}
    most = max((paths[name] for name in learned), default=0)
    trainings = [node for node in pipeline.nodes if trains(node)]
    return Work(
        stages=len(planned),
        processes=datasets["params:training"].processes if trainings else 1,
        paths=sum(paths[name] for name in learned),
        other_paths=sum(paths[name] for name in planned - learned),
        examples=[examples_of(node, datasets, most) for node in trainings],
        workers=datasets[next(iter(planned))].engine.workers,
    )


def examples_of(node: Node, datasets: dict[str, Any], paths: int) -> int:
    """Returns steps x batch size of a training on this many paths, if all of them are kept in every format.

    A preference pair counts as two examples.
    """
    inputs = [datasets[name] for name in node.inputs if name in datasets]
    (params,) = (value for value in inputs if isinstance(value, TrainingParams))
    (model,) = (value for value in inputs if isinstance(value, Model))
    training = params.of(model, paths * len(datasets["params:mixing"].formats))
    sequences = 2 if any(name.endswith("preferences") for name in node.inputs) else 1
    return training.steps * training.batch_size * sequences


def paths_of(plan: Plan) -> int:
    """Returns the number of paths in a plan, all of which are sampled if early stopping saves none."""
    return sum(len(wanted.prompts) * len(wanted.paths) for wanted in plan.wanted)


def first_plan(pipeline: Pipeline, datasets: dict[str, Any]) -> Plan:
    """Returns the first plan that samples paths for training; if there is none, the first plan of any kind."""
    plans = [node for node in pipeline.nodes if isinstance(datasets.get(node.outputs[0]), Plan)]
    first = min(plans, key=lambda node: function_of(node) is not plan_paths)
    plan: Plan = datasets[first.outputs[0]]
    return plan


def example_texts(pipeline: Pipeline, datasets: dict[str, Any]) -> list[str]:
    """Returns the prompts of some training examples of all in-domain tasks, or none if nothing is trained."""
    asking = [n for n in pipeline.nodes if function_of(n) in (plan_paths, plan_evaluation)]
    if not asking or not any(map(trains, pipeline.nodes)):
        return []
    questions, exemplars, _, tasks = (datasets[name] for name in asking[0].inputs[:4])
    return [
        prompt
        for task in tasks.in_domain or list(tasks.root)
        for prompt_format in datasets["params:mixing"].formats
        for prompt in prompts_of(
            questions.filter(task=task).head(SAMPLE),
            prompt_format,
            exemplars_of(exemplars, tasks[task]),
            tasks[task],
        ).values()
    ]
