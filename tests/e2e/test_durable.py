"""Jobs that are paused, resumed and forked end with the bytes of a run that nobody
disturbed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import grpc
import pytest
from google.protobuf import field_mask_pb2

from harness import (
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

Job = training_pb2.TrainingJob
EPOCHS = 60

# What makes a run remember more than its weights.
WAYS = {
    "sgd": {"learning_rate": 0.1},
    "batches": {"learning_rate": 0.3, "batch_size": 32, "threads": 2},
    "adam": {"learning_rate": 0.001, "batch_size": 32, "optimizer": {"adam": {}}, "dropout": 0.2},
    "numpy": {
        "learning_rate": 0.02, "rng": training_pb2.NUMPY, "precision": training_pb2.F64,
        "schedule": {"cosine": {}, "warmup_epochs": 2},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def prepared(server: Server) -> tuple[str, str]:
    """A network and a dataset, large enough to be caught in the middle."""
    data = server.api.digits("rows", 2000).name
    return server.api.network("net", [784, 100, 10], seed=1).name, data


def wait_for_epoch(server: Server, job: str, epoch: int) -> None:
    for event in server.api.watched(job):
        if event.WhichOneof("kind") == "epoch" and event.epoch.epoch >= epoch:
            return
    raise AssertionError(f"{job} ended before epoch {epoch}")


def pause(server: Server, job: str) -> Job:
    answer = server.api.training.PauseTrainingJob(training_pb2.PauseTrainingJobRequest(name=job))
    assert answer.state in (Job.PAUSING, Job.PAUSED)
    return wait_until(
        f"{job} to be paused",
        lambda: (now := server.api.job(job)).state == Job.PAUSED and now,
    )


def resume(server: Server, job: str) -> Job:
    return server.api.training.ResumeTrainingJob(training_pb2.ResumeTrainingJobRequest(name=job))


def fork(server: Server, job: str, job_id: str, epoch: int | None = None, **spec: object) -> Job:
    return server.api.training.ForkTrainingJob(
        training_pb2.ForkTrainingJobRequest(
            name=job, job_id=job_id, epoch=epoch, spec=training_pb2.TrainingJobSpec(**spec),
            update_mask=field_mask_pb2.FieldMask(paths=list(spec)),
        )
    )  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_paused_and_resumed_comes_to_the_same_bytes(
    server: Server, prepared: tuple[str, str], way: str
) -> None:
    spec = WAYS[way] | {"epochs": EPOCHS}
    digest = server.api.trained(f"{way}-undisturbed", *prepared, **spec).weights_digest
    job = server.api.train(f"{way}-disturbed", *prepared, **spec).name
    for _ in range(2):
        # Another epoch than it had been paused at: it runs.
        wait_for_epoch(server, job, server.api.job(job).epochs_completed + 2)
        paused = pause(server, job)
        assert 0 < paused.epochs_completed < EPOCHS
        wait_until("its worker to be gone", lambda: not server.workers(job))
        assert resume(server, job).state == Job.QUEUED
    done = server.api.ended(job)
    assert done.state == Job.SUCCEEDED, done.error
    assert done.weights_digest == digest
    assert done.attempt == 3
    events = server.api.events(job)
    assert_gap_free(events)
    assert [epoch.epoch for epoch in epochs_of(events)] == list(range(1, EPOCHS + 1))
    once = ["QUEUED", "RUNNING", "PAUSING", "PAUSED"]
    assert states_of(events) == [*once, *once, "QUEUED", "RUNNING", "SUCCEEDED"]
    costs = [epoch.cost for epoch in epochs_of(events)]
    undisturbed = epochs_of(server.api.events(f"users/me/jobs/{way}-undisturbed"))
    assert costs == [epoch.cost for epoch in undisturbed]


def test_a_long_epoch_is_paused_within_it(server: Server) -> None:
    """Its epochs take seconds, and going on from the middle of one is exact too."""
    data = server.api.digits("many-rows", 20_000).name
    network = server.api.network("wide", [784, 600, 300, 10], seed=2).name
    spec = {"epochs": 1, "learning_rate": 0.1}
    digest = server.api.trained("long-undisturbed", network, data, **spec).weights_digest
    job = server.api.train("long-disturbed", network, data, **spec).name
    for message in server.api.watch(job, progress=True):
        if message.WhichOneof("kind") == "progress" and message.progress.rows_done > 0:
            break
    paused = pause(server, job)
    assert paused.epochs_completed == 0
    assert list(paused.checkpoint_epochs) == [0]
    resume(server, job)
    assert server.api.ended(job).weights_digest == digest

    # Cancelled before it goes on, it has the end of its last epoch.
    job = server.api.train("long-cancelled", network, data, **spec | {"epochs": 9}).name
    for message in server.api.watch(job, progress=True):
        if message.WhichOneof("kind") == "progress" and message.progress.epoch == 2:
            break
    paused = pause(server, job)
    assert paused.epochs_completed == 1 and list(paused.checkpoint_epochs)[-1] == 1
    server.api.training.CancelTrainingJob(training_pb2.CancelTrainingJobRequest(name=job))
    cancelled = server.api.ended(job)
    assert cancelled.state == Job.CANCELLED and cancelled.weights_digest == digest


@pytest.mark.parametrize("way", WAYS)
def test_a_fork_with_nothing_changed_comes_to_the_same_bytes(
    server: Server, prepared: tuple[str, str], way: str
) -> None:
    spec = WAYS[way] | {"epochs": 8, "keep_checkpoints": -1}
    source = server.api.trained(f"{way}-source", *prepared, **spec)
    assert list(source.checkpoint_epochs) == list(range(1, 9))
    forked = fork(server, source.name, f"{way}-fork", epoch=5)
    assert forked.forked_from.job == source.name and forked.forked_from.epoch == 5
    assert forked.epochs_completed == 5
    done = server.api.ended(forked.name)
    assert done.state == Job.SUCCEEDED, done.error
    assert done.weights_digest == source.weights_digest
    events = server.api.events(forked.name)
    assert events[0].state_change.forked_from == forked.forked_from
    assert [epoch.epoch for epoch in epochs_of(events)] == [6, 7, 8]


def test_a_fork_outlives_its_source_and_may_change_how_it_trains(
    server: Server, prepared: tuple[str, str]
) -> None:
    spec = {"epochs": 3, "learning_rate": 0.1, "batch_size": 16}
    source = server.api.trained("mother", *prepared, **spec)
    again = {"epochs": 6, "optimizer": {"adam": {}}, "learning_rate": 0.001}
    child = fork(server, source.name, "child", **again)
    server.api.training.DeleteTrainingJob(training_pb2.DeleteTrainingJobRequest(name=source.name))
    done = server.api.ended(child.name)
    assert done.state == Job.SUCCEEDED, done.error
    assert done.spec.optimizer.adam.beta2 == 0.999 and done.spec.batch_size == 16
    costs = [epoch.cost for epoch in epochs_of(server.api.events(child.name))]
    assert len(costs) == 3 and costs[-1] < source.last_epoch.cost


def test_what_cannot_be_forked_says_why(server: Server, prepared: tuple[str, str]) -> None:
    source = server.api.trained("unforkable", *prepared, epochs=3, learning_rate=0.1).name
    before = server.files("jobs")
    invalid, failed = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION
    for code, epoch, spec, field in (
        (failed, 1, {}, "epoch"),
        (invalid, None, {"network": "n"}, "update_mask"),
        (invalid, None, {"epochs": 2}, "spec.epochs"),
        (invalid, None, {"dropout": 2.0}, "spec.dropout"),
    ):
        status = refused(
            code, lambda epoch=epoch, spec=spec: fork(server, source, "none", epoch, **spec)
        )
        assert list(violations(status)) == [field]
    # Nothing is left of what was refused.
    assert server.files("jobs") == before


def test_illegal_moves_are_refused(server: Server, prepared: tuple[str, str]) -> None:
    done = server.api.trained("done", *prepared, epochs=1, learning_rate=0.1).name
    failed = grpc.StatusCode.FAILED_PRECONDITION
    refused(failed, lambda: pause(server, done))
    refused(failed, lambda: resume(server, done))
    running = server.api.train("running", *prepared, epochs=100_000, learning_rate=0.1).name
    wait_for_epoch(server, running, 1)
    refused(failed, lambda: resume(server, running))
    pause(server, running)
    refused(failed, lambda: pause(server, running))
    cancelled = server.api.training.CancelTrainingJob(
        training_pb2.CancelTrainingJobRequest(name=running)
    )
    assert cancelled.state == Job.CANCELLED


def test_a_pause_crosses_a_killed_server(
    new_server: Callable[..., Server], prepared: tuple[str, str]
) -> None:
    server = new_server()
    data = server.api.digits("rows", 2000).name
    network = server.api.network("net", [784, 100, 10], seed=1).name
    spec = {"epochs": EPOCHS, "learning_rate": 0.1}
    digest = server.api.trained("undisturbed", network, data, **spec).weights_digest
    job = server.api.train("disturbed", network, data, **spec).name
    wait_for_epoch(server, job, 3)
    pause(server, job)
    server.kill()
    server.start()
    assert server.api.job(job).state == Job.PAUSED
    resume(server, job)
    assert server.api.ended(job).weights_digest == digest
    server.stop()


def test_a_drained_server_loses_no_epoch(new_server: Callable[..., Server]) -> None:
    server = new_server()
    data = server.api.digits("rows", 2000).name
    network = server.api.network("net", [784, 100, 10], seed=1).name
    job = server.api.train("job", network, data, epochs=EPOCHS, learning_rate=0.1).name
    wait_for_epoch(server, job, 3)
    folder = server.data_dir / "jobs" / server.api.job(job).uid / "checkpoints"
    server.stop(connected=True)
    # <epoch>-<sample>-a<attempt>-<sha256>.safetensors
    written = max(int(path.name.split("-")[0]) for path in folder.iterdir())
    server.start()
    done = server.api.ended(job)
    assert done.state == Job.SUCCEEDED and done.attempt == 2
    events = server.api.events(job)
    # Its state was written when the server stopped, within an epoch if that was long: the
    # second attempt trains none again.
    last_of_first = max(e.epoch.epoch for e in events if e.attempt == 1 and e.HasField("epoch"))
    assert written == last_of_first
    server.stop()


def test_a_worker_outlives_its_server_and_attaches_again(
    new_server: Callable[..., Server],
) -> None:
    server = new_server()
    data = server.api.digits("rows", 2000).name
    network = server.api.network("net", [784, 100, 10], seed=1).name
    spec = {"epochs": EPOCHS, "learning_rate": 0.1}
    digest = server.api.trained("undisturbed", network, data, **spec).weights_digest
    job = server.api.train("disturbed", network, data, **spec).name
    for epoch in (3, 20):
        wait_for_epoch(server, job, epoch)
        workers = set(server.workers(job))
        server.kill()
        assert set(server.workers(job)) == workers
        server.start()
    done = server.api.ended(job)
    assert (done.state, done.attempt, done.weights_digest) == (Job.SUCCEEDED, 1, digest)
    events = server.api.events(job)
    assert_gap_free(events)
    assert [epoch.epoch for epoch in epochs_of(events)] == list(range(1, EPOCHS + 1))
    assert states_of(events) == ["QUEUED", "RUNNING", "SUCCEEDED"]
    server.stop()


def test_what_a_worker_did_alone_is_all_there(new_server: Callable[..., Server]) -> None:
    server = new_server()
    data = server.api.digits("rows", 2000).name
    network = server.api.network("net", [784, 100, 10], seed=1).name
    job = server.api.train("job", network, data, epochs=EPOCHS, learning_rate=0.1).name
    wait_for_epoch(server, job, 2)
    folder = server.data_dir / "jobs" / server.api.job(job).uid / "checkpoints"
    server.kill()
    wait_until("its last checkpoint", lambda: list(folder.glob(f"{EPOCHS}-0-a1-*")))
    server.start()
    done = server.api.ended(job)
    assert (done.state, done.attempt) == (Job.SUCCEEDED, 1)
    assert len(epochs_of(server.api.events(job))) == EPOCHS
    server.stop()


def test_a_worker_that_cannot_attach_again_is_replaced(new_server: Callable[..., Server]) -> None:
    server = new_server()
    data = server.api.digits("rows", 2000).name
    network = server.api.network("net", [784, 100, 10], seed=1).name
    spec = {"epochs": EPOCHS, "learning_rate": 0.1}
    digest = server.api.trained("undisturbed", network, data, **spec).weights_digest
    job = server.api.train("disturbed", network, data, **spec).name
    wait_for_epoch(server, job, 3)
    (stopped,) = server.workers(job)
    os.kill(stopped, signal.SIGSTOP)
    server.kill()
    server.start()
    done = server.api.ended(job)
    assert (done.state, done.attempt, done.weights_digest) == (Job.SUCCEEDED, 2, digest)
    assert stopped not in server.workers()
    server.stop()


@pytest.mark.parametrize("way", WAYS)
def test_a_job_that_is_verified_trains_to_the_same_bytes(
    server: Server, prepared: tuple[str, str], way: str
) -> None:
    job = server.api.trained(f"{way}-receipt", *prepared, **WAYS[way] | {"epochs": 5})
    again = server.api.ended(server.api.verify(job.name, job_id=f"{way}-again").name)
    assert again.verifies == job.name and again.spec == job.spec
    assert again.weights_digest == job.weights_digest
    costs = [[epoch.cost for epoch in epochs_of(server.api.events(one.name))] for one in (job, again)]
    assert costs[0] == costs[1]


def test_a_fork_is_verified_from_where_it_was_forked(
    server: Server, prepared: tuple[str, str]
) -> None:
    source = server.api.trained("origin", *prepared, epochs=4, learning_rate=0.1, keep_checkpoints=-1)
    job = server.api.ended(fork(server, source.name, "heir", 2, learning_rate=0.05).name)
    again = server.api.ended(server.api.verify(job.name).name)
    assert again.weights_digest == job.weights_digest
    assert again.forked_from == job.forked_from
    assert [e.epoch for e in epochs_of(server.api.events(again.name))] == [3, 4]
    # The fork's first weights are its own: they outlive the source.
    server.api.training.DeleteTrainingJob(training_pb2.DeleteTrainingJobRequest(name=source.name))
    kept = server.api.verify(job.name)
    assert server.api.ended(kept.name).weights_digest == job.weights_digest


def test_what_cannot_be_verified_is_refused(server: Server, prepared: tuple[str, str]) -> None:
    job = server.api.trained("to-be-cancelled", *prepared, epochs=1, learning_rate=0.1)
    slow = server.api.train("slow", *prepared, epochs=10_000, learning_rate=0.1).name
    no = grpc.StatusCode.FAILED_PRECONDITION
    error = refused(no, lambda: server.api.verify(slow))
    assert error_info(error).reason == "JOB_NOT_SUCCEEDED"
    server.api.training.CancelTrainingJob(training_pb2.CancelTrainingJobRequest(name=slow))
    data = server.api.digits("short-lived", 50)
    gone = server.api.trained("gone", prepared[0], data.name, epochs=1, learning_rate=0.1)
    server.api.delete_dataset(data.name)
    assert error_info(refused(no, lambda: server.api.verify(gone.name))).reason == "DATASET_GONE"
    # An answer once given is given again.
    first = server.api.verify(job.name, request_id="once")
    assert server.api.verify(job.name, request_id="once").uid == first.uid


def reasons_of(server: Server, job: str) -> list[str]:
    return [
        event.state_change.reason
        for event in server.api.watched(job)
        if event.WhichOneof("kind") == "state_change"
    ]


@pytest.mark.parametrize("layers", [[784, 100, 10], [784, 1500, 800, 10]], ids=["short", "long"])
def test_a_preempted_run_ends_with_the_bytes_of_an_undisturbed_one(  # type: ignore[no-untyped-def]
    new_server, layers: list[int]
) -> None:
    """An own job of a higher priority takes the only slot after the quantum; a long epoch is
    left in the middle."""
    server = new_server("--slots", "1", "--quantum", "0.1")
    api = server.api
    data = api.digits("rows", 2000).name
    network = api.network("net", layers, seed=1).name
    epochs = 150 if layers[1] == 100 else 3
    quiet = api.train("quiet", network, data, epochs=epochs, learning_rate=0.1)
    digest = api.ended(quiet.name).weights_digest

    job = api.train("disturbed", network, data, epochs=epochs, learning_rate=0.1)
    wait_until("it to run", lambda: api.job(job.name).state == Job.RUNNING)
    urgent = api.train("urgent", network, data, epochs=1, learning_rate=0.1, priority=1)
    assert api.ended(urgent.name).state == Job.SUCCEEDED
    done = api.ended(job.name)
    assert done.attempt == 2
    assert done.weights_digest == digest
    events = list(api.watched(job.name))
    assert_gap_free(events)
    assert states_of(events) == ["QUEUED", "RUNNING", "QUEUED", "RUNNING", "SUCCEEDED"]
    assert reasons_of(server, job.name)[2] == "preempted for a job of higher priority"
    assert [epoch.epoch for epoch in epochs_of(events)] == list(range(1, epochs + 1))
    server.stop()
