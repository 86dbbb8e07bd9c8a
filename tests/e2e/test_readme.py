"""The README's tour, run exactly as it is written."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from pathlib import Path

import pytest

from harness import BIN, PATIENCE, ROOT

README = (ROOT / "README.md").read_text()


def tour() -> list[str]:
    """The shell blocks between the markers, in order."""
    (text,) = re.findall(r"<!-- tour begins -->(.*?)<!-- tour ends -->", README, re.DOTALL)
    return re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_tour_runs_as_written(scratch: Path) -> None:
    blocks = tour()
    assert len(blocks) >= 4 and "trainyard-server" in blocks[0]
    # The tour is read in the root of a clone that has been built; the tests'
    # own build may be elsewhere.
    clone = scratch / "clone"
    (clone / "build/release").mkdir(parents=True)
    (clone / "build/release/bin").symlink_to(BIN)
    home = scratch / "tour"
    home.mkdir()
    # The README's port may be taken here, by somebody's own server.
    port = free_port()
    ready = f"until (: </dev/tcp/127.0.0.1/{port}) 2>/dev/null; do :; done"
    script = "\n".join(
        [
            "set -euo pipefail",
            "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT",
            blocks[0],
            ready,
            *blocks[1:],
        ]
    ).replace("7700", str(port))
    environment = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "TRAINYARD_SERVER": f"127.0.0.1:{port}",
    }
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=clone,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240 * PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "accuracy" in done.stdout.lower()


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_documents_name_files_that_are_there(document: str) -> None:
    text = (ROOT / document).read_text()
    linked = re.findall(r"\]\(([^)#:]+)\)", text)
    folders = "core|server|client|proto|tests|deploy"
    quoted = re.findall(rf"`((?:{folders})/[\w./*-]+)`", text)
    assert linked or quoted
    for path in linked + quoted:
        assert list(ROOT.glob(path)), path


def test_the_two_commands_can_be_run() -> None:
    for script in ("deploy/quickstart.sh", "deploy/test.sh"):
        assert script in README
        assert os.access(ROOT / script, os.X_OK)
