"""The record of a run in words: its cost, command, machine and configuration."""

from typing import Any

import yaml

Record = dict[str, Any]


def duration(seconds: float) -> str:
    """Formats a duration as 42 s, 3 min 20 s or 5 h 12 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"


def times(record: Record) -> list[tuple[str, str]]:
    """Returns the time of each step, and the total."""
    steps = record["seconds"]
    return [(name, duration(spent)) for name, spent in steps.items()] + [
        ("total", duration(sum(steps.values())))
    ]


def tokens(metrics: Record, record: Record) -> list[tuple[str, str]]:
    """Returns the numbers of tokens by purpose."""
    trainings = record["trainings"]
    counts = [
        ("sampled, to learn from", sum(entry["sampling"]["tokens"] for entry in metrics["rounds"])),
        ("sampled, evaluation", record["tokens"]["evaluation"]),
        ("sampled, collapse monitor", record["tokens"]["monitor"]),
        ("trained, in all rounds", sum(made.get("tokens", 0) for made in trainings)),
        ("of these with a loss", sum(made.get("target_tokens", 0) for made in trainings)),
    ]
    return [(name, f"{count:,}") for name, count in counts]


def uncounted(metrics: Record, headroom: Record | None) -> str:
    """Names the stages of the run whose tokens are not counted; empty if there were none."""
    stages = {
        "the fine-tuning of control arms": metrics["controls"],
        "the training of the warm start and the evaluation of the given model": metrics.get(
            "warm_start"
        ),
        "the generation of questions and exemplars": metrics.get("generation"),
        "the greedy paths of the headroom": headroom,
    }
    named = [stage for stage, happened in stages.items() if happened]
    return f"The counts do not include the tokens of {', '.join(named)}." if named else ""


def saved(record: Record) -> str:
    """Says how many prompt tokens were saved by computing shared prompts once; empty if this is unknown."""
    if not (found := record["sharing"]):
        return ""
    total, computed = found["prompt_tokens"], found["computed"]
    return (
        f"The sampled paths continue {total:,} prompt tokens; since the paths of a question share its prompt,"
        f" and all questions share a common prefix, {computed:,} were computed: {total - computed:,}"
        f" ({100 * (1 - computed / total):.1f} %) were saved."
    )


def facts(record: Record) -> list[tuple[str, str]]:
    """Returns command, date, commit, machine, models and versions, each with its name."""
    hardware, models = record["hardware"], record["models"]
    memory = f", {hardware['memory_gib']} GiB" if hardware["memory_gib"] else ""
    gpus = "".join(f", {name}" for name in hardware["gpus"])
    return [
        ("command", record["command"]),
        ("began", record["started"].replace("T", " ")),
        ("commit", record["commit"] or "not in a repository"),
        ("machine", f"{hardware['cpu']}, {hardware['cores']} cores{memory}{gpus}"),
        *((f"model {when}", described(model)) for when, model in models.items()),
        ("versions", ", ".join(f"{name} {number}" for name, number in record["versions"].items())),
    ]


def described(model: Record) -> str:
    return f"{model['name']}, {model['parameters']:,} parameters, digest {model['digest']}"


def configuration(record: Record) -> str:
    """Returns the parameters as YAML."""
    return str(yaml.safe_dump(record["parameters"], sort_keys=True, allow_unicode=True, width=100))
