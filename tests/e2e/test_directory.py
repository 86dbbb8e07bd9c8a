"""What an operator does with a data directory, and what becomes of one that is not
well."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from administration import admin, check
from harness import (
    Server,
    assert_gap_free,
    dataset_pb2,
    epochs_of,
    error_info,
    refused,
    training_pb2,
    wait_until,
)

Job = training_pb2.TrainingJob


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


def id_of(cursor: str) -> int:
    return int(cursor.removeprefix("c").partition(".")[0])


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
    early = server.api.jobs_cursor()
    copy = server.data_dir.parent / "backup"
    backup = admin("backup", "--data-dir", server.data_dir, "--to", copy)
    assert backup.returncode == 0, backup.stderr
    known = len(server.api.events(running))
    assert server.api.job(running).state == Job.RUNNING
    again = admin("backup", "--data-dir", server.data_dir, "--to", copy)
    assert again.returncode == 1 and "is not empty" in again.stderr
    inside = admin("backup", "--data-dir", server.data_dir, "--to", server.data_dir / "copy")
    assert inside.returncode == 1 and "is inside" in inside.stderr
    assert not (server.data_dir / "copy").exists()
    digest = server.api.ended(running).weights_digest
    beyond = server.api.jobs_cursor()
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
        # A cursor beyond the copy is not taken for one of the events that came instead.
        assert id_of(restored.api.jobs_cursor()) > id_of(beyond)
        refused(grpc.StatusCode.OUT_OF_RANGE, lambda: next(restored.api.watch_jobs(beyond)))
        seen = next(restored.api.watch_jobs(early))
        assert id_of(seen.cursor) > id_of(early)
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
