"""The result in words, from metrics.json: a claim, its evidence and a verdict.

The page, its figures and `lmsi report` use the same sentences. A verdict says plainly when nothing was gained.
"""

from typing import Any

from lmsi_kedro.statistics import SURE

MODE_NAMES = {
    "standard": "standard",
    "cot_greedy": "CoT greedy",
    "self_consistency": "self-consistency",
    "self_consistency_raised": "self-consistency, raised T",
    "zero_shot_direct": "zero-shot, direct",
    "zero_shot_cot": "zero-shot CoT",
}
# Why questions and paths were dropped or kept, in the order of the funnel: the name in metrics.json and on the
# page.
REASONS = {
    "unreadable": "unparsable",
    "tied": "tied",
    "low confidence": "low confidence",
    "high confidence": "high confidence",
    "low margin": "low margin",
    "disagrees": "disagree",
    "duplicate": "duplicate",
    "capped": "capped",
    "kept": "kept",
}
ARMS = {
    "random": "as many random paths",
    "shuffled": "the paths of other questions",
    "gold": "paths whose answers match the labels",
    "direct_only": "the direct formats only",
    "few_shot_cot_only": "the few-shot chain-of-thought format only",
    "labeled": "the labeled examples of the warm start again",
}

# If the vote gains more than these arms, the gain is due to the vote; the other arms differ in something else.
WITHOUT_VOTE = ("random", "shuffled", "labeled")


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def points(delta: float) -> str:
    """Returns a difference of shares in percentage points with its sign; 0.0 has no sign."""
    rounded = round(100 * delta, 1)
    return f"{rounded:+.1f}".replace("-", "\N{MINUS SIGN}") if rounded else "0.0"


def probability(p: float) -> str:
    """Formats p as in 0.012 or, with one significant digit if it is small, 3e-5."""
    return f"{p:.2g}" if p >= 0.001 else f"{p:.0e}".replace("e-0", "e-")


def claim(headline: dict[str, Any]) -> str:
    if not headline["n"]:
        return "Nothing was measured: no held-out question has a label"
    before, after = percent(headline["before"]), percent(headline["after"])
    return f"CoT greedy accuracy on {headline['n']:,} held-out questions: {before} → {after}"


def evidence(headline: dict[str, Any]) -> str:
    if not headline["n"]:
        return "The report has the results that need no labels: those of the votes and the collapse monitor."
    low, high = points(headline["delta_low"]), points(headline["delta_high"])
    return (
        f"{points(headline['delta'])} points "
        f"(95 % interval {low} to {high}, p = {probability(headline['p_value'])})"
    )


def verdict(headline: dict[str, Any]) -> str:
    """Returns the conclusion that the evidence supports."""
    if not headline["n"]:
        return "No improvement is claimed."
    if headline["p_value"] >= SURE:
        return "No improvement is shown: chance alone explains a difference of this size."
    if headline["delta"] < 0:
        return "The model got worse."
    blind = [arm for arm in WITHOUT_VOTE if arm in headline["arms"]]
    if not blind:
        return (
            "The model improved; no control arm without the vote was trained, so the gain cannot be credited to"
            " the vote."
        )
    if headline["beats_controls"]:
        named = " or ".join(ARMS[arm] for arm in blind)
        return f"The model improved, and training on {named} gains less."
    named = " or ".join(ARMS[arm] for arm in blind if not headline["arms"][arm]["beaten"])
    return (
        f"The model improved, but training on {named} is not shown to gain less: the gain cannot be"
        " credited to the vote."
    )


def losses(metrics: dict[str, Any]) -> list[str]:
    """Significant losses, the largest first: pooled by mode, and by task after Holm's correction."""
    last = metrics["rounds"][-1]
    pooled = (("in-domain tasks", mode, row, "p_value") for mode, row in last["pooled"].items())
    single = (
        (task, mode, row, "p_holm")
        for task, modes in last["tasks"].items()
        for mode, row in modes.items()
    )
    lost = [found for found in (*pooled, *single) if found[2]["delta"] < 0]
    shown = sorted((row["delta"], what, mode, row) for what, mode, row, p in lost if row[p] < SURE)
    return [
        f"{what}, {MODE_NAMES[mode]}: {percent(row['before']['accuracy'])} → {percent(row['after']['accuracy'])}"
        f" ({points(delta)} points)"
        for delta, what, mode, row in shown
    ]


def evaluated(entry: dict[str, Any]) -> int:
    """Counts the held-out questions in a comparison, over all tasks; some modes may use fewer of them."""
    return sum(
        max(row["after"]["n"] for row in modes.values()) for modes in entry["tasks"].values()
    )


def warm_start(metrics: dict[str, Any]) -> str:
    """Returns the labeled data on which the base model was trained before the loop; otherwise empty."""
    if (found := metrics.get("warm_start")) is None:
        return ""
    text = (
        f"The base model was first trained, supervised, on {found['examples']:,} labeled examples (file"
        f" {found['file']}); “before” is that model."
    )
    if greedy := found["pooled"].get("cot_greedy"):
        before, warm = greedy["before"]["accuracy"], greedy["after"]["accuracy"]
        text += (
            f" The model as it was given: {percent(before)}; after the warm start: {percent(warm)}."
        )
    return text + (
        f" Left out: {found['examples_left_out']:,} of the examples, which are held-out or probe questions;"
        f" {found['questions_left_out']:,} of the unlabeled questions, which are examples."
    )


def votes(metrics: dict[str, Any]) -> str:
    """Says how many paths of the last round were parsed and how many agree with the winner; needs no labels."""
    found = metrics["rounds"][-1]["votes"]
    text = f"{percent(1 - found['unreadable'])} of the sampled paths were parsed"
    if "reader" in found:
        text += f" ({found['reader']['filled']:,} of them with the reader)"
    if found["confidence"] is not None:
        text += f"; on average {percent(found['confidence'])} of a question's paths agree with its winner"
    return f"{text}.{early_stop(metrics)}"


def readers(metrics: dict[str, Any]) -> list[str]:
    """Says how many answers the reader added to the votes of each round; empty if it was off."""
    found = [
        (e["round"], e["votes"]["reader"]) for e in metrics["rounds"] if "reader" in e["votes"]
    ]
    return [
        f"Round {number}: the reader (voting.reader) found {reader['filled']:,} answers that no rule could parse,"
        f" of which {reader['kept']:,} are on kept paths."
        for number, reader in found
    ]


def early_stop(metrics: dict[str, Any]) -> str:
    """Says what early stopping saved; empty if it was off."""
    saved = metrics["rounds"][-1]["sampling"].get("early_stop")
    if saved is None:
        return ""
    return (
        f" Early stopping at {percent(saved['confidence'])} saved {saved['paths']:,} paths of"
        f" {saved['questions']:,} decided questions, about {saved['tokens']:,} tokens; mean confidences exclude"
        " these questions."
    )


def leaks(metrics: dict[str, Any]) -> str:
    """Says how many training questions are also in an evaluation set."""
    found = metrics["rounds"][-1]["leaks"]
    return (
        f"{found['exact']} of {found['questions']:,} training questions are word for word in an evaluation set,"
        f" and were left out; {found['overlapping']:,} others share {found['words']} consecutive words with a"
        " question there."
    )


def promotion(metrics: dict[str, Any]) -> str:
    """Describes the decisions of the collapse monitor."""
    all_well = "Every round was promoted; this decision used no labels."
    return reservations(metrics) or all_well


def reservations(metrics: dict[str, Any]) -> str:
    """Names rounds that were not promoted or show no gain, and says whether labels were used; otherwise empty."""
    sentences = [
        f"Round {entry['round']} {decided(entry['monitor'])}"
        for entry in metrics["rounds"]
        if entry["monitor"]["alarms"] or entry["monitor"]["doubts"]
    ]
    if metrics["headline"]["guard"] == "probe":
        sentences.append("Promotion also used the labels of the probe questions (guard=probe).")
    return " ".join(sentences)


def decided(monitor: dict[str, Any]) -> str:
    """Says whether a round was promoted, why, and what this means for its figures."""
    why = "; ".join(monitor["alarms"] + monitor["doubts"])
    if monitor["promoted"]:
        return f"was promoted, though {why}."
    return f"was not promoted: {why}. Its figures are those of the model before it."


def support(metrics: dict[str, Any]) -> str:
    """Returns the support of the greedy answers before and after each round."""
    labeled = metrics["headline"]["guard"] == "probe"
    agreeing = "Mean share of the base model's paths that agree with the greedy answer"
    what = "Share of greedy answers that match the labels" if labeled else agreeing
    rounds = [(entry["round"], entry["monitor"]["support"]) for entry in metrics["rounds"]]
    changes = (
        f"round {number} {percent(found['before'])} to {percent(found['candidate'])}, a change of"
        f" {points(found['low'])} to {points(found['high'])} points"
        for number, found in rounds
    )
    return f"{what}, on probe questions: {'; '.join(changes)}."


def controls(metrics: dict[str, Any]) -> list[str]:
    """Returns one sentence per control arm: its gain, and whether the vote beats it on the same questions."""
    headline = metrics["headline"]
    if not headline["n"]:
        return ["Without labels the control arms are not compared."]
    vote = metrics["rounds"][0]["pooled"]["cot_greedy"]["delta"]
    sentences = [f"CoT greedy gained {points(vote)} points with the vote."]
    sentences += [control(arm, found) for arm, found in headline["arms"].items()]
    return (
        [*sentences, untrained(metrics["equal_compute"])] if metrics["equal_compute"] else sentences
    )


def control(arm: str, found: dict[str, Any]) -> str:
    """Returns the gain of a control arm, its share of the vote's gain, and the paired test against the vote."""
    share = "" if found["share"] is None else f", {100 * found['share']:.0f} % of the vote's gain"
    verdict = "The vote beats it" if found["beaten"] else "The vote is not shown to beat it"
    if arm == "gold":
        verdict = "This is the upper bound; on the same questions the vote is " + (
            "better" if found["beaten"] else "not shown to be better"
        )
    return (
        f"Training on {ARMS[arm]} gained {points(found['gain'])} (at most {points(found['gain_high'])}{share})."
        f" {verdict} (p = {probability(found['p_value'])})."
    )


def untrained(found: dict[str, Any]) -> str:
    """Says what the compute of round 1 would have gained without training."""
    better = found["delta"] > 0 and found["p_value"] < SURE
    worse = found["delta"] < 0 and found["p_value"] < SURE
    than = "is better than" if better else "is worse than" if worse else "does not differ from"
    return (
        f"The compute of round 1 pays for {found['affordable']:,} paths of the untrained model per held-out"
        f" question. Its vote over {found['m']} of them is right in {percent(found['before']['accuracy'])}"
        f" of {found['before']['n']:,} questions; one greedy path of the trained model, right in"
        f" {percent(found['after']['accuracy'])}, {than} it (p = {probability(found['p_value'])})."
    )


def label_precision(metrics: dict[str, Any]) -> str:
    """Says which confidence reaches the wanted precision on probe questions; empty if none of them has a label."""
    if not (found := metrics["label_precision"]):
        return ""
    start = (
        f"On {found['n']:,} labeled probe questions the base model's votes over {found['paths']} paths"
        f" are right in {percent(found['accuracy'])}; "
    )
    if (reached := found["threshold"]) is None:
        return f"{start}no confidence makes them right in {percent(found['wanted'])}."
    low, high = percent(reached["precision_low"]), percent(reached["precision_high"])
    return (
        f"{start}those with a confidence of at least {reached['confidence']:.2f}, {reached['n']} of them, in"
        f" {percent(reached['precision'])} ({low} to {high}): voting.min_confidence={reached['confidence']:.2f}"
        f" would reach the wanted {percent(found['wanted'])}."
    )
