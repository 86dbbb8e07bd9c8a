"""The Python package in other ways than from its wheel: from a source distribution, with
everything that it works with, under a type checker, and in a notebook."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import packages
from harness import BIN, Server, mnist_dir
from packages import run

# Runs a notebook in a kernel of its own, and prints what came out as JSON.
EXECUTE = """
import json, sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(notebook, timeout=240, kernel_name="python3").execute()
print(json.dumps([cell.get("outputs", []) for cell in notebook.cells]))
"""


@pytest.fixture(scope="module")
def tree(scratch: Path) -> Path:
    return packages.copy_of_the_tree(scratch / "source")


@pytest.fixture(scope="module")
def python(scratch: Path, tree: Path) -> Path:
    """The package from its source distribution, with all that it can use."""
    python = packages.new_environment(scratch / "full")
    packages.install(python, "build")
    run(python, "-m", "build", "-q", "--sdist", "--outdir", scratch / "sdist", tree)
    (source,) = (scratch / "sdist").glob("trainyard-*.tar.gz")
    packages.install(
        python, source, "ipykernel", "matplotlib", "mypy", "nbclient", "pandas", "pytest",
        "types-grpcio", "types-protobuf",
    )  # fmt: skip
    return python


def test_every_test_of_the_package_runs(python: Path, tree: Path) -> None:
    printed = run(
        python, "-B", "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", tree / "tests",
        TRAINYARD_BIN_DIR=str(BIN), TRAINYARD_MNIST_DIR=str(mnist_dir() or ""),
    )  # fmt: skip
    assert re.search(r"\d\d passed", printed) and "skipped" not in printed, printed


def test_its_types_are_clean(python: Path, tree: Path) -> None:
    run(python, "-m", "mypy", "--config-file", "pyproject.toml", cwd=tree)


def test_the_notebook_in_jupyter(python: Path, tree: Path, server: Server, scratch: Path) -> None:
    (scratch / "execute.py").write_text(EXECUTE)
    printed = run(
        python, "-W", "ignore", scratch / "execute.py", tree / "examples/course.ipynb",
        TRAINYARD_SERVER=server.target, TRAINYARD_MNIST_DIR=str(mnist_dir() or ""),
        OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1",
        # What a kernel keeps of itself stays here.
        HOME=str(scratch), JUPYTER_RUNTIME_DIR=str(scratch / "jupyter"),
    )  # fmt: skip
    outputs = [one for cell in json.loads(printed.splitlines()[-1]) for one in cell]
    data = [one["data"] for one in outputs if "data" in one]
    assert sum("image/png" in one for one in data) == 2  # the curve and the matrix
    bars = [one["text/html"] for one in data if "<progress" in str(one.get("text/html"))]
    assert len(bars) == 1 and 'value="1.0000"' in "".join(bars[0]) and "SUCCEEDED" in bars[0]
