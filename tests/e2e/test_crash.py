"""Processes killed in the middle: nothing acknowledged is lost, and the result
is the one of a run that nobody disturbed."""

from __future__ import annotations

from collections.abc import Callable

import grpc
import pytest

from harness import (
    Server,
    assert_gap_free,
    dataset_pb2,
    epochs_of,
    evaluation_pb2,
    processes,
    refused,
    states_of,
    training_pb2,
    wait_until,
    write_requests,
)

Dataset = dataset_pb2.Dataset
DATA = dataset_pb2.UploadPart.DATA
SUCCEEDED = training_pb2.TrainingJob.SUCCEEDED
EPOCHS = 100
SPEC = {"epochs": EPOCHS, "learning_rate": 0.1}


@pytest.fixture
def server(new_server: Callable[..., Server]) -> Server:
    """One for each test: it is going to be killed."""
    return new_server()


@pytest.fixture
def prepared(server: Server) -> tuple[str, str]:
    """A network and a dataset, large enough to be caught in the middle."""
    data = server.api.digits("rows", 3000).name
    return server.api.network("net", [784, 100, 10], seed=1).name, data


def wait_for_epoch(server: Server, job: str, epoch: int) -> None:
    for event in server.api.watched(job):
        if event.WhichOneof("kind") == "epoch" and event.epoch.epoch >= epoch:
            return
    raise AssertionError(f"{job} ended before epoch {epoch}")


def assert_as_undisturbed(server: Server, job: str, digest: str) -> None:
    """It has succeeded with these weights, and its log tells one story."""
    done = server.api.ended(job)
    assert done.state == SUCCEEDED, done.error
    assert done.weights_digest == digest
    assert done.epochs_completed == EPOCHS
    events = server.api.events(job)
    assert_gap_free(events)
    assert [epoch.epoch for epoch in epochs_of(events)] == list(range(1, EPOCHS + 1))
    # A replayed epoch with another cost would be a warning.
    assert all(event.WhichOneof("kind") != "warning" for event in events)
    assert list(server.api.watched(job)) == events


def test_a_killed_server_goes_on_where_it_was(server: Server, prepared: tuple[str, str]) -> None:
    digest = server.api.trained("undisturbed", *prepared, **SPEC).weights_digest
    job = server.api.train("disturbed", *prepared, **SPEC).name
    waiting = server.api.train("behind-it", *prepared, **SPEC).name
    for epoch in (3, 20):
        wait_for_epoch(server, job, epoch)
        known = server.api.events(job)
        server.kill()
        server.start()
        # What has been seen once stays what it was.
        assert server.api.events(job)[: len(known)] == known
    for name in (job, waiting):
        assert_as_undisturbed(server, name, digest)
    assert server.api.evaluated(job, prepared[1]).state == evaluation_pb2.Evaluation.SUCCEEDED
    server.stop()


def test_a_killed_worker_is_another_attempt_at_the_same_result(
    server: Server, prepared: tuple[str, str]
) -> None:
    digest = server.api.trained("undisturbed", *prepared, **SPEC).weights_digest
    job = server.api.train("disturbed", *prepared, **SPEC).name
    wait_for_epoch(server, job, 5)
    server.kill_worker(job)
    assert_as_undisturbed(server, job, digest)
    assert server.api.job(job).attempt == 2
    events = server.api.events(job)
    assert [event.attempt for event in events] == sorted(event.attempt for event in events)
    assert states_of(events) == ["QUEUED", "RUNNING", "QUEUED", "RUNNING", "SUCCEEDED"]
    server.stop()


def test_a_killed_worker_does_not_touch_its_neighbour(
    server: Server, prepared: tuple[str, str]
) -> None:
    one, two = (server.api.train(f"job-{n}", *prepared, **SPEC).name for n in range(2))
    wait_for_epoch(server, one, 2)
    server.kill_worker(one)
    assert server.api.ended(one).attempt == 2
    neighbour = server.api.ended(two)
    assert neighbour.state == SUCCEEDED and neighbour.attempt == 1
    server.stop()


def test_a_drained_server_goes_on_after_its_next_start(
    server: Server, prepared: tuple[str, str]
) -> None:
    digest = server.api.trained("undisturbed", *prepared, **SPEC).weights_digest
    job = server.api.train("disturbed", *prepared, **SPEC).name
    wait_for_epoch(server, job, 5)
    stream = server.api.watch(job)
    next(stream)
    server.stop(connected=True)  # ends with 0 and leaves no worker
    with pytest.raises(grpc.RpcError) as ended:
        list(stream)
    assert ended.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
    server.start()
    assert_as_undisturbed(server, job, digest)
    server.stop()


def test_an_upload_goes_on_from_what_was_committed(server: Server) -> None:
    rows = b"\n".join(b"%d,%d,%d" % (n % 3, n % 251, n % 7) for n in range(400_000))
    whole = server.api.active("whole", rows)
    name = server.api.create_dataset("halves", upload=dataset_pb2.UploadSource()).name
    half = len(rows) // 2

    first = server.api.write(name, DATA, rows[:half], finish=False)
    assert (first.committed_bytes, first.finished) == (half, False)
    server.kill()
    server.start()
    found = server.api.get_dataset(name)
    assert found.state == Dataset.UPLOADING
    assert [part.committed_bytes for part in found.parts] == [half]

    refused(
        grpc.StatusCode.OUT_OF_RANGE, lambda: server.api.write(name, DATA, rows, offset=half + 1)
    )
    second = server.api.write(name, DATA, rows[half:], offset=half)
    assert (second.committed_bytes, second.finished) == (len(rows), True)
    assert server.api.settled_dataset(name).digest == whole.digest
    refused(grpc.StatusCode.FAILED_PRECONDITION, lambda: server.api.write(name, DATA, b"1,2,3\n"))
    server.stop()


def test_a_client_that_vanishes_in_an_upload_leaves_what_arrived(server: Server) -> None:
    rows = b"\n".join(b"%d,%d" % (n % 2, n % 251) for n in range(600_000))
    whole = server.api.active("whole", rows)
    name = server.api.create_dataset("cut", upload=dataset_pb2.UploadSource()).name

    def until_the_cable_is_pulled():  # type: ignore[no-untyped-def]
        messages = write_requests(name, DATA, rows)
        for _ in range(3):
            yield next(messages)
        raise OSError("gone")

    with pytest.raises(grpc.RpcError):
        server.api.datasets.WriteDataset(until_the_cable_is_pulled())

    def resumed() -> dataset_pb2.WriteDatasetResponse | None:
        committed = server.api.get_dataset(name).parts[0].committed_bytes
        try:
            return server.api.write(name, DATA, rows[committed:], offset=committed)
        except grpc.RpcError as error:  # the server may still be noticing
            assert error.code() in (
                grpc.StatusCode.OUT_OF_RANGE,
                grpc.StatusCode.FAILED_PRECONDITION,
                grpc.StatusCode.ABORTED,
            ), error
            return None

    assert wait_until("the upload to be taken up", resumed).committed_bytes == len(rows)
    assert server.api.settled_dataset(name).digest == whole.digest
    server.stop()


def test_a_generator_survives_its_server(server: Server) -> None:
    whole = server.api.digits("whole", 20_000, seed=5)
    name = server.api.create_dataset(
        "again",
        generator=dataset_pb2.GeneratorSource(
            kind=dataset_pb2.GeneratorSource.DIGITS, row_count=20_000, seed=5
        ),
    ).name
    server.kill()
    server.start()
    assert server.api.settled_dataset(name).digest == whole.digest
    server.stop()


def test_one_server_a_directory(server: Server) -> None:
    second = Server(server.data_dir)
    with pytest.raises(AssertionError, match="no announcement"):
        second.start()
    assert second.process is not None and second.process.wait(30) != 0
    assert (
        server.api.training.ListTrainingJobs(
            training_pb2.ListTrainingJobsRequest(parent="users/me")
        )
        is not None
    )
    server.stop()
    assert not processes(str(server.data_dir))
