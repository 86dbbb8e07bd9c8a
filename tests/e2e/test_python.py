"""The Python package, from its wheel, in a virtual environment that has nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import BIN, PATIENCE, ROOT, Server, mnist_dir

PACKAGE = ROOT / "client/python"


def run(*command: str | Path, **environment: str) -> str:
    """What it printed; it must succeed."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280 * PATIENCE,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | environment,
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="module")
def tree(scratch: Path) -> Path:
    """A copy of what the package is built from; a build leaves files where it is."""
    copy = scratch / "tree"
    leave_out = shutil.ignore_patterns("build", "dist", "*.egg-info", "*_pb2*", "__pycache__")
    shutil.copytree(PACKAGE, copy / "client/python", ignore=leave_out)
    shutil.copytree(ROOT / "proto", copy / "proto")
    return copy / "client/python"


@pytest.fixture(scope="module")
def new_environment(scratch: Path) -> Callable[[str], Path]:
    """Makes virtual environments, and says where their Python is."""

    def make(name: str) -> Path:
        run(sys.executable, "-m", "venv", scratch / name)
        return scratch / name / "bin/python"

    return make


@pytest.fixture(scope="module")
def python(new_environment: Callable[[str], Path], scratch: Path) -> Path:
    """A clean environment, whose pip can reach a registry."""
    python = new_environment("venv")
    probe = [python, "-m", "pip", "download", "-q", "--no-deps", "-d", scratch / "probe"]
    done = subprocess.run(
        [*probe, "googleapis-common-protos"], capture_output=True, text=True, timeout=120
    )
    if done.returncode != 0:
        pytest.skip(f"pip reaches no registry: {done.stderr.strip().splitlines()[-1:]}")
    return python


@pytest.fixture(scope="module")
def wheel(python: Path, tree: Path, scratch: Path) -> Path:
    run(python, "-m", "pip", "wheel", "-q", "--no-deps", "-w", scratch / "wheels", tree)
    (built,) = (scratch / "wheels").glob("trainyard-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(python: Path, wheel: Path) -> Path:
    run(python, "-m", "pip", "install", "-q", wheel)
    return python


def readme_python() -> str:
    """The README's lines of Python."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
    return str(code)


def test_the_readmes_four_lines(installed: Path, server: Server, scratch: Path) -> None:
    code = readme_python()
    assert len(code.splitlines()) == 4
    # The tour's datasets, smaller.
    for name, seed in (("digits", 1), ("digits-test", 2)):
        server.api.digits(name, rows=500, seed=seed)
    (scratch / "four.py").write_text(code)
    printed = run(installed, scratch / "four.py", TRAINYARD_SERVER=server.target)
    (accuracy,) = re.findall(r"^accuracy ([\d.]+)%$", printed, re.M)
    assert float(accuracy) > 50
    assert "confusion matrix" in printed


def test_the_packages_own_tests(installed: Path, tree: Path) -> None:
    run(installed, "-m", "pip", "install", "-q", "pytest")
    printed = run(
        installed, "-B", "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", tree / "tests",
        TRAINYARD_BIN_DIR=str(BIN), TRAINYARD_MNIST_DIR=str(mnist_dir() or ""),
    )  # fmt: skip
    print(printed)
    assert re.search(r"\d\d passed", printed) and "no trainyard-server" not in printed, printed


def test_the_wheel_is_typed_and_carries_no_other_descriptors(wheel: Path, python: Path) -> None:
    names = run(python, "-m", "zipfile", "-l", wheel)
    for name in ("trainyard/py.typed", "trainyard/v1/training_pb2.pyi"):
        assert name in names
    assert "google/" not in names and "tests/" not in names
