"""The notebook's run, as its reader would repeat it: its network, its data, its
rates, and at least its accuracy."""

from __future__ import annotations

import collections
from pathlib import Path

import pytest

from harness import Cli

EPOCHS = 50


@pytest.fixture(scope="module")
def prepared(cli: Cli, mnist: Path) -> Cli:
    for name in ("train-100", "test-100", "test-10"):
        cli("dataset", "create", name, "--file", mnist / f"MNIST_{name.replace('-', '_')}.csv")
    return cli


@pytest.mark.parametrize("seed", range(1, 6))
def test_cost_falls_and_digits_are_recognised(prepared: Cli, mnist: Path, seed: int) -> None:
    network = prepared.json(
        "network", "create", f"seed-{seed}", "--layers", "784,500,200,10", "--seed", str(seed)
    )
    assert network["parameterCount"] == "494710"

    job, *events = prepared.lines(
        "train", "--network", f"seed-{seed}", "--dataset", "train-100",
        "--epochs", str(EPOCHS), "--learning-rate", "0.3", "--watch",
    )  # fmt: skip
    assert [event["sequence"] for event in events] == [str(n + 1) for n in range(len(events))]
    epochs = [event["epoch"] for event in events if "epoch" in event]
    assert [epoch["epoch"] for epoch in epochs] == list(range(1, EPOCHS + 1))
    assert epochs[0]["cost"] > 80
    assert epochs[-1]["cost"] < 5
    assert epochs[-1]["meanCost"] == pytest.approx(epochs[-1]["cost"] / 100)

    evaluation = prepared.json("evaluate", job["name"], "--dataset", "test-100")
    assert evaluation["accuracy"] >= 0.65

    matrix = evaluation["confusionMatrix"]
    counts = [int(count) for count in matrix["counts"]]
    size = matrix["size"]
    assert size == 10 and len(counts) == 100 and sum(counts) == 100
    # The matrix against the file itself: rows are the truth.
    labels = collections.Counter(
        int(line.split(",", 1)[0]) for line in (mnist / "MNIST_test_100.csv").read_text().split()
    )
    rows = [counts[truth * size : (truth + 1) * size] for truth in range(size)]
    assert [sum(row) for row in rows] == [labels[truth] for truth in range(size)]
    histogram = prepared.json("dataset", "show", "test-100")["labelHistogram"]
    assert [sum(row) for row in rows] == [int(count) for count in histogram]

    success = [int(count) for count in evaluation["scorecard"]["success"]]
    failure = [int(count) for count in evaluation["scorecard"]["failure"]]
    assert success == [row[truth] for truth, row in enumerate(rows)]
    assert [s + f for s, f in zip(success, failure, strict=True)] == [sum(row) for row in rows]
    assert evaluation["accuracy"] == pytest.approx(sum(success) / 100)


def test_the_matrix_has_every_class_where_the_data_lacks_some(prepared: Cli) -> None:
    job = prepared.json("job", "list")["jobs"][0]["name"]
    evaluation = prepared.json("evaluate", job, "--dataset", "test-10")
    assert evaluation["rowCount"] == "10"
    assert evaluation["confusionMatrix"]["size"] == 10
    counts = [int(count) for count in evaluation["confusionMatrix"]["counts"]]
    assert len(counts) == 100 and sum(counts) == 10


def test_the_first_rows_are_the_ones_in_the_file(prepared: Cli) -> None:
    labels = [
        prepared.json("dataset", "preview", "train-100", "--row", str(row))["rows"][0]["label"]
        for row in range(9)
    ]
    assert labels == [5, 0, 4, 1, 9, 2, 1, 3, 1]
