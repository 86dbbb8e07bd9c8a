"""Inference by the server beside ONNX Runtime called in process, on the same exported
network in the same run: requests a second and latencies at batch 1 with 1 and 32
clients, rows a second at batch 1,000; then the same while two jobs train.

    /usr/bin/python3 tests/bench/infer.py [--data DIR] [--seconds S] [--rounds N]

Needs build/release/bench/infer_load (-DTRAINYARD_BUILD_BENCHMARKS=ON), and ONNX
Runtime in build/peers, which deploy/test.sh --all makes. Clients, server and peer
share the machine: read the ratios.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

from harness import BIN, Cli, Server, mnist_dir, training_pb2  # noqa: E402

LOAD = BIN.parent / "bench/infer_load"
PEERS = Path(os.environ.get("TRAINYARD_PEERS_PYTHON", ROOT / "build/peers/bin/python"))
# Clients and rows a request.
CASES = [(1, 1), (32, 1), (1, 1000)]
Figures = dict[str, float]


def ours(server: Server, rows: Path, clients: int, batch: int, seconds: float) -> Figures:
    done = subprocess.run(
        [
            LOAD, server.target, "served", rows,
            "--clients", str(clients), "--batch", str(batch), "--seconds", str(seconds),
        ],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def theirs(model: Path, rows: Path, clients: int, batch: int, seconds: float) -> Figures:
    done = subprocess.run(
        [
            PEERS, ROOT / "tests/bench/infer_peer.py", model, rows,
            str(clients), str(batch), str(seconds),
        ],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def median(runs: list[Figures]) -> Figures:
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def table(server: Server, model: Path, rows: Path, options: argparse.Namespace) -> None:
    for clients, batch in CASES:
        pairs = [
            (
                ours(server, rows, clients, batch, options.seconds),
                theirs(model, rows, clients, batch, options.seconds),
            )
            for _ in range(options.rounds)
        ]
        server_run, peer_run = (median([pair[at] for pair in pairs]) for at in (0, 1))
        print(f"  {clients} client(s), batch {batch}")
        for who, run in (("server", server_run), ("ONNX Runtime in process", peer_run)):
            print(
                f"    {who:24} {run['requests_per_second']:8.0f} requests/s"
                f" {run['rows_per_second']:8.0f} rows/s"
                f"  p50 {run['p50_us']:8.0f} us  p99 {run['p99_us']:8.0f} us"
            )
        ratios = {key: server_run[key] / peer_run[key] for key in server_run}
        print(
            f"    {'ratio':24} {ratios['requests_per_second']:8.2f}"
            f"{'':32}p50 {ratios['p50_us']:8.2f}     p99 {ratios['p99_us']:8.2f}",
            flush=True,
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, default=mnist_dir(), help="folder with MNIST's IDX files")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for needed in (LOAD, PEERS):
        if not needed.exists():
            parser.error(f"{needed} is not there")
    if options.data is None:
        parser.error("MNIST is not here: give --data DIR")
    with tempfile.TemporaryDirectory(prefix="ty-") as scratch:
        folder = Path(scratch)
        rows = folder / "rows.u8"
        rows.write_bytes(
            gzip.decompress((options.data / "t10k-images-idx3-ubyte.gz").read_bytes())[16:]
        )
        server = Server(folder / "data", "--slots", "2").start()
        try:
            cli = Cli(server.target, folder / "home")
            cli("dataset", "import", "mnist", "--from", options.data)
            cli("network", "create", "net", "--layers", "784,500,200,10")
            train = ("train", "--network", "net", "--dataset", "mnist-train",
                     "--learning-rate", "0.05", "--epochs")  # fmt: skip
            cli(*train, "1", "--id", "served", "--watch")
            cli("job", "export", "served", "--out", folder / "model.onnx")
            print("nothing else runs")
            table(server, folder / "model.onnx", rows, options)
            for name in ("a", "b"):
                cli(*train, "100000", "--id", name)
                next(
                    event
                    for event in server.api.watched(f"users/local/jobs/{name}")
                    if event.state_change.state == training_pb2.TrainingJob.RUNNING
                )
            print("two jobs train, one sample at a time, a thread each")
            table(server, folder / "model.onnx", rows, options)
        finally:
            server.abandon()
    return 0


if __name__ == "__main__":
    sys.exit(main())
