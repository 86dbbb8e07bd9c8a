"""The Python package, from its wheel, in a virtual environment that has nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import packages
from harness import BIN, ROOT, Server, mnist_dir
from packages import run


@pytest.fixture(scope="module")
def tree(scratch: Path) -> Path:
    return packages.copy_of_the_tree(scratch / "tree")


@pytest.fixture(scope="module")
def python(scratch: Path) -> Path:
    return packages.new_environment(scratch / "venv")


@pytest.fixture(scope="module")
def wheel(python: Path, tree: Path, scratch: Path) -> Path:
    run(python, "-m", "pip", "wheel", "-q", "--no-deps", "-w", scratch / "wheels", tree)
    (built,) = (scratch / "wheels").glob("trainyard-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(python: Path, wheel: Path) -> Path:
    packages.install(python, wheel)
    return python


def readme_python() -> str:
    """The first code below the README's heading."""
    _, _, section = (ROOT / "README.md").read_text().partition("\n## From Python\n")
    code = re.search(r"^```python\n(.*?)^```$", section, re.M | re.S)
    assert code
    return code[1]


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
    packages.install(installed, "pytest")
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
