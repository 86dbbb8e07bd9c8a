"""Loads a server with watchers of one job and prints what they see, what they
cost, and how much they slow a training job, beside the same against a bare gRPC
server that writes made-up events from memory. Not a test: no time is asserted;
events that are missed, doubled or out of order end it with status 1.

    cmake --preset test -D TRAINYARD_BUILD_BENCHMARKS=ON
    cmake --build build/release
    /usr/bin/python3 tests/bench/watch_load.py

The watched job is paused and gets an event a second from an evaluation of it, so
that one core trains another job and one serves. Both servers take turns, with
quiet times between them to compare the training job's epochs with.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

from harness import (  # noqa: E402
    BIN,
    Api,
    Server,
    evaluation_pb2,
    training_pb2,
    wait_until,
)

WATCH_LOAD = BIN.parent / "bench/watch_load"
Figures = dict[str, Any]
# Of trainyard-server, and of the bare one.
Pair = tuple[Figures, Figures]
# Unix seconds, from and to.
Span = tuple[float, float]
# A job that nobody lets come to its end.
ENDLESS = 1_000_000
# What the server is told, so that an estimate of energy is one of CPU time.
WATTS_PER_CORE = 10.0
REFERENCE = (784, 500, 200, 10)
VIOLATIONS = ("gaps", "doubles", "out_of_order", "broken", "behind")


@contextmanager
def bare_server(*options: str) -> Iterator[tuple[str, int]]:
    """Its address and process id."""
    with subprocess.Popen(
        [WATCH_LOAD, "--bare", *options], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("listening grpc="), f"no announcement: {line!r}"
            yield line.split("grpc=")[1].strip(), process.pid
        finally:
            process.kill()


def load(target: str, pid: int, job: str, *options: Any) -> Figures:
    done = subprocess.run(
        [WATCH_LOAD, "--server", target, "--pid", str(pid), "--job", job, *map(str, options)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout)


class EventSource:
    """A paused job that gets an event a second while `running`."""

    def __init__(self, api: Api, network: str) -> None:
        self.api = api
        self.data = api.digits("few", 10).name
        self.job = api.train(
            "watched", network, self.data, epochs=ENDLESS, learning_rate=0.1
        ).name
        next(event for event in api.watched(self.job) if event.WhichOneof("kind") == "epoch")
        api.training.PauseTrainingJob(training_pb2.PauseTrainingJobRequest(name=self.job))
        wait_until("the job to pause", self._paused)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _paused(self) -> bool:
        return self.api.job(self.job).state == training_pb2.TrainingJob.PAUSED

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            self.api.evaluations.CreateEvaluation(
                evaluation_pb2.CreateEvaluationRequest(
                    parent=self.job, evaluation=evaluation_pb2.Evaluation(dataset=self.data)
                )
            )
            due += 1

    @contextmanager
    def running(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()

    def cursor(self) -> int:
        """Before the newest event."""
        return self.api.job(self.job).last_sequence - 1


class Epochs:
    """What the training job's epochs took, by when they ran."""

    def __init__(self, api: Api, job: str) -> None:
        self.all: list[tuple[float, float, float]] = []
        for event in api.events(job):
            if event.WhichOneof("kind") == "epoch":
                end = event.time.ToNanoseconds() / 1e9
                cpu = float("nan")
                if event.epoch.energy_source == training_pb2.ESTIMATED:
                    cpu = event.epoch.energy_joules / WATTS_PER_CORE
                self.all.append((end - event.epoch.seconds, end, cpu))

    def within(self, spans: Iterable[Span]) -> Figures:
        """Wall and CPU seconds (medians) of the epochs that ran wholly within one
        of the spans."""
        spans = list(spans)
        found = [
            (end - begin, cpu)
            for begin, end, cpu in self.all
            if any(start <= begin and end <= stop for start, stop in spans)
        ]
        assert found, "no epoch ran within the time measured: use fewer --rows or more --seconds"
        wall, cpu = zip(*found, strict=True)
        return {
            "epochs": len(found),
            "wall": statistics.median(wall),
            "cpu": statistics.median(cpu),
        }


def replay(server: Server, network: str, dataset: str, options: argparse.Namespace) -> list[Pair]:
    """100 watchers read a long history again from 0, of each server in turn."""
    api = server.api
    assert server.process is not None
    job = api.trained(
        "long", network, dataset, epochs=options.history, learning_rate=0.1, threads=1
    )
    pairs = []
    with bare_server("--history", str(job.last_sequence)) as (bare, bare_pid):
        for _ in range(options.rounds):
            flags = ("--replay", "--streams", 100)
            ours = load(server.target, server.process.pid, job.name, *flags)
            pairs.append((ours, load(bare, bare_pid, job.name, *flags)))
            assert all(each["messages"] == 100 * job.last_sequence for each in pairs[-1])
    return pairs


def live(
    server: Server, source: EventSource, options: argparse.Namespace
) -> tuple[list[Pair], list[Span]]:
    """Watchers of each server in turn, and when nobody watched."""
    assert server.process is not None
    pairs, quiet = [], []

    def rest() -> None:
        start = time.time()
        time.sleep(options.seconds)
        quiet.append((start, time.time()))

    flags = ["--streams", options.streams, "--connections", options.connections]
    flags += ["--seconds", options.seconds]
    with source.running():
        for _ in range(options.rounds):
            rest()
            cursor = source.cursor()
            ours = load(server.target, server.process.pid, source.job, *flags, "--after", cursor)
            rest()
            with bare_server("--period", "1000") as (bare, bare_pid):
                pairs.append((ours, load(bare, bare_pid, source.job, *flags)))
            for each in pairs[-1]:
                assert each["messages_per_second"], f"no event came: {each}\n{server.tail()}"
    return pairs, quiet


def row(what: str, ours: str, bare: str = "", ratio: str = "", goal: str = "") -> None:
    print(f"{what:<46}  {ours:>16}  {bare:>12}  {ratio:>7}  {goal}", flush=True)


def compare(what: str, pairs: list[Pair], key: str, form: str, goal: str = "") -> None:
    """Medians over the rounds, and of each round's ratio."""
    ours, bare = (statistics.median(pair[n][key] for pair in pairs) for n in (0, 1))
    ratio = statistics.median(ours_[key] / bare_[key] for ours_, bare_ in pairs)
    row(what, form.format(ours), form.format(bare), f"{ratio:.2f}", goal)


def violations(pairs: list[Pair]) -> list[int]:
    return [sum(pair[n][key] for pair in pairs for key in VIOLATIONS) for n in (0, 1)]


def show_memory(pair: Pair) -> None:
    """Of the first round: later ones begin with what the first has left."""
    mebibytes = [[each[key] / 2**20 for each in pair] for key in ("rss_before", "rss")]
    row("server's resident memory before, MiB", *(f"{value:.1f}" for value in mebibytes[0]))
    ratio = mebibytes[1][0] / mebibytes[1][1]
    row("  with watchers", *(f"{value:.1f}" for value in mebibytes[1]), f"{ratio:.2f}", "<= 1.5")
    each = [(one["rss"] - one["rss_before"]) / one["streams"] / 1000 for one in pair]
    ratio = each[0] / each[1]
    row("  a watcher, kB", *(f"{value:.1f}" for value in each), f"{ratio:.2f}", "<= 1.5")


def show_training(epochs: Epochs, pairs: list[Pair], quiet: list[Span]) -> None:
    alone = epochs.within(quiet)
    watched = [epochs.within((p[n]["from"], p[n]["to"]) for p in pairs) for n in (0, 1)]
    for key, what in (("wall", "wall"), ("cpu", "CPU")):
        counts = [alone["epochs"], *(each["epochs"] for each in watched)]
        row(f"training, {what} seconds an epoch, no watchers", f"{alone[key]:.3f}")
        row("  with watchers", *(f"{each[key]:.3f}" for each in watched))
        slower = [f"{(each[key] / alone[key] - 1) * 100:+.1f} %" for each in watched]
        row(f"  slowed (medians of {counts} epochs)", *slower, "", "< 2 %")


def report(
    replays: list[Pair], lives: list[Pair], quiet: list[Span], epochs: Epochs
) -> bool:
    row("", "trainyard-server", "bare server", "ratio", "goal")
    for key in ("p50", "p99", "max"):
        goal = "" if key == "max" else "<= 1.5"
        compare(f"lag {key}, ms", lives, f"lag_{key}", "{:.1f}", goal)
    compare("messages a second, live", lives, "messages_per_second", "{:,.0f}")
    compare("  server's CPU a message, us", lives, "cpu_per_message", "{:.1f}")
    show_memory(lives[0])
    show_training(epochs, lives, quiet)
    again = "messages a second, history read again"
    compare(again, replays, "messages_per_second", "{:,.0f}", ">= 0.67")
    compare("  server's CPU a message, us", replays, "cpu_per_message", "{:.1f}")
    reopened = (sum(pair[n]["reopened"] for pair in lives) for n in (0, 1))
    row("streams closed and opened again", *map(str, reopened))
    broken = violations(replays + lives)
    row("gaps, doubles, out of order, broken, behind", *map(str, broken), "", "0")
    return broken == [0, 0]


def measure(server: Server, options: argparse.Namespace) -> bool:
    api = server.api
    network = api.network("reference", REFERENCE, seed=1).name
    small = api.network("small", (784, 1, 10), seed=1).name
    source = EventSource(api, network)
    replays = replay(server, small, source.data, options)
    job = api.train(
        "training", network, api.digits("many", options.rows).name,
        epochs=ENDLESS, learning_rate=0.1, threads=1,
    ).name  # fmt: skip
    next(event for event in api.watched(job) if event.WhichOneof("kind") == "epoch")
    lives, quiet = live(server, source, options)
    return report(replays, lives, quiet, Epochs(api, job))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--streams", type=int, default=10000, help="watchers")
    parser.add_argument("--connections", type=int, default=100, help="TCP connections")
    parser.add_argument("--seconds", type=int, default=20, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="of both servers in turn")
    parser.add_argument("--rows", type=int, default=28000, help="of the training job: 1 s an epoch")
    parser.add_argument("--history", type=int, default=5000, help="events to read again")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(prefix="ty-") as scratch:
        flags = ("--watts-per-core", str(WATTS_PER_CORE))
        server = Server(Path(scratch) / "data", *flags).start()
        try:
            well = measure(server, options)
            server.stop()
        finally:
            server.abandon()
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
