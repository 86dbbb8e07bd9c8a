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
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("TRAINYARD_BIN_DIR", ROOT / "build/release/bin"))
STUBS = Path(os.environ.get("TRAINYARD_STUBS_DIR", ROOT / "build/release/tests/stubs"))
PATIENCE = float(os.environ.get("TRAINYARD_PATIENCE", "1"))
sys.path.insert(0, str(STUBS))

import grpc  # noqa: E402
from google.rpc import error_details_pb2, status_pb2  # noqa: E402
from trainyard.v1 import (  # noqa: E402
    admin_pb2,
    admin_pb2_grpc,
    dataset_pb2,
    dataset_pb2_grpc,
    evaluation_pb2,
    evaluation_pb2_grpc,
    network_pb2,
    network_pb2_grpc,
    training_pb2,
    training_pb2_grpc,
    visibility_pb2,
)

T = TypeVar("T")
ME = "users/me"
Code = grpc.StatusCode
# A dataset of four rows in CSV, of two classes.
ROWS = b"0,1,2\n1,2,1\n0,1,3\n1,3,1\n"
CHUNK = 1 << 20
TERMINAL = {
    training_pb2.TrainingJob.SUCCEEDED,
    training_pb2.TrainingJob.FAILED,
    training_pb2.TrainingJob.CANCELLED,
}


def wait_until(what: str, probe: Callable[[], T], seconds: float = 60) -> T:
    """Calls `probe` until it returns something true, and returns that."""
    deadline = time.monotonic() + seconds * PATIENCE
    never = threading.Event()
    pause = 0.005
    while True:
        found = probe()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {seconds * PATIENCE:.0f} s for {what}"
        # Only so that the poll leaves the processor to others, and that a user with a
        # quota of calls a second stays within it.
        never.wait(pause)
        pause = min(pause * 1.1, 0.04)


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


def error_of(error: grpc.RpcError) -> status_pb2.Status:
    """The google.rpc.Status of a failed call."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            return status_pb2.Status.FromString(value)
    return status_pb2.Status(code=error.code().value[0], message=error.details() or "")


def error_info(status: status_pb2.Status) -> error_details_pb2.ErrorInfo:
    """Its ErrorInfo; an empty one where it has none."""
    info = error_details_pb2.ErrorInfo()
    for detail in status.details:
        if detail.Unpack(info):
            return info
    return error_details_pb2.ErrorInfo()


def violations(status: status_pb2.Status) -> dict[str, str]:
    """Its field violations: description by field."""
    bad = error_details_pb2.BadRequest()
    for detail in status.details:
        if detail.Unpack(bad):
            return {violation.field: violation.description for violation in bad.field_violations}
    return {}


def refused(code: grpc.StatusCode, call: Callable[[], Any]) -> status_pb2.Status:
    """Runs `call`, which must fail with `code` and an ErrorInfo of ours."""
    try:
        answer = call()
    except grpc.RpcError as error:
        assert error.code() == code, f"{error.code()}: {error.details()}"
        status = error_of(error)
        info = error_info(status)
        assert info.domain == "trainyard", f"no ErrorInfo: {error.details()}"
        assert info.reason
        return status
    raise AssertionError(f"{code} expected, got the answer {answer}")


class Api:
    """A client in generated stubs, with the calls that tests make often."""

    def __init__(self, target: str, token: str = "", authority: bytes = b"") -> None:
        """With `authority`, a certificate in PEM, over TLS; with `token`, as whose it is."""
        if authority:
            credentials = grpc.ssl_channel_credentials(authority)
            if token:
                credentials = grpc.composite_channel_credentials(
                    credentials, grpc.access_token_call_credentials(token)
                )
            # The name that the server's certificate has besides its addresses.
            options = (("grpc.ssl_target_name_override", "trainyard"),)
            self.channel = grpc.secure_channel(target, credentials, options)
        else:
            assert not token, "a token is sent over TLS"
            self.channel = grpc.insecure_channel(target)
        self.datasets = dataset_pb2_grpc.DatasetServiceStub(self.channel)
        self.networks = network_pb2_grpc.NetworkServiceStub(self.channel)
        self.training = training_pb2_grpc.TrainingServiceStub(self.channel)
        self.evaluations = evaluation_pb2_grpc.EvaluationServiceStub(self.channel)
        self.admin = admin_pb2_grpc.AdminServiceStub(self.channel)

    def close(self) -> None:
        self.channel.close()

    # Datasets.

    def create_dataset(self, dataset_id: str, **fields: Any) -> dataset_pb2.Dataset:
        return self.datasets.CreateDataset(
            dataset_pb2.CreateDatasetRequest(
                parent=ME, dataset_id=dataset_id, dataset=dataset_pb2.Dataset(**fields)
            )
        )

    def write(
        self, name: str, part: int, data: bytes, offset: int = 0, finish: bool = True
    ) -> dataset_pb2.WriteDatasetResponse:
        return self.datasets.WriteDataset(write_requests(name, part, data, offset, finish))

    def get_dataset(self, name: str) -> dataset_pb2.Dataset:
        return self.datasets.GetDataset(dataset_pb2.GetDatasetRequest(name=name))

    def settled_dataset(self, name: str, seconds: float = 120) -> dataset_pb2.Dataset:
        """The dataset once it is ACTIVE or FAILED."""

        def settled() -> dataset_pb2.Dataset | None:
            found = self.get_dataset(name)
            done = found.state in (dataset_pb2.Dataset.ACTIVE, dataset_pb2.Dataset.FAILED)
            return found if done else None

        return wait_until(f"{name} to be ACTIVE or FAILED", settled, seconds)

    def upload(
        self, dataset_id: str, data: bytes, labels: bytes | None = None, **fields: Any
    ) -> dataset_pb2.Dataset:
        """Uploads a dataset and returns it once it is ACTIVE or FAILED. Fields of
        UploadSource go in `upload`, those of Dataset as they are."""
        source = dict(fields.pop("upload", {}))
        source["separate_labels"] = labels is not None
        created = self.create_dataset(
            dataset_id, upload=dataset_pb2.UploadSource(**source), **fields
        )
        self.write(created.name, dataset_pb2.UploadPart.DATA, data)
        if labels is not None:
            self.write(created.name, dataset_pb2.UploadPart.LABELS, labels)
        return self.settled_dataset(created.name)

    def active(self, *args: Any, **fields: Any) -> dataset_pb2.Dataset:
        dataset = self.upload(*args, **fields)
        assert dataset.state == dataset_pb2.Dataset.ACTIVE, dataset.error
        return dataset

    def digits(self, dataset_id: str, rows: int, seed: int = 1) -> dataset_pb2.Dataset:
        created = self.create_dataset(
            dataset_id,
            generator=dataset_pb2.GeneratorSource(
                kind=dataset_pb2.GeneratorSource.DIGITS, row_count=rows, seed=seed
            ),
        )
        dataset = self.settled_dataset(created.name)
        assert dataset.state == dataset_pb2.Dataset.ACTIVE, dataset.error
        return dataset

    def delete_dataset(self, name: str) -> None:
        self.datasets.DeleteDataset(dataset_pb2.DeleteDatasetRequest(name=name))

    # Networks.

    def network(self, network_id: str, units: Iterable[int], **spec: Any) -> network_pb2.Network:
        """A network; `activations` is one for each layer after the input."""
        inputs, *rest = units
        activations = spec.pop("activations", [network_pb2.ACTIVATION_UNSPECIFIED] * len(rest))
        layers = [
            network_pb2.LayerSpec(units=count, activation=activation)
            for count, activation in zip(rest, activations, strict=True)
        ]
        return self.networks.CreateNetwork(
            network_pb2.CreateNetworkRequest(
                parent=ME,
                network_id=network_id,
                network=network_pb2.Network(
                    spec=network_pb2.NetworkSpec(input_count=inputs, layers=layers, **spec)
                ),
            )
        )

    # Jobs.

    def train(
        self, job_id: str, network: str, dataset: str, **spec: Any
    ) -> training_pb2.TrainingJob:
        return self.training.CreateTrainingJob(job_request(job_id, network, dataset, **spec))

    def job(self, name: str) -> training_pb2.TrainingJob:
        return self.training.GetTrainingJob(training_pb2.GetTrainingJobRequest(name=name))

    def events(self, name: str, after: int = 0) -> list[training_pb2.TrainingEvent]:
        """Every event after a sequence, as it is in the log now."""
        found: list[training_pb2.TrainingEvent] = []
        while True:
            page = self.training.ListTrainingEvents(
                training_pb2.ListTrainingEventsRequest(
                    name=name, after_sequence=found[-1].sequence if found else after, page_size=1000
                )
            ).events
            if not page:
                return found
            found.extend(page)

    def watch(self, name: str, after: int = 0, progress: bool = False) -> Any:
        """The stream of WatchTrainingJob."""
        return self.training.WatchTrainingJob(
            training_pb2.WatchTrainingJobRequest(
                name=name, after_sequence=after, progress=progress
            ),
            timeout=240 * PATIENCE,
        )

    def watched(self, name: str, after: int = 0) -> Iterator[training_pb2.TrainingEvent]:
        for message in self.watch(name, after):
            if message.WhichOneof("kind") == "event":
                yield message.event

    def jobs_cursor(self) -> str:
        """WatchTrainingJobs sends what happens after now from here on."""
        return self.training.ListTrainingJobs(
            training_pb2.ListTrainingJobsRequest(parent="users/me", page_size=1)
        ).cursor

    def watch_jobs(self, cursor: str = "", *names: str, parent: str = "users/me") -> Any:
        """The stream of WatchTrainingJobs."""
        return self.training.WatchTrainingJobs(
            training_pb2.WatchTrainingJobsRequest(parent=parent, names=names, cursor=cursor),
            timeout=240 * PATIENCE,
        )

    def verify(self, name: str, **fields: Any) -> training_pb2.TrainingJob:
        return self.training.VerifyTrainingJob(
            training_pb2.VerifyTrainingJobRequest(name=name, **fields)
        )

    def ended(self, name: str) -> training_pb2.TrainingJob:
        """The job once it has ended; the stream ends with it."""
        for _ in self.watch(name):
            pass
        job = self.job(name)
        assert job.state in TERMINAL, f"the stream of {name} ended before the job"
        return job

    def trained(self, *args: Any, **spec: Any) -> training_pb2.TrainingJob:
        """Trains and returns the job, which must have succeeded."""
        job = self.ended(self.train(*args, **spec).name)
        assert job.state == training_pb2.TrainingJob.SUCCEEDED, job.error
        return job

    # Evaluations.

    def evaluated(
        self, job: str, dataset: str, evaluation_id: str = "", **fields: Any
    ) -> evaluation_pb2.Evaluation:
        """Evaluates and returns the evaluation once it has ended."""
        created = self.evaluations.CreateEvaluation(
            evaluation_pb2.CreateEvaluationRequest(
                parent=job,
                evaluation_id=evaluation_id,
                evaluation=evaluation_pb2.Evaluation(dataset=dataset, **fields),
            )
        )

        def ended() -> evaluation_pb2.Evaluation | None:
            found = self.evaluations.GetEvaluation(
                evaluation_pb2.GetEvaluationRequest(name=created.name)
            )
            return found if found.state != evaluation_pb2.Evaluation.RUNNING else None

        return wait_until(f"{created.name} to end", ended)

    def call(self, path: str, request: bytes) -> bytes:
        """A unary call in raw bytes, of a service that we have no stubs for."""
        return self.channel.unary_unary(path, request_serializer=None, response_deserializer=None)(
            request, timeout=30 * PATIENCE
        )


def job_request(
    job_id: str, network: str, dataset: str, **spec: Any
) -> training_pb2.CreateTrainingJobRequest:
    return training_pb2.CreateTrainingJobRequest(
        parent=ME,
        job_id=job_id,
        job=training_pb2.TrainingJob(
            spec=training_pb2.TrainingJobSpec(network=network, dataset=dataset, **spec)
        ),
    )


def write_requests(
    name: str, part: int, data: bytes, offset: int = 0, finish: bool = True
) -> Iterator[dataset_pb2.WriteDatasetRequest]:
    """The messages of one WriteDataset call."""
    yield dataset_pb2.WriteDatasetRequest(name=name, part=part, offset=offset)
    for start in range(0, len(data), CHUNK):
        yield dataset_pb2.WriteDatasetRequest(chunk=data[start : start + CHUNK])
    if finish:
        yield dataset_pb2.WriteDatasetRequest(finish_part=True)


def epochs_of(events: Iterable[training_pb2.TrainingEvent]) -> list[training_pb2.EpochCompleted]:
    return [event.epoch for event in events if event.WhichOneof("kind") == "epoch"]


def states_of(events: Iterable[training_pb2.TrainingEvent]) -> list[str]:
    name = training_pb2.TrainingJob.State.Name
    return [
        name(event.state_change.state)
        for event in events
        if event.WhichOneof("kind") == "state_change"
    ]


def assert_gap_free(events: Iterable[training_pb2.TrainingEvent], first: int = 1) -> None:
    """Each sequence once, in order, and no epoch twice."""
    listed = list(events)
    assert [event.sequence for event in listed] == list(range(first, first + len(listed)))
    epochs = [epoch.epoch for epoch in epochs_of(listed)]
    assert epochs == sorted(set(epochs))


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
