"""What an operator does with a data directory, and what becomes of one that is not
well."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import BIN, PATIENCE, Server, epochs_of, training_pb2

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
    shutil.copytree(original, copy)
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


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM events WHERE sequence = 3",
        "UPDATE resources SET body = x'ffff' WHERE name LIKE '%/jobs/done'",
        "UPDATE resources SET state = 1 WHERE name LIKE '%/jobs/done'",
    ],
)
def test_a_changed_database_is_found(directory: Path, change: str) -> None:
    with sqlite3.connect(directory / "trainyard.db") as database:
        database.execute(change)
    done = check(directory)
    assert done.returncode == 1
    assert "FAULT users/local/jobs/done" in done.stdout


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
