"""Clients in other languages: stubs from the proto alone, built, and run against a
server that is killed in the middle of their watch."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import protos
import toolchains
from harness import PATIENCE, ROOT, Class, Server

EXAMPLES = ROOT / "client/examples"
EPOCHS = 40
ROWS = 1000


@pytest.fixture(scope="module")
def tree(scratch: Path) -> Path:
    """A copy of the examples and of the protos; a build leaves files where it is."""
    leave_out = shutil.ignore_patterns("bin", "trainyardv1", "node_modules", "dist", "generated")
    shutil.copytree(EXAMPLES, scratch / "tree/client/examples", ignore=leave_out)
    shutil.copytree(protos.PROTO, scratch / "tree/proto")
    return scratch / "tree/client/examples"


def go_example(tree: Path) -> list[str | Path]:
    toolchains.need("go", "protoc")
    folder = tree / "go"
    (wanted,) = re.findall(r"^go (\d+)\.(\d+)", (folder / "go.mod").read_text(), re.M)
    version = toolchains.run("go", "version", cwd=tree)
    (found,) = re.findall(r"go(\d+)\.(\d+)", version)
    if tuple(map(int, found)) < tuple(map(int, wanted)):
        pytest.skip(f"go {'.'.join(wanted)} is needed: {version.strip()}")
    toolchains.fetch("Go modules", "go", "mod", "download", cwd=folder)
    toolchains.run("./generate.sh", cwd=folder, GOOGLEAPIS=protos.GOOGLEAPIS)
    toolchains.run("go", "vet", ".", cwd=folder)
    toolchains.run("go", "build", "-o", "bin/", ".", cwd=folder)
    return [folder / "bin/trainyard.example"]


def typescript_example(tree: Path) -> list[str | Path]:
    toolchains.need("node", "npm", "protoc")
    folder = tree / "typescript"
    toolchains.fetch("npm packages", "npm", "ci", "--no-audit", "--no-fund", cwd=folder)
    toolchains.run("./generate.sh", cwd=folder, GOOGLEAPIS=protos.GOOGLEAPIS)
    toolchains.run("npm", "run", "build", cwd=folder)
    return ["node", folder / "dist/main.js"]


class Reader:
    """The lines of a process, as they come."""

    def __init__(self, command: list[str | Path], errors: Path) -> None:
        with errors.open("w") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log
            )
        assert self.process.stdout is not None
        self._pipe = self.process.stdout
        self._rest = b""

    def line(self) -> str | None:
        """The next one; None at the end."""
        deadline = time.monotonic() + 60 * PATIENCE
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self._pipe], [], [], deadline - time.monotonic())
            assert ready, "the client says nothing"
            data = os.read(self._pipe.fileno(), 65536)
            if not data:
                return None
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()


@pytest.fixture(scope="module", params=[go_example, typescript_example])
def command(request: pytest.FixtureRequest, tree: Path) -> list[str | Path]:
    """An example, built."""
    return request.param(tree)


def test_it_signs_in_to_a_class(
    command: list[str | Path], scratch: Path, request: pytest.FixtureRequest
) -> None:
    lab = Class(scratch / request.node.callspec.id)
    lab.server.start()
    lab.join("ada")
    authority = scratch / "authority.pem"
    authority.write_bytes(lab.authority)
    said = toolchains.run(
        *command, "--server", lab.server.target, "--authority", authority, "--epochs", "1",
        cwd=scratch, TRAINYARD_TOKEN=lab.tokens["ada"],
    )  # fmt: skip
    assert "confusion matrix" in said, said
    nobody = toolchains.attempt(
        *command, "--server", lab.server.target, "--authority", authority, "--id", "other",
        cwd=scratch, TRAINYARD_TOKEN="",
    )  # fmt: skip
    assert nobody.returncode != 0 and "asks who you are" in nobody.stdout, nobody.stdout
    lab.close()
    lab.server.stop()


def test_it_trains_and_watches_across_a_killed_server(
    command: list[str | Path],
    scratch: Path,
    new_server: Callable[..., Server],
) -> None:
    server = new_server()
    server.listen = server.target  # the client finds it again there
    errors = scratch / "client.err"
    options = ["--server", server.target, "--epochs", str(EPOCHS), "--rows", str(ROWS)]
    client = Reader([*command, *options], errors)
    try:
        lines: list[str] = []
        while (line := client.line()) is not None:
            lines.append(line)
            if " epoch 3 " in line:
                server.kill()
                server.start()
        assert client.process.wait(60 * PATIENCE) == 0, errors.read_text()
    finally:
        client.process.kill()
        client.process.wait()
    at = lines.index("confusion matrix")
    events = [line.split() for line in lines[: at - 1]]
    assert [int(event[0]) for event in events] == list(range(1, len(events) + 1))
    assert [int(event[2]) for event in events if event[1] == "epoch"] == list(range(1, EPOCHS + 1))
    assert events[-1][1] == "SUCCEEDED"
    matrix = [[int(count) for count in line.split()] for line in lines[at + 1 :]]
    assert [len(row) for row in matrix] == [10] * 10
    assert sum(map(sum, matrix)) == ROWS
    accuracy = sum(matrix[i][i] for i in range(10)) / ROWS
    assert lines[at - 1] == f"accuracy {accuracy:.4f}" and accuracy > 0.9
    assert "interrupted after event" in errors.read_text()
    server.stop()
