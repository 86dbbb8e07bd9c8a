"""A program outside the tree, built with what is installed and find_package."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from harness import BIN, PATIENCE, ROOT, Server

CONSUMER = ROOT / "tests/consumer"


def run(*command: Any) -> str:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=280 * PATIENCE
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_a_program_outside_the_tree_trains_and_watches(server: Server, scratch: Path) -> None:
    prefix, source, build = (scratch / name for name in ("prefix", "consumer", "consumer-build"))
    run("cmake", "--install", BIN.parent, "--prefix", prefix, "--component", "client")
    # Not even its sources are in the tree.
    source.mkdir()
    for file in CONSUMER.iterdir():
        (source / file.name).write_bytes(file.read_bytes())
    flags = os.environ.get("TRAINYARD_SANITIZE_FLAGS", "")
    run(
        "cmake", "-G", "Ninja", "-S", source, "-B", build,
        f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_FLAGS={flags}",
    )  # fmt: skip
    run("cmake", "--build", build)
    assert not list((prefix / "include").rglob("core"))
    server.api.active("points", b"0,1,2\n1,2,1\n0,1,3\n1,3,1\n")
    said = run(build / "train_and_watch", server.target, "points").splitlines()
    assert said[0] == "users/local/networks/from-outside 22"
    assert said[1:3] == ["QUEUED", "RUNNING"] and said[-1] == "SUCCEEDED"
    assert [line.split()[1] for line in said if line.startswith("epoch")] == ["1", "2", "3"]
