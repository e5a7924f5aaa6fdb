"""Plans greedy paths, and compares them with the votes of round 1."""

import logging
from collections.abc import Iterable

import polars as pl

from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.evaluation.comparison import Metrics
from lmsi_kedro.evaluation.headroom import measure_probe, measure_unlabeled
from lmsi_kedro.evaluation.marking import accepted_keys
from lmsi_kedro.params import EngineParams, HeadroomParams, PathParams, VotingParams
from lmsi_kedro.report.headroom import is_shown, verdict
from lmsi_kedro.stopped import StoppedError
from lmsi_kedro.tasks import Tasks
from lmsi_kedro.tasks.questions import exemplar_sets, spread

log = logging.getLogger(__name__)


def plan_headroom(
    questions: pl.DataFrame,
    exemplars: pl.DataFrame,
    model: Model,
    tasks: Tasks,
    path_params: PathParams,
    headroom: HeadroomParams,
    engine: EngineParams,
) -> Plan:
    """Plans a greedy path for unlabeled questions of round 1 and, with headroom.probe, for probe questions.

    Probe questions also get m sampled paths, as in round 1. The greedy path is the last one, with index m.
    Raises ValueError if headroom.probe is set but there are no probe questions.
    """
    probes = questions.filter(pl.col("task").is_in(tasks.in_domain), split="probe")
    if headroom.probe and probes.is_empty():
        raise ValueError(
            "headroom.probe=true: no in-domain task has labeled probe questions; add some, for example with"
            " --params=preparation.probe_share=0.1, or leave headroom.probe out"
        )
    sampling = path_params.sampling_in(1, model)
    greedy = sampling.model_copy(update={"temperature": 0.0})
    plan = Plan(model.path, model.digest, engine)
    for name in tasks.in_domain:
        sets = exemplar_sets(exemplars, tasks[name])
        voted = questions.filter(task=name, split="unlabeled").head(path_params.questions_per_task)
        sampled = voted.head(headroom.questions_per_task)
        if headroom.probe:
            probe = probes.filter(task=name).head(headroom.questions_per_task)
            plan.add_all(spread(probe, "few_shot_cot", sets, path_params.m, tasks[name]), sampling)
            sampled = pl.concat([sampled, probe])
        for exemplar_set, _, prompts in spread(sampled, "few_shot_cot", sets, 1, tasks[name]):
            last = range(path_params.m, path_params.m + 1)
            plan.add(prompts, last, greedy, {"exemplar_set": exemplar_set})
    return plan


def measure(
    sampled_paths: Iterable[pl.DataFrame],
    sampled_readings: pl.DataFrame,
    readings: pl.DataFrame,
    questions: pl.DataFrame,
    tasks: Tasks,
    voting: VotingParams,
    path_params: PathParams,
    labels: pl.DataFrame | None = None,
) -> Metrics:
    """Compares the votes of round 1 with greedy paths; if labels are given, also on probe questions.

    sampled_paths and sampled_readings belong to round 1, readings to the paths that plan_headroom plans.
    """
    question_path = ["question_id", "path"]
    sets = pl.concat([chunk.select(*question_path, "exemplar_set") for chunk in sampled_paths])
    voted = sampled_readings.join(sets, on=question_path, maintain_order="left")
    greedy, several = (
        readings.filter(rows)
        for rows in (pl.col("path") == path_params.m, pl.col("path") < path_params.m)
    )
    found: Metrics = {
        "m": path_params.m,
        "unlabeled": measure_unlabeled(voted, greedy, voting, path_params.m),
        "probe": None,
    }
    if labels is not None:
        accepted = accepted_keys(labels, questions, tasks)
        found["probe"] = measure_probe(several, greedy, accepted, voting)
    log.info("Headroom: %s", verdict(found))
    return found


def refuse_without_gain(counted_votes: pl.DataFrame, headroom: Metrics) -> pl.DataFrame:
    """Returns the votes unchanged; raises StoppedError unless labels show that they beat greedy paths."""
    if is_shown(headroom):
        return counted_votes
    raise StoppedError(
        f"headroom.stop ended the run before any training. {verdict(headroom)} Set headroom.stop=false to train"
        " anyway"
    )
