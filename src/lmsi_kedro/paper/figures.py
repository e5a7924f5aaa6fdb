"""The results of Huang et al. 2022 (accuracy in %), and the benchmark that each mini-world family imitates."""

FAMILY = {
    "mini_gsm": "GSM8K",
    "mini_drop": "DROP",
    "mini_arc": "ARC-c",
    "mini_nli": "ANLI-A2",
    "mini_svamp": "SVAMP",
    "mini_strategy": "StrategyQA",
}
# Table 3: before and after, by benchmark and mode.
MAIN = {
    "GSM8K": {
        "standard": (17.9, 32.2),
        "cot_greedy": (56.5, 73.5),
        "self_consistency": (74.4, 82.1),
    },
    "DROP": {
        "standard": (60.0, 71.7),
        "cot_greedy": (70.6, 76.2),
        "self_consistency": (78.2, 83.0),
    },
    "ARC-c": {
        "standard": (87.1, 87.2),
        "cot_greedy": (85.2, 88.3),
        "self_consistency": (88.7, 89.8),
    },
    "ANLI-A2": {
        "standard": (55.8, 64.8),
        "cot_greedy": (58.9, 65.3),
        "self_consistency": (64.5, 66.5),
    },
}
OUT_OF_DOMAIN = {"SVAMP": (79.0, 82.8), "StrategyQA": (75.3, 77.8)}  # table 4, CoT
# Table 5, GSM8K: standard and CoT, by the formats trained on.
FORMATS = {
    "base": (17.9, 56.5),
    "direct_only": (23.6, 61.6),
    "few_shot_cot_only": (29.2, 69.4),
    "vote": (32.2, 73.5),
}
# Section 5.2, GSM8K: CoT and self-consistency, by the questions trained on.
GENERATED_QUESTIONS = {
    "base": (56.5, 74.4),
    "generated": (66.2, 78.1),
    "vote": (73.5, 82.1),
}
# Section 5.2, GSM8K before training: votes of 10 and of 40 paths, by the exemplars of the prompt.
GENERATED_PROMPTS = {
    "step_by_step": (53.8, 70.1),
    "own_exemplars": (66.2, 74.2),
    "before": (None, 74.4),
}
DISTILLED = {"student": (5.0, 33.4)}  # table 7, 8B: before and after, CoT
