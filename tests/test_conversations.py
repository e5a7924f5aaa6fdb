"""Chats of a question file become prompts, paths and training examples of a chat model, or are rejected."""

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch

from lmsi_kedro import schemas
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.datasets.question_file import QuestionFile
from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.engines.context import Context
from lmsi_kedro.engines.local import LocalEngine
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.engines.server.engine import ServerEngine
from lmsi_kedro.params import (
    EngineParams,
    EvaluationParams,
    MixingParams,
    PathParams,
    PreparationParams,
    PromptParams,
    Sampling,
    ServerParams,
    TrainingParams,
    VotingParams,
)
from lmsi_kedro.pipelines.mixing.nodes import render_examples
from lmsi_kedro.pipelines.preparation.nodes import choose_tasks, prepare_questions
from lmsi_kedro.pipelines.preparation.preflight import check_model
from lmsi_kedro.pipelines.sampling.nodes import plan_paths
from lmsi_kedro.tasks import Tasks
from lmsi_kedro.tasks.encoding import Encoder
from lmsi_kedro.tasks.turns import Turn, joined, turns_of
from tests.engines.fake_server import Reply, completion, running
from tests.settings import ENGINE, TRAINING

STUDENT = Path(__file__).parents[1] / "data/06_models/base_small"
TEMPLATE = (
    "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)
SAMPLING = Sampling(temperature=0.7, max_new_tokens=6, seed=1)
PATHS = PathParams(m=2, questions_per_task=5, sampling=SAMPLING)
EVALUATION = EvaluationParams(
    modes=["cot_greedy"], greedy_questions=5, voted_questions=5, m=2, temperature=0.7,
    raised_temperature=1.2, label_precision=0.9, max_new_tokens=6, seed=1,
)  # fmt: skip
VOTING = VotingParams(
    rule="trigger", ties="abstain", min_confidence=0.0, max_confidence=1.0, max_paths_per_question=4, seed=1
)  # fmt: skip
MIXING = MixingParams(
    parts={"few_shot_cot": 1, "zero_shot_direct": 1}, balance="none", direct="once", exemplars="same", seed=1
)  # fmt: skip
SHOTS = pl.DataFrame(
    [("my", "2 + 2?", None, None, "2 + 2 = 4.", "4")], schema=schemas.EXEMPLARS, orient="row"
)
CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "I have 3 pens."},
    {"role": "assistant", "content": "Good."},
    {"role": "user", "content": "How many pens do I have?"},
]
Row = dict[str, Any]


@pytest.fixture(scope="module")
def chat_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(shutil.copytree(STUDENT, tmp_path_factory.mktemp("models") / "chat"))
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return folder


def engine_of(**changed: Any) -> EngineParams:
    return EngineParams(**{**ENGINE, **changed})


def prepared(folder: Path, how: Any = "text", **task: Any) -> tuple[pl.DataFrame, Tasks]:
    """A chat and a question without earlier turns, and their task."""
    rows = [{"messages": CHAT}, {"messages": [{"role": "user", "content": "1 + 1?"}]}]
    path = folder / "my.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    raw = QuestionFile(filepath=str(path), problems=str(folder / "wrong.csv")).load()
    declared = Tasks.model_validate({"my": {"kind": "number", **task}})
    tasks = choose_tasks(raw, {"my": list}, declared, PromptParams(exemplars=how))
    share = PreparationParams(held_out_share=0.0, probe_share=0.0)
    return prepare_questions(raw, tasks, share), tasks


def planned(questions: pl.DataFrame, tasks: Tasks, model: Path) -> Plan:
    of = Model(model, "digest")
    return plan_paths(questions, SHOTS, of, tasks, PATHS, engine_of(), VOTING)


def requests_of(plan: Plan) -> list[Request]:
    return [request for chunk in plan.chunks.values() for request in chunk.requests]


def check(questions: pl.DataFrame, tasks: Tasks, model: Path, **engine: Any) -> Any:
    of, training = Model.at(model), TrainingParams(**TRAINING)
    given = questions, SHOTS, of, tasks, PATHS, EVALUATION, training, engine_of(**engine)
    return check_model(*given)


@pytest.mark.parametrize("how", ["text", "turns"])
def test_sampling_and_training_render_chats_alike(
    tmp_path: Path, chat_model: Path, how: str
) -> None:
    questions, tasks = prepared(tmp_path, how)
    fitting, found = check(questions, tasks, chat_model)
    assert fitting.equals(questions)
    assert found["chat"] is True
    plan = planned(questions, tasks, chat_model)
    engine = LocalEngine(chat_model, torch.float32, rows=8)
    paths = pl.concat([chunk.table(engine) for chunk in plan.chunks.values()])
    assert paths.height == 4
    taught = paths.with_columns(arm=pl.lit("vote"), key=pl.lit("num:3"), surface=pl.lit("3"))
    examples = render_examples(taught.select(*schemas.SELECTED), questions, SHOTS, tasks, MIXING)
    encoder = Encoder.of(chat_model, engine_of().conversation, False)
    prompts = [request.prompt for request in requests_of(plan)]
    sampled = dict(zip(prompts, encoder.prompts(prompts), strict=True))
    few = examples.filter(format="few_shot_cot").select("prompt", "target")
    for prompt, target in few.iter_rows():
        (example,) = encoder.examples([prompt], [target])
        assert example.ids[: example.prompt_tokens] == sampled[prompt]
    assert set(few["prompt"]) == set(prompts)
    direct = examples.filter(format="zero_shot_direct")["prompt"].to_list()
    assert turns_of(direct[0])[-1].text == "Q: How many pens do I have?\nA:"
    assert direct[1] == "Q: 1 + 1?\nA:"


def test_prompt_is_the_rendered_chat(tmp_path: Path, chat_model: Path) -> None:
    encoder = Encoder.of(chat_model, engine_of().conversation, False)
    texts = {}
    for how in ("text", "turns"):
        (chat, _) = requests_of(planned(*prepared(tmp_path, how), chat_model))
        texts[how] = encoder.tokenizer.decode(encoder.prompts([chat.prompt])[0])
    begin = "[system] Be brief.\n"
    earlier = "[user] I have 3 pens.\n[assistant] Good.\n"
    asked = "Q: How many pens do I have?\nA:\n[assistant]"
    shot = "Q: 2 + 2?\nA: 2 + 2 = 4. The answer is 4.\n\n"
    turns = "[user] Q: 2 + 2?\nA:\n[assistant] 2 + 2 = 4. The answer is 4.\n"
    assert texts["text"] == f"{begin}{earlier}[user] {shot}{asked}"
    assert texts["turns"] == f"{begin}{turns}{earlier}[user] {asked}"


def test_servers_get_the_rendered_chat(chat_model: Path) -> None:
    encoder = Encoder.of(chat_model, engine_of().conversation, False)
    chats = [[Turn("user", "a?"), Turn("assistant", said), Turn("user", "b?")] for said in "xy"]
    requests = [Request(f"q{n}", joined(chat), range(2)) for n, chat in enumerate(chats)]

    def answer(body: dict[str, Any], count: int) -> Reply:
        return completion(body, lambda prompt: len(encoder.tokenizer.encode(prompt)))

    with running(answer) as server:
        served = ServerParams(urls=[server.url], model="served", revision="sha256:01234567")
        engine = ServerEngine(chat_model, engine_of(executor="server", server=served))
        table = engine.sample(requests, SAMPLING)
        engine.close()
    assert table.height == 4
    assert {body["prompt"] for body in server.bodies} == {
        f"[user] a?\n[assistant] {said}\n[user] b?\n[assistant]" for said in "xy"
    }


@pytest.mark.parametrize(
    ("how", "chat", "said"),
    [
        ("turns", "auto", "prompts.exemplars is turns (task my), but the tokenizer has no chat_template: take a "),
        ("turns", "never", "prompts.exemplars is turns (task my), but engine.chat is never: set it to auto, or"),
        ("text", "auto", "questions: 1 have earlier turns in `messages`, such as 'How many pens do I have?', but "
                         "the tokenizer has no chat_template: take a chat model, or add the template"),
    ],
)  # fmt: skip
def test_plain_models_refuse_turns(tmp_path: Path, how: str, chat: str, said: str) -> None:
    questions, tasks = prepared(tmp_path, how)
    with pytest.raises(ValueError, match="but ") as caught:
        check(questions, tasks, STUDENT, chat=chat)
    assert str(caught.value).startswith(said)


def test_plain_models_need_templates_with_a_stop(tmp_path: Path, chat_model: Path) -> None:
    own = {"few_shot_cot": "{exemplars}Question: {question}\nAnswer:"}
    questions, tasks = prepared(tmp_path, templates=own)
    plain = questions.filter(pl.col("context").is_null())
    with pytest.raises(
        ValueError, match=r"templates.few_shot_cot: in plain text, .* begin with Q:,"
    ):
        check(plain, tasks, STUDENT)
    check(questions, tasks, chat_model)
    direct = {"few_shot_direct": "Be brief. {exemplars}Q: {question}\nA:"}
    check(plain, prepared(tmp_path, templates=direct)[1], STUDENT)


def test_long_chats_are_measured_with_their_template(chat_model: Path) -> None:
    """For many short turns, the template adds more tokens than the texts have bytes."""
    context = Context.of(chat_model, engine_of())
    turns = [Turn("user", "a"), Turn("assistant", "b")] * 200
    long, short = joined([*turns, Turn("user", "c")]), joined([Turn("user", "c")])
    assert list(context.too_long([{"long": long, "short": short, "plain": "Q: c"}], 6)) == ["long"]


def test_exemplars_as_text_keep_old_addresses(tmp_path: Path) -> None:
    """The default renders as before this option existed, so chunks and tasks of older runs are found again."""
    given, named = engine_of(), engine_of(prompts=PromptParams(exemplars="text"))
    assert given.identity == named.identity
    assert set(given.identity) == {"dtype", "rows", "system", "date", "chat", "thoughts"}
    questions, tasks = prepared(tmp_path)
    assert "exemplars" not in tasks["my"].model_dump()
    one, other = (
        planned(questions, each, STUDENT) for each in (tasks, prepared(tmp_path, "turns")[1])
    )
    assert one.address != other.address
