"""Asks a server over HTTP for what a model makes of rows, with tritonclient: HOST:PORT
MODEL ROWS.npy OUT.npz. Each output is an array."""

from __future__ import annotations

import sys

import numpy as np
import tritonclient.http as triton


def infer(rows: np.ndarray, kind: str, binary: bool) -> triton.InferResult:
    given = triton.InferInput("input", rows.shape, kind)
    given.set_data_from_numpy(rows, binary_data=binary)
    wanted = [
        triton.InferRequestedOutput(name, binary_data=binary) for name in ("class", "output")
    ]
    return client.infer(model, [given], outputs=wanted)


server, model, rows_file, out = sys.argv[1:]
pixels = np.load(rows_file)
client = triton.InferenceServerClient(server)
assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(model)
assert not client.is_model_ready("none")
metadata = client.get_model_metadata(model)
assert metadata["inputs"][0]["shape"] == [-1, pixels.shape[1]]
assert client.get_model_config(model)["input"][0]["dims"] == [pixels.shape[1]]
assert any(one["name"] == metadata["name"] for one in client.get_model_repository_index())
whole = infer(pixels.astype(np.float32), "FP32", True)
for kind, dtype in (("UINT8", np.uint8), ("FP64", np.float64)):
    for binary in (True, False):
        same = infer(pixels[:20].astype(dtype), kind, binary)
        assert np.array_equal(same.as_numpy("output"), whole.as_numpy("output")[:20])
assert client.get_inference_statistics(model)["model_stats"][0]["inference_count"] >= len(pixels)
try:
    infer(pixels[:1, :5], "UINT8", True)
    raise AssertionError("five features were taken")
except triton.InferenceServerException as error:
    assert "784" in str(error), error
np.savez(out, **{name: whole.as_numpy(name) for name in ("output", "class")})
