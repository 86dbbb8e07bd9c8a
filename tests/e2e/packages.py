"""The Python package, built from a copy of the tree in environments of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import PATIENCE, ROOT


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    """What it printed; it must succeed."""
    done = subprocess.run(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280 * PATIENCE,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | environment,
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}"
    return done.stdout


def copy_of_the_tree(folder: Path) -> Path:
    """The package in a copy of what it is built from; a build leaves files where it is."""
    leave_out = shutil.ignore_patterns("build", "dist", "*.egg-info", "*_pb2*", "__pycache__")
    shutil.copytree(ROOT / "client/python", folder / "client/python", ignore=leave_out)
    shutil.copytree(ROOT / "proto", folder / "proto")
    return folder / "client/python"


def new_environment(folder: Path) -> Path:
    """The Python of a clean environment, whose pip can reach a registry; else skips."""
    run(sys.executable, "-m", "venv", folder)
    python = folder / "bin/python"
    probe = (python, "-m", "pip", "download", "-q", "--no-deps", "-d", folder / "probe")
    done = subprocess.run(
        [*probe, "googleapis-common-protos"], capture_output=True, text=True, timeout=120
    )
    if done.returncode != 0:
        pytest.skip(f"pip reaches no registry: {done.stderr.strip().splitlines()[-1:]}")
    return python


def install(python: Path, *what: str | Path) -> None:
    # Most of what is installed is never imported: bytecode would take longer to write.
    run(python, "-m", "pip", "install", "-q", "--no-compile", *what)
