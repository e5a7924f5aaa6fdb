"""Hooks that read the parameters which shape the graph, check a run, and print its result at the end."""

import json
from pathlib import Path
from typing import Any, ClassVar, get_args

from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline

from lmsi_kedro.params import (
    Arm,
    ControlParams,
    Guard,
    HeadroomParams,
    MixingParams,
    Objective,
    PublicTasksParams,
    ReproductionParams,
    TrainingParams,
    VotingParams,
)
from lmsi_kedro.params.mistakes import nearest, typed, unknown, within
from lmsi_kedro.params.renamed import refuse_renamed
from lmsi_kedro.tasks.benchmarks import BENCHMARKS

PARAMETERS = {
    "data_root",
    "tracking",
    "rounds",
    "guard",
    "warm_start",
    "warm_start_training",
    "questions",
    "exemplars",
    "model",
    "student",
    "tasks",
    "public_tasks",
    "preparation",
    "question_generation",
    "exemplar_generation",
    "paths",
    "prompts",
    "engine",
    "voting",
    "mixing",
    "training",
    "training_workspace",
    "evaluation",
    "monitor",
    "headroom",
    "controls",
    "reproduction",
    "reproduction_evaluation",
    "pretraining",
    "pretraining_small",
    "pretraining_workspace",
    "world",
}

IN_THE_COMMAND = (
    "data_root",
    "questions",
    "exemplars",
    "model",
    "student",
)  # used in catalog paths


WITHOUT_PAIRS = ("distillation", "reproduction")  # these pipelines train without rejected paths


class ShapeHook:
    """Builds the graph from parameters such as `rounds`; an unknown parameter stops the run with an error."""

    parameters: ClassVar[dict[str, Any]] = {}  # as configured, before validation
    rounds = 1
    guard: Guard = "none"
    headroom: HeadroomParams | None = None
    objective: Objective = "sft"
    warm: bool = False
    reader: bool = False
    arms: ClassVar[list[Arm]] = ["random"]
    reproduction: ClassVar[dict[str, Any]] = {"seeds": [7001], "temperatures": [0.7]}
    benchmarks: ClassVar[list[str]] = list(BENCHMARKS)

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        parameters = context.config_loader["parameters"]
        refuse_renamed(parameters)
        refuse_unread(parameters, context.config_loader.runtime_params or {})
        ShapeHook.parameters = parameters
        refuse_unknown(parameters)
        if not isinstance(root := parameters.get("data_root", "data"), str):
            raise ValueError(f"parameters: data_root must be the name of a folder, not {root!r}")
        rounds, guard = parameters["rounds"], parameters["guard"]
        if type(rounds) is not int or rounds < 1:
            raise ValueError(
                f"parameters: rounds must be a whole number of at least 1, not {rounds!r}"
            )
        if guard not in get_args(Guard):
            raise ValueError(f"parameters: guard must be none or probe, not {guard!r}")
        if (warm_start := parameters["warm_start"]) is not None:
            if not isinstance(warm_start, str):
                raise ValueError(
                    f"parameters: warm_start must be the name of a file, not {warm_start!r}"
                )
            context.config_loader["globals"] = {"warm_start": warm_start}  # for the catalog
        arms = typed("controls", ControlParams, parameters["controls"]).arms
        benchmarks = typed("public_tasks", PublicTasksParams, parameters["public_tasks"]).names
        for name in benchmarks:
            if name not in BENCHMARKS:
                raise ValueError(unknown("parameters: public_tasks.names", name, BENCHMARKS))
        reproduced = typed("reproduction", ReproductionParams, parameters["reproduction"])
        headroom = typed("headroom", HeadroomParams, parameters["headroom"])
        if headroom.stop and not headroom.probe:
            raise ValueError(
                "parameters: headroom.stop needs headroom.probe=true: only labels show whether"
                " the vote is more accurate than the greedy path"
            )
        ShapeHook.objective = objective_of(parameters)
        ShapeHook.rounds, ShapeHook.guard = rounds, guard
        ShapeHook.headroom = headroom
        ShapeHook.warm = warm_start is not None
        ShapeHook.reader = typed("voting", VotingParams, parameters["voting"]).reader is not None
        ShapeHook.reproduction = {
            name: getattr(reproduced, name) for name in ShapeHook.reproduction
        }
        ShapeHook.arms, ShapeHook.benchmarks = arms, benchmarks

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Any, catalog: Any) -> None:
        """Raises ValueError if a pipeline would silently ignore a parameter, or if its inputs are missing."""
        from kedro.framework.project import pipelines

        pipelines.set_requested(None)
        names = run_params["pipeline_names"] or ["__default__"]
        if "controls" in names and "labeled" in self.arms and not self.warm:
            raise ValueError(
                "parameters: controls.arms: labeled needs the examples of a warm start, and there is none; "
                "give --params=warm_start=worked.jsonl, or leave labeled out"
            )
        check_inputs(pipeline, catalog)
        if "run_record" in pipeline.inputs() and "metrics" in pipeline.all_outputs():
            check_shape(names, self.parameters, catalog.load("run_record"))
        for name in names:
            used = pipelines[name].datasets()
            if self.objective == "scpo" and name in WITHOUT_PAIRS:
                raise ValueError(
                    f"parameters: the pipeline {name} trains without preferences; leave training.objective at sft"
                )
            if self.warm and "base_model" in used and "warm_model" not in used:
                raise ValueError(
                    f"parameters: the pipeline {name} has no warm start; leave warm_start null"
                )
            if self.reader and name == "reproduction":
                raise ValueError(
                    "parameters: the pipeline reproduction parses by rules alone; leave voting.reader null"
                )


def objective_of(parameters: dict[str, Any]) -> Objective:
    """Returns training.objective; raises ValueError if scpo would silently ignore mixing.weight."""
    objective = typed("training", TrainingParams, parameters["training"]).objective
    weight = typed("mixing", MixingParams, parameters["mixing"]).weight
    if objective == "scpo" and weight != "none":
        raise ValueError(
            f"parameters: mixing.weight={weight} is for training.objective=sft, as scpo weighs every pair by its "
            "margin; leave it at none"
        )
    return objective


class EndingHook:
    """Prints the result at the end of a run that makes a report, or else the path of each new model."""

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: Any) -> None:
        from lmsi_kedro.datasets.model_directory import ModelDirectory
        from lmsi_kedro.report.ending import ending, model_lines

        made = [name for node in pipeline.nodes for name in node.outputs]
        if {"metrics", "report"} <= set(made):
            metrics = catalog.load("metrics")
            last = f"model_{len(metrics['rounds'])}"
            print(ending(metrics, path_of(catalog, "report"), path_of(catalog, last)))
            return
        for name in made:
            if isinstance(catalog.get(name), ModelDirectory):
                print(model_lines(path_of(catalog, name)))


def refuse_unknown(parameters: dict[str, Any]) -> None:
    """Raises ValueError for an unknown parameter, and suggests the nearest name."""
    for name in sorted(set(parameters) - PARAMETERS):
        known = PARAMETERS if nearest(name, PARAMETERS) else within(name, parameters)
        raise ValueError(unknown("parameters", name, known or PARAMETERS))


def refuse_unread(parameters: dict[str, Any], given: dict[str, Any]) -> None:
    """Raises ValueError for a path that is set in conf/: the catalog reads it from the command line only."""
    for name in IN_THE_COMMAND:
        if name in parameters and name not in given:
            raise ValueError(
                f"parameters: {name} is only read from the command line; take it out of conf/ and give "
                f"--params={name}=..."
            )


def path_of(catalog: Any, name: str) -> Path:
    """Returns the file or directory of a dataset."""
    return Path(catalog.get(name)._describe()["filepath"])


def check_inputs(pipeline: Any, catalog: Any) -> None:
    """Raises ValueError for missing inputs that another pipeline makes, and names the pipeline to run first."""
    from kedro.framework.project import pipelines

    makers = {
        name: [each for each in pipelines if name in pipelines[each].all_outputs()]
        for name in sorted(pipeline.inputs())
    }
    missing = [name for name, made in makers.items() if made and not catalog.exists(name)]
    if missing:
        maker = next(each for each in makers[missing[0]] if each != "__default__")
        raise ValueError(
            f"missing input: {', '.join(missing[:3])}{', ...' if missing[3:] else ''}; run"
            f" `kedro run --pipelines={maker}` first, which continues from what is stored"
        )


def check_shape(names: list[str], parameters: dict[str, Any], record: dict[str, Any]) -> None:
    """Raises ValueError if a report would be made again with a graph that differs from the finished run's.

    Otherwise rounds, control arms or the warm start would silently be missing from the report. record: the
    run_record of the finished run.
    """
    made_by = loop_of(record.get("pipelines", []))
    if made_by is None:
        raise ValueError(
            "run.json does not say which pipeline made it: run its command again, which only computes what is not"
            f" stored: {record['command']}"
        )
    made, today = shape(made_by, record["parameters"]), shape(made_by, parameters)
    others = {name: plain(made[name]) for name in made if made[name] != today[name]}
    if not others and made_by == loop_of(names):
        return
    listed = [f"{name}={others.pop(name)}" for name in ("controls.arms",) if name in others]
    given = ",".join(f"{name}={value}" for name, value in others.items())
    raise ValueError(
        f"the finished run had a different graph: make its report again with `kedro run --pipelines={made_by}"
        f" --tags=reporting{f' --params={given}' if given else ''}`"
        + "".join(f", with {each} in conf/base" for each in listed)  # --params takes no lists
    )


def loop_of(names: list[str]) -> str | None:
    """Returns the name of the pipeline that makes a report, or None."""
    same = {"__default__": "self_improve", "reporting": "self_improve"}
    loops = ("self_improve", "controls", "self_improve_from_seeds")
    return next((each for name in names if (each := same.get(name, name)) in loops), None)


def shape(loop: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Returns the parameters that determine the nodes of a loop's report."""
    headroom = parameters["headroom"]
    found = {
        "rounds": parameters["rounds"],
        "warm_start": parameters["warm_start"],
        "headroom.enabled": headroom["enabled"] or headroom["stop"],
    }
    return found | ({"controls.arms": parameters["controls"]["arms"]} if loop == "controls" else {})


def plain(value: Any) -> str:
    """Returns a value as it is typed in --params."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).replace('"', "")
