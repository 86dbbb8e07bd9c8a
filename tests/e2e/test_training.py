"""Training as a service: the same bytes for the same request, the variants of a
job, and what becomes of one that cannot be trained."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

import grpc
import numpy as np
import pytest

from harness import (
    Server,
    assert_gap_free,
    dataset_pb2,
    epochs_of,
    error_info,
    evaluation_pb2,
    job_request,
    network_pb2,
    refused,
    states_of,
    training_pb2,
    violations,
)

Job = training_pb2.TrainingJob
BLOBS = 300


def blobs(rows: int, seed: int, classes: int = 3) -> bytes:
    """Clouds of points around corners of a square, label first."""
    random = np.random.default_rng(seed)
    lines = []
    for row in range(rows):
        label = row % classes
        x, y = np.array([(0, 0), (4, 0), (0, 4)][label]) + random.normal(0, 0.6, 2)
        lines.append(f"{label},{x:.4f},{y:.4f}")
    return "\n".join(lines).encode()


@pytest.fixture(scope="module")
def points(server: Server) -> dataset_pb2.Dataset:
    return server.api.active("points", blobs(BLOBS, 1))


@pytest.fixture(scope="module")
def network(server: Server) -> str:
    return server.api.network("net", [2, 8, 3], seed=3).name


def test_the_same_request_gives_the_same_bytes(
    server: Server, points: dataset_pb2.Dataset, network: str
) -> None:
    spec = {"epochs": 5, "learning_rate": 0.1}
    one = server.api.trained("same-1", network, points.name, **spec)
    two = server.api.trained("same-2", network, points.name, **spec)
    other = server.api.trained("same-3", network, points.name, seed=99, **spec)
    assert one.weights_digest == two.weights_digest
    assert len(one.weights_digest) == 64
    assert other.weights_digest != one.weights_digest
    costs = [[epoch.cost for epoch in epochs_of(server.api.events(job.name))] for job in (one, two)]
    assert costs[0] == costs[1]


def test_events_say_when_to_a_fraction_of_a_second(
    server: Server, points: dataset_pb2.Dataset, network: str
) -> None:
    job = server.api.trained("timed", network, points.name, epochs=3, learning_rate=0.1)
    times = [event.time.ToNanoseconds() for event in server.api.events(job.name)]
    assert times == sorted(times)
    assert any(time % 1_000_000_000 for time in times)
    assert job.create_time.ToNanoseconds() <= times[0]


@pytest.mark.parametrize("batch", [0, 1, 7, 64, BLOBS, 10 * BLOBS])
@pytest.mark.parametrize("precision", [training_pb2.F32, training_pb2.F64])
def test_every_batch_size_and_precision_learns(
    server: Server, points: dataset_pb2.Dataset, network: str, batch: int, precision: int
) -> None:
    job = server.api.trained(
        f"batch-{batch}-{precision}", network, points.name,
        epochs=10, learning_rate=0.1, batch_size=batch, precision=precision,
    )  # fmt: skip
    epochs = epochs_of(server.api.events(job.name))
    assert [epoch.epoch for epoch in epochs] == list(range(1, 11))
    assert epochs[-1].cost < epochs[0].cost
    assert job.last_epoch == epochs[-1]
    assert job.spec.batch_size == max(batch, 1)


def test_one_sample_at_a_time_is_a_batch_of_one(
    server: Server, points: dataset_pb2.Dataset, network: str
) -> None:
    digests = {
        server.api.trained(
            f"one-{batch}", network, points.name, epochs=3, learning_rate=0.1, batch_size=batch
        ).weights_digest
        for batch in (0, 1)
    }
    assert len(digests) == 1


def test_the_sum_of_a_gradient_is_its_mean_times_the_rows(
    server: Server, points: dataset_pb2.Dataset, network: str
) -> None:
    """A full batch summed at rate a is one averaged at rate a times the rows."""
    costs = []
    for name, reduction, rate in (
        ("sum", training_pb2.SUM, 0.001),
        ("mean", training_pb2.MEAN, 0.001 * BLOBS),
    ):
        job = server.api.trained(
            f"full-{name}", network, points.name, epochs=5, learning_rate=rate,
            batch_size=BLOBS, gradient_reduction=reduction, precision=training_pb2.F64,
        )  # fmt: skip
        costs.append([epoch.cost for epoch in epochs_of(server.api.events(job.name))])
    assert costs[0] == pytest.approx(costs[1], rel=1e-9)


def test_no_epochs_give_the_untrained_network(
    server: Server, points: dataset_pb2.Dataset, network: str
) -> None:
    job = server.api.trained("untrained", network, points.name, epochs=0)
    assert job.epochs_completed == 0 and job.weights_digest
    events = server.api.events(job.name)
    assert_gap_free(events)
    assert not epochs_of(events)
    evaluation = server.api.evaluated(job.name, points.name)
    assert evaluation.state == evaluation_pb2.Evaluation.SUCCEEDED
    assert sum(evaluation.confusion_matrix.counts) == BLOBS


def test_weights_of_the_users_own_are_where_a_job_begins(
    server: Server, points: dataset_pb2.Dataset
) -> None:
    random = np.random.default_rng(5)
    shapes = [(2, 8), (8, 3)]
    layers = [
        {"weights": random.normal(size=a * b), "biases": random.normal(size=b)} for a, b in shapes
    ]
    digest = hashlib.sha256(
        b"".join(layer[key].tobytes() for layer in layers for key in ("weights", "biases"))
    ).hexdigest()
    given = {"weights": {"layers": layers}}
    made = server.api.network("given", [2, 8, 3], initializer=given)
    assert made.spec.initializer.weights.digest == digest
    assert not made.spec.initializer.weights.layers
    spec = {"precision": training_pb2.F64, "learning_rate": 0.1}
    job = server.api.trained("given-0", made.name, points.name, epochs=0, **spec)
    assert job.weights_digest == digest
    # A job has its own copy.
    server.api.networks.DeleteNetwork(network_pb2.DeleteNetworkRequest(name=made.name))
    assert server.api.job(job.name).network_spec.initializer.weights.digest == digest
    same = server.api.network("given", [2, 8, 3], initializer=given)
    one = server.api.trained("given-1", same.name, points.name, epochs=2, **spec)
    assert one.weights_digest != digest


def test_given_weights_must_fit(server: Server) -> None:
    good = {"weights": [1.0] * 16, "biases": [0.0] * 8}
    out = {"weights": [1.0] * 24, "biases": [0.0] * 3}
    prefix = "network.spec.initializer.weights"
    for layers, field in (
        ([good], f"{prefix}.layers"),
        ([good, good], f"{prefix}.layers[1].weights"),
        ([good, out | {"biases": []}], f"{prefix}.layers[1].biases"),
        ([good, out | {"biases": [0.0, math.nan, 0.0]}], prefix),
        ([], f"{prefix}.layers"),
    ):
        status = refused(
            grpc.StatusCode.INVALID_ARGUMENT,
            lambda layers=layers: server.api.network(
                "misfit", [2, 8, 3], initializer={"weights": {"layers": layers}}
            ),
        )
        assert list(violations(status)) == [field]
    forged = {"weights": {"digest": "0" * 64}}
    refused(
        grpc.StatusCode.INVALID_ARGUMENT,
        lambda: server.api.network("misfit", [2, 8, 3], initializer=forged),
    )


def test_the_step_runs_forward_and_is_refused_for_training(
    server: Server, points: dataset_pb2.Dataset
) -> None:
    step = server.api.network(
        "step", [2, 4, 3], activations=[network_pb2.STEP, network_pb2.SIGMOID]
    )
    assert server.api.trained("forward", step.name, points.name, epochs=0).weights_digest
    with pytest.raises(grpc.RpcError) as error:
        server.api.train("backward", step.name, points.name, epochs=1, learning_rate=0.1)
    assert error.value.code() in (
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
    )
    assert "step" in error.value.details().lower()


def test_validation_is_reported_with_each_epoch(
    server: Server, points: dataset_pb2.Dataset, network: str
) -> None:
    held_out = server.api.active("held-out", blobs(90, 2))
    job = server.api.trained(
        "validated", network, points.name,
        validation_dataset=held_out.name, epochs=20, learning_rate=0.2,
    )  # fmt: skip
    assert job.validation_dataset_digest == held_out.digest
    last = epochs_of(server.api.events(job.name))[-1]
    evaluation = server.api.evaluated(job.name, held_out.name)
    assert last.validation_accuracy == pytest.approx(evaluation.accuracy)
    assert last.validation_cost == pytest.approx(evaluation.cost, rel=1e-5)
    assert last.train_accuracy > 0.9
    plain = server.api.trained("unvalidated", network, points.name, epochs=1, learning_rate=0.2)
    assert not plain.last_epoch.HasField("validation_cost")


@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize(
    "how",
    [
        {"optimizer": {"momentum": {"nesterov": True}}, "learning_rate": 0.02},
        {"optimizer": {"adam": {}}, "learning_rate": 0.01, "dropout": 0.1},
        {"optimizer": {"adamw": {"weight_decay": 0.1}}, "learning_rate": 0.01},
        {"l1": 1e-4, "l2": 1e-3, "schedule": {"cosine": {}, "warmup_epochs": 1.5}},
    ],
)
def test_every_way_of_training_learns(
    server: Server, points: dataset_pb2.Dataset, network: str, how: dict, batch: int, unique: str
) -> None:
    spec = {"learning_rate": 0.2, "epochs": 20, "batch_size": batch} | how
    job = server.api.trained(unique, network, points.name, **spec)
    epochs = epochs_of(server.api.events(job.name))
    assert len(epochs) == 20
    assert epochs[-1].train_accuracy > 0.9
    if "schedule" in how:
        rates = [epoch.learning_rate for epoch in epochs]
        assert rates[0] < rates[1] > rates[2] > rates[-1] > 0


def test_a_job_stops_when_validation_no_longer_falls(
    server: Server, points: dataset_pb2.Dataset, network: str
) -> None:
    job = server.api.trained(
        "stopped-early", network, points.name, validation_dataset=points.name, epochs=100_000,
        learning_rate=0.2, early_stopping={"patience": 3, "min_delta": 0.01},
    )  # fmt: skip
    assert 3 < job.epochs_completed < 100_000
    events = server.api.events(job.name)
    assert "stopped early" in events[-1].state_change.reason
    costs = [epoch.validation_cost for epoch in epochs_of(events)]
    assert min(costs[:-3]) - 0.01 <= min(costs[-3:])


def test_energy_is_told_with_each_epoch_and_adds_up(
    server: Server, points: dataset_pb2.Dataset, network: str
) -> None:
    api = server.api
    job = api.trained("energy", network, points.name, epochs=5, learning_rate=0.1)
    epochs = epochs_of(api.events(job.name))
    sources = {training_pb2.MEASURED, training_pb2.ESTIMATED}
    # A counter may stand still through an epoch as short as these.
    measured = training_pb2.MEASURED
    assert all(epoch.energy_joules > 0 or epoch.energy_source == measured for epoch in epochs)
    assert {epoch.energy_source for epoch in epochs} <= sources
    assert job.energy_joules == pytest.approx(sum(epoch.energy_joules for epoch in epochs))
    assert job.energy_source in sources


def test_watts_a_core_scale_an_estimate(new_server: Callable[..., Server]) -> None:
    server = new_server("--watts-per-core", "0")
    api = server.api
    points = api.active("points", blobs(BLOBS, 1))
    network = api.network("net", [2, 8, 3], seed=3).name
    job = api.trained("free", network, points.name, epochs=2, learning_rate=0.1)
    server.stop()
    assert job.energy_source == training_pb2.MEASURED or job.energy_joules == 0


def test_a_cost_that_is_not_finite_ends_the_job(
    server: Server, points: dataset_pb2.Dataset
) -> None:
    steep = server.api.network(
        "steep", [2, 16, 3], activations=[network_pb2.RELU, network_pb2.LINEAR]
    )
    job = server.api.ended(
        server.api.train("diverges", steep.name, points.name, epochs=50, learning_rate=1e6).name
    )
    assert job.state == Job.FAILED
    assert error_info(job.error).reason == "DIVERGED"
    events = server.api.events(job.name)
    assert_gap_free(events)
    assert states_of(events) == ["QUEUED", "RUNNING", "FAILED"]
    assert error_info(events[-1].state_change.error).reason == "DIVERGED"
    assert all(math.isfinite(epoch.cost) for epoch in epochs_of(events)[:-1])


def test_a_dry_run_makes_nothing(server: Server, points: dataset_pb2.Dataset, network: str) -> None:
    before = server.api.training.ListTrainingJobs(
        training_pb2.ListTrainingJobsRequest(parent="users/me", page_size=1000)
    )
    files = server.files("jobs")
    request = job_request("dry", network, points.name, epochs=3, learning_rate=0.1)
    request.validate_only = True
    job = server.api.training.CreateTrainingJob(request)
    assert job.estimate.parameter_count == 2 * 8 + 8 + 8 * 3 + 3
    assert job.estimate.memory_bytes > 0
    assert job.estimate.total_seconds >= 0
    assert job.spec.precision == training_pb2.F32 and job.spec.batch_size == 1
    after = server.api.training.ListTrainingJobs(
        training_pb2.ListTrainingJobsRequest(parent="users/me", page_size=1000)
    )
    assert after == before and server.files("jobs") == files


def test_a_spec_that_cannot_be_trained_names_its_fields(
    server: Server, points: dataset_pb2.Dataset, network: str
) -> None:
    for spec, field in (
        ({"learning_rate": 0.1}, "epochs"),
        ({"epochs": 1}, "learning_rate"),
        ({"epochs": -1, "learning_rate": 0.1}, "epochs"),
        ({"epochs": 1, "learning_rate": math.nan}, "learning_rate"),
        ({"epochs": 1, "learning_rate": -0.1}, "learning_rate"),
        ({"epochs": 1, "learning_rate": 0.1, "batch_size": -2}, "batch_size"),
    ):
        status = refused(
            grpc.StatusCode.INVALID_ARGUMENT,
            lambda spec=spec: server.api.train("bad", network, points.name, **spec),
        )
        assert any(found.endswith(field) for found in violations(status)), (spec, status)


def test_a_network_that_does_not_fit_the_data_is_refused(
    server: Server, points: dataset_pb2.Dataset
) -> None:
    for name, units in (("wrong-inputs", [3, 4, 3]), ("wrong-outputs", [2, 4, 5])):
        network = server.api.network(name, units)
        refused(
            grpc.StatusCode.FAILED_PRECONDITION,
            lambda n=network.name: server.api.train(
                "misfit", n, points.name, epochs=1, learning_rate=0.1
            ),
        )


def test_two_classes_need_one_output_or_two(server: Server) -> None:
    rows = b"\n".join(f"{n % 2},{n % 2 * 2 - 1 + n / 1000}".encode() for n in range(100))
    pair = server.api.active("pair", rows)
    for outputs in (1, 2):
        network = server.api.network(f"pair-{outputs}", [1, outputs], seed=1)
        job = server.api.trained(
            f"pair-{outputs}", network.name, pair.name, epochs=30, learning_rate=0.5
        )
        evaluation = server.api.evaluated(job.name, pair.name)
        assert evaluation.confusion_matrix.size == 2
        assert evaluation.accuracy == 1


def test_regression_learns_a_line(server: Server) -> None:
    rows = "x,y\n" + "\n".join(f"{n / 100},{2 * n / 100 - 1}" for n in range(100))
    line = server.api.active(
        "line", rows.encode(), task=dataset_pb2.REGRESSION, upload={"target_columns": ["y"]}
    )
    assert (line.class_count, line.target_count, line.feature_count) == (0, 1, 1)
    network = server.api.network("line", [1, 1], activations=[network_pb2.LINEAR], seed=1)
    job = server.api.trained("line", network.name, line.name, epochs=50, learning_rate=0.1)
    assert not job.last_epoch.HasField("train_accuracy")
    evaluation = server.api.evaluated(job.name, line.name)
    assert evaluation.regression.r_squared == pytest.approx(1, abs=1e-4)
    assert evaluation.regression.mean_absolute_error < 0.01
    assert not evaluation.HasField("accuracy")
    assert not evaluation.HasField("confusion_matrix")


def test_cross_entropy_with_softmax_learns(server: Server, points: dataset_pb2.Dataset) -> None:
    network = server.api.network("softmax", [2, 8, 3], loss=network_pb2.CROSS_ENTROPY, seed=1)
    assert network.spec.layers[-1].activation == network_pb2.SOFTMAX
    job = server.api.trained("softmax", network.name, points.name, epochs=20, learning_rate=0.1)
    evaluation = server.api.evaluated(job.name, points.name)
    assert evaluation.accuracy > 0.95


def test_predictions_and_misclassified_rows_agree_with_the_matrix(
    server: Server, points: dataset_pb2.Dataset, network: str
) -> None:
    api = server.api
    job = api.trained("agrees", network, points.name, epochs=2, learning_rate=0.05)
    evaluation = api.evaluated(job.name, points.name)
    counts = np.array(evaluation.confusion_matrix.counts).reshape(3, 3)
    predictions = api.evaluations.Predict(
        evaluation_pb2.PredictRequest(
            name=job.name,
            dataset_rows=evaluation_pb2.DatasetRows(dataset=points.name, rows=range(BLOBS)),
        )
    ).predictions
    predicted = np.zeros((3, 3), int)
    for prediction in predictions:
        assert prediction.class_index == int(np.argmax(prediction.outputs))
        predicted[prediction.label][prediction.class_index] += 1
    assert (predicted == counts).all()

    wrong = api.evaluations.ListMisclassified(
        evaluation_pb2.ListMisclassifiedRequest(parent=evaluation.name, page_size=1000)
    ).rows
    assert [(row.row, row.label, row.predicted) for row in wrong] == [
        (row, p.label, p.class_index)
        for row, p in enumerate(predictions)
        if p.label != p.class_index
    ]
    assert evaluation.misclassified_count == len(wrong)
    matrix = api.evaluations.GetConfusionMatrix(
        evaluation_pb2.GetConfusionMatrixRequest(name=evaluation.name)
    )
    assert matrix == evaluation.confusion_matrix
    for index, metrics in enumerate(evaluation.class_metrics):
        assert metrics.class_index == index and metrics.support == counts[index].sum()
        assert metrics.recall == pytest.approx(counts[index][index] / counts[index].sum())

    refused(
        grpc.StatusCode.OUT_OF_RANGE,
        lambda: api.evaluations.Predict(
            evaluation_pb2.PredictRequest(
                name=job.name,
                dataset_rows=evaluation_pb2.DatasetRows(dataset=points.name, rows=[BLOBS]),
            )
        ),
    )
    refused(
        grpc.StatusCode.INVALID_ARGUMENT,
        lambda: api.evaluations.Predict(
            evaluation_pb2.PredictRequest(
                name=job.name,
                rows=evaluation_pb2.InputRows(rows=[evaluation_pb2.InputRow(features=[1.0])]),
            )
        ),
    )


def test_a_regression_comes_down_to_the_noise(server: Server) -> None:
    """A row's target is that of a point moved by up to 0.2 x 6 in each coordinate, so
    nobody can come below the variance of (u + v) / 10 with u and v uniform."""
    noise, rows = 0.2, 4000
    floor = 2 * (6 * noise) ** 2 / 3 / 100
    sets = []
    for seed in (1, 2):
        made = server.api.create_dataset(
            f"plane-{seed}",
            generator=dataset_pb2.GeneratorSource(
                kind=dataset_pb2.GeneratorSource.PLANE, row_count=rows, noise=noise, seed=seed
            ),
        )
        sets.append(server.api.settled_dataset(made.name).name)
    network = server.api.network("noisy-line", [2, 1], activations=[network_pb2.LINEAR]).name
    job = server.api.trained(
        "noisy-line", network, sets[0], epochs=30, learning_rate=0.01, batch_size=20
    ).name
    found = server.api.evaluated(job, sets[1])
    assert found.cost / rows == pytest.approx(floor, rel=0.05)
    variance = 2 * 36 / 3 / 100 + floor
    assert found.regression.r_squared == pytest.approx(1 - floor / variance, abs=0.003)
