"""How long a server with a full house needs from its start until it serves, and until
the jobs that it found unfinished train again.

    /usr/bin/python3 tests/bench/restart.py --unfinished 100 --finished 10000
"""

from __future__ import annotations

import argparse
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
GOOGLEAPIS = "/usr/share/gocode/src/github.com/gogo/googleapis"
sys.path.insert(0, str(ROOT / "tests/e2e"))

from harness import TERMINAL, Server, training_pb2  # noqa: E402


def record_type(folder: Path) -> Any:
    """JobRecord, which is the server's own and has no stub."""
    subprocess.run(
        ["protoc", f"--proto_path={ROOT / 'proto'}", f"--proto_path={GOOGLEAPIS}",
         f"--python_out={folder}", "trainyard/store/v1/records.proto"],
        check=True,
    )  # fmt: skip
    sys.path.append(str(folder))
    import trainyard

    trainyard.__path__.append(str(folder / "trainyard"))
    from trainyard.store.v1 import records_pb2

    return records_pb2.JobRecord


def multiply(database: Path, name: str, copies: int, folder: Path) -> None:
    """Copies of a finished job and its log, in the database of a server that is down."""
    job_record = record_type(folder)
    with sqlite3.connect(database) as rows:
        [(uid, parent, state, body)] = rows.execute(
            "SELECT uid, parent, state, body FROM resources WHERE name = ?", (name,)
        )
        events = rows.execute(
            "SELECT sequence, epoch, body FROM events WHERE job_uid = ?", (uid,)
        ).fetchall()
        record = job_record.FromString(body)
        for n in range(copies):
            record.job.name, record.job.uid = f"{name}-{n}", f"{uid}-{n}"
            rows.execute(
                "INSERT INTO resources(kind, name, uid, parent, state, digest, body) "
                "VALUES(3, ?, ?, ?, ?, '', ?)",
                (record.job.name, record.job.uid, parent, state, record.SerializeToString()),
            )
            rows.executemany(
                "INSERT INTO events(job_uid, sequence, epoch, body) VALUES(?, ?, ?, ?)",
                [(record.job.uid, *event) for event in events],
            )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--unfinished", type=int, default=100)
    parser.add_argument("--finished", type=int, default=10_000)
    parser.add_argument("--slots", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ty-") as name:
        folder = Path(name)
        server = Server(folder / "data", "--slots", str(options.slots)).start()
        data = server.api.digits("rows", 500).name
        network = server.api.network("net", [784, 64, 10]).name
        done = server.api.trained("done", network, data, epochs=20, learning_rate=0.1)
        for n in range(options.unfinished):
            server.api.train(f"unfinished-{n}", network, data, epochs=2000, learning_rate=0.1)
        server.kill()
        for pid in server.workers():
            subprocess.run(["kill", "-9", str(pid)], check=False)
        stubs = folder / "stubs"
        stubs.mkdir()
        multiply(server.data_dir / "trainyard.db", done.name, options.finished, stubs)
        size = (server.data_dir / "trainyard.db").stat().st_size / (1 << 20)
        started = time.time()
        server.start()
        serving = time.time()
        # The first event that tells of an epoch, of any of them, after the start.
        running: set[str] = set()
        first = None
        while first is None:
            for job in server.api.training.ListTrainingJobs(
                training_pb2.ListTrainingJobsRequest(parent="users/me", page_size=options.unfinished + 5)
            ).jobs:
                if job.state in TERMINAL:
                    continue
                running.add(job.name)
                late = [
                    event.time.ToMicroseconds() / 1e6
                    for event in server.api.events(job.name)
                    if event.WhichOneof("kind") == "epoch"
                    and event.time.ToMicroseconds() / 1e6 > started
                ]
                if late:
                    first = min(late + ([first] if first else []))
        print(f"{options.finished} finished jobs, {len(running)} unfinished, database {size:.0f} MiB")
        print(f"start to serving:     {(serving - started) * 1e3:.0f} ms")
        print(f"start to first epoch: {(first - started) * 1e3:.0f} ms")
        server.abandon()
    return 0


if __name__ == "__main__":
    sys.exit(main())
