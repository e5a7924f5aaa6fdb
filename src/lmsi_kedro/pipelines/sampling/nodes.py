"""Plans the paths of a round, which the node `sample_paths` (engines/sample.py) samples.

Paths are stored in chunks, each named by a hash of model, prompts and decoding, so a restarted run samples only
the missing ones.
"""

import polars as pl

from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.params import EngineParams, PathParams, VotingParams
from lmsi_kedro.pipelines.sampling.unlabeled import first_unlabeled
from lmsi_kedro.reading import read_texts
from lmsi_kedro.tasks import Tasks
from lmsi_kedro.tasks.questions import exemplar_sets, spread


def plan_paths(
    questions: pl.DataFrame,
    exemplars: pl.DataFrame,
    model: Model,
    tasks: Tasks,
    path_params: PathParams,
    engine: EngineParams,
    voting: VotingParams,
    round_number: int = 1,
) -> Plan:
    """Plans `paths.m` few-shot chain-of-thought paths for the unlabeled questions of every in-domain task.

    In-domain tasks are those that are trained on; the first `paths.questions_per_task` questions of each are used.
    """

    # For the progress display and early stopping only; the node read_answers parses all answers later.
    def read(chunk: pl.DataFrame) -> pl.DataFrame:
        return pl.concat(read_texts([chunk], questions, tasks, voting))

    plan = Plan(model.path, model.digest, engine, read, path_params.early_stop)
    for name in tasks.in_domain:
        taken = first_unlabeled(questions, name, path_params.questions_per_task)
        sets = exemplar_sets(exemplars, tasks[name])
        # A task may have several sets of exemplars, which share the m paths of a question.
        requests = spread(taken, "few_shot_cot", sets, path_params.m, tasks[name])
        # Each round may have another temperature (paths.temperatures).
        plan.add_all(requests, path_params.sampling_in(round_number, model))
    if plan.is_empty:
        raise ValueError(
            "questions: no in-domain task has a question in the split 'unlabeled': leave rows of the file "
            "without a split, and do not set tasks.<name>.in_domain to false"
        )
    return plan
