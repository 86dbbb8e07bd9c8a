"""Real processes for the end-to-end tests: a server, its workers, the CLI and
a gRPC client made of generated stubs.

Nothing here sleeps for a time that is hoped to be enough: every wait is for a
condition, with a deadline after which the wait is a failure.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
from pathlib import Path
from typing import Any

from api import (  # noqa: F401  also what tests take from here
    BIN,
    ME,
    PATIENCE,
    ROOT,
    ROWS,
    STUBS,
    TERMINAL,
    Api,
    Code,
    admin_pb2,
    assert_gap_free,
    dataset_pb2,
    epochs_of,
    error_info,
    error_of,
    evaluation_pb2,
    grpc,
    job_request,
    network_pb2,
    refused,
    states_of,
    training_pb2,
    violations,
    visibility_pb2,
    wait_until,
    write_requests,
)


def processes(*needles: str) -> dict[int, str]:
    """Living processes whose command line has all of `needles`, by id."""
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if "State:\tZ" in (entry / "status").read_text():
                continue
        except OSError:  # it ended while we looked
            continue
        if line and all(needle in line for needle in needles):
            found[int(entry.name)] = line
    return found


class Server:
    """A trainyard-server on a free port of loopback, over one data directory.
    It may be stopped, killed and started again."""

    def __init__(self, data_dir: Path, *options: str) -> None:
        self.data_dir = data_dir
        self.options = options
        self.listen = "127.0.0.1:0"  # or its target, to be found again where it was
        self.log = data_dir.parent / f"{data_dir.name}.log"
        self.environment: dict[str, str] = {}
        self.process: subprocess.Popen[str] | None = None
        self.target = ""
        self.http = ""
        self._api: Api | None = None

    def start(self) -> Server:
        assert self.process is None
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [BIN / "trainyard-server", "--data-dir", self.data_dir, "--listen", self.listen]
                + list(self.options),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=os.environ | self.environment,
            )
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], 60 * PATIENCE)
        line = self.process.stdout.readline() if ready else ""
        assert line.startswith("listening grpc="), f"no announcement: {line!r}\n{self.tail()}"
        addresses = dict(word.split("=", 1) for word in line.split()[1:])
        self.target = addresses["grpc"]
        self.http = addresses.get("http", "")  # where it was started with --http
        return self

    @property
    def api(self) -> Api:
        if self._api is None:
            self._api = Api(self.target)
        return self._api

    def _forget(self) -> None:
        if self._api is not None:
            self._api.close()
        assert self.process is not None and self.process.stdout is not None
        self.process.stdout.close()
        self._api, self.process = None, None

    def stop(self, connected: bool = False) -> None:
        """SIGTERM: ends with status 0 and leaves no worker. Our own client goes
        first unless it shall stay `connected`: an idle one reads no GOAWAY, and
        the server would wait for it as long as it waits for any."""
        assert self.process is not None
        if self._api is not None and not connected:
            self._api.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(60 * PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            self._forget()
            raise AssertionError(f"SIGTERM did not end the server\n{self.tail()}") from None
        left = self.workers()
        self._forget()
        assert status == 0, f"the server ended with {status}\n{self.tail()}"
        assert not left, f"workers outlive the server: {left}"

    def kill(self) -> None:
        """SIGKILL, to the server alone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self._forget()

    def workers(self, *needles: str) -> dict[int, str]:
        return processes("trainyard-worker", str(self.data_dir), *needles)

    def kill_worker(self, *needles: str) -> None:
        """SIGKILL to the worker that has `needles` in its command line."""
        wait_until(f"a worker for {needles}", lambda: self.kill_workers(*needles))

    def kill_workers(self, *needles: str) -> int:
        """SIGKILL to those that are there now; how many."""
        pids = self.workers(*needles)
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:  # it ended by itself meanwhile
                pass
        return len(pids)

    def sanitizer_reports(self) -> list[str]:
        """What a sanitizer said of the server or of a worker; nobody else reads a
        worker's log, or its exit code after it has told its outcome."""
        texts = {
            log: log.read_text(errors="replace")
            for log in (self.log, *self.data_dir.rglob("*.log"))
        }
        signs = ("Sanitizer", "runtime error:")
        return [
            f"{log}:\n{text}"
            for log, text in texts.items()
            if any(sign in text for sign in signs)
        ]

    def abandon(self) -> None:
        """Ends whatever is left, for the end of a test that failed."""
        if self.process is not None:
            self.kill()
        for pid in self.workers():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def files(self, *folders: str) -> set[str]:
        """What is below these folders of the data directory."""
        return {
            str(path.relative_to(self.data_dir))
            for folder in folders
            for path in (self.data_dir / folder).rglob("*")
        }

    def tail(self) -> str:
        """The end of the server's log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])


class Class:
    """A server with TLS and users, in a directory that has been through init."""

    def __init__(self, data_dir: Path, *options: str) -> None:
        made = subprocess.run(
            [BIN / "trainyard-server", "init", "--data-dir", data_dir],
            check=True,
            capture_output=True,
            text=True,
            timeout=60 * PATIENCE,
        ).stdout
        words = dict(line.split(maxsplit=1) for line in made.splitlines() if " " in line)
        self.fingerprint = words["fingerprint"].strip()
        self.admin_token = words["token"].strip()
        self.server = Server(data_dir, *options)
        self.authority = (data_dir / "tls/authority.pem").read_bytes()
        self.tokens = {"admin": self.admin_token}
        self._apis: dict[str, Api] = {}

    def api(self, token: str = "") -> Api:
        """A client of this token's user; without one, of nobody."""
        known = self._apis.get(token)
        if known is None:
            known = self._apis[token] = Api(self.server.target, token, self.authority)
        return known

    def user(self, user_id: str) -> Api:
        return self.api(self.tokens[user_id])

    def join(self, user_id: str, role: int = admin_pb2.STUDENT) -> Api:
        """A new user, and a client of theirs."""
        invitation = admin_pb2.Invitation(user_id=user_id, role=role)
        code = (
            self.user("admin")
            .admin.CreateInvitation(admin_pb2.CreateInvitationRequest(invitation=invitation))
            .code
        )
        joined = self.api().admin.JoinClass(admin_pb2.JoinClassRequest(code=code))
        assert joined.user.name == f"users/{user_id}"
        self.tokens[user_id] = joined.token.secret
        return self.user(user_id)

    def close(self) -> None:
        for api in self._apis.values():
            api.close()
        self._apis.clear()


class Cli:
    """The CLI as a user has it: its own home, its own server."""

    def __init__(self, server: str, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        keep = ("PATH", "LANG", "TMPDIR", "ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS")
        self.environment = {key: os.environ[key] for key in keep if key in os.environ}
        self.environment |= {"HOME": str(home), "TRAINYARD_SERVER": server}

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / "trainyard", *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240 * PATIENCE,
        )

    def __call__(self, *arguments: str | Path, status: int = 0) -> str:
        """Runs a command that must end with `status`; returns what it printed."""
        done = self.run(*arguments)
        assert done.returncode == status, (
            f"trainyard {' '.join(map(str, arguments))} ended with {done.returncode}\n"
            f"{done.stdout}{done.stderr}"
        )
        return done.stdout

    def lines(self, *arguments: str | Path, status: int = 0) -> list[dict[str, Any]]:
        """With --output json: the messages it printed, one a line."""
        output = self(*arguments, "--output", "json", status=status)
        return [json.loads(line) for line in output.splitlines()]

    def json(self, *arguments: str | Path, status: int = 0) -> dict[str, Any]:
        """With --output json: the one message it printed."""
        (message,) = self.lines(*arguments, status=status)
        return message


def mnist_dir() -> Path | None:
    """The folder that holds MNIST, as deploy/quickstart.sh looks for it."""
    for folder in (
        os.environ.get("TRAINYARD_MNIST_DIR"),
        ROOT.parent / "shared/data/mnist",
        Path.home() / ".cache/trainyard/mnist",
    ):
        if folder and (Path(folder) / "train-images-idx3-ubyte.gz").exists():
            return Path(folder)
    return None
