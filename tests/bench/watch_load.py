"""Ten thousand dashboards on one server: how late events arrive, what they cost the
server, and what they cost a training job beside them; and a hundred that read as
fast as they can. Beside each figure that of a bare gRPC server in the same run.

    cmake --preset test -D TRAINYARD_BUILD_BENCHMARKS=ON
    cmake --build build/release
    /usr/bin/python3 tests/bench/watch_load.py
"""

from __future__ import annotations

import argparse
import json
import select
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

from harness import Server, epochs_of, training_pb2, wait_until  # noqa: E402

LOAD = ROOT / "build/release/bench/watch_load"
LINE = "{:<44}  {:>12}  {:>12}  {:>7}"


def rss_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


class Bare:
    """The bare server of the same binary."""

    def __init__(self, *options: str) -> None:
        self.process = subprocess.Popen([LOAD, "--serve", *options], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert select.select([self.process.stdout], [], [], 30)[0]
        self.target = self.process.stdout.readline().split("grpc=")[1].strip()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def load(target: str, pid: int, *options: object) -> dict[str, Any]:
    """Runs the clients, and looks at the server's memory in the middle."""
    before = rss_mib(pid)
    client = subprocess.Popen(
        [LOAD, "--target", target, "--job", "users/local/jobs/watched", *map(str, options)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    peak = before
    while client.poll() is None:
        peak = max(peak, rss_mib(pid))
        try:
            client.wait(0.5)
        except subprocess.TimeoutExpired:
            continue
    assert client.stdout is not None
    result = json.loads(client.stdout.read())
    return result | {"rss": peak, "rss_growth": peak - before}


def epoch_seconds(server: Server, job: str, after: int) -> float:
    """The median of the epochs since an event."""
    return statistics.median(e.seconds for e in epochs_of(server.api.events(job, after)))


def row(name: str, ours: float, bare: float | None = None, form: str = "{:.1f}") -> None:
    print(LINE.format(
        name, form.format(ours), form.format(bare) if bare is not None else "",
        f"{ours / bare:.2f}" if bare else "",
    ), flush=True)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--watchers", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    many = ("--watchers", options.watchers, "--connections", options.connections,
            "--seconds", options.seconds, "--never", 0.1, "--churn", 0.01)  # fmt: skip
    few = ("--watchers", 100, "--connections", 10, "--seconds", 8, "--full-speed")
    with tempfile.TemporaryDirectory(prefix="ty-") as folder:
        server = Server(Path(folder) / "data", "--slots", "2").start()
        assert server.process is not None
        api, pid = server.api, server.process.pid
        data = api.digits("rows", 30_000).name
        # About an epoch a second, at little cost: the watched one.
        network = api.network("net", [784, 500, 200, 10]).name
        api.train("watched", network, data, epochs=100_000, learning_rate=0.1)
        beside = api.train("beside", network, data, epochs=100_000, learning_rate=0.1, seed=1).name
        wait_until("some epochs", lambda: api.job(beside).epochs_completed >= 8, 120)
        alone = epoch_seconds(server, beside, 3)
        start = api.job(beside).last_sequence
        ours = load(server.target, pid, *many)
        loaded = epoch_seconds(server, beside, start)
        for name in ("watched", "beside"):
            api.training.CancelTrainingJob(
                training_pb2.CancelTrainingJobRequest(name=f"users/me/jobs/{name}")
            )
            api.ended(f"users/me/jobs/{name}")
        bare_server = Bare("--events-per-second", str(1 / alone))
        bare = load(bare_server.target, bare_server.process.pid, *many)
        bare_server.stop()

        print(LINE.format("", "trainyard", "bare gRPC", "ratio"))
        row(f"{options.watchers} watchers: lag p50, ms", ours["p50_ms"], bare["p50_ms"])
        row("lag p99, ms", ours["p99_ms"], bare["p99_ms"])
        row("lag max, ms", ours["max_ms"], bare["max_ms"])
        row("messages a second", ours["per_second"], bare["per_second"], "{:.0f}")
        row("memory of the server, MiB", ours["rss"], bare["rss"])
        row("a watcher, KiB", ours["rss_growth"] * 1024 / options.watchers,
            bare["rss_growth"] * 1024 / options.watchers)  # fmt: skip
        row("missed, doubled or out of order", ours["violations"], None, "{:.0f}")
        print(f"training beside it: {alone:.3f} s an epoch alone, {loaded:.3f} s with them, "
              f"{(loaded / alone - 1) * 100:+.1f} %")  # fmt: skip

        points = api.create_dataset("few", upload={}).name
        api.write(points, 1, "\n".join(f"{n % 2},{n % 7}" for n in range(20)).encode())
        api.settled_dataset(points)
        tiny = api.network("tiny", [1, 2, 2]).name
        api.training.DeleteTrainingJob(
            training_pb2.DeleteTrainingJobRequest(name="users/me/jobs/watched")
        )
        log = api.trained("watched", tiny, points, epochs=20_000, learning_rate=0.01)
        ours = load(server.target, pid, *few)
        bare_server = Bare("--burst", str(log.last_sequence))
        bare = load(bare_server.target, bare_server.process.pid, *few)
        bare_server.stop()
        row("100 watchers at full speed, messages a second", ours["per_second"],
            bare["per_second"], "{:.0f}")  # fmt: skip
        row("missed, doubled or out of order", ours["violations"], None, "{:.0f}")
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
