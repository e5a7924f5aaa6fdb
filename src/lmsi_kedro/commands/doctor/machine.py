"""Checks the machine: packages, kernels, compiler, DeepSpeed, GPUs."""

import os
import shutil
import sysconfig
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

from lmsi_kedro import hardware
from lmsi_kedro.commands.doctor.finding import Finding
from lmsi_kedro.kernels.dispatch import BUILD, is_built

PACKAGE = "lmsi-kedro"
SHOWN = ("torch", "transformers", "deepspeed", "kedro")
COMPILERS = ("c++", "g++", "clang++")


def check_machine() -> Iterator[Finding]:
    """Yields the finding of each check as soon as it is known."""
    yield packages(needed())
    yield kernels()
    yield compiler()
    # This check imports setuptools, which warns if DeepSpeed has imported distutils before.
    yield locks(extensions_folder())
    yield deepspeed()
    yield gpus()


def needed() -> list[Requirement]:
    """Returns the package's declared requirements, without extras."""
    declared = map(Requirement, requires(PACKAGE) or [])
    return [each for each in declared if each.marker is None or each.marker.evaluate({"extra": ""})]


def packages(requirements: list[Requirement]) -> Finding:
    """Checks whether every requirement is installed in a suitable version."""
    wrong = [problem for each in requirements if (problem := unsuitable(each))]
    if wrong:
        remedy = "install them as they were tested: pip install -c constraints.txt -e ."
        return Finding("packages", "; ".join(wrong), remedy)
    shown = ", ".join(f"{name} {version(name)}" for name in SHOWN)
    return Finding("packages", f"{len(requirements)} in suitable versions ({shown})")


def unsuitable(requirement: Requirement) -> str | None:
    """Returns what is wrong with the installed version of a package."""
    try:
        found = version(requirement.name)
    except PackageNotFoundError:
        return f"{requirement} is not installed"
    suits = requirement.specifier.contains(found, prereleases=True)
    return None if suits else f"{requirement} is needed, {found} is installed"


def kernels() -> Finding:
    """Checks whether the C++ kernels are built and load."""
    try:
        built = is_built()
    except ImportError as error:
        return Finding("kernels", f"C++ does not load: {error}", BUILD)
    if not built:
        return Finding(
            "kernels", "C++ not built", f"{BUILD} (until then the slow reference is used)"
        )
    return Finding("kernels", "C++, built")


def compiler() -> Finding:
    """Checks whether there is a compiler for the kernels and for DeepSpeed's operations."""
    found = next(filter(None, map(shutil.which, (os.environ.get("CXX", ""), *COMPILERS))), None)
    headers = Path(sysconfig.get_path("include"), "Python.h")
    if found is None:
        return Finding("compiler", "no C++ compiler", "on Debian: apt install g++")
    if not headers.exists():
        return Finding("compiler", f"{headers} is missing", "on Debian: apt install python3-dev")
    return Finding("compiler", f"{found}, with Python's headers")


def deepspeed() -> Finding:
    """Checks whether DeepSpeed loads; training needs none of the operations that DeepSpeed would have to build."""
    if not hardware.gpus():
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
    try:
        from deepspeed.ops import __compatible_ops__ as compatible
    except Exception as error:  # builds, drivers and versions fail in many ways
        remedy = f"pip install -c constraints.txt deepspeed=={version('deepspeed')}"
        return Finding("DeepSpeed", f"does not load: {error}", remedy)
    could = ", ".join(sorted(name for name, fits in compatible.items() if fits)) or "none"
    return Finding("DeepSpeed", f"loads; training needs no builds; it could build: {could}")


def extensions_folder() -> Path:
    """Returns the folder in which torch builds and keeps extensions."""
    if folder := os.environ.get("TORCH_EXTENSIONS_DIR"):
        return Path(folder)
    from torch.utils.cpp_extension import get_default_build_root

    return Path(get_default_build_root())


def locks(folder: Path) -> Finding:
    """Looks for locks of killed builds, for which every later build of the same extension would wait forever."""
    found = sorted(folder.rglob("lock")) if folder.is_dir() else []
    if found and not building():
        names = " ".join(map(str, found))
        return Finding("extension locks", f"{len(found)} left by a killed build", f"rm {names}")
    return Finding("extension locks", f"no stale lock in {folder}")


def building() -> bool:
    """Returns whether a build is running that may hold a lock."""
    import psutil

    return any(process.info["name"] == "ninja" for process in psutil.process_iter(["name"]))


def gpus() -> Finding:
    """Checks whether torch sees the GPUs of the machine."""
    import torch

    there, seen = hardware.gpus(), torch.cuda.device_count()
    if there and not seen:
        remedy = "install a CUDA build of torch that fits the driver (nvidia-smi shows it)"
        return Finding("GPUs", f"{there} found, but torch {torch.__version__} sees none", remedy)
    if not seen:
        cores = len(os.sched_getaffinity(0))
        number = "bfloat16" if hardware.cpu_has_bfloat16() else "float32"
        return Finding("GPUs", f"none; {cores} cores compute in {number}")
    each = [torch.cuda.get_device_properties(index) for index in range(seen)]
    return Finding("GPUs", ", ".join(f"{g.name} {g.total_memory / 2**30:.0f} GiB" for g in each))
