"""The stages of a run, the estimated time left, and how both are shown."""

import io
import logging
from collections.abc import Iterator

import pytest
from kedro.pipeline import Node, Pipeline

from lmsi_kedro.engines.sample import sample_paths
from lmsi_kedro.pipelines.fine_tuning.nodes import fine_tune
from lmsi_kedro.progress import Display, ProgressHook
from lmsi_kedro.stages import Stages, duration


def plan_one(x: int) -> int:
    return x


def plan_two(x: int) -> int:
    return x


def loop() -> Pipeline:
    """Two kinds of sampling, a training, and both kinds of sampling again."""
    nodes = []
    for name, planner in (("a", plan_one), ("b", plan_two), ("c", plan_one), ("d", plan_two)):
        nodes.append(Node(planner, "x", f"plan_{name}", name=f"plan_{name}"))
        nodes.append(
            Node(sample_paths, [f"plan_{name}", "s", "day"], f"p_{name}", name=f"sample_{name}")
        )
    inputs = ["p_b", "x", "t", "e", "w", "day"]
    nodes.append(Node(fine_tune, inputs, "model", name="tune"))
    return Pipeline(nodes)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_time_left_is_estimated_from_similar_stages() -> None:
    clock = Clock()
    stages = Stages(loop(), clock)
    assert set(stages.kinds) == {"sample_a", "sample_b", "sample_c", "sample_d", "tune"}
    assert not stages.enter("plan_a")
    assert stages.enter("sample_a")
    assert str(stages) == "stage 1 of 5"
    clock.now = 10
    stages.advance(0.5, 10)  # the stage takes 20 s, of which 10 s are over; sample_c will take 20 s
    assert str(stages) == "stage 1 of 5, more than 30 s left"
    clock.now = 24
    stages.advance(1.0, 0)
    assert not stages.enter("plan_b")  # the stage took 24 s
    assert stages.enter("sample_b")
    assert str(stages) == "stage 2 of 5, more than 24 s left"
    clock.now = 34
    stages.advance(1.0, 0)
    assert stages.enter("tune")
    assert str(stages) == "stage 3 of 5, more than 34 s left"
    clock.now = 44
    stages.advance(0.1, 90)
    assert str(stages) == "stage 3 of 5, about 2 min left"  # 90, 24 and 10 s


def test_finished_stage_does_not_affect_time_left() -> None:
    clock = Clock()
    stages = Stages(loop(), clock)
    stages.enter("sample_a")
    clock.now = 0.1
    stages.enter("sample_b")
    assert str(stages) == "stage 2 of 5"


@pytest.mark.parametrize(
    ("seconds", "said"), [(3.4, "3 s"), (89, "89 s"), (300, "5 min"), (9000, "2.5 h")]
)
def test_durations_are_rounded(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_failure_after_the_run_names_no_node() -> None:
    hook = ProgressHook()
    hook.before_node_run(Node(plan_one, "x", "y", name="last"))
    hook.after_pipeline_run()
    assert ProgressHook.node is None


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """The output of a handler of the root logger that is configured as in conf/logging.yml."""
    monkeypatch.setenv("TERM", "xterm")
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [handler])
    logger = logging.getLogger("lmsi_kedro")
    monkeypatch.setattr(logger, "level", logging.INFO)
    monkeypatch.setattr(logger, "propagate", True)
    yield out
    ProgressHook.stop()


def show(display: Display) -> None:
    log = logging.getLogger("lmsi_kedro.engines.plan")
    display.enter("sample_a")
    log.info("sampled half", extra={"share": 0.5, "left": 3})
    log.info("all is well")


def test_plain_lines_where_there_is_no_terminal(logged: io.StringIO) -> None:
    display = Display(Stages(loop()))
    show(display)
    display.stop()
    assert logged.getvalue() == "Stage 1 of 5: sample_a\nsampled half\nall is well\n"


@pytest.mark.usefixtures("logged")
def test_one_bar_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress moves the bar without printing lines; other log lines appear above the bar."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    logging.getLogger().handlers = [logging.StreamHandler(terminal)]
    display = Display(Stages(loop()))
    show(display)
    display.stop()
    logging.getLogger("lmsi_kedro").info("after it")
    shown = terminal.getvalue()
    assert "all is well" in shown
    assert "stage 1 of 5, more than" in shown
    assert "after it" in shown
    assert "\nsampled half" not in shown
