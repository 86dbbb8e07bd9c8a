"""What an operator does with a data directory, and what becomes of one that is not
well."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest

from harness import (
    BIN,
    PATIENCE,
    Api,
    Server,
    assert_gap_free,
    dataset_pb2,
    epochs_of,
    error_info,
    error_of,
    network_pb2,
    refused,
    training_pb2,
    wait_until,
)

Job = training_pb2.TrainingJob


def admin(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """trainyard-server with a subcommand."""
    return subprocess.run(
        [BIN / "trainyard-server", *arguments],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120 * PATIENCE,
    )  # fmt: skip


def check(data_dir: Path) -> subprocess.CompletedProcess[str]:
    return admin("check", "--data-dir", data_dir)


@pytest.fixture(scope="module")
def original(new_server: Callable[..., Server]) -> Path:
    """A directory with some of everything, whose server has been stopped."""
    server = new_server()
    data = server.api.digits("rows", 300).name
    network = server.api.network("net", [784, 16, 10]).name
    job = server.api.trained("done", network, data, epochs=3, learning_rate=0.1)
    server.api.evaluated(job.name, data)
    server.stop()
    return server.data_dir


@pytest.fixture
def directory(original: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil; its path is short enough for a socket."""
    copy = original.parent / f"copy-{abs(hash(tmp_path)) % 10**6}"
    # A socket is no file to copy; a server makes its own.
    shutil.copytree(original, copy, ignore=shutil.ignore_patterns("*.sock"))
    return copy


def only(directory: Path, pattern: str) -> Path:
    return sorted(directory.glob(pattern))[0]


def test_a_directory_that_is_well_is_said_to_be(directory: Path) -> None:
    done = check(directory)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 datasets, 1 jobs" in done.stdout and "all is well" in done.stdout


def flip(file: Path, offset: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(offset)
        byte = opened.read(1)[0]
        opened.seek(offset)
        opened.write(bytes([byte ^ 1]))


@pytest.mark.parametrize(
    ("pattern", "offset"),
    [
        ("datasets/*/features.npy", 5000),
        ("datasets/*/targets.npy", 200),
        ("datasets/*/features.npy", 3),
        ("jobs/*/checkpoints/*.safetensors", 10_000),
        ("jobs/*/checkpoints/*.safetensors", 20),
    ],
)
def test_a_flipped_bit_is_found_and_named(directory: Path, pattern: str, offset: int) -> None:
    file = only(directory, pattern)
    flip(file, offset)
    done = check(directory)
    assert done.returncode == 1
    (fault,) = [line for line in done.stdout.splitlines() if line.startswith("FAULT")]
    assert "users/local/" in fault
    assert file.parent.name in fault or file.name in fault
    assert "1 faults" in done.stdout


def test_a_file_that_is_gone_and_one_that_nobody_knows(directory: Path) -> None:
    only(directory, "jobs/*/checkpoints/*.safetensors").unlink()
    (directory / "jobs/nobody").mkdir()
    done = check(directory)
    assert done.returncode == 1 and "FAULT users/local/jobs/done" in done.stdout
    assert f"unused {directory / 'jobs/nobody'}" in done.stdout
    # A server clears away what belongs to nobody.
    server = Server(directory).start()
    server.stop()
    assert "unused" not in check(directory).stdout


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM events WHERE sequence = 3",
        "UPDATE resources SET body = x'ffff' WHERE name LIKE '%/jobs/done'",
        "UPDATE resources SET state = 1 WHERE name LIKE '%/jobs/done'",
        "UPDATE resources SET body = x'ffff' WHERE name LIKE '%/evaluations/%'",
        "UPDATE events SET body = x'ffff' WHERE sequence = 2",
        "UPDATE events SET body = (SELECT body FROM events WHERE sequence = 3) WHERE sequence = 2",
    ],
)
def test_a_changed_database_is_found(directory: Path, change: str) -> None:
    with sqlite3.connect(directory / "trainyard.db") as database:
        database.execute(change)
    done = check(directory)
    assert done.returncode == 1
    assert "FAULT users/local/jobs/done" in done.stdout


def test_a_network_that_cannot_be_read_is_found(directory: Path) -> None:
    with sqlite3.connect(directory / "trainyard.db") as database:
        database.execute("UPDATE resources SET body = x'ffff' WHERE name LIKE '%/networks/net'")
    done = check(directory)
    assert done.returncode == 1
    assert "FAULT users/local/networks/net" in done.stdout and "1 faults" in done.stdout


def test_a_checkpoint_that_was_not_finished_is_unused(directory: Path) -> None:
    folder = only(directory, "jobs/*/checkpoints")
    (folder / "9-0-a1.tmp").write_bytes(b"half")
    done = check(directory)
    assert done.returncode == 0
    assert f"unused {folder / '9-0-a1.tmp'}" in done.stdout


def test_an_upload_that_lost_bytes_is_found_and_not_gone_on_with(
    new_server: Callable[..., Server],
) -> None:
    server = new_server()
    name = server.api.create_dataset("d", upload=dataset_pb2.UploadSource()).name
    server.api.write(name, dataset_pb2.UploadPart.DATA, b"0,0\n1,1\n", finish=False)
    copy = server.data_dir.parent / "copy-of-upload"
    backup = admin("backup", "--data-dir", server.data_dir, "--to", copy)
    assert backup.returncode == 0, backup.stderr
    server.stop()
    assert check(copy).returncode == 0
    os.truncate(only(server.data_dir, "uploads/*/data"), 5)
    done = check(server.data_dir)
    assert done.returncode == 1 and f"FAULT {name}" in done.stdout
    server.start()
    status = refused(
        grpc.StatusCode.DATA_LOSS,
        lambda: server.api.write(name, dataset_pb2.UploadPart.DATA, b"2,0\n", offset=8),
    )
    assert error_info(status).reason == "UPLOAD_DAMAGED"
    server.stop()


def spoil(file: Path) -> None:
    """Overwrites the second half of the database's pages."""
    size = file.stat().st_size
    with file.open("r+b") as opened:
        opened.seek(4096)
        opened.write(os.urandom(size - 4096))


def test_a_damaged_database_is_refused_with_what_to_do(directory: Path) -> None:
    spoil(directory / "trainyard.db")
    for arguments in (("check",), ("--listen", "127.0.0.1:0")):
        done = admin(*arguments, "--data-dir", directory)
        assert done.returncode == 1
        assert "trainyard.db" in done.stderr and "restore a backup" in done.stderr


def test_a_newer_database_is_refused(directory: Path) -> None:
    with sqlite3.connect(directory / "trainyard.db") as database:
        database.execute("PRAGMA user_version = 999")
    done = admin("--data-dir", directory, "--listen", "127.0.0.1:0")
    assert done.returncode == 1
    assert "newer server" in done.stderr and "999" in done.stderr


def test_check_wants_a_directory_of_a_server_that_is_stopped(
    new_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = new_server()
    done = check(server.data_dir)
    assert done.returncode == 1 and "another server uses" in done.stderr
    done = check(tmp_path)
    assert done.returncode == 1 and "holds no trainyard.db" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_backup_of_a_live_server_is_whole_and_serves(new_server: Callable[..., Server]) -> None:
    server = new_server()
    data = server.api.digits("rows", 1000).name
    network = server.api.network("net", [784, 64, 10]).name
    spec = {"epochs": 400, "learning_rate": 0.1, "keep_checkpoints": -1}
    done = server.api.trained("done", network, data, epochs=3, learning_rate=0.1)
    running = server.api.train("running", network, data, **spec).name
    events = server.api.watched(running)
    for event in events:
        if event.epoch.epoch >= 10:
            break
    copy = server.data_dir.parent / "backup"
    backup = admin("backup", "--data-dir", server.data_dir, "--to", copy)
    assert backup.returncode == 0, backup.stderr
    known = len(server.api.events(running))
    assert server.api.job(running).state == Job.RUNNING
    again = admin("backup", "--data-dir", server.data_dir, "--to", copy)
    assert again.returncode == 1 and "is not empty" in again.stderr
    digest = server.api.ended(running).weights_digest
    server.stop()

    checked = check(copy)
    assert checked.returncode == 0, checked.stdout
    restored = Server(copy).start()
    try:
        assert restored.api.job(done.name).weights_digest == done.weights_digest
        # It goes on from where it was, to the same bytes.
        assert 10 <= restored.api.job(running).epochs_completed <= known
        end = restored.api.ended(running)
        assert end.state == Job.SUCCEEDED and end.weights_digest == digest
        assert len(epochs_of(restored.api.events(running))) == 400
        restored.stop()
    finally:
        if restored.process is not None:
            restored.abandon()


def test_a_backup_of_a_directory_that_lacks_a_file_says_what_to_do(
    directory: Path, tmp_path: Path
) -> None:
    file = only(directory, "datasets/*/features.npy")
    file.unlink()
    done = admin("backup", "--data-dir", directory, "--to", tmp_path / "copy")
    assert done.returncode == 1
    assert str(file) in done.stderr and "trainyard-server check" in done.stderr


def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    new_server: Callable[..., Server],
) -> None:
    server = new_server()
    data = server.api.digits("rows", 1000).name
    network = server.api.network("net", [784, 64, 10]).name
    spec = {"epochs": 300, "learning_rate": 0.1, "keep_checkpoints": 3}
    digest = server.api.trained("undisturbed", network, data, **spec).weights_digest
    # Each epoch is written, so that there are some to damage.
    job = server.api.train("damaged", network, data, **spec | {"keep_checkpoints": -1}).name
    for event in server.api.watched(job):
        if event.epoch.epoch >= 5:
            break
    server.api.training.PauseTrainingJob(training_pb2.PauseTrainingJobRequest(name=job))
    paused = wait_until(
        "the pause", lambda: (now := server.api.job(job)).state == Job.PAUSED and now
    )
    folder = server.data_dir / "jobs" / paused.uid / "checkpoints"
    # The pause may have come within an epoch: <epoch>-<sample>-...
    newest = max(folder.iterdir(), key=lambda path: [int(n) for n in path.name.split("-")[:2]])
    flip(newest, 5000)
    server.api.training.ResumeTrainingJob(training_pb2.ResumeTrainingJobRequest(name=job))
    done = server.api.ended(job)
    assert done.state == Job.SUCCEEDED and done.weights_digest == digest
    events = server.api.events(job)
    assert_gap_free(events)
    (warning,) = [event.warning for event in events if event.WhichOneof("kind") == "warning"]
    assert warning.reason == "CHECKPOINT_DAMAGED" and newest.name in warning.message
    server.stop()


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
