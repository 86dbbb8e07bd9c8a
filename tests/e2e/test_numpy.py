"""With --rng numpy and --precision f64 a job is what a NumPy script does."""

from __future__ import annotations

import os

# One thread: NumPy's own bits depend on it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
import pytest  # noqa: E402

from harness import Cli  # noqa: E402

LAYERS = (784, 500, 200, 10)
CLOSE = 1e-9


class Script:
    """The reference algorithm: columns, one sample at a time, a fresh permutation an epoch."""

    def __init__(self, file: Path, seed: int, rate: float, nudge: int = 0) -> None:
        table = np.loadtxt(file, delimiter=",")
        self.x = table[:, 1:] / 255
        self.t = np.eye(10)[table[:, 0].astype(int)]
        self.rate = rate
        np.random.seed(seed)
        self.w = [0.5 - np.random.rand(a, b) for a, b in zip(LAYERS, LAYERS[1:], strict=False)]
        self.b = [np.zeros(b) for b in LAYERS[1:]]
        if nudge:
            # Every weight half a unit in its last place away: what rounding alone does.
            signs = np.random.default_rng(nudge)
            self.w = [w * (1 + (signs.integers(0, 2, w.shape) * 2 - 1) * 2.0**-53) for w in self.w]

    def forward(self, x: np.ndarray) -> list[np.ndarray]:
        a = [x]
        for w, b in zip(self.w, self.b, strict=True):
            a.append(1 / (1 + np.exp(-(a[-1] @ w + b))))
        return a

    def step(self, x: np.ndarray, t: np.ndarray) -> None:
        a = self.forward(x)
        s = -2 * a[-1] * (1 - a[-1]) * (t - a[-1])
        for i in reversed(range(len(self.w))):
            below = a[i] * (1 - a[i]) * (self.w[i] @ s)
            self.w[i] -= self.rate * np.outer(a[i], s)
            self.b[i] -= self.rate * s
            s = below

    def costs(self, epochs: int) -> Iterator[float]:
        for _ in range(epochs):
            for row in np.random.permutation(len(self.x)):
                self.step(self.x[row], self.t[row])
            yield float(((self.t - self.forward(self.x)[-1]) ** 2).sum())


@pytest.fixture(scope="module")
def prepared(cli: Cli, mnist: Path) -> Cli:
    for name in ("train-100", "train-1000"):
        cli("dataset", "create", name, "--file", mnist / f"MNIST_{name.replace('-', '_')}.csv")
    cli("network", "create", "net", "--layers", ",".join(map(str, LAYERS)))
    return cli


def costs_of(cli: Cli, *options: object) -> list[float]:
    _, *events = cli.lines(
        "train", "--network", "net", "--rng", "numpy", "--precision", "f64", "--watch",
        *map(str, options),
    )  # fmt: skip
    return [event["epoch"]["cost"] for event in events if "epoch" in event]


@pytest.mark.parametrize("seed", range(10))
def test_a_dozen_epochs_cost_the_same(prepared: Cli, mnist: Path, seed: int) -> None:
    ours = costs_of(
        prepared, "--dataset", "train-100", "--epochs", 12, "--learning-rate", 0.05, "--seed", seed
    )
    script = list(Script(mnist / "MNIST_train_100.csv", seed, 0.05).costs(12))
    assert ours == pytest.approx(script, rel=CLOSE)
    assert script[-1] < script[0]


@pytest.mark.parametrize("seed", range(10))
def test_one_epoch_at_the_notebooks_rate(prepared: Cli, mnist: Path, seed: int) -> None:
    """Chaotic for some seeds: there NumPy differs from itself when its weights begin one
    rounding away, and nobody can be asked to come closer than some times that."""
    [ours] = costs_of(
        prepared, "--dataset", "train-100", "--epochs", 1, "--learning-rate", 0.3, "--seed", seed
    )
    file = mnist / "MNIST_train_100.csv"
    [script] = Script(file, seed, 0.3).costs(1)
    nudged = [next(Script(file, seed, 0.3, nudge).costs(1)) for nudge in (1, 2, 3)]
    spread = max(abs(other - script) for other in nudged) / script
    assert spread < 1e-7  # or nothing would be compared
    assert ours == pytest.approx(script, rel=max(CLOSE, 10 * spread))


def test_a_thousand_samples(prepared: Cli, mnist: Path) -> None:
    ours = costs_of(
        prepared, "--dataset", "train-1000", "--epochs", 3, "--learning-rate", 0.02, "--seed", 4
    )
    script = Script(mnist / "MNIST_train_1000.csv", 4, 0.02)
    assert ours == pytest.approx(list(script.costs(3)), rel=CLOSE)


def test_what_numpy_cannot_do_is_refused(prepared: Cli) -> None:
    prepared("network", "create", "he", "--layers", "784,10", "--init", "he")
    train = ("train", "--dataset", "train-100", "--epochs", "1", "--learning-rate", "0.1", "--rng", "numpy")
    for options, field in (
        (("--network", "he"), "job.spec.rng"),
        (("--network", "net", "--dropout", "0.5"), "job.spec.dropout"),
        (("--network", "net", "--seed", str(1 << 32)), "job.spec.seed"),
    ):
        failed = prepared.run(*train, *options)
        assert failed.returncode == 1 and field in failed.stderr, failed.stderr
