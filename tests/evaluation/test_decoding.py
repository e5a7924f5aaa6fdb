"""The decoding of each mode, and the fingerprint that distinguishes decodings."""

from pathlib import Path

from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.evaluation.decoding import FORMATS, decoding, fingerprint
from lmsi_kedro.params import EvaluationParams
from lmsi_kedro.tasks import Exemplar


def test_decoding_identity_covers_everything_that_affects_it() -> None:
    evaluation = EvaluationParams(
        modes=list(FORMATS), greedy_questions=9, voted_questions=5, m=8,
        temperature=0.7, raised_temperature=1.2, label_precision=0.9, max_new_tokens=64, seed=2,
    )  # fmt: skip
    sets = {"sums": [Exemplar(question="1 + 1?", rationale="It is 2.", answer="2")]}
    others = {"sums": [Exemplar(question="1 + 2?", rationale="It is 3.", answer="3")]}
    model = Model(Path("model"), "digest")
    decodings = {mode: decoding(mode, evaluation, model) for mode in FORMATS}
    assert {mode: (d[0].temperature, d[1], d[2]) for mode, d in decodings.items()} == {
        **dict.fromkeys(FORMATS, (0, 1, 9)),
        "self_consistency": (0.7, 8, 5),
        "self_consistency_raised": (1.2, 8, 5),
    }
    sampled, m, _ = decodings["self_consistency"]
    raised, *_ = decodings["self_consistency_raised"]
    fingerprints = {
        fingerprint("few_shot_cot", sets, sampled, m),
        fingerprint("few_shot_direct", sets, sampled, m),
        fingerprint("few_shot_cot", sets, raised, m),
        fingerprint("few_shot_cot", sets, sampled, 4),
        fingerprint("few_shot_cot", sets, sampled.model_copy(update={"seed": 3}), m),
        fingerprint("few_shot_cot", others, sampled, m),
    }
    assert len(fingerprints) == 6
    zero_shot = {fingerprint("zero_shot_cot", shots, sampled, m) for shots in (sets, others)}
    assert len(zero_shot) == 1
