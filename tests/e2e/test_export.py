"""Weights that leave the server: what is in each format, and how they are read."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from pathlib import Path

import grpc
import numpy as np
import pytest

from harness import (
    Api,
    Cli,
    Server,
    evaluation_pb2,
    refused,
    training_pb2,
    violations,
    wait_until,
)

Request = training_pb2.ReadCheckpointRequest
FEATURES = 784


@pytest.fixture(scope="module")
def job(api: Api) -> training_pb2.TrainingJob:
    data = api.digits("digits", 300)
    network = api.network("net", [FEATURES, 20, 10], seed=3)
    return api.trained(
        "job", network.name, data.name, epochs=3, learning_rate=0.1, keep_checkpoints=-1
    )


def read(api: Api, name: str, format: int = Request.SAFETENSORS) -> bytes:
    """The whole file of ReadCheckpoint."""
    messages = list(api.training.ReadCheckpoint(Request(name=name, format=format)))
    file = b"".join(message.chunk for message in messages)
    assert messages[0].size_bytes == len(file)
    assert all(len(message.chunk) <= 1 << 20 for message in messages)
    return file


def tensors_of(file: bytes) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The tensors and the facts of a safetensors file."""
    length = int.from_bytes(file[:8], "little")
    header = json.loads(file[8 : 8 + length])
    facts = header.pop("__metadata__")
    types = {"F32": "<f4", "F64": "<f8"}
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + at for at in entry["data_offsets"])
        tensors[name] = np.frombuffer(file[begin:end], types[entry["dtype"]]).reshape(
            entry["shape"]
        )
    return tensors, facts


def sigmoid(n: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-n))


def digest_of(tensors: dict[str, np.ndarray]) -> str:
    order = ("W1", "b1", "W2", "b2")
    return hashlib.sha256(b"".join(tensors[name].tobytes() for name in order)).hexdigest()


def test_checkpoints_are_listed_by_epoch(api: Api, job: training_pb2.TrainingJob) -> None:
    listed = api.training.ListCheckpoints(
        training_pb2.ListCheckpointsRequest(parent=job.name)
    ).checkpoints
    assert [one.epoch for one in listed] == list(job.checkpoint_epochs)
    assert [one.name for one in listed] == [f"{job.name}/checkpoints/{one.epoch}" for one in listed]
    assert listed[-1].weights_digest == job.weights_digest
    assert all(one.size_bytes > 0 for one in listed)
    assert listed[-1].cost == job.last_epoch.cost


def test_safetensors_are_the_weights_of_their_digest(
    api: Api, job: training_pb2.TrainingJob
) -> None:
    for epoch in job.checkpoint_epochs:
        listed = api.training.ListCheckpoints(
            training_pb2.ListCheckpointsRequest(parent=job.name)
        ).checkpoints
        (kept,) = (one for one in listed if one.epoch == epoch)
        tensors, facts = tensors_of(read(api, kept.name))
        assert digest_of(tensors) == kept.weights_digest == facts["weights_digest"]
        assert tensors["W1"].shape == (FEATURES, 20) and tensors["b2"].shape == (10,)
        assert facts["layers"] == "784,20,10" and facts["epoch"] == str(epoch)
        assert facts["job"] == job.name and facts["dataset_digest"] == job.dataset_digest


def test_npz_and_csv_have_the_same_numbers(
    api: Api, job: training_pb2.TrainingJob, tmp_path: Path
) -> None:
    latest = f"{job.name}/checkpoints/latest"
    tensors, _ = tensors_of(read(api, latest))
    (tmp_path / "w.npz").write_bytes(read(api, latest, Request.NPZ))
    with np.load(tmp_path / "w.npz") as arrays:
        assert list(arrays["activations"]) == [b"sigmoid", b"sigmoid"]
        assert set(arrays) == set(tensors) | {"activations"}
        for name, tensor in tensors.items():
            assert arrays[name].dtype == tensor.dtype
            np.testing.assert_array_equal(arrays[name], tensor)
    rows: dict[str, list[list[str]]] = {}
    for line in read(api, latest, Request.CSV).decode().splitlines():
        name, row, *values = line.split(",")
        assert int(row) == len(rows.setdefault(name, []))
        rows[name].append(values)
    for name, tensor in tensors.items():
        parsed = np.array(rows[name], dtype=tensor.dtype)
        np.testing.assert_array_equal(parsed, np.atleast_2d(tensor))


def test_numpy_predicts_what_the_server_does(api: Api, job: training_pb2.TrainingJob) -> None:
    tensors, _ = tensors_of(read(api, f"{job.name}/checkpoints/latest"))
    raw = np.random.default_rng(1).integers(0, 256, (5, FEATURES))
    x = (raw - tensors["input_offset"]) * tensors["input_factor"]
    y = sigmoid(sigmoid(x @ tensors["W1"] + tensors["b1"]) @ tensors["W2"] + tensors["b2"])
    rows = [evaluation_pb2.InputRow(features=row) for row in raw]
    answer = api.evaluations.Predict(
        evaluation_pb2.PredictRequest(name=job.name, rows=evaluation_pb2.InputRows(rows=rows))
    )
    served = np.array([one.outputs for one in answer.predictions])
    np.testing.assert_allclose(served, y, atol=1e-5)


def test_onnx_says_what_it_is(api: Api, job: training_pb2.TrainingJob) -> None:
    model = read(api, f"{job.name}/checkpoints/latest", Request.ONNX)
    tensors, _ = tensors_of(read(api, f"{job.name}/checkpoints/latest"))
    assert all(tensors[name].tobytes() in model for name in ("W1", "b1", "W2", "b2"))
    for word in (b"Gemm", b"Sigmoid", b"ArgMax", b"trainyard", job.weights_digest.encode()):
        assert word in model


@pytest.mark.parametrize(
    "name,code,field",
    [
        ("", "INVALID_ARGUMENT", "name"),
        ("users/me/jobs/job", "INVALID_ARGUMENT", "name"),
        ("users/me/jobs/job/checkpoints/x", "INVALID_ARGUMENT", "name"),
        ("users/me/jobs/job/checkpoints/-1", "INVALID_ARGUMENT", "name"),
        ("users/me/jobs/job/checkpoints/1 ", "INVALID_ARGUMENT", "name"),
        ("users/me/jobs/job/checkpoints/99", "NOT_FOUND", ""),
        ("users/me/jobs/none/checkpoints/1", "NOT_FOUND", ""),
        ("users/mallory/jobs/job/checkpoints/1", "NOT_FOUND", ""),
    ],
)
def test_a_checkpoint_that_is_none_is_refused(
    api: Api, job: training_pb2.TrainingJob, name: str, code: str, field: str
) -> None:
    status = refused(
        grpc.StatusCode[code], lambda: list(api.training.ReadCheckpoint(Request(name=name)))
    )
    if field:
        assert field in violations(status)


def test_a_format_that_is_none_is_refused(api: Api, job: training_pb2.TrainingJob) -> None:
    name = f"{job.name}/checkpoints/latest"
    status = refused(
        grpc.StatusCode.INVALID_ARGUMENT,
        lambda: list(api.training.ReadCheckpoint(Request(name=name, format=17))),
    )
    assert "format" in violations(status)


def test_what_has_begun_ends_whole_though_the_job_is_deleted(api: Api) -> None:
    data = api.digits("doomed", 50)
    network = api.network("wide", [FEATURES, 3000, 10])
    job = api.trained("doomed", network.name, data.name, epochs=0)
    stream = api.training.ReadCheckpoint(Request(name=f"{job.name}/checkpoints/0"))
    first = next(stream)
    api.training.DeleteTrainingJob(training_pb2.DeleteTrainingJobRequest(name=job.name))
    rest = b"".join(message.chunk for message in stream)
    tensors, _ = tensors_of(first.chunk + rest)
    assert digest_of(tensors) == job.weights_digest
    name = f"{job.name}/checkpoints/0"
    refused(grpc.StatusCode.NOT_FOUND, lambda: list(api.training.ReadCheckpoint(Request(name=name))))


def test_a_damaged_checkpoint_is_data_loss(server: Server) -> None:
    api = server.api
    data = api.digits("rotten", 50)
    network = api.network("small", [FEATURES, 4, 10])
    job = api.trained("rotten", network.name, data.name, epochs=1, learning_rate=0.1)
    for file in (server.data_dir / "jobs" / job.uid / "checkpoints").glob("1-*.safetensors"):
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
    name = f"{job.name}/checkpoints/1"
    refused(grpc.StatusCode.DATA_LOSS, lambda: list(api.training.ReadCheckpoint(Request(name=name))))


def test_a_running_jobs_newest_weights_can_always_be_had(api: Api) -> None:
    data = api.digits("many", 2000)
    network = api.network("slow", [FEATURES, 200, 10])
    job = api.train(
        "endless", network.name, data.name, epochs=10**6, learning_rate=0.01, keep_checkpoints=1
    )
    wait_until("its first weights", lambda: list(api.job(job.name).checkpoint_epochs))
    tensors, facts = tensors_of(read(api, f"{job.name}/checkpoints/latest"))
    assert digest_of(tensors) == facts["weights_digest"]
    api.training.CancelTrainingJob(training_pb2.CancelTrainingJobRequest(name=job.name))
    api.ended(job.name)


def test_exports_survive_the_death_of_their_worker(
    server: Server, job: training_pb2.TrainingJob
) -> None:
    name = f"{job.name}/checkpoints/latest"
    before = read(server.api, name)
    server.kill_worker("--job serve")

    def again() -> bytes | None:
        try:
            return read(server.api, name)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNAVAILABLE, error
            return None

    assert wait_until("another worker", again) == before


def test_many_read_at_once(api: Api, job: training_pb2.TrainingJob) -> None:
    formats = [Request.SAFETENSORS, Request.ONNX, Request.NPZ, Request.CSV] * 4
    files: dict[int, bytes] = {}

    def one(at: int) -> None:
        files[at] = read(api, f"{job.name}/checkpoints/latest", formats[at])

    threads = [threading.Thread(target=one, args=(at,)) for at in range(len(formats))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(files) == len(formats) and len({files[at] for at in files}) == 4


def test_the_command_saves_a_file_whole_or_not_at_all(
    api: Api, cli: Cli, job: training_pb2.TrainingJob, tmp_path: Path
) -> None:
    out = tmp_path / "weights.safetensors"
    said = cli("job", "export", "job", "--out", out)
    assert str(out) in said
    assert out.read_bytes() == read(api, f"{job.name}/checkpoints/latest")
    # Not without --force.
    refused_run = cli.run("job", "export", "job", "--format", "npz", "--out", out)
    assert refused_run.returncode == 1 and "--force" in refused_run.stderr
    assert cli.json("job", "export", "job", "--format", "npz", "--out", out, "--force")
    np.load(out)
    cli("job", "export", "job", "--out", tmp_path / "gone.onnx", "--epoch", "77", status=1)
    cli("job", "export", "job", "--out", tmp_path / "what.txt", status=2)
    assert cli.run("job", "export", "job", "--out", "/nowhere/w.npz").returncode == 1
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    epoch = job.checkpoint_epochs[0]
    cli("job", "export", "job", "--out", tmp_path / "m.onnx", "--epoch", str(epoch))
    assert (tmp_path / "m.onnx").read_bytes() == read(
        api, f"{job.name}/checkpoints/{epoch}", Request.ONNX
    )


@pytest.mark.parametrize("ending", ["safetensors", "npz"])
def test_exported_weights_are_a_networks_beginning(
    api: Api, cli: Cli, job: training_pb2.TrainingJob, tmp_path: Path, ending: str
) -> None:
    out = tmp_path / f"w.{ending}"
    cli("job", "export", "job", "--out", out)
    heir = f"heir-{ending}"
    cli("network", "create", heir, "--layers", "784,20,10", "--weights", out)
    trained = api.trained(heir, f"users/me/networks/{heir}", "users/me/datasets/digits", epochs=0)
    assert trained.weights_digest == job.weights_digest
    wrong = cli.run("network", "create", "wrong", "--layers", "784,30,10", "--weights", out)
    assert wrong.returncode == 2
    assert "W1 has shape [784, 20]; the network needs [784, 30]" in wrong.stderr


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_numpys_own_archives_are_a_networks_beginning(
    api: Api, cli: Cli, job: training_pb2.TrainingJob, tmp_path: Path, save: Callable[..., None]
) -> None:
    rng = np.random.default_rng(2)
    w, b = rng.normal(size=(10, FEATURES)).T, rng.normal(size=10)
    save(tmp_path / "own.npz", W1=w, b1=b, note=np.array(["mine"]))
    name = save.__name__.replace("_", "-")
    cli("network", "create", name, "--layers", "784,10", "--weights", tmp_path / "own.npz")
    begun = api.trained(
        name,
        f"users/me/networks/{name}",
        "users/me/datasets/digits",
        epochs=0,
        precision=training_pb2.F64,
    )
    tensors, _ = tensors_of(read(api, f"{begun.name}/checkpoints/latest"))
    np.testing.assert_array_equal(tensors["W1"], w)
    np.testing.assert_array_equal(tensors["b1"], b)
