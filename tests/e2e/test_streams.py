"""The event streams: every event exactly once and in order, from any cursor,
whoever else comes and goes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from harness import (
    PATIENCE,
    TERMINAL,
    Server,
    assert_gap_free,
    epochs_of,
    error_info,
    refused,
    states_of,
    training_pb2,
    violations,
    wait_until,
)

SUCCEEDED = training_pb2.TrainingJob.SUCCEEDED
EPOCHS = 150


@pytest.fixture(scope="module")
def data(server: Server) -> str:
    return server.api.digits("rows", 2000).name


@pytest.fixture(scope="module")
def network(server: Server) -> str:
    return server.api.network("net", [784, 64, 10], seed=1).name


@pytest.fixture(scope="module")
def finished(server: Server, data: str, network: str) -> training_pb2.TrainingJob:
    return server.api.trained("finished", network, data, epochs=5, learning_rate=0.1)


def test_two_jobs_at_once_and_late_watchers_see_everything_once(
    server: Server, data: str, network: str
) -> None:
    api = server.api
    jobs = [
        api.train(f"pair-{n}", network, data, epochs=EPOCHS, learning_rate=0.1, seed=n)
        for n in range(2)
    ]
    with ThreadPoolExecutor(6) as pool:
        first = [pool.submit(lambda job=job: list(api.watched(job.name))) for job in jobs]
        # Join in the middle: both jobs are some way in, and still run.
        joined = []
        for job in jobs:
            last = wait_until(
                "a few epochs", lambda job=job: (s := api.job(job.name).last_sequence) >= 6 and s
            )
            joined.append((job, last))
            assert api.job(job.name).state not in TERMINAL
        late = [
            (
                after,
                pool.submit(lambda n=job.name: list(api.watched(n))),
                pool.submit(lambda n=job.name, a=after: list(api.watched(n, a))),
            )
            for job, after in joined
        ]
        for watcher, (after, from_zero, from_middle) in zip(first, late, strict=True):
            seen = watcher.result()
            assert_gap_free(seen)
            assert [epoch.epoch for epoch in epochs_of(seen)] == list(range(1, EPOCHS + 1))
            assert states_of(seen) == ["QUEUED", "RUNNING", "SUCCEEDED"]
            assert from_zero.result() == seen
            assert from_middle.result() == seen[after:]
    for job in jobs:
        assert api.events(job.name) == list(api.watched(job.name))


def test_every_cursor_of_a_finished_job_continues(
    server: Server, finished: training_pb2.TrainingJob
) -> None:
    events = server.api.events(finished.name)
    assert_gap_free(events)
    assert finished.last_sequence == len(events)
    for after in range(len(events) + 1):
        assert list(server.api.watched(finished.name, after)) == events[after:]
        assert server.api.events(finished.name, after) == events[after:]


def test_a_cursor_in_the_future_is_refused(
    server: Server, finished: training_pb2.TrainingJob
) -> None:
    future = finished.last_sequence + 1
    for call in (
        lambda: list(server.api.watch(finished.name, future)),
        lambda: server.api.events(finished.name, future),
    ):
        status = refused(grpc.StatusCode.OUT_OF_RANGE, call)
        metadata = dict(error_info(status).metadata)
        assert metadata["earliest_sequence"] == "1"
        assert metadata["last_sequence"] == str(finished.last_sequence)


def test_a_negative_cursor_is_refused(server: Server, finished: training_pb2.TrainingJob) -> None:
    with pytest.raises(grpc.RpcError) as error:
        list(server.api.watch(finished.name, -1))
    assert error.value.code() in (
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.OUT_OF_RANGE,
    )


def test_nothing_to_watch_is_not_found(server: Server) -> None:
    refused(grpc.StatusCode.NOT_FOUND, lambda: list(server.api.watch("users/me/jobs/never-was")))


def test_an_event_is_in_the_log_before_it_is_sent(server: Server, data: str, network: str) -> None:
    job = server.api.train("durable", network, data, epochs=10, learning_rate=0.1)
    for event in server.api.watched(job.name):
        assert server.api.events(job.name, event.sequence - 1)[0] == event


def test_clients_that_leave_do_not_affect_a_job(server: Server, data: str, network: str) -> None:
    job = server.api.train("lonely", network, data, epochs=EPOCHS, learning_rate=0.1)
    for _ in range(20):
        stream = server.api.watch(job.name)
        next(stream)
        stream.cancel()
    done = server.api.ended(job.name)
    assert done.state == SUCCEEDED
    assert done.attempt == 1
    assert done.epochs_completed == EPOCHS


def test_a_reader_that_stops_reading_holds_up_nobody(
    server: Server, data: str, network: str
) -> None:
    job = server.api.train("slow-reader", network, data, epochs=EPOCHS, learning_rate=0.1)
    stalled = server.api.watch(job.name)
    next(stalled)
    seen = list(server.api.watched(job.name))
    # It reads on after the end, and has missed nothing.
    late = [message.event for message in stalled if message.WhichOneof("kind") == "event"]
    assert late == seen[1:]


def test_cancel_ends_a_running_job_with_its_weights(
    server: Server, data: str, network: str
) -> None:
    api = server.api
    job = api.train("cancelled", network, data, epochs=100000, learning_rate=0.1)
    seen: list[training_pb2.TrainingEvent] = []
    reached, requested = threading.Event(), training_pb2.CancelTrainingJobRequest(name=job.name)

    def watch() -> None:
        for event in api.watched(job.name):
            seen.append(event)
            if event.WhichOneof("kind") == "epoch":
                reached.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert reached.wait(60 * PATIENCE)
    api.training.CancelTrainingJob(requested)
    watcher.join(60 * PATIENCE)
    assert not watcher.is_alive()

    assert_gap_free(seen)
    assert states_of(seen) == ["QUEUED", "RUNNING", "CANCELLING", "CANCELLED"]
    done = api.job(job.name)
    assert done.state == training_pb2.TrainingJob.CANCELLED
    assert done.epochs_completed == len(epochs_of(seen))
    assert done.weights_digest and done.checkpoint_epochs
    refused(grpc.StatusCode.FAILED_PRECONDITION, lambda: api.training.CancelTrainingJob(requested))


def test_a_queued_job_says_what_it_waits_for_and_is_cancelled_at_once(new_server) -> None:  # type: ignore[no-untyped-def]
    server = new_server("--slots", "1")
    api = server.api
    data = api.digits("rows", 1000).name
    network = api.network("net", [784, 32, 10]).name
    running = api.train("running", network, data, epochs=100000, learning_rate=0.1)
    waiting = [
        api.train(f"waiting-{n}", network, data, epochs=1, learning_rate=0.1) for n in range(2)
    ]
    wait_until(
        "the first job", lambda: api.job(running.name).state != training_pb2.TrainingJob.QUEUED
    )
    queued = [api.job(job.name) for job in waiting]
    assert [job.queue_position for job in queued] == [1, 2]
    assert all(job.queue_reason for job in queued)

    cancelled = api.training.CancelTrainingJob(
        training_pb2.CancelTrainingJobRequest(name=waiting[0].name)
    )
    assert cancelled.state == training_pb2.TrainingJob.CANCELLED
    assert states_of(api.watched(waiting[0].name)) == ["QUEUED", "CANCELLED"]
    assert api.job(waiting[1].name).queue_position == 1

    api.training.CancelTrainingJob(training_pb2.CancelTrainingJobRequest(name=running.name))
    assert api.ended(waiting[1].name).state == SUCCEEDED
    server.stop()


def test_progress_is_sent_on_request_only(server: Server, data: str) -> None:
    api = server.api
    wide = api.network("wide", [784, 1500, 800, 10], seed=1).name
    job = api.train("progress", wide, data, epochs=100000, learning_rate=0.01)
    stream = api.watch(job.name, progress=True)
    progress = next(m.progress for m in stream if m.WhichOneof("kind") == "progress")
    assert 0 <= progress.rows_done <= progress.row_count == 2000
    assert progress.epoch >= 1
    stream.cancel()
    plain = api.watch(job.name)
    api.training.CancelTrainingJob(training_pb2.CancelTrainingJobRequest(name=job.name))
    assert all(m.WhichOneof("kind") != "progress" for m in plain)


def read_until_ended(stream: object, jobs: set[str]) -> list[training_pb2.WatchTrainingJobsResponse]:
    """The messages of a stream of many jobs, until these have ended."""
    found, left = [], set(jobs)
    for message in stream:  # type: ignore[attr-defined]
        if message.WhichOneof("kind") != "event":
            continue
        found.append(message)
        if message.event.event.state_change.state in TERMINAL:
            left.discard(message.event.job)
        if not left:
            stream.cancel()  # type: ignore[attr-defined]
            return found
    raise AssertionError(f"the stream ended before {left}")


def of_job(messages: list[training_pb2.WatchTrainingJobsResponse], job: str) -> list[object]:
    return [message.event.event for message in messages if message.event.job == job]


def test_a_stream_of_all_jobs_has_every_event_of_each_in_order(
    server: Server, data: str, network: str, finished: training_pb2.TrainingJob
) -> None:
    api = server.api
    now = api.jobs_cursor()
    jobs = [
        api.train(f"board-{n}", network, data, epochs=20, learning_rate=0.1, seed=n).name
        for n in range(3)
    ]
    live = read_until_ended(api.watch_jobs(now), set(jobs))
    for job in jobs:
        assert of_job(live, job) == api.events(job)
    # Each cursor is a seam: what comes after it is the rest, of all or of some.
    for at in (0, len(live) // 2, len(live) - 2):
        again = read_until_ended(api.watch_jobs(live[at].cursor), {live[-1].event.job})
        assert again == live[at + 1 :]
    one = read_until_ended(api.watch_jobs(now, jobs[1]), {jobs[1]})
    assert [message.event.event for message in one] == api.events(jobs[1])
    # From the beginning there is also what was before.
    everything = read_until_ended(api.watch_jobs(), set(jobs))
    assert of_job(everything, finished.name) == api.events(finished.name)
    assert [m.cursor for m in everything[-len(live) :]] == [m.cursor for m in live]


def test_a_stream_of_all_jobs_crosses_a_restart(new_server) -> None:  # type: ignore[no-untyped-def]
    server = new_server()
    data = server.api.digits("rows", 2000).name
    network = server.api.network("net", [784, 64, 10], seed=1).name
    now = server.api.jobs_cursor()
    jobs = {
        server.api.train(f"j{n}", network, data, epochs=EPOCHS, learning_rate=0.1).name
        for n in range(2)
    }
    before = []
    stream = server.api.watch_jobs(now)
    for message in stream:
        before.append(message)
        if len(before) == 30:
            break
    stream.cancel()
    server.kill()
    server.start()
    after = read_until_ended(server.api.watch_jobs(before[-1].cursor), jobs)
    for job in jobs:
        events = server.api.events(job)
        assert_gap_free(events)
        assert of_job(before + after, job) == events


def test_a_drained_stream_of_all_jobs_says_where_it_was(new_server) -> None:  # type: ignore[no-untyped-def]
    server = new_server()
    cursor = server.api.jobs_cursor()
    stream = server.api.watch_jobs(cursor)
    data = server.api.digits("rows", 50).name
    network = server.api.network("net", [784, 4, 10]).name
    server.api.train("j", network, data, epochs=1, learning_rate=0.1)
    seen = [next(stream).cursor]  # it is open
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(
            refused,
            grpc.StatusCode.UNAVAILABLE,
            lambda: seen.extend(message.cursor for message in stream),
        )
        server.stop(connected=True)
        info = error_info(ended.result())
    assert info.reason == "SERVER_DRAINING" and info.metadata["cursor"] == seen[-1]


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"cursor": "17"}, grpc.StatusCode.INVALID_ARGUMENT, "cursor"),
        ({"cursor": "c-1"}, grpc.StatusCode.INVALID_ARGUMENT, "cursor"),
        ({"cursor": "c99999999999"}, grpc.StatusCode.OUT_OF_RANGE, "cursor"),
        ({"names": ["users/local/jobs/none-such"]}, grpc.StatusCode.NOT_FOUND, ""),
        ({"parent": "users/other"}, grpc.StatusCode.NOT_FOUND, ""),
        ({"parent": ""}, grpc.StatusCode.INVALID_ARGUMENT, "parent"),
    ],
)
def test_a_bad_request_for_all_jobs_is_refused(
    server: Server, fields: dict[str, object], code: grpc.StatusCode, field: str
) -> None:
    request = training_pb2.WatchTrainingJobsRequest(**({"parent": "users/me"} | fields))
    status = refused(
        code, lambda: list(server.api.training.WatchTrainingJobs(request, timeout=60))
    )
    assert field in violations(status) or field in status.message

