"""Disks that are full, fail to sync, or may only be read: nothing acknowledged is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from administration import admin, check
from harness import (
    PATIENCE,
    Api,
    Server,
    assert_gap_free,
    dataset_pb2,
    error_info,
    error_of,
    network_pb2,
    refused,
    training_pb2,
    wait_until,
)

Job = training_pb2.TrainingJob


@pytest.fixture
def small_disk(scratch: Path) -> Iterator[Path]:
    """A file system of its own, of 48 MiB."""
    folder = scratch / "disk"
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("file systems cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Takes all the space there is."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as opened:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    opened.write(b"x" * size)
            except OSError:
                continue
    return filler


def test_a_full_disk_refuses_writes_keeps_jobs_and_ends_well(small_disk: Path) -> None:
    server = Server(small_disk / "data", "--slots", "1").start()
    try:
        api = server.api
        data = api.digits("rows", 1000).name
        spare = api.digits("spare", 1000, seed=9).name
        network = api.network("net", [784, 64, 10]).name
        spec = {"epochs": 150, "learning_rate": 0.1}
        digest = api.trained("undisturbed", network, data, **spec).weights_digest
        job = api.train("disturbed", network, data, **spec | {"keep_checkpoints": 2}).name
        waiting = api.train("waiting", network, data, **spec).name
        for event in api.watched(job):
            if event.epoch.epoch >= 3:
                break
        filler = fill(small_disk)

        # What is in the log already may be written again: it takes some calls.
        def no_space() -> grpc.RpcError | None:
            try:
                api.network(f"n{len(made)}", [784, 300, 10])
                made.append(1)
            except grpc.RpcError as error:
                return error
            fill(small_disk)
            return None

        made: list[int] = []
        error = wait_until("a refusal", no_space)
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert error_info(error_of(error)).reason == "DISK_FULL"
        assert "delete" in error.details()
        # Uploads, too; and nothing half made of them is left.
        refused(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            lambda: api.create_dataset("more", upload=dataset_pb2.UploadSource()),
        )
        # Reads and deletions go on; no job has failed.
        assert api.get_dataset(data).row_count == 1000
        assert api.job(job).state in (Job.RUNNING, Job.SUCCEEDED)
        assert api.job(waiting).state in (Job.QUEUED, Job.RUNNING)
        api.delete_dataset(spare)

        filler.unlink()
        for name in (job, waiting):
            done = api.ended(name)
            assert done.state == Job.SUCCEEDED, done.error
            assert done.weights_digest == digest
            assert_gap_free(api.events(name))
        api.network("again", [784, 10])
        server.stop()
        assert check(server.data_dir).returncode == 0
    finally:
        if server.process is not None:
            server.abandon()


def test_a_server_with_a_full_disk_drains_and_comes_back(small_disk: Path) -> None:
    server = Server(small_disk / "data", "--slots", "1").start()
    try:
        data = server.api.digits("rows", 1000).name
        network = server.api.network("net", [784, 64, 10]).name
        spec = {"epochs": 150, "learning_rate": 0.1}
        digest = server.api.trained("undisturbed", network, data, **spec).weights_digest
        job = server.api.train("disturbed", network, data, **spec).name
        for event in server.api.watched(job):
            if event.epoch.epoch >= 3:
                break
        filler = fill(small_disk)
        server.stop()
        filler.unlink()
        server.start()
        done = server.api.ended(job)
        assert done.state == Job.SUCCEEDED and done.weights_digest == digest
        server.stop()
    finally:
        if server.process is not None:
            server.abandon()


class BrokenDisk:
    """Syncs of files that have a text in their path fail while it is broken."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.switch = folder / f"{server.data_dir.name}.broken"
        server.environment = {
            "LD_PRELOAD": os.environ["TRAINYARD_FAIL_SYNC_LIBRARY"],
            "TRAINYARD_FAIL_SYNC": str(self.switch),
        }

    def breaks(self, text: str) -> None:
        self.switch.write_text(text)

    def is_repaired(self) -> None:
        self.switch.unlink()


@pytest.fixture
def fragile(scratch: Path) -> Iterator[tuple[Server, BrokenDisk]]:
    server = Server(scratch / "fragile")
    disk = BrokenDisk(server, scratch)
    yield server.start(), disk
    if server.process is not None:
        server.abandon()
    shutil.rmtree(server.data_dir)


def test_a_failed_sync_of_the_database_ends_the_server_and_loses_nothing(
    fragile: tuple[Server, BrokenDisk],
) -> None:
    server, disk = fragile
    server.api.network("kept", [784, 10])
    disk.breaks("trainyard.db")
    with pytest.raises(grpc.RpcError) as refusal:
        server.api.network("lost", [784, 10])
    assert refusal.value.code() == grpc.StatusCode.UNAVAILABLE
    assert server.process is not None
    assert server.process.wait(60 * PATIENCE) == 1
    (line,) = [line for line in server.tail().splitlines() if "critical" in line]
    assert "disk may be failing" in line and "this server ends" in line
    server._forget()
    disk.is_repaired()
    server.start()
    names = [n.name for n in server.api.networks.ListNetworks(
        network_pb2.ListNetworksRequest(parent="users/me")).networks]  # fmt: skip
    assert "users/local/networks/kept" in names
    server.api.network("more", [784, 10])
    server.stop()


def test_a_failed_sync_of_a_checkpoint_ends_the_worker_and_not_the_job(
    fragile: tuple[Server, BrokenDisk],
) -> None:
    server, disk = fragile
    data = server.api.digits("rows", 1000).name
    network = server.api.network("net", [784, 64, 10]).name
    spec = {"epochs": 30, "learning_rate": 0.1, "keep_checkpoints": -1}
    digest = server.api.trained("undisturbed", network, data, **spec).weights_digest
    disk.breaks("/checkpoints/")
    job = server.api.train("disturbed", network, data, **spec).name
    wait_until("a second attempt", lambda: server.api.job(job).attempt >= 2)
    disk.is_repaired()
    done = server.api.ended(job)
    assert done.state == Job.SUCCEEDED and done.weights_digest == digest
    server.stop()


# What is synced within a folder whose name is lost is lost with it.
@pytest.mark.parametrize("folder", ["uploads", "jobs"])
def test_the_name_of_a_folder_is_durable_before_what_is_in_it_is_acknowledged(
    fragile: tuple[Server, BrokenDisk], folder: str
) -> None:
    server, disk = fragile
    data = server.api.digits("rows", 100).name
    network = server.api.network("net", [784, 10]).name
    upload = server.api.create_dataset("d", upload=dataset_pb2.UploadSource()).name
    disk.breaks(f"={server.data_dir.resolve() / folder}")
    with pytest.raises(grpc.RpcError):
        if folder == "uploads":
            server.api.write(upload, dataset_pb2.UploadPart.DATA, b"0,0\n1,1\n")
        else:
            job = server.api.train("job", network, data, epochs=1, learning_rate=0.1)
            server.api.ended(job.name)
    assert server.process is not None and server.process.wait(60 * PATIENCE) == 1
    assert "this server ends" in server.tail()
    server._forget()


def refusal_of_networks(api: Api) -> grpc.RpcError:
    """Makes networks until the disk is full, and takes what they leave of it."""
    made: list[str] = []

    def refused_one() -> grpc.RpcError | None:
        try:
            made.append(api.network(f"filling-{len(made)}", [784, 300, 10]).name)
        except grpc.RpcError as error:
            return error
        return None

    return wait_until("a refusal", refused_one)


@pytest.fixture
def full(small_disk: Path) -> Iterator[Server]:
    """A server whose disk `fill` can fill; ended with the test."""
    server = Server(small_disk / "data", "--slots", "1").start()
    yield server
    if server.process is not None:
        server.abandon()


def test_deletions_go_on_for_as_long_as_there_is_something_to_delete(
    full: Server, small_disk: Path
) -> None:
    """What the first of them frees is not for what comes in meanwhile."""
    api = full.api
    spare = [api.digits(f"spare-{seed}", 200, seed=seed).name for seed in range(6)]
    filler = fill(small_disk)
    refusal_of_networks(api)
    for name in spare:
        api.delete_dataset(name)
        for number in range(100):
            status = refused(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                lambda number=number: api.network(f"more-{number}", [784, 300, 10]),
            )
            assert error_info(status).reason == "DISK_FULL"
    filler.unlink()
    api.network("again", [784, 10])
    full.stop()


def test_a_job_that_waits_for_space_can_be_cancelled_and_deleted(
    full: Server, small_disk: Path
) -> None:
    api = full.api
    data = api.digits("rows", 1000).name
    network = api.network("net", [784, 64, 10]).name
    job = api.train("j", network, data, epochs=100_000, learning_rate=0.1, keep_checkpoints=-1)
    wait_until("an epoch", lambda: api.job(job.name).epochs_completed >= 2)
    fill(small_disk)
    refusal_of_networks(api)
    epochs = wait_until("an epoch", lambda: api.job(job.name).epochs_completed)
    assert api.job(job.name).state == Job.RUNNING
    api.training.CancelTrainingJob(training_pb2.CancelTrainingJobRequest(name=job.name))
    ended = api.ended(job.name)
    assert ended.state == Job.CANCELLED and ended.epochs_completed >= epochs
    assert_gap_free(api.events(job.name))
    api.training.DeleteTrainingJob(training_pb2.DeleteTrainingJobRequest(name=job.name))
    assert not (full.data_dir / "jobs" / job.uid).exists()
    full.stop()


def lock_of(server: Server, job: str) -> Path:
    """What a job's worker holds while it lives."""
    return server.data_dir / "run" / server.api.job(job).uid


def test_a_job_that_starts_on_a_full_disk_waits_and_is_not_lost(
    full: Server, small_disk: Path
) -> None:
    """The database may still have room in its log when nothing else has."""
    api = full.api
    data = api.digits("rows", 1000).name
    network = api.network("net", [784, 64, 10]).name
    spec = {"epochs": 3, "learning_rate": 0.1}
    digest = api.trained("undisturbed", network, data, **spec).weights_digest
    # As much as makes the log be written back: from then on it is written again.
    log = full.data_dir / "trainyard.db-wal"
    number = 0
    while log.stat().st_size < 4_100_000:
        api.network(f"n{number}", [784] + [10] * 50)
        number += 1
    for last in range(3):
        api.network(f"last-{last}", [784, 10])
    filler = fill(small_disk)
    job = api.train("j", network, data, **spec).name
    wait_until("its worker to try", lambda: lock_of(full, job).exists())
    (worker,) = full.workers(job)
    for _ in range(300):
        waiting = api.job(job)
        assert waiting.state == Job.RUNNING and waiting.attempt == 1
        assert set(full.workers(job)) == {worker}
    filler.unlink()
    done = api.ended(job)
    assert done.state == Job.SUCCEEDED and done.weights_digest == digest
    assert done.attempt == 1
    full.stop()


def test_an_upload_to_a_full_disk_goes_on_from_what_was_committed(
    full: Server, small_disk: Path
) -> None:
    api = full.api
    content = b"".join(b"%d,%d\n" % (row % 7, row % 2) for row in range(500_000))
    half = len(content) // 2
    name = api.create_dataset("d", upload=dataset_pb2.UploadSource()).name
    api.write(name, dataset_pb2.UploadPart.DATA, content[:half], finish=False)
    filler = fill(small_disk)
    status = refused(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        lambda: api.write(name, dataset_pb2.UploadPart.DATA, content[half:], offset=half),
    )
    assert error_info(status).reason == "DISK_FULL" and "delete" in status.message
    assert api.get_dataset(name).parts[0].committed_bytes == half
    (part,) = full.data_dir.glob("uploads/*/data")
    assert part.stat().st_size == half
    filler.unlink()
    api.write(name, dataset_pb2.UploadPart.DATA, content[half:], offset=half)
    assert api.settled_dataset(name).row_count == 500_000
    full.stop()


def test_a_data_directory_that_may_only_be_read_is_refused(
    full: Server, small_disk: Path
) -> None:
    full.stop()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    done = admin("--data-dir", full.data_dir, "--listen", "127.0.0.1:0")
    assert done.returncode == 1 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "cannot open" in line and "Read-only file system" in line
    assert str(full.data_dir) in line and "--data-dir" in line
