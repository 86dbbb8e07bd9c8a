"""Against a real server."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import PATIENCE, Server

import trainyard
from trainyard import Client, EpochCompleted, StateChanged


@pytest.fixture(scope="module")
def digits(client: Client) -> trainyard.Dataset:
    return client.generate_dataset("digits", "digits", rows=500, seed=1)


@pytest.fixture(scope="module")
def trained(client: Client, digits: trainyard.Dataset) -> trainyard.Job:
    job = client.train([784, 30, 10], digits, validation=digits, epochs=3, learning_rate=0.3)
    return job.wait()


def test_rows_come_back_as_they_were_sent(client: Client, digits: trainyard.Dataset) -> None:
    features, labels = digits.rows()
    assert features.shape == (500, 784) and labels.shape == (500,)
    images = features.reshape(-1, 28, 28).astype(np.uint8)
    copy = client.create_dataset("copy", images, np.eye(10)[labels])
    assert copy.state == "ACTIVE" and copy.image_shape == (28, 28)
    assert copy.digest == digits.digest and len(copy) == 500
    assert (copy.label_histogram == np.bincount(labels)).all()
    some, others = copy.rows(3, 2)
    assert (some == features[3:5]).all() and (others == labels[3:5]).all()
    assert copy.rows(0, 0)[0].shape == (0, 784)
    with pytest.raises(trainyard.AlreadyExists):
        client.create_dataset("copy", images, labels)
    assert client.create_dataset("copy", images, labels, replace=True).digest == digits.digest
    copy.delete()
    with pytest.raises(trainyard.NotFound):
        client.dataset("copy")


def test_a_frame_and_a_regression(client: Client) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": [1.0, 2.0, 3.0], "y": [2.0, 4.0, 6.0]})
    made = client.create_dataset("line", frame, task="regression", target_columns=["y"])
    features, targets = made.rows()
    assert features.tolist() == [[1], [2], [3]] and targets.tolist() == [[2], [4], [6]]


def test_a_frame_of_numbered_columns_has_as_many_rows(client: Client) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame([[0.5, 0], [1.5, 1], [2.5, 1]])
    made = client.create_dataset("numbered", frame, label_column=1)
    features, labels = made.rows()
    assert features.tolist() == [[0.5], [1.5], [2.5]] and labels.tolist() == [0, 1, 1]


def test_targets_of_an_array(client: Client) -> None:
    x = np.linspace(-1, 1, 50).reshape(-1, 1)
    made = client.create_dataset("slope", x, 0.5 * x, task="regression")
    line = client.create_network("line", [1, 1], activation=["linear"])
    job = client.train(line, made, epochs=20, learning_rate=0.1).wait()
    evaluation = job.evaluate(made)
    assert evaluation.r_squared == pytest.approx(1)
    assert evaluation.accuracy is None and evaluation.confusion_matrix.size == 0
    assert job.predict([[0.5]]).outputs[0, 0] == pytest.approx(0.25, abs=1e-3)


def test_bad_rows_are_named(client: Client, tmp_path: Any) -> None:
    (tmp_path / "bad.csv").write_text("a,label\n1,0\nx,1\n")
    with pytest.raises(trainyard.DatasetFailed) as caught:
        client.create_dataset("bad", tmp_path / "bad.csv")
    assert caught.value.metadata["line"] == "3"
    assert "bad" in [dataset.id for dataset in client.datasets()]


def test_networks(client: Client) -> None:
    made = client.create_network("modern", [4, 3, 2], activation="relu", init="he", bias=False)
    assert made.layers == [4, 3, 2] and made.parameter_count == 18
    assert client.network("modern").name == made.name
    assert made.id in [network.id for network in client.networks()]
    assert client.create_network("modern", [4, 2], replace=True).parameter_count == 10
    made.delete()
    with pytest.raises(trainyard.NotFound):
        client.network("modern")


def test_a_list_of_units_makes_its_network_once(client: Client, digits: trainyard.Dataset) -> None:
    jobs = [client.train([784, 5, 10], digits, epochs=0).wait() for _ in range(2)]
    assert jobs[0].message.spec.network == jobs[1].message.spec.network
    assert jobs[0].weights_digest == jobs[1].weights_digest


def test_events_are_gap_free_and_the_history_has_them(trained: trainyard.Job) -> None:
    events = list(trained.watch())
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    epochs = [event for event in events if isinstance(event, EpochCompleted)]
    assert [one.epoch for one in epochs] == [1, 2, 3]
    states = [event.state for event in events if isinstance(event, StateChanged)]
    assert states == ["QUEUED", "RUNNING", "SUCCEEDED"]
    assert [event.sequence for event in trained.watch(after=3)] == [e.sequence for e in events[3:]]
    history = trained.history
    assert history.cost.tolist() == [one.cost for one in epochs]
    # Of the same rows with the same weights, summed in another order.
    assert history.validation_cost == pytest.approx(history.cost)
    assert history.mean_cost == pytest.approx(history.cost / 500)


def test_evaluation_and_prediction_agree(client: Client, trained: trainyard.Job) -> None:
    digits = client.dataset("digits")
    features, labels = digits.rows()
    evaluation = trained.evaluate("digits")
    predictions = trained.predict(features)
    counts = np.zeros((10, 10), dtype=np.int64)
    np.add.at(counts, (labels, predictions.classes), 1)
    assert (evaluation.confusion_matrix == counts).all()
    assert evaluation.accuracy == np.trace(counts) / 500
    assert (evaluation.success == np.diag(counts)).all()
    assert (evaluation.success + evaluation.failure == counts.sum(axis=1)).all()
    assert evaluation.cost == pytest.approx(trained.history.cost[-1])
    wrong = evaluation.misclassified()
    assert (wrong[:, 0] == np.flatnonzero(labels != predictions.classes)).all()
    same = trained.predict([4, 2], dataset=digits)
    assert (same.outputs == predictions.outputs[[4, 2]]).all()
    assert (same.labels == labels[[4, 2]]).all()
    images = trained.predict(features[:2].reshape(2, 28, 28))
    assert (images.outputs == predictions.outputs[:2]).all()
    with pytest.raises(ValueError, match=r"needs \(rows, features\)"):
        trained.predict(features[0])
    with pytest.raises(ValueError, match="numbers of its rows"):
        trained.predict([1.5], dataset=digits)
    assert client.evaluation(evaluation.name).accuracy == evaluation.accuracy
    assert [one.name for one in trained.evaluations()] == [evaluation.name]


def test_more_rows_than_one_call_takes(trained: trainyard.Job) -> None:
    outputs = trained.predict(np.zeros((2100, 784))).outputs
    assert outputs.shape == (2100, 10) and (outputs == outputs[0]).all()


def test_weights_are_those_that_predict(client: Client, digits: trainyard.Dataset) -> None:
    job = client.train(
        [784, 20, 10], digits, epochs=3, learning_rate=0.1, precision="f64", keep_checkpoints="all"
    )
    weights = job.wait().weights()
    assert {name: array.shape for name, array in weights.items()} == {
        "W1": (784, 20), "b1": (20,), "W2": (20, 10), "b2": (10,),
    }  # fmt: skip
    digest = hashlib.sha256(b"".join(array.tobytes() for array in weights.values()))
    assert digest.hexdigest() == job.weights_digest
    a = digits.rows(0, 50)[0].astype(np.float64) / 255
    for i in (1, 2):
        a = 1 / (1 + np.exp(-(a @ weights[f"W{i}"] + weights[f"b{i}"])))
    assert job.predict([*range(50)], dataset=digits).outputs == pytest.approx(a, abs=1e-12)
    # They begin another network, and those of another epoch are others.
    again = client.create_network("given", [784, 20, 10], weights=weights)
    begun = client.train(again, digits, epochs=0, precision="f64").wait()
    assert begun.weights_digest == job.weights_digest
    assert (job.weights(epoch=1)["W1"] != weights["W1"]).any()
    with pytest.raises(trainyard.NotFound):
        job.weights(epoch=99)


def test_exports(trained: trainyard.Job, tmp_path: Path) -> None:
    archive = trained.export(tmp_path / "w.npz")
    weights = trained.weights()
    with np.load(archive) as arrays:
        assert all((arrays[name] == array).all() for name, array in weights.items())
    file = trained.export(tmp_path / "weights", format="safetensors", epoch=3)
    again = trainyard.read_safetensors(file.read_bytes())
    assert all((again[name] == array).all() for name, array in weights.items())
    assert b"output" in trained.export(tmp_path / "w.onnx").read_bytes()
    with pytest.raises(ValueError, match="format is one of safetensors, onnx, npz, csv"):
        trained.export(tmp_path / "weights")
    with pytest.raises(trainyard.NotFound, match="checkpoint_epochs"):
        trained.export(tmp_path / "none.npz", epoch=99)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["w.npz", "w.onnx", "weights"]


def test_verify_gives_a_receipt(client: Client, trained: trainyard.Job) -> None:
    receipt = trained.verify()
    assert receipt and receipt.identical and receipt.epochs == 3
    assert receipt.job.id not in [job.id for job in client.jobs()]


def test_pause_resume_fork_cancel(client: Client, digits: trainyard.Dataset) -> None:
    options: Any = {"epochs": 100, "learning_rate": 0.01}
    whole = client.train([784, 100, 10], digits, **options)
    paused = client.train([784, 100, 10], digits, id="paused", **options)
    for event in paused.watch():
        if isinstance(event, EpochCompleted):
            break
    paused.pause()
    if not paused.ended:
        assert paused.state == "PAUSED"
        paused.resume()
    assert paused.wait().weights_digest == whole.wait().weights_digest
    with pytest.raises(ValueError, match="keeps its validation dataset"):
        paused.fork(epochs=102, validation=digits)
    fork = paused.fork(epochs=102, learning_rate=0.02, id="fork").wait()
    assert fork.message.forked_from.epoch == 100 and fork.history.epoch.tolist() == [101, 102]
    cancelled = client.train([784, 100, 10], digits, epochs=100000, learning_rate=0.01).cancel()
    with pytest.raises(trainyard.JobFailed, match="is CANCELLED"):
        cancelled.wait()
    assert cancelled.wait(check=False).ended
    cancelled.delete()


def test_a_job_that_diverges_says_so(client: Client, digits: trainyard.Dataset) -> None:
    linear = client.create_network("linear", [784, 20, 10], activation=["linear", "linear"])
    job = client.train(linear, digits, epochs=5, learning_rate=1000.0)
    with pytest.raises(trainyard.JobFailed) as caught:
        job.wait()
    assert caught.value.reason == "DIVERGED"
    assert job.error is not None and job.error.reason == "DIVERGED"


def test_a_dry_run_makes_nothing(client: Client, digits: trainyard.Dataset) -> None:
    before = len(client.jobs())
    job = client.train([784, 30, 10], digits, epochs=2, learning_rate=0.1, dry_run=True)
    assert job.message.estimate.parameter_count == 30 * 785 + 10 * 31
    assert len(client.jobs()) == before


def test_refusals_name_the_field(client: Client) -> None:
    with pytest.raises(trainyard.InvalidArgument) as caught:
        client.train([784, 30, 10], "digits", epochs=-1, learning_rate=0.1)
    assert [violation.field for violation in caught.value.violations] == ["job.spec.epochs"]


def test_all_jobs_in_one_stream(client: Client, digits: trainyard.Dataset) -> None:
    stream = client.watch(after="")
    name, event = next(stream)
    assert name.startswith("users/") and event.sequence == 1
    stream.close()  # type: ignore[attr-defined]


def test_nobody_there() -> None:
    with Client("127.0.0.1:1") as lonely, pytest.raises(trainyard.Unavailable, match="hint:"):
        lonely.jobs()


def test_a_watch_goes_on_across_a_killed_server(server: Server, client: Client) -> None:
    """The last test here: the server is killed and started again on the same port."""
    client.generate_dataset("many", "digits", rows=2000, seed=2)
    job = client.train([784, 200, 10], "many", epochs=30, learning_rate=0.01)
    first = threading.Event()
    seen: list[trainyard.Event] = []

    def watch() -> None:
        for event in job.watch():
            seen.append(event)
            if isinstance(event, EpochCompleted):
                first.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert first.wait(60 * PATIENCE)
    server.kill()
    server.start()
    watcher.join(120 * PATIENCE)
    assert not watcher.is_alive()
    assert [event.sequence for event in seen] == list(range(1, len(seen) + 1))
    epochs = [event.epoch for event in seen if isinstance(event, EpochCompleted)]
    assert epochs == list(range(1, 31))
    assert job.refresh().state == "SUCCEEDED"
