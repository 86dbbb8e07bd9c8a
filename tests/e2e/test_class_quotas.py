"""What each of a class may take, and how they share the slots."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from harness import (
    ROWS,
    Api,
    Class,
    Code,
    admin_pb2,
    dataset_pb2,
    error_info,
    error_of,
    network_pb2,
    refused,
    training_pb2,
    violations,
    wait_until,
)


def given_network(api: Api, network_id: str, layers: list[int]) -> network_pb2.Network:
    weights = network_pb2.WeightsInitializer(
        layers=[
            network_pb2.LayerWeights(weights=[0.5] * (rows * columns), biases=[0.0] * columns)
            for rows, columns in pairwise(layers)
        ]
    )
    return api.network(network_id, layers, initializer={"weights": weights})


def test_each_quota_says_which_it_is_and_what_to_do(lab: Class) -> None:
    teacher = lab.user("teacher")

    def quota(user_id: str, **fields: Any) -> Api:
        api = lab.join(user_id)
        teacher.admin.UpdateUser(
            admin_pb2.UpdateUserRequest(
                user=admin_pb2.User(name=f"users/{user_id}", quota=admin_pb2.Quota(**fields)),
                update_mask={"paths": ["quota"]},
            )
        )
        return api

    def over(name: str, call: Callable[[], Any]) -> None:
        status = refused(Code.RESOURCE_EXHAUSTED, call)
        assert error_info(status).reason == "QUOTA_EXCEEDED"
        assert error_info(status).metadata["quota"] == name

    nothing = {"calls_per_second": float("nan"), "cpu_seconds_per_day": float("inf")}
    for n, (field, value) in enumerate((nothing | {"checkpoint_bytes": -1}).items()):
        call = partial(quota, f"quota-nothing-{n}", **{field: value})
        assert "quota" in violations(refused(Code.INVALID_ARGUMENT, call))

    api = quota("quota-bytes", dataset_bytes=1000)
    api.active("small", ROWS)
    over("dataset_bytes", lambda: api.upload("large", ROWS * 100))
    over("dataset_bytes", lambda: api.digits("digits", rows=100))
    used = api.admin.GetUser(admin_pb2.GetUserRequest(name="users/me"))
    assert 0 < used.usage.dataset_bytes <= 1000 == used.effective_quota.dataset_bytes

    api = quota("quota-jobs", queued_jobs=0)
    data, network = api.active("d", ROWS), api.network("n", [2, 2, 2])
    over(
        "queued_jobs",
        lambda: api.train("j", network.name, data.name, epochs=1, learning_rate=0.1),
    )

    # A job counts with what it may come to keep, until it has ended: then with what it kept.
    # 12 weights of 4 bytes, and a header.
    api = quota("quota-checkpoints", checkpoint_bytes=100_000)
    data, network = api.active("d", ROWS), api.network("n", [2, 2, 2])
    spec = {"learning_rate": 0.1, "keep_checkpoints": -1}
    over(
        "checkpoint_bytes",
        lambda: api.train("long", network.name, data.name, epochs=1000, **spec),
    )
    short = api.trained("short", network.name, data.name, epochs=3, **spec)
    over(
        "checkpoint_bytes",
        lambda: api.training.ForkTrainingJob(
            training_pb2.ForkTrainingJobRequest(
                name=short.name,
                job_id="longer",
                spec={"epochs": 1000},
                update_mask={"paths": ["epochs"]},
            )
        ),
    )
    used = api.admin.GetUser(admin_pb2.GetUserRequest(name="users/me"))
    assert 3 * 48 < used.usage.checkpoint_bytes < 20_000
    assert used.effective_quota.checkpoint_bytes == 100_000

    # Given weights count, too: 8 bytes each, and again for each job.
    api = quota("quota-weights", checkpoint_bytes=40_000)
    data = api.active("d", ROWS)
    api.network("drawn", [2, 2000, 2])
    over("checkpoint_bytes", lambda: given_network(api, "large", [2, 2000, 2]))
    given = given_network(api, "given", [2, 50, 2])
    me = admin_pb2.GetUserRequest(name="users/me")
    assert api.admin.GetUser(me).usage.checkpoint_bytes == 252 * 8
    api.trained("j", given.name, data.name, epochs=1, learning_rate=0.1)
    assert api.admin.GetUser(me).usage.checkpoint_bytes > 2 * 252 * 8 + 252 * 4
    over("checkpoint_bytes", lambda: given_network(api, "more", [2, 900, 2]))
    api.networks.DeleteNetwork(network_pb2.DeleteNetworkRequest(name=given.name))
    given_network(api, "more", [2, 600, 2])

    api = quota("quota-streams", streams=1)
    first = api.watch_jobs()
    wait_until(
        "the stream to count",
        lambda: api.admin.GetUser(admin_pb2.GetUserRequest(name="users/me")).usage.streams == 1,
    )
    over("streams", lambda: list(api.watch_jobs()))
    first.cancel()

    api = quota("quota-calls", calls_per_second=0.001)
    me = admin_pb2.GetUserRequest(name="users/me")
    api.admin.GetUser(me)
    over("calls_per_second", lambda: api.admin.GetUser(me))


def test_uploads_that_stand_still_leave_the_server_to_others(lab: Class) -> None:
    """Each holds a thread of the server; more than its threads are begun."""
    eve, bob = lab.join("eve-uploads"), lab.join("bob-uploads")
    data = eve.create_dataset("d", upload=dataset_pb2.UploadSource())
    stop = threading.Event()

    def never_ends() -> Iterator[dataset_pb2.WriteDatasetRequest]:
        stop.wait()
        yield dataset_pb2.WriteDatasetRequest(name=data.name)

    uploads = [eve.datasets.WriteDataset.future(never_ends()) for _ in range(20)]
    wait_until("four to be refused", lambda: sum(each.done() for each in uploads) == 4)
    for upload in uploads:
        if upload.done():
            status = error_of(upload.exception())
            assert error_info(status).metadata["quota"] == "transfers"
    bob.active("d", ROWS)
    stop.set()
    for upload in uploads:
        upload.exception()
    eve.write(data.name, dataset_pb2.UploadPart.DATA, ROWS)


def test_jobs_over_a_quota_wait_and_say_for_what(lab: Class) -> None:
    def made(user_id: str, quota: admin_pb2.Quota) -> tuple[Api, str, str]:
        api = lab.join(user_id)
        lab.user("teacher").admin.UpdateUser(
            admin_pb2.UpdateUserRequest(
                user=admin_pb2.User(name=f"users/{user_id}", quota=quota),
                update_mask={"paths": ["quota"]},
            )
        )
        return api, api.network("n", [784, 200, 10]).name, api.digits("d", 500).name

    def waits(api: Api, name: str, words: str) -> None:
        wait_until(words, lambda: words in api.job(name).queue_reason)
        assert api.job(name).state == training_pb2.TrainingJob.QUEUED

    def cancel(api: Api, name: str) -> None:
        api.training.CancelTrainingJob(training_pb2.CancelTrainingJobRequest(name=name))
        assert api.ended(name).state == training_pb2.TrainingJob.CANCELLED

    api, network, data = made("runs-one", admin_pb2.Quota(running_jobs=1))
    first = api.train("first", network, data, epochs=100_000, learning_rate=0.1).name
    wait_until("the first to run", lambda: api.job(first).state == training_pb2.TrainingJob.RUNNING)
    second = api.train("second", network, data, epochs=1, learning_rate=0.1).name
    waits(api, second, "the limit of 1 running jobs of users/runs-one")
    cancel(api, first)
    assert api.ended(second).state == training_pb2.TrainingJob.SUCCEEDED

    # What is left of a day's seconds is used up, and the rest waits for the next.
    api, network, data = made("runs-short", admin_pb2.Quota(cpu_seconds_per_day=0.5))
    job = api.train("long", network, data, epochs=100_000, learning_rate=0.1).name
    waits(api, job, "out of CPU seconds for today: goes on at 00:00 UTC")
    me = api.admin.GetUser(admin_pb2.GetUserRequest(name="users/me"))
    assert me.usage.cpu_seconds_today >= 0.5
    assert api.job(job).epochs_completed > 0
    lab.user("teacher").admin.UpdateUser(
        admin_pb2.UpdateUserRequest(
            user=admin_pb2.User(name="users/runs-short"), update_mask={"paths": ["quota"]}
        )
    )
    wait_until("it to go on", lambda: api.job(job).state == training_pb2.TrainingJob.RUNNING)
    cancel(api, job)


def test_a_first_job_takes_turns_with_a_long_one_which_ends_with_the_same_bytes(
    scratch: Path,
) -> None:
    small = Class(scratch / "fair", "--slots", "1", "--quantum", "0.2")
    small.server.start()
    ann, ben = small.join("ann"), small.join("ben")
    made = {
        api: (api.network("n", [784, 100, 10], seed=1).name, api.digits("d", 2000).name)
        for api in (ann, ben)
    }
    spec = {"epochs": 100, "learning_rate": 0.1}
    quiet = ann.ended(ann.train("quiet", *made[ann], **spec).name)
    long = ann.train("long", *made[ann], **spec).name
    wait_until("it to run", lambda: ann.job(long).state == training_pb2.TrainingJob.RUNNING)
    first = ben.train("first", *made[ben], epochs=2, learning_rate=0.1).name
    assert ben.ended(first).state == training_pb2.TrainingJob.SUCCEEDED
    done = ann.ended(long)
    # Ann was in Ben's way, gave way, and lost nothing by it.
    assert done.attempt > 1 and ben.job(first).end_time.ToNanoseconds() < (
        done.end_time.ToNanoseconds()
    )
    assert done.weights_digest == quiet.weights_digest
    small.close()
    small.server.stop()
