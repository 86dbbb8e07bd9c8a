"""98 % on MNIST's test set through the service: seconds from the call that submits a
job to its finished evaluation, over five seeds.

    /usr/bin/python3 tests/bench/recipe.py --data DIR
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

from harness import Server, mnist_dir, network_pb2, training_pb2  # noqa: E402

LAYERS = [784, 500, 200, 10]
# Each of them: what it is, and what makes it.
RECIPES: dict[str, dict[str, Any]] = {
    "SGD 0.1, batch 32, 10 epochs": {
        "epochs": 10, "learning_rate": 0.1, "batch_size": 32,
    },
    "preset mnist: Adam 0.002, cosine, batch 128, 4 epochs": {
        "epochs": 4, "learning_rate": 0.002, "batch_size": 128, "optimizer": {"adam": {}},
        "schedule": {"cosine": {}, "warmup_epochs": 0.5},
    },
    "Nesterov 0.1, cosine, batch 128, 4 epochs": {
        "epochs": 4, "learning_rate": 0.1, "batch_size": 128,
        "optimizer": {"momentum": {"momentum": 0.9, "nesterov": True}},
        "schedule": {"cosine": {}, "warmup_epochs": 0.5},
    },
    "Nesterov 0.05, cosine, batch 64, 4 epochs": {
        "epochs": 4, "learning_rate": 0.05, "batch_size": 64,
        "optimizer": {"momentum": {"momentum": 0.9, "nesterov": True}},
        "schedule": {"cosine": {}, "warmup_epochs": 0.5},
    },
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, default=mnist_dir(), help="folder with MNIST's IDX files")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default="", help="recipes whose name has this in it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ty-") as folder:
        server = Server(Path(folder) / "data").start()
        api = server.api
        sets = {
            name: api.active(
                name,
                next(options.data.rglob(f"{prefix}-images*idx3-ubyte*")).read_bytes(),
                labels=next(options.data.rglob(f"{prefix}-labels*idx1-ubyte*")).read_bytes(),
            ).name
            for name, prefix in (("train", "train"), ("test", "t10k"))
        }
        for number, (what, spec) in enumerate(RECIPES.items()):
            if options.only not in what:
                continue
            seconds, accuracy = [], []
            for seed in range(options.seeds):
                network = api.network(
                    f"net-{number}-{seed}", LAYERS, seed=seed,
                    activations=[network_pb2.RELU, network_pb2.RELU, network_pb2.SOFTMAX],
                    loss=network_pb2.CROSS_ENTROPY,
                    initializer=network_pb2.Initializer(he=network_pb2.HeInitializer()),
                ).name  # fmt: skip
                started = time.monotonic()
                job = api.train(
                    f"job-{number}-{seed}", network, sets["train"], threads=options.threads, **spec
                )
                done = api.ended(job.name)
                assert done.state == training_pb2.TrainingJob.SUCCEEDED, done.error
                accuracy.append(api.evaluated(job.name, sets["test"]).accuracy)
                seconds.append(time.monotonic() - started)
            print(f"{what}: accuracy {' '.join(f'{a * 100:.2f}' for a in accuracy)} %, "
                  f"seconds {' '.join(f'{s:.1f}' for s in seconds)}, "
                  f"median {statistics.median(seconds):.1f} s", flush=True)  # fmt: skip
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
