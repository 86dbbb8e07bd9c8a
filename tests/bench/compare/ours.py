"""Trainyard on the same work: through its server, and through core alone."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from peers import Result, Work

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/e2e"))

from harness import Server, epochs_of, network_pb2  # noqa: E402


class Trainyard:
    """A server with datasets, and the folders in which they lie."""

    def __init__(self, server: Server, core_run: Path) -> None:
        self.server = server
        self.core_run = core_run
        self.jobs = 0

    def folder(self, dataset: str) -> Path:
        digest = self.server.api.get_dataset(dataset).digest
        return self.server.data_dir / "datasets" / digest

    def network(self, work: Work) -> str:
        name = "-".join(["net", *map(str, work.layers), "seed", str(work.seed)])
        known = self.server.api.networks.ListNetworks(
            network_pb2.ListNetworksRequest(parent="users/me")
        ).networks
        for network in known:
            if network.name.endswith("/" + name):
                return network.name
        return self.server.api.network(name, work.layers, seed=work.seed).name

    def spec(self, work: Work) -> dict[str, object]:
        return {
            "epochs": work.epochs,
            "learning_rate": work.learning_rate,
            "batch_size": work.batch_size,
            "optimizer": {work.optimizer: {}},
        }

    def train(self, work: Work, dataset: str) -> tuple[Result, float, float]:
        """The result; seconds from the first epoch's begin to the last one's
        event, both by the server's clock; and seconds from the call to the first
        epoch's begin, as the caller sees them."""
        api = self.server.api
        network = self.network(work)
        self.jobs += 1
        start = time.monotonic()
        job = api.train(f"job-{self.jobs}", network, dataset, **self.spec(work)).name
        begun = None
        for event in api.watched(job):
            if begun is None and event.WhichOneof("kind") == "epoch":
                begun = time.monotonic() - start - event.epoch.seconds
        events = [event for event in api.events(job) if event.WhichOneof("kind") == "epoch"]
        epochs = epochs_of(events)
        assert begun is not None and len(epochs) == work.epochs, api.job(job)
        first, last = events[0].time, events[-1].time
        wall = (last.seconds - first.seconds) + (last.nanos - first.nanos) * 1e-9
        wall += epochs[0].seconds
        return (
            Result([e.seconds for e in epochs], epochs[-1].cost, epochs[-1].train_accuracy),
            wall,
            begun,
        )

    def train_in_core(self, work: Work, dataset: str) -> tuple[Result, float]:
        """The result, and seconds of the whole call."""
        command = [
            self.core_run,
            "--dataset", self.folder(dataset),
            "--layers", ",".join(map(str, work.layers)),
            "--epochs", work.epochs,
            "--learning-rate", work.learning_rate,
            "--batch-size", work.batch_size,
            "--seed", work.seed,
        ] + (["--adam"] if work.optimizer == "adam" else [])  # fmt: skip
        output = subprocess.run(
            list(map(str, command)), check=True, capture_output=True, text=True
        ).stdout
        *epochs, end = map(json.loads, output.splitlines())
        result = Result([e["seconds"] for e in epochs], epochs[-1]["cost"], epochs[-1]["accuracy"])
        return result, end["seconds"]

    def submit_to_begin(self, work: Work, dataset: str, tries: int = 15) -> float:
        """The median of seconds from the call to the first epoch's begin."""
        return statistics.median(self.train(work, dataset)[2] for _ in range(tries))

