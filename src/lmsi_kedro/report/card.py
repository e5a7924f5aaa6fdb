"""The model card of a round: README.md of its model directory, in the format of the Hugging Face hub.

The front matter contains the base model, the data, the parameters, accuracies before and after with their
intervals, the control arms and the digest. The card is not part of the digest (model_files.SETTINGS has no .md).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.report import words
from lmsi_kedro.report.ending import loading, worse

Metrics = dict[str, Any]
METHOD = (
    "Large Language Models Can Self-Improve (Huang et al. 2022, arXiv 2210.11610): the base model answered"
    " unlabeled questions several times, the answers to each question were voted on, and the base model was"
    " fine-tuned on the paths that agree with the winner."
)
EMBEDDED = "mini_world (embedded)"
# The parameters in the front matter.
SHOWN = ("paths", "voting", "mixing", "evaluation", "prompts", "monitor")


def card(metrics: Metrics, name: str, base: Model, model: Model, parameters: dict[str, Any]) -> str:
    """Returns the card of the model called `name`, such as model_1, which the last round in `metrics` made."""
    front = front_matter(metrics, name, base, model, parameters)
    head = yaml.safe_dump(front, sort_keys=False, default_flow_style=None, width=100)
    return f"---\n{head}---\n\n{body(metrics, name, base, model, parameters)}\n"


def front_matter(
    metrics: Metrics, name: str, base: Model, model: Model, parameters: dict[str, Any]
) -> dict[str, Any]:
    """Returns the front matter: the fields that the hub defines, and ours in the group lmsi_kedro."""
    hub = hub_name(parameters)
    last = metrics["rounds"][-1]
    return {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        **({"base_model": hub} if hub else {}),
        "tags": ["self-improvement", "lmsi-kedro"],
        **({"model-index": [{"name": name, "results": results(last)}]} if last["tasks"] else {}),
        "lmsi_kedro": {
            "digest": f"sha256:{model.digest}",
            "base": {"name": base_name(parameters), "digest": f"sha256:{base.digest}"},
            "round": last["round"],
            "promoted": last["monitor"]["promoted"],
            "questions": Path(parameters.get("questions") or EMBEDDED).name,
            "training": training(model),
            "parameters": {key: plain(parameters[key]) for key in SHOWN if key in parameters},
            "in_domain": {mode: figures(row) for mode, row in last["pooled"].items()},
            "controls": {arm: rounded(found) for arm, found in metrics["headline"]["arms"].items()},
        },
    }


def results(entry: Metrics) -> list[dict[str, Any]]:
    """Returns the model-index: our accuracy in percent for every task and mode."""
    return [
        {
            "task": {"type": "text-generation"},
            "dataset": {"name": f"{task}, held-out questions", "type": task},
            "metrics": [
                {
                    "type": "accuracy",
                    "name": words.MODE_NAMES[mode],
                    "value": round(100 * row["after"]["accuracy"], 2),
                }
                for mode, row in modes.items()
            ],
        }
        for task, modes in entry["tasks"].items()
    ]


def figures(row: Metrics) -> dict[str, Any]:
    """Returns a row of docs/metrics.md: accuracies and their difference, each with its 95 % interval."""
    sides = {
        side: [round(row[side][bound], 4) for bound in ("accuracy", "low", "high")]
        for side in ("before", "after")
    }
    change = [round(row[name], 4) for name in ("delta", "delta_low", "delta_high")]
    return {**sides, "delta": change, "p_value": row["p_value"], "n": row["after"]["n"]}


def plain(value: Any) -> Any:
    """Returns a typed group of parameters as plain values for YAML."""
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def rounded(found: Metrics) -> Metrics:
    """Shares rounded to four decimals."""
    return {
        name: round(value, 4) if isinstance(value, float) and name != "p_value" else value
        for name, value in found.items()
    }


def training(model: Model) -> dict[str, Any]:
    """Returns the parameters and the amount of data from the record of the fine-tuning."""
    record = model.record()
    return {
        key: record[key]
        for key in ("examples", "tokens", "target_tokens", "precision", "params")
        if key in record
    }


def hub_name(parameters: dict[str, Any]) -> str | None:
    """Returns the owner/name of the given model, if it came from the hub."""
    model = str(parameters.get("model"))
    return model.removeprefix("hub:") if model.startswith("hub:") else None


def base_name(parameters: dict[str, Any]) -> str:
    """Returns the name of the model before the loop, without its local folder, and whether it was warm-started."""
    model = parameters.get("model")
    name = EMBEDDED if model is None else hub_name(parameters) or Path(model).name
    return f"{name}, warm-started" if parameters.get("warm_start") else name


def body(metrics: Metrics, name: str, base: Model, model: Model, parameters: dict[str, Any]) -> str:
    """Returns the text of the card."""
    headline = metrics["headline"]
    lines = [words.claim(headline), words.evidence(headline), words.verdict(headline)]
    lines += [words.promotion(metrics), words.warm_start(metrics)]
    parts = [
        f"# {name}",
        f"{base_name(parameters)}, self-improved with lmsi-kedro. {METHOD}",
        "## Is it better?",
        "\n".join(f"- {each}" for each in [*filter(None, lines), worse(metrics)]),
        "\n".join(table(metrics["rounds"][-1])),
        "## Control arms",
        "\n".join(f"- {each}" for each in words.controls(metrics)),
        "## Load it",
        f"```python\n{loading('PATH_OR_NAME')}\n```",
        "## Provenance",
        "The parameters are in the front matter. The digests are sha256 over names and contents of weights,"
        f" tokenizer and configuration: {model.digest} for this model, {base.digest} for its base model.",
    ]
    return "\n\n".join(filter(None, parts))


def table(entry: Metrics) -> Iterator[str]:
    """Yields lines of a table: accuracy on held-out questions with Wilson's 95 % intervals, by task and mode."""
    if not entry["tasks"]:
        return
    yield "| task | mode | before | after | questions |"
    yield "|---|---|---|---|---|"
    for task, modes in {"in-domain, pooled": entry["pooled"], **entry["tasks"]}.items():
        for mode, row in modes.items():
            before, after = interval(row["before"]), interval(row["after"])
            shown = [task, words.MODE_NAMES[mode], before, after, f"{row['after']['n']:,}"]
            yield f"| {' | '.join(shown)} |"


def interval(measured: Metrics) -> str:
    """Formats an accuracy with its interval, as in 97.5 % (94.3 % to 98.9 %)."""
    low, high = words.percent(measured["low"]), words.percent(measured["high"])
    return f"{words.percent(measured['accuracy'])} ({low} to {high})"
