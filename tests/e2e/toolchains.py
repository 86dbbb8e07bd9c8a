"""Tools of other languages, for tests that are skipped by name where they are not."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import PATIENCE

# Compilers take their time where nothing is cached.
SECONDS = 280
# What npm and Go say of lock files.
OUR_FAULTS = ("EUSAGE", "EINTEGRITY", "SECURITY ERROR", "missing go.sum entry")


def need(*tools: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")


def attempt(
    *command: str | Path, cwd: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS * PATIENCE,
    )


def fetch(what: str, *command: str | Path, cwd: Path, **environment: str) -> None:
    """Something that a registry has; skips the test where it cannot be reached."""
    done = attempt(*command, cwd=cwd, **environment)
    if done.returncode == 0:
        return
    # A lock file that does not fit is a defect of ours, and no matter of reach.
    assert not any(sign in done.stdout for sign in OUR_FAULTS), done.stdout
    lines = done.stdout.strip().splitlines()
    said = next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "")
    pytest.skip(f"{what} cannot be had: {said}")


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """What it printed; it must succeed."""
    done = attempt(*command, cwd=cwd, **environment)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}"
    return done.stdout


def go_tool(package: str, version: str, folder: Path) -> Path:
    """Builds a tool of the Go module proxy."""
    need("go")
    folder.mkdir(parents=True, exist_ok=True)
    run("go", "mod", "init", "tool", cwd=folder)
    fetch(package, "go", "get", f"{package}@{version}", cwd=folder)
    tool = folder / package.rpartition("/")[2]
    run("go", "build", "-o", tool, package, cwd=folder)
    return tool
