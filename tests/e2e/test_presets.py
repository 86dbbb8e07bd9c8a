"""`train --preset`: from one command to a trained network."""

from __future__ import annotations

import pytest

from harness import Cli

FAILED = 1


def answers(output: str) -> dict[str, tuple[str, str]]:
    """What `--preset gates` printed: rounded outputs and the truth, by gate."""
    table = output[output.index("GATE") :].splitlines()[1:]
    return {cells[0]: (cells[5], cells[6]) for cells in map(str.split, table)}


def test_notebook_trains_on_digits_that_it_makes(cli: Cli) -> None:
    job, *events = cli.lines("train", "--preset", "notebook", "--epochs", "40", "--watch")
    epochs = [event["epoch"] for event in events if "epoch" in event]
    assert len(epochs) == 40
    assert epochs[0]["cost"] > 50 and epochs[-1]["cost"] < 10
    assert epochs[-1]["validationAccuracy"] > 0.4
    assert job["spec"]["learningRate"] == 0.3 and job["spec"]["batchSize"] == 1
    assert cli.json("network", "show", "notebook")["parameterCount"] == "494710"
    assert cli.json("dataset", "show", "notebook-train")["rowCount"] == "100"

    again = cli("train", "--preset", "notebook", "--epochs", "1", "--watch")
    assert "there already" in again and "SUCCEEDED" in again
    assert len(cli.json("dataset", "list")["datasets"]) == 2


def test_another_dataset_of_the_name_is_not_overwritten(cli: Cli) -> None:
    cli("dataset", "generate", "regression-train", "--kind", "plane", "--rows", "7")
    cli("train", "--preset", "regression", status=FAILED)
    assert cli.json("dataset", "show", "regression-train")["rowCount"] == "7"
    cli("dataset", "delete", "regression-train")


def test_gates_answer_as_the_notebook_prints(cli: Cli) -> None:
    output = cli("train", "--preset", "gates", "--seed", "1")
    found = answers(output)
    assert {gate: truth for gate, (_, truth) in found.items()} == {
        "OR": "0111", "AND": "0001", "XOR": "0110", "NAND": "1110", "NOR": "1000",
    }  # fmt: skip
    assert found["AND"][0] == "0001" and found["NAND"][0] == "1110"
    assert found["XOR"][0] != "0110"
    assert found["OR"][0] in ("0111", "1111")


def test_gates_with_biases_and_time_are_right(cli: Cli) -> None:
    output = cli("train", "--preset", "gates", "--bias", "--epochs", "5000", "--watch")
    for gate, (rounded, truth) in answers(output).items():
        assert rounded == truth, gate
    # Ten lines a job, not five thousand.
    assert output.count("epoch ") < 100


@pytest.mark.parametrize(
    "preset,reaches",
    [("playground", lambda epoch: epoch["validationAccuracy"] > 0.9),
     ("regression", lambda epoch: epoch["validationCost"] / 500 < 0.01)],
)  # fmt: skip
def test_points_are_learned(cli: Cli, preset: str, reaches: object) -> None:
    _, *events = cli.lines("train", "--preset", preset, "--watch")
    last = [event["epoch"] for event in events if "epoch" in event][-1]
    assert reaches(last), last  # type: ignore[operator]


def test_mnist_has_to_be_imported(cli: Cli) -> None:
    done = cli.run("train", "--preset", "mnist")
    assert done.returncode == FAILED
    assert "trainyard dataset import mnist" in done.stderr
