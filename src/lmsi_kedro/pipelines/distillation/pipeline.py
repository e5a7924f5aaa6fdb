"""examples of a finished run, student_model -> model_distilled -> metrics_distilled.

The examples are text, so the tokenizer, chat template and context of the student may differ from those of the
model that sampled the paths. The student is checked like any other model, and evaluated as in `self_improve`.
"""

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.evaluation.comparison import compare
from lmsi_kedro.pipelines import fine_tuning, mixing, preparation
from lmsi_kedro.pipelines.self_improve.models import create_evaluation
from lmsi_kedro.wiring import namespaced

STUDENT = {"base_model": "student_model"}


def create_pipeline(rounds: int) -> Pipeline:
    """Trains the student on the examples of the given number of rounds, and evaluates it before and after."""
    balanced = mixing.create_pipeline().only_nodes("balance_examples")
    training = Pipeline([balanced, fine_tuning.create_pipeline()])
    renamed = {**STUDENT, "examples": f"examples_{rounds}", "tuned_model": "model_distilled"}
    comparison = Node(
        compare,
        inputs=["predictions_student", "predictions_distilled", "tasks"],
        outputs="metrics_distilled",
        name="compare_metrics_distilled",
    )
    return Pipeline(
        [
            Pipeline(preparation.create_pipeline(), inputs=STUDENT),
            namespaced(training, "distillation", set(), renamed),
            create_evaluation("student_model", 0, "student", "student"),
            create_evaluation("model_distilled", rounds, "distilled", "distilled"),
            Pipeline([comparison]),
        ]
    )
