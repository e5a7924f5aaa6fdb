"""The configuration: every dataset is declared, every parameter is used, and no label reaches training."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog, MemoryDataset

from lmsi_kedro import schemas
from lmsi_kedro.hooks import IN_THE_COMMAND, PARAMETERS, check_shape, refuse_unread
from lmsi_kedro.mini_world.questions import make_exemplars, make_questions
from lmsi_kedro.params import HeadroomParams
from lmsi_kedro.pipelines.preparation.nodes import choose_tasks, prepare_questions
from lmsi_kedro.pipelines.preparation.pipeline import create_pipeline as preparation
from lmsi_kedro.pipelines.reporting import create_pipeline as reporting
from lmsi_kedro.pipelines.self_improve.pipeline import create_pipeline
from lmsi_kedro.pipelines.self_improve_from_seeds import create_pipeline as from_seeds
from lmsi_kedro.pipelines.warm_start import create_pipeline as warm_start
from lmsi_kedro.pipelines.warm_start import start_warm
from tests.contexts import project_context
from tests.graphs import ARMS, ancestors

ROOT = Path(__file__).parents[1]
PIPELINES = {"self_improve", "sampling", "voting", "mixing", "fine_tuning", "evaluation",
             "reporting", "base_model", "mini_world", "public_tasks", "distillation",
             "controls", "question_generation", "exemplar_generation", "self_improve_from_seeds",
             "reproduction", "headroom", "warm_start", "methods"}  # fmt: skip


def test_warm_start_reads_only_labels_of_its_file() -> None:
    """The warm start uses no label of the question file; the loop uses labels only through the warm model."""
    pipeline = start_warm(create_pipeline(rounds=2))
    training = {node.name: node for node in pipeline.nodes if node.name.endswith("fine_tune")}
    warm = training.pop("warm_start.fine_tune")
    assert "raw_worked_examples" in ancestors(pipeline, "warm_start.mixture")
    assert len(training) == 3
    for node in (warm, *training.values()):
        for dataset in node.inputs:
            if not dataset.startswith("params:"):
                assert not {"labels", "gold_labels"} & ancestors(pipeline, dataset), dataset
    readers = {node.name for node in pipeline.nodes if "worked_examples" in node.inputs}
    assert readers == {"leave_out_evaluated", "leave_out_worked"}


def test_the_loop_starts_from_the_warm_model() -> None:
    """Only the checks, the warm start and the evaluation of the given model read that model."""
    measured = HeadroomParams(enabled=True, questions_per_task=9, probe=True, stop=True)
    loop = create_pipeline(2, "none", ARMS, True, measured)
    warm = start_warm(loop)
    names, more = ({node.name for node in pipeline.nodes} for pipeline in (loop, warm))
    assert names < more
    added = ("read_worked", "leave_out_evaluated", "leave_out_worked", "warm_start.", "evaluation_given.",
             "compare_metrics_warm", "report_warm_start")  # fmt: skip
    assert all(name.startswith(added) for name in more - names)
    readers = {
        model: {node.name for node in warm.nodes if model in node.inputs and node.name in names}
        for model in ("base_model", "warm_model")
    }
    assert readers["base_model"] == {"check_model", "check_machine"}
    unchanged = {node.name for node in loop.nodes if "base_model" in node.inputs}
    assert readers["warm_model"] == unchanged - readers["base_model"]
    assert "preflight" in ancestors(warm, "warm_model")


def test_graph_without_warm_start_is_unchanged(context: Any) -> None:
    """The registered pipelines depend only on the rounds and arms."""
    from kedro.framework.project import pipelines

    names = {
        name: {node.name for node in pipelines[name].nodes}
        for name in ("self_improve", "controls", "reporting", "evaluation", "fine_tuning")
    }
    loop, controls = create_pipeline(1), create_pipeline(1, arms=ARMS, equal_compute=True)
    assert names["self_improve"] == {node.name for node in loop.nodes}
    assert names["controls"] == {node.name for node in controls.nodes}
    assert names["reporting"] == {node.name for node in reporting(1).nodes}
    # The current parameters and models may differ from those of the finished run, which are stored.
    assert not {n for n in pipelines["reporting"].inputs() if n.startswith("param") or "model" in n}
    for name, pipeline in pipelines.items():
        assert ("warm_model" in pipeline.datasets()) is (name == "warm_start"), name


def test_questions_reach_the_loop_only_after_separation() -> None:
    pipeline = start_warm(create_pipeline(rounds=1))
    readers = {node.name for node in pipeline.nodes if "all_questions" in node.inputs}
    assert readers == {"leave_out_evaluated", "leave_out_worked"}
    assert "leave_out_worked" in {node.name for node in pipeline.to_outputs("questions").nodes}
    assert "leave_out_evaluated" in {node.name for node in warm_start().nodes}


def test_only_seeds_reach_training_from_seeds() -> None:
    """Training uses no labels, no exemplars written by people, and only the questions that choose_seeds takes."""
    pipeline = from_seeds(rounds=2)
    training = [node for node in pipeline.nodes if node.name.endswith("fine_tune")]
    assert len(training) == 3
    for node in training:
        for dataset in node.inputs:
            if not dataset.startswith("params:"):
                assert not {"labels", "gold_labels"} & ancestors(pipeline, dataset), dataset
    assert {"labels", "generation_funnel"} <= ancestors(pipeline, "metrics")
    readers = {
        name: {node.name for node in pipeline.nodes if name in node.inputs}
        for name in ("given_exemplars", "given_questions")
    }
    assert readers["given_exemplars"] == {"check_model"}
    assert readers["given_questions"] - {"prepare_labels", "prepare_gold_labels"} == {
        "choose_seeds",
        "draft_candidates",  # reads the evaluated questions, to drop candidates that repeat them
        "replace_unlabeled_questions",  # keeps the evaluated questions
    }


def test_answers_in_question_file_only_reach_labels(context: Any) -> None:
    """Changed answers give the same questions and tasks, and training depends on nothing else in the file."""
    raw, declared = context.catalog.load("raw_questions"), context.params["tasks"]
    others = raw.with_columns(answer=pl.lit(["1000"]))
    readers = {
        name: {node.name for node in preparation().nodes if name in node.inputs}
        for name in ("raw_questions", "checked_questions")
    }
    assert readers["raw_questions"] == {"choose_tasks", "read_labels"}
    assert readers["checked_questions"] == {
        *("prepare_questions", "prepare_labels", "prepare_gold_labels"),
    }
    tasks = choose_tasks(raw, {}, declared)
    assert choose_tasks(others, {}, declared) == tasks
    shares = context.params["preparation"]
    prepared = prepare_questions(raw, tasks, shares)
    assert prepare_questions(others, tasks, shares).equals(prepared)
    assert not {"answer", "answers"} & set(schemas.QUESTIONS)


@pytest.fixture(scope="module")
def context() -> Iterator[Any]:
    bootstrap_project(ROOT)
    with project_context() as opened:
        yield opened


ORDERED = ("group_by", "join", "unique")


def test_no_row_order_depends_on_hashes() -> None:
    """If the order of rows varies between runs, so do sums of floats and stored tables."""
    found = [
        f"{path}:{call.lineno}: {call.func.attr}"
        for path in sorted((ROOT / "src").rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and unordered(call)
    ]
    assert not found


def unordered(call: ast.Call) -> bool:
    """Whether this polars call leaves the row order undefined, regardless of a later sort."""
    assert isinstance(call.func, ast.Attribute)
    given = {keyword.arg for keyword in call.keywords}
    if call.func.attr == "value_counts":
        return True
    if call.func.attr not in ORDERED or "maintain_order" in given:
        return False
    if call.func.attr == "unique":
        return ast.unparse(call.func.value) != "np"  # numpy.unique sorts
    if call.func.attr == "group_by":
        return True
    return "on" in given and not {"semi", "anti"} & {
        keyword.value.value for keyword in call.keywords if isinstance(keyword.value, ast.Constant)
    }


def test_every_dataset_is_declared(context: Any) -> None:
    from kedro.framework.project import pipelines

    assert set(pipelines) - {"__default__"} == PIPELINES
    catalog = context.catalog  # this property reads the configuration on every access: 1.4 s
    for pipeline in pipelines.values():
        named = {name for name in pipeline.datasets() if not name.startswith("param")}
        assert not {name for name in named if name not in catalog}
        # If several patterns of the catalog match a name, the longest wins, even one meant for other datasets.
        plans = {name for name in named if name.endswith("_plan")}
        assert {catalog[name]._copy_mode for name in plans} <= {"assign"}
        stored = {name for name in named if "stored_" in name}
        assert {type(catalog[name]).__name__ for name in stored} <= {"StoredChunks"}


def test_shorthands_of_paths_have_one_value() -> None:
    """Kedro merges the catalog's files in any order, so a path like ${_data} must be the same in all of them."""
    files = [path.read_text() for path in sorted((ROOT / "conf" / "base").glob("catalog*.yml"))]
    used = {name for text in files for name in re.findall(r"\$\{(_\w+)\}", text)}
    assert "_data" in used
    for name in used:
        values = {str(file[name]) for file in map(yaml.safe_load, files) if name in file}
        assert len(values) == 1, name


def test_report_is_rebuilt_from_stored_data(context: Any) -> None:
    """The report has the arms of its pipeline, and --tags=reporting needs no dataset that was only in memory."""
    from kedro.framework.project import pipelines

    arms = {
        "controls": set(ARMS),
        "self_improve": {"random"},
        "self_improve_from_seeds": {"random"},
    }
    catalog = context.catalog
    for name, expected in arms.items():
        report = pipelines[name].only_nodes_with_tags("reporting")
        assert {"metrics", "report"} <= report.all_outputs()
        found = {n.removeprefix("metrics_vote_over_") for n in report.inputs() if "_over_" in n}
        assert found == expected
        assert ("equal_compute" in report.inputs()) is (name == "controls")
        given = [n for n in report.inputs() if not n.startswith("param")]
        assert not [n for n in given if type(catalog[n]).__name__ == "MemoryDataset"]


def test_the_tokens_of_every_evaluation_are_counted(context: Any) -> None:
    from kedro.framework.project import pipelines

    for name in ("self_improve", "controls", "self_improve_from_seeds"):
        (counting,) = pipelines[name].only_nodes("count_evaluation_tokens").nodes
        made = {n for n in pipelines[name].datasets() if n.startswith("evaluation_readings_")}
        assert set(counting.inputs) == made, name


SHAPE: dict[str, Any] = {
    "rounds": 1,
    "warm_start": None,
    "headroom": {"enabled": False, "stop": False},
    "controls": {"arms": ["random", "gold"]},
}


@pytest.mark.parametrize(
    ("made_by", "changed", "names", "said"),
    [
        ("self_improve", {"rounds": 3}, ["reporting"], "=self_improve --tags=reporting --params=rounds=3`"),
        ("self_improve", {"warm_start": "a.jsonl"}, ["__default__"], "--params=warm_start=a.jsonl`"),
        ("self_improve", {"rounds": 2, "headroom": {"enabled": True, "stop": False}}, ["reporting"],
         "--params=rounds=2,headroom.enabled=true`"),
        ("controls", {}, ["reporting"], "--pipelines=controls --tags=reporting`"),
        ("controls", {"controls": {"arms": ["random", "shuffled"]}}, ["controls"],
         "--tags=reporting`, with controls.arms=[random,shuffled] in conf/base"),
        ("self_improve_from_seeds", {}, ["self_improve"], "--pipelines=self_improve_from_seeds "),
    ],
)  # fmt: skip
def test_report_is_not_rebuilt_by_another_graph(
    made_by: str, changed: dict[str, Any], names: list[str], said: str
) -> None:
    record = {"pipelines": ["mini_world", made_by], "parameters": SHAPE | changed}
    with pytest.raises(ValueError, match="the finished run had a different graph") as raised:
        check_shape(names, SHAPE, record)
    assert said in str(raised.value)
    check_shape([made_by], SHAPE | changed, record)


def test_record_without_pipeline_names_its_command() -> None:
    with pytest.raises(ValueError, match=r"run its command again.*: kedro run --env=smoke$"):
        check_shape(["reporting"], SHAPE, {"command": "kedro run --env=smoke", "parameters": SHAPE})


@pytest.mark.parametrize(("rounds", "failed"), [(3, True), (1, False)])
def test_command_stops_before_making_another_report(
    rounds: int, failed: bool, context: Any
) -> None:
    """The command stops before any node runs; the record is read from the catalog."""
    from kedro.framework.project import pipelines

    from lmsi_kedro.hooks import ShapeHook

    report = pipelines["reporting"]
    parameters = context.config_loader["parameters"] | {"rounds": rounds}
    record = {"pipelines": ["self_improve"], "parameters": parameters}
    stored: dict[str, Any] = {name: MemoryDataset("stored") for name in report.inputs()}
    catalog = DataCatalog(stored | {"run_record": MemoryDataset(record)})
    run = {"pipeline_names": ["reporting"]}
    with pytest.raises(ValueError, match="rounds=3") if failed else nullcontext():
        ShapeHook().before_pipeline_run(run, report, catalog)


def test_every_parameter_is_used_and_known(context: Any) -> None:
    from kedro.framework.project import pipelines

    used = {name for p in pipelines.values() for name in p.inputs() if name.startswith("params:")}
    given = set(context.params)
    assert {name.removeprefix("params:") for name in used} | {
        "rounds",
        "guard",
        "tracking",
        "prompts",  # in engine
        "warm_start",
    } == given
    assert given | {"data_root", "questions", "exemplars", "model", "student"} == PARAMETERS


def kedro(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kedro", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_a_pipeline_without_a_warm_start_says_so(tmp_path: Path) -> None:
    given = f"--params=warm_start=worked.jsonl,data_root={tmp_path}"
    result = kedro("run", "--pipelines=reproduction", given)
    assert result.returncode != 0
    said = result.stdout + result.stderr
    assert "the pipeline reproduction has no warm start; leave warm_start null" in said


def test_with_a_warm_start_every_dataset_is_declared(tmp_path: Path) -> None:
    """The report can be made again from stored datasets."""
    given = {"warm_start": str(tmp_path / "mine.csv")}
    with project_context(**given) as context:
        catalog = context.catalog
    loop = start_warm(create_pipeline(rounds=2, arms=ARMS, equal_compute=True))
    report = loop.only_nodes_with_tags("reporting")
    named = {n for n in loop.datasets() if not n.startswith("param")}
    assert not {name for name in named if name not in catalog}
    stored = [n for n in report.inputs() if not n.startswith("param")]
    assert not [n for n in stored if type(catalog[n]).__name__ == "MemoryDataset"]
    assert catalog["raw_worked_examples"]._describe() == {"filepath": given["warm_start"]}


def test_with_preferences_every_dataset_is_declared(context: Any) -> None:
    catalog = context.catalog
    loop = create_pipeline(rounds=2, arms=ARMS, objective="scpo")
    made = [name for name in loop.all_outputs() if "pairs" in name or "preferences" in name]
    assert len(made) == 4
    assert {type(catalog[name]).__name__ for name in made} == {"Table"}


def test_the_registry_imports_no_slow_packages() -> None:
    """This keeps `kedro registry list` under 1.2 s."""
    script = (
        "import sys, lmsi_kedro.pipeline_registry as registry; registry.register_pipelines();"
        "print([name for name in ('torch', 'transformers', 'scipy.stats', 'pandas', 'plotly')"
        " if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True
    )
    assert result.stdout.strip() == "[]", result.stderr


def test_shipped_files_match_the_seed(context: Any) -> None:
    """`kedro run --pipelines=mini_world --params=exemplars=conf/base/exemplars` would write the same files."""
    world, tasks = context.params["world"], context.params["tasks"]
    shipped = context.catalog.load("raw_questions").drop("source")
    assert shipped.equals(make_questions(world, tasks).select(shipped.columns))
    exemplars = context.catalog.load("raw_exemplars")
    made = make_exemplars(world, tasks)
    assert {name: exemplars[name]() for name in made} == made


def test_new_world_keeps_the_shipped_exemplars(tmp_path: Path) -> None:
    """A new world is written below data_root, where a run can read it; the shipped exemplars stay as they are."""
    shipped = {path: path.read_bytes() for path in (ROOT / "conf/base/exemplars").glob("*.yml")}
    given = f"--params=data_root={tmp_path},world.exemplars=1,world.unlabeled=1"
    made = kedro("run", "--pipelines=mini_world", given)
    assert made.returncode == 0, made.stdout + made.stderr
    assert {path: path.read_bytes() for path in shipped} == shipped
    read = {"data_root": str(tmp_path), "exemplars": str(tmp_path / "01_raw/exemplars")}
    with project_context(**read) as context:
        exemplars = context.catalog.load("raw_exemplars")
    assert set(exemplars) == {path.stem for path in shipped if path.stem.startswith("mini_")}
    assert [len(load()) for load in exemplars.values()] == [1] * len(exemplars)


@pytest.mark.parametrize(
    ("parameter", "dataset"), [("model", "base_model"), ("student", "student_model")]
)
def test_hub_name_is_not_made_a_path(
    parameter: str, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a session, Kedro makes every path of the catalog absolute, but a hub name must not become a path."""
    import huggingface_hub

    shipped = ROOT / "data" / "06_models" / "base"
    asked = []

    def snapshot_download(name: str, **given: Any) -> str:
        asked.append(name)
        return str(shipped)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    with project_context(**{parameter: "hub:someone/some-model"}) as context:
        assert context.catalog.load(dataset).path == shipped
    assert set(asked) == {"someone/some-model"}


@pytest.mark.parametrize("parameter", ["model", "student"])
def test_relative_model_directory_is_found(parameter: str) -> None:
    given = {parameter: "data/06_models/base_small"}
    dataset = {"model": "base_model", "student": "student_model"}[parameter]
    with project_context(**given) as context:
        found = context.catalog.load(dataset)
    assert found.path == ROOT / "data" / "06_models" / "base_small"


def test_data_root_elsewhere_keeps_the_embedded_defaults(tmp_path: Path) -> None:
    """Only outputs are written there: those of a run, and those of the pipelines that make the embedded world."""
    with project_context(data_root=str(tmp_path)) as context:
        catalog = context.catalog
        assert catalog.load("base_model").path == ROOT / "data" / "06_models" / "base"
        assert catalog.load("raw_questions").height
        for made in ("world_questions", "pretrained_model", "pretrained_student", "round_1.votes"):
            assert not catalog.exists(made), made


@pytest.mark.parametrize("name", sorted(IN_THE_COMMAND))
def test_path_set_in_conf_is_refused(name: str) -> None:
    """Otherwise the catalog would read the default, while the record and the card would name the path in conf/."""
    with pytest.raises(ValueError, match=f"take it out of conf/ and give --params={name}="):
        refuse_unread({name: "x"}, {"rounds": 2})
    refuse_unread({name: "x"}, {name: "x"})
