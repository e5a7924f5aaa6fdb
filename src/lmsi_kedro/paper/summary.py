"""Makes reproduction.json: arms, tables, figures and findings from the pooled predictions of the models."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from lmsi_kedro.paper import findings, tables
from lmsi_kedro.paper.contrasts import Metrics, Models
from lmsi_kedro.params import CONTROL_ARMS
from lmsi_kedro.tasks import Tasks

CURVE = "curve_"
ByTemperature = Mapping[float, pl.DataFrame]  # predictions by temperature


def reproduce(
    tasks: Tasks,
    verdicts: list[Metrics],
    seeds: tuple[int, ...],
    temperatures: tuple[float, ...],
    **found: pl.DataFrame,
) -> dict[str, Any]:
    """Makes all tables, figures and findings.

    found contains the pooled predictions by model, and curves over the number of paths (curve_before, ...).
    after_0, after_1, ... are votes of the trained model at temperatures[0], temperatures[1], ..., and before is
    the vote of the base model at temperatures[0]. verdicts come from the collapse monitor; for a model that it did
    not promote, found contains the predictions of the previous model.
    """
    evaluated = set(found["base"]["task"])
    in_domain = [name for name in tasks.in_domain if name in evaluated]
    outside = [name for name in tasks.root if name in evaluated and name not in in_domain]
    curves = {name.removeprefix(CURVE): c for name, c in found.items() if name.startswith(CURVE)}
    votes = {temperature: found[f"after_{place}"] for place, temperature in enumerate(temperatures)}
    once = found | {f"{name}_once": found[name].filter(seed=seeds[0]) for name in ("base", "vote")}
    return {
        "seeds": list(seeds),
        "in_domain": in_domain,
        "verdicts": verdicts,
        "arms": tables.arms(found, ("base", "vote", *CONTROL_ARMS), in_domain),
        "tables": all_tables(once, curves, votes, in_domain, outside),
        "figures": {
            "paths": tables.paths({"before": curves["before"], "after": curves["after_0"]}),
            "calibration": tables.calibration(found, in_domain),
        },
        "findings": all_findings(found, curves, votes, in_domain, outside, verdicts),
    }


def all_tables(
    found: Models, curves: Models, votes: ByTemperature, in_domain: list[str], outside: list[str]
) -> Metrics:
    """Returns all tables by name, in the order of the page."""
    return {
        "main": tables.main(found, in_domain),
        "out_of_domain": tables.out_of_domain(found, outside),
        "formats": tables.formats(found, in_domain),
        "generated_questions": tables.generated_questions(found, in_domain),
        "generated_prompts": tables.generated_prompts(curves),
        "distillation": tables.distillation(found, in_domain),
        "temperature": tables.temperature(found["before"], votes),
        "second_round": tables.second_round(found, in_domain),
        "equal_compute": tables.equal_compute(found),
    }


def all_findings(
    found: Models,
    curves: Models,
    votes: ByTemperature,
    in_domain: list[str],
    outside: list[str],
    verdicts: list[Metrics],
) -> list[Metrics]:
    """Returns all findings in the order of the page."""
    (second,) = [verdict for verdict in verdicts if verdict["model"] == "second"]
    return [
        *findings.of_training(found, in_domain, outside),
        *findings.of_controls(found, in_domain),
        *findings.of_formats(found, in_domain),
        *findings.of_paths(curves),
        *findings.of_questions(found, in_domain),
        *findings.of_prompts(curves),
        *findings.of_sizes(found, in_domain),
        *findings.of_temperature(votes),
        *findings.of_calibration(found, in_domain),
        *findings.of_second_round(found, in_domain, second),
    ]
