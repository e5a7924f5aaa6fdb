"""reproduction.json: arms, tables, figures and findings of the models' pooled predictions."""

from typing import Any

import polars as pl

from lmsi_kedro.params import CONTROL_ARMS
from lmsi_kedro.pipelines.reproduction import findings, tables
from lmsi_kedro.tasks import Tasks


def reproduce(
    tasks: Tasks, seeds: tuple[int, ...], temperatures: tuple[float, ...], **found: pl.DataFrame
) -> dict[str, Any]:
    """found has the pooled predictions by model, and curve_before and curve_after.

    after_0, after_1, ... are votes of the trained model at the temperatures, before is one of the base model at
    the first. Without the smaller model its table and findings are missing.
    """
    asked = set(found["base"]["task"])
    in_domain = [name for name in tasks.in_domain if name in asked]
    outside = [name for name in tasks.root if name in asked and name not in in_domain]
    curves = {"before": found["curve_before"], "after": found["curve_after"]}
    heats = {heat: found[f"after_{place}"] for place, heat in enumerate(temperatures)}
    named = [name for name in ("base", "vote", *CONTROL_ARMS) if name in found]
    made = {
        "main": tables.main(found, in_domain),
        "out_of_domain": tables.out_of_domain(found, outside),
        "formats": tables.formats(found, in_domain),
        "equal_compute": tables.equal_compute(found),
        "temperature": tables.temperature(found["before"], heats),
    }
    said = [
        *findings.of_training(found, in_domain, outside),
        *findings.of_formats(found, in_domain),
        *findings.of_controls(found, in_domain),
        *findings.of_paths(curves),
        *findings.of_temperature(heats),
        *findings.of_calibration(found, in_domain),
    ]
    if "student" in found:
        made["distillation"] = tables.distillation(found, in_domain)
        said += findings.of_sizes(found, in_domain)
    return {
        "seeds": list(seeds),
        "in_domain": in_domain,
        "arms": tables.arms(found, named, in_domain),
        "tables": made,
        "figures": {
            "paths": tables.paths(curves),
            "calibration": tables.calibration(found, in_domain),
        },
        "findings": said,
    }
