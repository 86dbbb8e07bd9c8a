"""Jobs as served models: KServe's protocol, against stubs of our own proto."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from harness import (
    Api,
    Class,
    Server,
    dataset_pb2,
    evaluation_pb2,
    network_pb2,
    refused,
    training_pb2,
    violations,
    wait_until,
)
from inference import inference_pb2 as pb
from inference import inference_pb2_grpc

FEATURES = 784
TYPES = {"UINT8": np.uint8, "FP32": np.float32, "FP64": np.float64}


@pytest.fixture(scope="module")
def stub(api: Api) -> inference_pb2_grpc.GRPCInferenceServiceStub:
    return inference_pb2_grpc.GRPCInferenceServiceStub(api.channel)


@pytest.fixture(scope="module")
def job(api: Api) -> training_pb2.TrainingJob:
    data = api.digits("digits", 500)
    network = api.network("net", [FEATURES, 30, 10], seed=3)
    return api.trained(
        "digits", network.name, data.name, epochs=3, learning_rate=0.1, keep_checkpoints=-1
    )


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (70, FEATURES)).astype(np.uint8)


def request(rows: np.ndarray, model: str = "digits", **fields: Any) -> pb.ModelInferRequest:
    """Rows as raw contents, in the type that they have."""
    (datatype,) = (name for name, kind in TYPES.items() if rows.dtype == kind)
    tensor = pb.ModelInferRequest.InferInputTensor(
        name="input", datatype=datatype, shape=rows.shape
    )
    return pb.ModelInferRequest(
        model_name=model, inputs=[tensor], raw_input_contents=[rows.tobytes()], **fields
    )


def arrays(response: pb.ModelInferResponse) -> dict[str, np.ndarray]:
    kinds = {"FP32": "<f4", "INT64": "<i8"}
    return {
        tensor.name: np.frombuffer(raw, kinds[tensor.datatype]).reshape(tensor.shape)
        for tensor, raw in zip(response.outputs, response.raw_output_contents, strict=True)
    }


def predicted(api: Api, name: str, rows: np.ndarray, **fields: Any) -> tuple[np.ndarray, list[int]]:
    """What Predict says of them."""
    inputs = [evaluation_pb2.InputRow(features=row) for row in rows]
    answer = api.evaluations.Predict(
        evaluation_pb2.PredictRequest(
            name=name, rows=evaluation_pb2.InputRows(rows=inputs), **fields
        )
    )
    return (
        np.array([one.outputs for one in answer.predictions]),
        [one.class_index for one in answer.predictions],
    )


def test_the_server_is_live_and_says_what_it_serves(stub: Any) -> None:
    assert stub.ServerLive(pb.ServerLiveRequest()).live
    assert stub.ServerReady(pb.ServerReadyRequest()).ready
    metadata = stub.ServerMetadata(pb.ServerMetadataRequest())
    assert metadata.name == "trainyard" and metadata.version
    assert "statistics" in metadata.extensions


def test_a_job_is_a_model(stub: Any, job: training_pb2.TrainingJob) -> None:
    for name in ("digits", "local.digits", "me.digits"):
        assert stub.ModelReady(pb.ModelReadyRequest(name=name)).ready
    assert stub.ModelReady(pb.ModelReadyRequest(name="digits", version="2")).ready
    assert not stub.ModelReady(pb.ModelReadyRequest(name="digits", version="77")).ready
    assert not stub.ModelReady(pb.ModelReadyRequest(name="none")).ready
    metadata = stub.ModelMetadata(pb.ModelMetadataRequest(name="digits"))
    assert metadata.name == "local.digits"
    assert list(metadata.versions) == [str(epoch) for epoch in job.checkpoint_epochs]
    (given,) = metadata.inputs
    assert (given.name, given.datatype, list(given.shape)) == ("input", "FP32", [-1, FEATURES])
    assert [(one.name, one.datatype, list(one.shape)) for one in metadata.outputs] == [
        ("output", "FP32", [-1, 10]),
        ("class", "INT64", [-1, 1]),
    ]
    config = stub.ModelConfig(pb.ModelConfigRequest(name="digits")).config
    assert config.max_batch_size >= 10_000
    assert list(config.input[0].dims) == [FEATURES]
    assert [list(one.dims) for one in config.output] == [[10], [1]]
    assert config.input[0].data_type == pb.TYPE_FP32
    assert config.output[1].data_type == pb.TYPE_INT64


def test_the_repository_lists_every_kept_epoch(stub: Any, job: training_pb2.TrainingJob) -> None:
    models = stub.RepositoryIndex(pb.RepositoryIndexRequest()).models
    found = [(one.version, one.state) for one in models if one.name == "local.digits"]
    assert found == [(str(epoch), "READY") for epoch in job.checkpoint_epochs]


@pytest.mark.parametrize("datatype", TYPES)
@pytest.mark.parametrize("rows", [1, 2, 70])
def test_answers_are_those_of_predict(
    api: Api,
    stub: Any,
    job: training_pb2.TrainingJob,
    pixels: np.ndarray,
    datatype: str,
    rows: int,
) -> None:
    outputs, classes = predicted(api, job.name, pixels[:rows])
    response = stub.ModelInfer(request(pixels[:rows].astype(TYPES[datatype]), id="abc"))
    assert response.id == "abc" and response.model_name == "local.digits"
    assert response.model_version == str(job.epochs_completed)
    served = arrays(response)
    np.testing.assert_array_equal(served["output"], outputs.astype(np.float32))
    assert served["class"].shape == (rows, 1) and list(served["class"][:, 0]) == classes


def test_a_version_is_an_epoch(
    api: Api, stub: Any, job: training_pb2.TrainingJob, pixels: np.ndarray
) -> None:
    for epoch in job.checkpoint_epochs:
        outputs, _ = predicted(api, job.name, pixels[:3], epoch=epoch)
        response = stub.ModelInfer(request(pixels[:3], model_version=str(epoch)))
        assert response.model_version == str(epoch)
        np.testing.assert_array_equal(arrays(response)["output"], outputs.astype(np.float32))


def test_typed_contents_are_the_same(
    stub: Any, job: training_pb2.TrainingJob, pixels: np.ndarray
) -> None:
    expected = arrays(stub.ModelInfer(request(pixels[:2])))
    for datatype, field in (
        ("UINT8", "uint_contents"),
        ("FP32", "fp32_contents"),
        ("FP64", "fp64_contents"),
    ):
        tensor = pb.ModelInferRequest.InferInputTensor(
            name="input",
            datatype=datatype,
            shape=[2, FEATURES],
            contents=pb.InferTensorContents(**{field: pixels[:2].ravel().tolist()}),
        )
        response = stub.ModelInfer(pb.ModelInferRequest(model_name="digits", inputs=[tensor]))
        for name, array in arrays(response).items():
            np.testing.assert_array_equal(array, expected[name])


def test_outputs_come_in_the_order_that_was_asked_for(
    stub: Any, job: training_pb2.TrainingJob, pixels: np.ndarray
) -> None:
    wanted = pb.ModelInferRequest.InferRequestedOutputTensor
    for names in (["class", "output"], ["output"], ["class"]):
        asked = request(pixels[:4], outputs=[wanted(name=name) for name in names])
        response = stub.ModelInfer(asked)
        assert [one.name for one in response.outputs] == names
        everything = arrays(stub.ModelInfer(request(pixels[:4])))
        for name, array in arrays(response).items():
            np.testing.assert_array_equal(array, everything[name])


ROW = np.zeros((1, FEATURES), np.float32)


def changed(**fields: Any) -> pb.ModelInferRequest:
    """A good request with fields of its input replaced."""
    good = request(ROW)
    for name, value in fields.items():
        good.inputs[0].ClearField(name)
        good.inputs[0].MergeFrom(pb.ModelInferRequest.InferInputTensor(**{name: value}))
    return good


def mixed() -> pb.ModelInferRequest:
    return changed(contents=pb.InferTensorContents(fp32_contents=[0] * FEATURES))


@pytest.mark.parametrize(
    "bad,field",
    [
        (pb.ModelInferRequest(model_name="digits"), "inputs"),
        (changed(name="pixels"), "inputs"),
        (changed(datatype="BYTES"), "inputs[0].datatype"),
        (changed(datatype="FP16"), "inputs[0].datatype"),
        (changed(shape=[FEATURES]), "inputs[0].shape"),
        (changed(shape=[1, 783]), "inputs[0].shape"),
        (changed(shape=[0, FEATURES]), "inputs[0].shape"),
        (changed(shape=[-1, FEATURES]), "inputs[0].shape"),
        (changed(shape=[1 << 40, FEATURES]), "inputs[0].shape"),
        (changed(shape=[2, FEATURES]), "raw_input_contents[0]"),
        (changed(datatype="FP64"), "raw_input_contents[0]"),
        (mixed(), "raw_input_contents"),
        (
            pb.ModelInferRequest(
                model_name="digits",
                inputs=request(ROW).inputs,
                raw_input_contents=[ROW.tobytes()] * 2,
            ),
            "raw_input_contents",
        ),
        (
            request(ROW, outputs=[pb.ModelInferRequest.InferRequestedOutputTensor(name="x")]),
            "outputs[0].name",
        ),
        (
            request(
                ROW, outputs=[pb.ModelInferRequest.InferRequestedOutputTensor(name="class")] * 2
            ),
            "outputs[1].name",
        ),
        (request(ROW, model=""), "model_name"),
    ],
)
def test_a_bad_request_names_its_field(
    stub: Any, job: training_pb2.TrainingJob, bad: pb.ModelInferRequest, field: str
) -> None:
    status = refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: stub.ModelInfer(bad))
    assert field in violations(status), status


@pytest.mark.parametrize("name", ["none", "mallory.digits", "a.b.c", ".", "Digits"])
def test_a_model_that_is_not_there_is_not_found(
    stub: Any, job: training_pb2.TrainingJob, name: str
) -> None:
    refused(grpc.StatusCode.NOT_FOUND, lambda: stub.ModelInfer(request(ROW, model=name)))
    refused(
        grpc.StatusCode.NOT_FOUND,
        lambda: stub.ModelMetadata(pb.ModelMetadataRequest(name=name)),
    )


def test_what_is_not_served_is_unimplemented(api: Api) -> None:
    for method in ("RepositoryModelLoad", "SystemSharedMemoryStatus", "TraceSetting"):
        with pytest.raises(grpc.RpcError) as error:
            api.call(f"/inference.GRPCInferenceService/{method}", b"")
        assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_ten_thousand_rows_are_one_request(
    stub: Any, job: training_pb2.TrainingJob, pixels: np.ndarray
) -> None:
    many = np.tile(pixels[:50], (200, 1)).astype(np.float32)
    served = arrays(stub.ModelInfer(request(many)))
    few = arrays(stub.ModelInfer(request(pixels[:50])))
    np.testing.assert_array_equal(served["output"], np.tile(few["output"], (200, 1)))
    np.testing.assert_array_equal(served["class"], np.tile(few["class"], (200, 1)))


def test_many_clients_each_get_their_own_answer(
    api: Api, stub: Any, job: training_pb2.TrainingJob, pixels: np.ndarray
) -> None:
    expected = arrays(stub.ModelInfer(request(pixels)))["output"]
    before = stub.ModelStatistics(
        pb.ModelStatisticsRequest(name="digits", version=str(job.epochs_completed))
    ).model_stats[0]
    wrong: list[int] = []

    def client(first: int) -> None:
        for step in range(40):
            row = (first + step) % len(pixels)
            answer = arrays(stub.ModelInfer(request(pixels[row : row + 1])))["output"]
            if not np.array_equal(answer, expected[row : row + 1]):
                wrong.append(row)

    threads = [threading.Thread(target=client, args=(first,)) for first in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    after = stub.ModelStatistics(
        pb.ModelStatisticsRequest(name="digits", version=str(job.epochs_completed))
    ).model_stats[0]
    assert after.inference_count - before.inference_count == 16 * 40
    batches = after.execution_count - before.execution_count
    assert 0 < batches <= 16 * 40
    assert sum(one.compute_infer.count for one in after.batch_stats) == after.execution_count
    assert after.inference_stats.success.ns > after.inference_stats.compute_infer.ns > 0


def test_a_stream_answers_all_and_survives_a_bad_request(
    stub: Any, job: training_pb2.TrainingJob, pixels: np.ndarray
) -> None:
    expected = arrays(stub.ModelInfer(request(pixels)))["output"]
    requests = [request(pixels[i : i + 1], id=str(i)) for i in range(len(pixels))]
    requests.insert(7, request(ROW, model="none", id="bad"))
    answers = {
        answer.infer_response.id: answer for answer in stub.ModelStreamInfer(iter(requests))
    }
    assert len(answers) == len(requests)
    assert "none" in answers.pop("bad").error_message
    for key, answer in answers.items():
        assert not answer.error_message
        row = int(key)
        np.testing.assert_array_equal(
            arrays(answer.infer_response)["output"], expected[row : row + 1]
        )
    assert not list(stub.ModelStreamInfer(iter([])))


def test_a_stream_that_is_dropped_harms_nobody(
    stub: Any, job: training_pb2.TrainingJob, pixels: np.ndarray
) -> None:
    for _ in range(5):
        stream = stub.ModelStreamInfer(iter([request(pixels)] * 100))
        next(stream)
        stream.cancel()
    assert arrays(stub.ModelInfer(request(pixels[:1])))["class"].shape == (1, 1)


def test_the_newest_weights_of_a_running_job_are_served(
    api: Api, stub: Any, job: training_pb2.TrainingJob
) -> None:
    network = api.network("slow", [FEATURES, 200, 10])
    running = api.train(
        "endless", network.name, "users/me/datasets/digits", epochs=10**6, learning_rate=0.01
    )
    refused(grpc.StatusCode.NOT_FOUND, lambda: stub.ModelInfer(request(ROW, model="endless")))
    wait_until("its first weights", lambda: list(api.job(running.name).checkpoint_epochs))
    response = stub.ModelInfer(request(ROW, model="endless"))
    assert int(response.model_version) > 0
    api.training.CancelTrainingJob(training_pb2.CancelTrainingJobRequest(name=running.name))

    def cancelled() -> bool:
        return api.job(running.name).state == training_pb2.TrainingJob.CANCELLED

    wait_until("the job to end", cancelled)
    newest = api.job(running.name).checkpoint_epochs[-1]
    assert stub.ModelInfer(request(ROW, model="endless")).model_version == str(newest)


def test_a_name_that_is_used_again_is_another_model(api: Api, stub: Any) -> None:
    data = api.active("plane", b"0,1,2\n1,2,1\n0,1,3\n1,3,1\n")
    row = np.array([[1, 2]], np.float32)
    answers = []
    for seed in (1, 2):
        network = api.network(f"plane-{seed}", [2, 3, 2], seed=seed)
        job = api.trained("again", network.name, data.name, epochs=1, learning_rate=0.1)
        served = arrays(stub.ModelInfer(request(row, model="again")))["output"]
        np.testing.assert_array_equal(served, predicted(api, job.name, row)[0].astype(np.float32))
        answers.append(served)
        api.training.DeleteTrainingJob(training_pb2.DeleteTrainingJobRequest(name=job.name))
        refused(grpc.StatusCode.NOT_FOUND, lambda: stub.ModelInfer(request(row, model="again")))
    assert not np.array_equal(answers[0], answers[1])


def test_other_networks_are_served_as_they_are(api: Api, stub: Any) -> None:
    # One output for two classes, float64, standard scaling.
    gate = api.active("gate", b"0,0,0\n0,0,1\n0,1,0\n1,1,1\n")
    network = api.network("gate", [2, 3, 1], activations=[network_pb2.TANH, network_pb2.SIGMOID])
    rows = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    job = api.trained(
        "gate",
        network.name,
        gate.name,
        epochs=300,
        learning_rate=0.5,
        precision=training_pb2.F64,
        input_scaling=dataset_pb2.STANDARD,
    )
    served = arrays(stub.ModelInfer(request(rows, model="gate")))
    outputs, classes = predicted(api, job.name, rows)
    np.testing.assert_array_equal(served["output"], outputs.astype(np.float32))
    assert served["output"].shape == (4, 1) and list(served["class"][:, 0]) == classes
    # Regression has no class.
    data = api.active(
        "line", b"1,2\n2,4\n3,6\n", task=dataset_pb2.REGRESSION, upload={"target_columns": ["1"]}
    )
    network = api.network("line", [1, 1], activations=[network_pb2.LINEAR])
    job = api.trained("line", network.name, data.name, epochs=2, learning_rate=0.01)
    metadata = stub.ModelMetadata(pb.ModelMetadataRequest(name="line"))
    assert [one.name for one in metadata.outputs] == ["output"]
    served = arrays(stub.ModelInfer(request(np.array([[2]], np.float32), model="line")))
    assert set(served) == {"output"}


def test_an_answer_is_bounded_however_wide_the_network(api: Api, stub: Any) -> None:
    data = api.active("wide", b"0,1\n1,2\n", class_count=4096)
    network = api.network("wide", [1, 4096])
    job = api.trained("wide", network.name, data.name, epochs=0)
    config = stub.ModelConfig(pb.ModelConfigRequest(name="wide")).config
    most = (64 << 20) // (4096 * 4 + 8)
    assert config.max_batch_size == most
    many = np.zeros((most + 1, 1), np.uint8)
    status = refused(
        grpc.StatusCode.INVALID_ARGUMENT, lambda: stub.ModelInfer(request(many, model="wide"))
    )
    assert f"n from 1 to {most}" in status.message and "inputs[0].shape" in violations(status)
    rows = many[:977].astype(np.float32)
    status = refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: predicted(api, job.name, rows))
    assert "between 1 and 976 rows" in status.message
    assert predicted(api, job.name, rows[:3])[0].shape == (3, 4096)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_has_no_prediction(
    api: Api, job: training_pb2.TrainingJob, value: float
) -> None:
    rows = np.zeros((2, FEATURES), np.float32)
    rows[1, 7] = value
    status = refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: predicted(api, job.name, rows))
    assert "rows.rows[1].features" in violations(status) and "number 7" in status.message


def test_inference_survives_the_death_of_its_worker(
    server: Server, stub: Any, job: training_pb2.TrainingJob, pixels: np.ndarray
) -> None:
    before = arrays(stub.ModelInfer(request(pixels[:1])))["output"]
    server.kill_worker("--job serve")

    def again() -> list[np.ndarray] | None:
        try:
            return [arrays(stub.ModelInfer(request(pixels[:1])))["output"]]
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNAVAILABLE, error
            return None

    (after,) = wait_until("another worker", again)
    np.testing.assert_array_equal(after, before)


def test_models_are_their_owners(scratch: Path) -> None:
    lab = Class(scratch / "served")
    lab.server.start()
    ada, bob, nobody = lab.join("ada"), lab.join("bob"), lab.api()
    data = ada.active("d", b"0,1,2\n1,2,1\n0,1,3\n1,3,1\n")
    network = ada.network("n", [2, 3, 2])
    ada.trained("j", network.name, data.name, epochs=1, learning_rate=0.1)
    asked = request(np.array([[1, 2]], np.float32), model="ada.j")

    def models(api: Api) -> inference_pb2_grpc.GRPCInferenceServiceStub:
        return inference_pb2_grpc.GRPCInferenceServiceStub(api.channel)

    assert models(ada).ModelInfer(asked).model_name == "ada.j"
    refused(grpc.StatusCode.NOT_FOUND, lambda: models(bob).ModelInfer(asked))
    refused(grpc.StatusCode.UNAUTHENTICATED, lambda: models(nobody).ModelInfer(asked))
    (answer,) = models(bob).ModelStreamInfer(iter([asked]))
    assert "ada.j does not exist" in answer.error_message
    refused(
        grpc.StatusCode.UNAUTHENTICATED, lambda: list(models(nobody).ModelStreamInfer(iter([asked])))
    )
    assert not models(bob).ModelReady(pb.ModelReadyRequest(name="ada.j")).ready
    assert not models(bob).RepositoryIndex(pb.RepositoryIndexRequest()).models
    assert not models(bob).ModelStatistics(pb.ModelStatisticsRequest()).model_stats
    assert len(models(ada).ModelStatistics(pb.ModelStatisticsRequest()).model_stats) == 1
    assert models(nobody).ServerLive(pb.ServerLiveRequest()).live
    lab.close()
    lab.server.stop()
