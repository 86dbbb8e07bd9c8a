"""Prints figures of a release build on this machine. Not a test: no time is
asserted anywhere.

    /usr/bin/python3 tests/e2e/measure.py
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from harness import Api, Server, epochs_of, mnist_dir, training_pb2, wait_until


def memory(pid: int) -> tuple[float, float]:
    """What a process has written, and what is resident of it, in MiB. A dataset
    that is mapped counts as resident alone."""
    fields = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        key, value, *_ = line.split()
        fields[key] = int(value) / 1024
    return fields["Private_Dirty:"], fields["Rss:"]


def report(what: str, value: str) -> None:
    print(f"{what:<58} {value}", flush=True)


def epoch_figures(api: Api, job: str, rows: int, what: str) -> None:
    epochs = epochs_of(api.events(job))
    seconds = statistics.median(epoch.seconds for epoch in epochs)
    report(f"{what}: seconds an epoch (median of {len(epochs)})", f"{seconds:.4f} s")
    report(f"{what}: a sample, cost pass included", f"{seconds / rows * 1e6:.1f} us")


def first_epoch(api: Api, network: str, data: str, tries: int = 9) -> None:
    """From the call to the event of the first epoch, on 100 rows."""
    took, began = [], []
    for n in range(tries):
        start = time.monotonic()
        job = api.train(f"first-{n}", network, data, epochs=1, learning_rate=0.3).name
        for event in api.watched(job):
            if event.WhichOneof("kind") == "epoch":
                took.append(time.monotonic() - start)
                began.append(took[-1] - event.epoch.seconds)
                break
    report(
        "train -> first epoch's event (100 rows, median)", f"{statistics.median(took) * 1e3:.1f} ms"
    )
    report("  of which not training", f"{statistics.median(began) * 1e3:.1f} ms")


def full_run(server: Server, network: str, folder: Path) -> None:
    api = server.api
    sets = {
        name: api.active(
            name,
            (folder / f"{name}-images-idx3-ubyte.gz").read_bytes(),
            (folder / f"{name}-labels-idx1-ubyte.gz").read_bytes(),
        )
        for name in ("train", "t10k")
    }
    start = time.monotonic()
    job = api.train("mnist", network, sets["train"].name, epochs=3, learning_rate=0.3).name
    for event in api.watched(job):
        if event.WhichOneof("kind") == "epoch":
            report("MNIST: first epoch's event after", f"{time.monotonic() - start:.2f} s")
            break
    ((pid, _),) = server.workers(job).items()
    private, resident = memory(pid)
    report("worker, MNIST: private / resident", f"{private:.1f} / {resident:.1f} MiB")
    done = api.ended(job)
    assert done.state == training_pb2.TrainingJob.SUCCEEDED, done.error
    report("MNIST: three epochs, from call to end", f"{time.monotonic() - start:.2f} s")
    epoch_figures(api, job, 60000, "MNIST")
    accuracy = api.evaluated(job, sets["t10k"].name).accuracy
    report("MNIST: accuracy on the test set", f"{accuracy:.4f}")


def main() -> int:
    folder = mnist_dir()
    with tempfile.TemporaryDirectory(prefix="ty-") as scratch:
        server = Server(Path(scratch) / "data").start()
        assert server.process is not None
        try:
            api = server.api
            wait_until("the server", lambda: api.call("/grpc.health.v1.Health/Check", b""))
            private, resident = memory(server.process.pid)
            report("server, idle: private / resident", f"{private:.1f} / {resident:.1f} MiB")
            network = api.network("notebook", [784, 500, 200, 10], seed=1).name
            if folder is None:
                data = api.digits("digits", 100).name
            else:
                data = api.active("csv", (folder / "MNIST_train_100.csv").read_bytes()).name
            first_epoch(api, network, data)
            job = api.trained("run", network, data, epochs=50, learning_rate=0.3)
            epoch_figures(api, job.name, 100, "notebook's run")
            if folder is not None:
                full_run(server, network, folder)
            private, resident = memory(server.process.pid)
            report("server, at the end: private / resident", f"{private:.1f} / {resident:.1f} MiB")
            server.stop()
        finally:
            server.abandon()
    return 0


if __name__ == "__main__":
    sys.exit(main())
