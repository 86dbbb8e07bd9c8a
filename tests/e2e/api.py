"""A gRPC client made of generated stubs, and what tests ask of its answers."""

from __future__ import annotations

import os
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
from trainyard.v1 import (  # noqa: E402, F401  some for those who take them from here
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
