"""A server of the tests' own, and a client of it."""

from __future__ import annotations

import os
import select
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from trainyard import Client
from trainyard._channel import Target
from trainyard._session import Session
from trainyard._steps import Call, Plan
from trainyard.v1 import admin_pb2

ServerT = TypeVar("ServerT", bound="Server")

BIN = Path(
    os.environ.get("TRAINYARD_BIN_DIR", Path(__file__).parents[3] / "build" / "release" / "bin")
)
PATIENCE = float(os.environ.get("TRAINYARD_PATIENCE", "1"))


class Server:
    """trainyard-server on one port, that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.target = f"127.0.0.1:{probe.getsockname()[1]}"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Server:
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                [BIN / "trainyard-server", "--data-dir", self._folder / "data"]
                + ["--listen", self.target],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], 60 * PATIENCE)
        line = self._process.stdout.readline() if ready else ""
        assert line.startswith("listening grpc="), (self._folder / "log").read_text()
        return self

    def kill(self) -> None:
        """SIGKILL; its workers live on."""
        assert self._process is not None
        self._process.kill()
        self._end()

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._end()

    def _end(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        self._process.wait(60 * PATIENCE)
        self._process.stdout.close()
        self._process = None


class Lab(Server):
    """A class's server, with TLS and users."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        init = [BIN / "trainyard-server", "init", "--data-dir", folder / "data"]
        said = subprocess.run(init, check=True, capture_output=True, text=True).stdout
        words = dict(line.split(maxsplit=1) for line in said.splitlines() if " " in line)
        self.fingerprint = words["fingerprint"].strip()
        self._admin = Session(
            Target(
                self.target,
                words["token"].strip(),
                (folder / "data/tls/authority.pem").read_bytes(),
                "trainyard",
            )
        )

    def line(self, user: str = "", role: str = "STUDENT") -> str:
        """What an instructor gives to somebody who is to join."""

        def invite() -> Plan[str]:
            invitation = admin_pb2.Invitation(user_id=user, role=admin_pb2.Role.Value(role))
            request = admin_pb2.CreateInvitationRequest(invitation=invitation)
            return str((yield Call("admin.CreateInvitation", request)).code)

        return f"trainyard://{self.target}/{self._admin.run(invite())}#{self.fingerprint}"


def running(kind: type[ServerT]) -> Iterator[ServerT]:
    if not (BIN / "trainyard-server").exists():
        pytest.skip(f"no trainyard-server in {BIN}: set TRAINYARD_BIN_DIR")
    folder = Path(tempfile.mkdtemp(prefix="ty-"))  # short: it will hold a Unix socket
    running = kind(folder)
    try:
        yield running.start()
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    yield from running(Server)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    yield from running(Lab)


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[Client]:
    with Client(server.target) as connected:
        yield connected


@pytest.fixture
def unique(request: pytest.FixtureRequest) -> str:
    """An id that no other test uses."""
    name = "".join(char if char.isalnum() else "-" for char in request.node.name.lower())
    return name.replace("test-", "", 1)[:50].strip("-")
