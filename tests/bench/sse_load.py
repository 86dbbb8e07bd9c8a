"""Loads a server with dashboards, each a stream of Server-Sent Events of one job,
and prints what they see, what they cost, and how much they slow a training job.
Not a test: no time is asserted; events that are missed, doubled or out of order
end it with status 1.

    /usr/bin/python3 tests/bench/sse_load.py

As in watch_load.py the watched job is paused and gets an event a second, so that
one core trains another job and the other serves, and runs this client.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import selectors
import socket
import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path

from watch_load import ENDLESS, REFERENCE, WATTS_PER_CORE, Epochs, EventSource, Span, row

from harness import Server, wait_until

EVENT = re.compile(rb"id: (\d+)\nevent: event\ndata: (.*)\n\n")


class Dashboard:
    """One stream."""

    def __init__(self, address: tuple[str, int], job: str, after: int) -> None:
        self.socket = socket.create_connection(address)
        path = f"/v1/{job}:watch?after_sequence={after}"
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        self.socket.setblocking(False)
        self.last = after
        self.violations = 0
        self._text = b""

    def read(self) -> list[float]:
        """The lags of the events that have come, in seconds."""
        try:
            piece = self.socket.recv(1 << 16)
        except BlockingIOError:
            return []
        now = time.time()
        assert piece, "the stream ended"
        self._text += piece
        lags, end = [], 0
        for event in EVENT.finditer(self._text):
            sequence, end = int(event[1]), event.end()
            self.violations += sequence != self.last + 1
            self.last = sequence
            stamp = json.loads(event[2])["event"]["time"]
            lags.append(now - datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp())
        self._text = self._text[end:]
        return lags


def watched(server: Server, source: EventSource, options: argparse.Namespace) -> dict[str, float]:
    """Dashboards for a while, and what became of them."""
    host, _, port = server.http.rpartition(":")
    after = source.api.job(source.job).last_sequence
    before = figures(server)
    dashboards = [Dashboard((host, int(port)), source.job, after) for _ in range(options.streams)]
    lags: list[float] = []
    selector = selectors.DefaultSelector()
    for dashboard in dashboards:
        selector.register(dashboard.socket, selectors.EVENT_READ, dashboard)
    begin = time.time()
    during = before
    while time.time() < begin + options.seconds:
        for key, _ in selector.select(0.5):
            # The first second is the streams' beginning.
            found = key.data.read()
            if time.time() > begin + 1:
                lags += found
        if time.time() > begin + options.seconds / 2 and during is before:
            during = figures(server)
    after_all = figures(server)
    result = {
        "from": begin,
        "to": time.time(),
        "p50": 1000 * statistics.median(lags),
        "p99": 1000 * statistics.quantiles(lags, n=100)[98],
        "max": 1000 * max(lags),
        "events": len(lags),
        "rss_before": before["rss"],
        "rss": during["rss"],
        "threads_before": before["threads"],
        "threads": during["threads"],
        "cpu": (after_all["cpu"] - before["cpu"]) / len(lags),
        "violations": sum(dashboard.violations for dashboard in dashboards),
    }
    selector.close()
    for dashboard in dashboards:
        dashboard.socket.close()
    return result


def figures(server: Server) -> dict[str, float]:
    assert server.process is not None
    proc = Path(f"/proc/{server.process.pid}")
    stat = (proc / "stat").read_text().rpartition(")")[2].split()
    status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
    return {
        "rss": int(status["VmRSS"].split()[0]) * 1024,
        "threads": int(status["Threads"]),
        "cpu": (int(stat[11]) + int(stat[12])) / 100,
    }


def report(rounds: list[dict[str, float]], quiet: list[Span], epochs: Epochs) -> bool:
    def median(key: str) -> float:
        return statistics.median(each[key] for each in rounds)

    for key in ("p50", "p99", "max"):
        row(f"lag {key}, ms", f"{median(key):.1f}")
    row("events received", f"{sum(each['events'] for each in rounds):,}")
    row("server's CPU an event received, us", f"{1e6 * median('cpu'):.1f}")
    first = rounds[0]
    row("resident memory before, MiB", f"{first['rss_before'] / 2**20:.1f}")
    row("  with dashboards", f"{first['rss'] / 2**20:.1f}")
    row("threads before", f"{first['threads_before']:.0f}")
    row("  with dashboards", f"{first['threads']:.0f}")
    alone = epochs.within(quiet)
    busy = epochs.within((each["from"], each["to"]) for each in rounds)
    for key, what in (("wall", "wall"), ("cpu", "CPU")):
        row(f"training, {what} seconds an epoch, alone", f"{alone[key]:.3f}")
        slower = (busy[key] / alone[key] - 1) * 100
        row("  with dashboards", f"{busy[key]:.3f}", f"{slower:+.1f} %")
    violations = sum(each["violations"] for each in rounds)
    row("gaps, doubles, out of order", f"{violations:.0f}")
    return violations == 0


def measure(server: Server, options: argparse.Namespace) -> bool:
    api = server.api
    network = api.network("reference", REFERENCE, seed=1).name
    small = api.network("small", (784, 1, 10), seed=1).name
    data = api.digits("many", options.rows).name
    source = EventSource(api, small)
    training = api.train("training", network, data, epochs=ENDLESS, learning_rate=0.1).name
    wait_until("the training to begin", lambda: api.job(training).epochs_completed > 1)
    quiet: list[Span] = []
    rounds = []
    with source.running():
        for _ in range(options.rounds):
            start = time.time()
            time.sleep(options.seconds)
            quiet.append((start, time.time()))
            rounds.append(watched(server, source, options))
    return report(rounds, quiet, Epochs(api, training))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=5000, help="of the job that trains")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(prefix="ty-") as folder:
        flags = ("--http", "127.0.0.1:0", "--slots", "2", "--watts-per-core", str(WATTS_PER_CORE))
        server = Server(Path(folder) / "d", *flags).start()
        try:
            well = measure(server, options)
        finally:
            server.abandon()
    raise SystemExit(0 if well else 1)


if __name__ == "__main__":
    main()
