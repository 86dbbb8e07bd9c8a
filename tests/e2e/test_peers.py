"""Programs of others on what was made here: ONNX Runtime on an exported model,
tritonclient against the served one, a validator on the API's description. They are in an interpreter of their own
(TRAINYARD_PEERS_PYTHON, or build/peers, which deploy/test.sh --all makes)."""

from __future__ import annotations

import gzip
import os
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import PATIENCE, ROOT, Api, Cli, Server, training_pb2
from inference import inference_pb2 as pb
from inference import inference_pb2_grpc

PEERS = Path(__file__).parent / "peers"
PYTHON = Path(os.environ.get("TRAINYARD_PEERS_PYTHON", ROOT / "build/peers/bin/python"))


def needs(package: str) -> pytest.MarkDecorator:
    """Skips a test, by name, where the interpreter lacks a package."""
    probe = [PYTHON, "-c", f"import {package}"]
    missing = not PYTHON.exists() or subprocess.run(probe, capture_output=True).returncode != 0
    return pytest.mark.skipif(
        missing, reason=f"{package} is not here: deploy/test.sh --all installs it"
    )


def peer(script: str, *arguments: Any) -> None:
    """Runs a script that must succeed."""
    done = subprocess.run(
        [PYTHON, PEERS / script, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240 * PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@needs("openapi_spec_validator")
def test_the_description_is_valid_openapi(new_server: Callable[..., Server], tmp_path: Path) -> None:
    server = new_server("--http", "127.0.0.1:0")
    with urllib.request.urlopen(f"http://{server.http}/v1/openapi.json") as answer:
        (tmp_path / "openapi.json").write_bytes(answer.read())
    done = subprocess.run(
        [PYTHON, "-m", "openapi_spec_validator", tmp_path / "openapi.json"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    server.stop()


@pytest.fixture(scope="module")
def images(mnist: Path) -> np.ndarray:
    content = gzip.decompress((mnist / "t10k-images-idx3-ubyte.gz").read_bytes())
    return np.frombuffer(content[16:], np.uint8).reshape(-1, 784)


@pytest.fixture(scope="module")
def labels(mnist: Path) -> np.ndarray:
    content = gzip.decompress((mnist / "t10k-labels-idx1-ubyte.gz").read_bytes())
    return np.frombuffer(content[8:], np.uint8)


@pytest.fixture(scope="module")
def data(cli: Cli, mnist: Path) -> str:
    cli("dataset", "import", "mnist", "--from", mnist)
    return "users/local/datasets/mnist-test"


def trained(api: Api, name: str, data: str, **spec: Any) -> training_pb2.TrainingJob:
    network = api.network(name, [784, 50, 10])
    return api.trained(name, network.name, data, epochs=1, learning_rate=0.05, **spec)


def served(api: Api, model: str, rows: np.ndarray) -> dict[str, np.ndarray]:
    tensor = pb.ModelInferRequest.InferInputTensor(
        name="input", datatype="UINT8", shape=rows.shape
    )
    answer = inference_pb2_grpc.GRPCInferenceServiceStub(api.channel).ModelInfer(
        pb.ModelInferRequest(
            model_name=model, inputs=[tensor], raw_input_contents=[rows.tobytes()]
        )
    )
    output, classes = answer.raw_output_contents
    return {
        "output": np.frombuffer(output, "<f4").reshape(-1, 10),
        "class": np.frombuffer(classes, "<i8").reshape(-1, 1),
    }


@needs("onnxruntime")
@pytest.mark.parametrize("scaling", ["DIVIDE_BY_255", "STANDARD"])
@pytest.mark.parametrize("precision", ["F32", "F64"])
def test_onnx_runtime_gives_the_servers_outputs(
    api: Api,
    cli: Cli,
    data: str,
    images: np.ndarray,
    labels: np.ndarray,
    tmp_path: Path,
    precision: str,
    scaling: str,
) -> None:
    name = f"{precision}-{scaling.lower().replace('_', '-')}".lower()
    job = trained(api, name, data, precision=precision, input_scaling=scaling)
    cli("job", "export", name, "--out", tmp_path / "model.onnx")
    np.save(tmp_path / "rows.npy", images)
    peer(
        "onnx_outputs.py",
        tmp_path / "model.onnx",
        tmp_path / "rows.npy",
        tmp_path / "out.npz",
    )
    theirs, ours = np.load(tmp_path / "out.npz"), served(api, name, images)
    assert np.abs(theirs["output"] - ours["output"]).max() < 1e-5
    accuracy = api.evaluated(job.name, data).accuracy
    for classes in (theirs["class"], ours["class"]):
        assert round(float(np.mean(classes[:, 0] == labels)), 6) == round(accuracy, 6)


@needs("tritonclient.grpc")
def test_tritonclient_agrees_with_evaluate(
    server: Server, data: str, images: np.ndarray, labels: np.ndarray, tmp_path: Path
) -> None:
    api = server.api
    job = trained(api, "triton", data)
    np.save(tmp_path / "rows.npy", images)
    descriptors = tmp_path / "descriptors"
    subprocess.run(
        [
            "protoc",
            f"--proto_path={ROOT / 'proto'}",
            f"--descriptor_set_out={descriptors}",
            "inference/inference.proto",
        ],
        check=True,
    )
    peer(
        "triton_infer.py",
        server.target,
        "local.triton",
        tmp_path / "rows.npy",
        tmp_path / "out.npz",
        descriptors,
    )
    answer = np.load(tmp_path / "out.npz")
    np.testing.assert_array_equal(answer["output"], served(api, "triton", images)["output"])
    accuracy = api.evaluated(job.name, data).accuracy
    assert round(float(np.mean(answer["class"][:, 0] == labels)), 6) == round(accuracy, 6)


@needs("tritonclient.http")
def test_tritonclient_over_http_agrees_with_evaluate(
    scratch: Path, mnist: Path, images: np.ndarray, labels: np.ndarray, tmp_path: Path
) -> None:
    site = Server(scratch / "http", "--http", "127.0.0.1:0").start()
    Cli(site.target, tmp_path)("dataset", "import", "mnist", "--from", mnist)
    data = "users/local/datasets/mnist-test"
    job = trained(site.api, "triton", data)
    np.save(tmp_path / "rows.npy", images)
    peer("triton_http.py", site.http, "triton", tmp_path / "rows.npy", tmp_path / "out.npz")
    answer = np.load(tmp_path / "out.npz")
    np.testing.assert_array_equal(answer["output"], served(site.api, "triton", images)["output"])
    accuracy = site.api.evaluated(job.name, data).accuracy
    assert round(float(np.mean(answer["class"][:, 0] == labels)), 6) == round(accuracy, 6)
    site.stop()
