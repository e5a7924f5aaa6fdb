"""The public benchmarks of the paper, by the names of their files. docs/new_task.md shows how to add one."""

from importlib import import_module
from pkgutil import iter_modules

from lmsi_kedro.tasks.benchmark import Benchmark

BENCHMARKS: dict[str, Benchmark] = {
    module.name: import_module(f"{__name__}.{module.name}").BENCHMARK
    for module in iter_modules(__path__)
}
