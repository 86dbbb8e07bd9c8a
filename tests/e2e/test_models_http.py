"""Jobs as served models over HTTP: the REST form of KServe's protocol, with nothing
but the standard library and NumPy."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import Server, training_pb2

FEATURES = 784


class Models:
    """Calls below /v2."""

    def __init__(self, address: str) -> None:
        self.base = f"http://{address}/v2"

    def raw(
        self, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.base + path, body, named)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read()

    def __call__(self, path: str, body: Any = None) -> Any:
        code, _, text = self.raw(path, None if body is None else json.dumps(body).encode())
        assert code == 200, text
        return json.loads(text)

    def refused(self, path: str, body: Any) -> tuple[int, str]:
        code, _, text = self.raw(path, body if isinstance(body, bytes) else json.dumps(body).encode())
        return code, json.loads(text)["error"]


@pytest.fixture(scope="module")
def site(scratch: Path) -> Iterator[Server]:
    server = Server(scratch / "models", "--http", "127.0.0.1:0").start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def models(site: Server) -> Models:
    return Models(site.http)


@pytest.fixture(scope="module")
def job(site: Server) -> training_pb2.TrainingJob:
    data = site.api.digits("digits", 500)
    network = site.api.network("net", [FEATURES, 30, 10], seed=3)
    return site.api.trained(
        "digits", network.name, data.name, epochs=3, learning_rate=0.1, keep_checkpoints=-1
    )


PIXELS = np.random.default_rng(5).integers(0, 256, (7, FEATURES)).astype(np.uint8)


def tensor(rows: np.ndarray, datatype: str = "UINT8", **fields: Any) -> dict[str, Any]:
    return {"name": "input", "datatype": datatype, "shape": list(rows.shape), **fields}


def outputs(answer: Any) -> dict[str, np.ndarray]:
    kinds = {"FP32": np.float32, "INT64": np.int64}
    return {
        one["name"]: np.array(one["data"], kinds[one["datatype"]]).reshape(one["shape"])
        for one in answer["outputs"]
    }


def test_health_and_descriptions(models: Models, job: training_pb2.TrainingJob) -> None:
    for path in ("/health/live", "/health/ready", "/models/digits/ready"):
        assert models.raw(path)[0] == 200
    assert models.raw("/models/none/ready")[0] == 503
    assert models("")["name"] == "trainyard"
    described = models("/models/digits")
    assert described["versions"] == ["1", "2", "3"]
    assert described["inputs"] == [{"name": "input", "datatype": "FP32", "shape": [-1, FEATURES]}]
    assert models("/models/digits/versions/2/config")["input"][0]["dims"] == [FEATURES]
    index = models("/repository/index", {})
    assert [(each["name"], each["version"]) for each in index] == [
        ("local.digits", epoch) for epoch in ("1", "2", "3")
    ]


def test_every_form_of_the_rows_gives_the_same(
    models: Models, job: training_pb2.TrainingJob
) -> None:
    nested = models("/models/digits/infer", {"id": "a", "inputs": [tensor(PIXELS, data=PIXELS.tolist())]})
    assert nested["id"] == "a" and nested["model_version"] == "3"
    wanted = outputs(nested)
    assert wanted["output"].shape == (7, 10)
    assert list(wanted["class"][:, 0]) == list(wanted["output"].argmax(1))
    for datatype, data in (
        ("UINT8", PIXELS.ravel().tolist()),
        ("FP32", PIXELS.astype(float).tolist()),
        ("FP64", PIXELS.astype(float).ravel().tolist()),
    ):
        given = outputs(models("/models/local.digits/infer", {"inputs": [tensor(PIXELS, datatype, data=data)]}))
        np.testing.assert_array_equal(given["output"], wanted["output"])

    # Bytes in and out, as Triton's clients send them.
    head = json.dumps(
        {
            "inputs": [tensor(PIXELS, parameters={"binary_data_size": PIXELS.nbytes})],
            "outputs": [
                {"name": "class"},
                {"name": "output", "parameters": {"binary_data": True}},
            ],
        }
    ).encode()
    code, headers, body = models.raw(
        "/models/digits/versions/3/infer",
        head + PIXELS.tobytes(),
        Inference_Header_Content_Length=str(len(head)),
    )
    assert code == 200, body
    size = int(headers["Inference-Header-Content-Length"])
    first, second = json.loads(body[:size])["outputs"]
    assert first["data"] == wanted["class"].ravel().tolist()
    assert second["parameters"]["binary_data_size"] == 7 * 10 * 4
    np.testing.assert_array_equal(
        np.frombuffer(body[size:], "<f4").reshape(7, 10), wanted["output"]
    )
    assert models("/models/digits/stats")["model_stats"][0]["inference_count"] >= 5 * 7


@pytest.mark.parametrize(
    ("path", "body", "code", "words"),
    (
        ("none", {"inputs": [tensor(PIXELS, data=PIXELS.tolist())]}, 404, "none"),
        ("digits", b"{", 400, "JSON"),
        ("digits", [], 400, "JSON"),
        ("digits", b'{"inputs":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}", 400, "deeper"),
        ("digits", {}, 400, "inputs"),
        ("digits", {"inputs": [3]}, 400, "objects"),
        ("digits", {"inputs": [tensor(PIXELS)]}, 400, "data"),
        ("digits", {"inputs": [tensor(PIXELS, data=[300] * PIXELS.size)]}, 400, "UINT8"),
        ("digits", {"inputs": [tensor(PIXELS, data=["a"] * PIXELS.size)]}, 400, "UINT8"),
        ("digits", {"inputs": [tensor(PIXELS, data=[1, 2])]}, 400, "the shape needs 5488"),
        ("digits", {"inputs": [tensor(PIXELS, "INT16", data=[1])]}, 400, "INT16"),
        (
            "digits",
            {"inputs": [tensor(PIXELS, parameters={"binary_data_size": 9})]},
            400,
            "bytes",
        ),
        ("digits/versions/77", {"inputs": [tensor(PIXELS, data=PIXELS.tolist())]}, 404, "77"),
    ),
)
def test_what_is_wrong_is_said(
    models: Models, job: training_pb2.TrainingJob, path: str, body: Any, code: int, words: str
) -> None:
    status, message = models.refused(f"/models/{path}/infer", body)
    assert (status, words in message) == (code, True), message


def test_paths_and_verbs_that_there_are_not(models: Models) -> None:
    assert models.raw("/models/a/b/c")[0] == 404
    assert models.raw("/models/digits/infer")[0] == 405
    assert models.raw("/models/digits/infer", b"{}", Inference_Header_Content_Length="x")[0] == 400
    assert models.raw("/models/digits/infer", b"{}", Inference_Header_Content_Length="9")[0] == 400
