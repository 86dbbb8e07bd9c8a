"""Trains the same networks on the same rows with the notebook's algorithm in
NumPy, scikit-learn, PyTorch, and Trainyard through its server and through core
alone, one after another on one CPU with one thread each, and prints times and
ratios with the goals beside them. Not a test: no time is asserted; results that
do not agree are marked and end with status 1.

    cmake --preset test -D TRAINYARD_BUILD_BENCHMARKS=ON
    cmake --build build/release
    /usr/bin/python3 tests/bench/compare/compare.py --data DIR

DIR has MNIST as CSV and IDX; without it digits are generated. Peers that are not
installed (requirements.txt lists them) are left out and named.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"

from ours import ROOT, Trainyard  # noqa: E402
from peers import PEERS, Data, Result, Unsupported, Work  # noqa: E402

from harness import Api, Server  # noqa: E402

REFERENCE = (784, 500, 200, 10)
# Costs agree where they are within this factor of one another: weights and
# orders are drawn by other generators, so no two runs are the same.
COST_FACTOR = 1.5
ACCURACY_BAND = 0.05

# Each work, the rows it is done on, and for each peer how many times faster we
# are to be.
NOTEBOOK = Work("notebook's algorithm", REFERENCE, 4, 1, 0.3)
BATCH_128 = Work("SGD, batch 128", REFERENCE, 3, 128, 0.5)
BATCH_512 = Work("SGD, batch 512", REFERENCE, 3, 512, 0.5)
ADAM_128 = Work("Adam, batch 128", REFERENCE, 3, 128, 0.001, "adam")
ADAM_512 = Work("Adam, batch 512", REFERENCE, 3, 512, 0.001, "adam")
WORKS = {
    "notebook": (
        NOTEBOOK,
        "small",
        {"the notebook in NumPy": 200, "PyTorch, autograd": 35, "PyTorch, by hand": 8},
    ),
    "batch-128": (BATCH_128, "large", {"PyTorch, autograd": 2.5}),
    "batch-512": (BATCH_512, "large", {"PyTorch, autograd": 2.5}),
    "adam-128": (ADAM_128, "large", {"PyTorch, autograd": 2.5}),
    "adam-512": (ADAM_512, "large", {"PyTorch, autograd": 2.5}),
}

COLUMNS = "{:<22}  {:<24}  {:>7}  {:>6}  {:>11}  {:>7}  {:>9}  {:>8}  {}"


def load(server: Server, api: Api, folder: Path | None) -> dict[str, str]:
    """Datasets of 1,000 and of 60,000 rows (10,000 generated ones)."""
    if folder is None:
        print("no --data: generated digits")
        return {"small": api.digits("small", 1000).name, "large": api.digits("large", 10000).name}
    return {
        "small": api.active("small", (folder / "MNIST_train_1000.csv").read_bytes()).name,
        "large": api.active(
            "large",
            (folder / "train-images-idx3-ubyte.gz").read_bytes(),
            (folder / "train-labels-idx1-ubyte.gz").read_bytes(),
        ).name,
    }


def read(folder: Path) -> Data | None:
    """A dataset's own files, as peers take them."""
    try:
        import numpy
    except ImportError:
        return None
    features = numpy.load(folder / "features.npy")
    inputs = numpy.ascontiguousarray(features, dtype=numpy.float32) / numpy.float32(255)
    return Data(inputs, numpy.load(folder / "targets.npy").astype(numpy.int64))


def per_sample(result: Result, rows: int) -> float:
    """Microseconds a row, the cost pass included: of the median epoch, the first
    left out, which warms up."""
    seconds = result.seconds[1:] or result.seconds
    return statistics.median(seconds) / rows * 1e6


def agrees(ours: Result, other: Result) -> bool:
    if other.cost is not None and ours.cost is not None:
        return 1 / COST_FACTOR <= other.cost / ours.cost <= COST_FACTOR
    # Another loss: it must have learned as much.
    assert ours.accuracy is not None and other.accuracy is not None
    return other.accuracy >= ours.accuracy - ACCURACY_BAND


def compare(ours: Trainyard, name: str, dataset: str) -> bool:
    """Does one work everywhere and prints its rows of the table."""
    work, _, goals = WORKS[name]
    reference, _, _ = ours.train(work, dataset)
    data = read(ours.folder(dataset))
    rows = ours.server.api.get_dataset(dataset).row_count
    base = per_sample(reference, rows)
    all_agree = True

    def show(who: str, result: Result, goal: str) -> None:
        nonlocal all_agree
        agree = agrees(reference, result)
        all_agree &= agree
        took = per_sample(result, rows)
        cost = "" if result.cost is None else f"{result.cost / rows:.4f}"
        print(
            COLUMNS.format(
                work.name, who, rows, work.epochs, f"{took:.1f} us", f"{took / base:.2f}",
                cost, f"{result.accuracy:.4f}", goal if agree else f"{goal}  DOES NOT AGREE",
            ),
            flush=True,
        )  # fmt: skip

    show("Trainyard, by server", reference, "")
    show("Trainyard, core alone", ours.train_in_core(work, dataset)[0], "")
    for who, train in PEERS.items():
        if data is None:
            continue
        try:
            goal = f">= {goals[who]}" if who in goals else ""
            show(who, train(work, data), goal)
        except ImportError:
            print(f"{work.name:<22}  {who:<24}  not installed")
        except Unsupported:
            continue
    return all_agree


def service_cost(ours: Trainyard, dataset: str, tries: int) -> None:
    """What the server adds to a call of core, of runs that take turns."""
    work = replace(NOTEBOOK, epochs=3)
    by_server, in_core = [], []
    for _ in range(tries):
        in_core.append(ours.train_in_core(work, dataset)[1])
        by_server.append(ours.train(work, dataset)[1])
    added = statistics.median(by_server) / statistics.median(in_core) - 1
    rows = ours.server.api.get_dataset(dataset).row_count
    print(
        f"service over core: {added * 100:+.2f} % (goal: at most 2 %), {rows} rows, "
        f"{work.epochs} epochs, medians of {tries}: "
        f"{statistics.median(by_server):.3f} s and {statistics.median(in_core):.3f} s, "
        f"spread of core {(max(in_core) / min(in_core) - 1) * 100:.1f} %"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, help="folder with MNIST")
    parser.add_argument("--works", nargs="*", choices=WORKS, default=list(WORKS))
    parser.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--tries", type=int, default=3, help="of the service's cost")
    options = parser.parse_args()
    # Children inherit it: the server and its workers are on the same CPU.
    os.sched_setaffinity(0, {options.cpu})
    core_run = ROOT / "build/release/bench/core_run"
    if not core_run.exists():
        print(f"{core_run} is not there: build with -D TRAINYARD_BUILD_BENCHMARKS=ON")
        return 2
    agree = True
    with tempfile.TemporaryDirectory(prefix="ty-") as scratch:
        server = Server(Path(scratch) / "data").start()
        try:
            ours = Trainyard(server, core_run)
            datasets = load(server, server.api, options.data)
            print(COLUMNS.format("work", "who", "rows", "epochs", "a sample", "ratio", "mean cost",
                                 "accuracy", "goal"))  # fmt: skip
            for name in options.works:
                agree &= compare(ours, name, datasets[WORKS[name][1]])
            service_cost(ours, datasets["large"], options.tries)
            begin = ours.submit_to_begin(replace(NOTEBOOK, epochs=1), datasets["small"])
            print(f"submit to first epoch begun: {begin * 1e3:.1f} ms (goal: at most 20 ms)")
            server.stop()
        finally:
            server.abandon()
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
