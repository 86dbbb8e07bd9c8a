"""Asks a server for what a model makes of rows, with tritonclient: HOST:PORT MODEL
ROWS.npy OUT.npz. Each output is an array; also compares our proto with
tritonclient's own, field by field: DESCRIPTORS of ours, as serialised
FileDescriptorSet."""

from __future__ import annotations

import queue
import sys

import numpy as np
import tritonclient.grpc as triton
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorSet
from tritonclient.grpc import service_pb2  # type: ignore


def differences(ours: DescriptorProto, theirs: DescriptorProto, path: str) -> list[str]:
    """Fields of ours that theirs does not have like that."""
    found = []
    known = {field.name: field for field in theirs.field}
    for field in ours.field:
        other = known.get(field.name)
        same = other is not None and (other.number, other.type, other.label) == (
            field.number,
            field.type,
            field.label,
        )
        if not same:
            found.append(f"{path}.{field.name}")
    nested = {message.name: message for message in theirs.nested_type}
    for message in ours.nested_type:
        if message.name not in nested:
            found.append(f"{path}.{message.name}")
        else:
            found += differences(message, nested[message.name], f"{path}.{message.name}")
    return found


def compare_protos(descriptors: str) -> None:
    ours = FileDescriptorSet()
    with open(descriptors, "rb") as file:
        ours.ParseFromString(file.read())
    (proto,) = (one for one in ours.file if one.package == "inference")
    pool = service_pb2.DESCRIPTOR.pool
    wrong = []
    for message in proto.message_type:
        theirs = DescriptorProto()
        pool.FindMessageTypeByName(f"inference.{message.name}").CopyToProto(theirs)
        wrong += differences(message, theirs, message.name)
    assert not wrong, wrong
    service = service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"]
    for method in proto.service[0].method:
        theirs = service.methods_by_name[method.name]
        assert "." + theirs.input_type.full_name == method.input_type
        assert "." + theirs.output_type.full_name == method.output_type


def infer(client: triton.InferenceServerClient, model: str, rows: np.ndarray, kind: str):
    given = triton.InferInput("input", rows.shape, kind)
    given.set_data_from_numpy(rows)
    wanted = [triton.InferRequestedOutput(name) for name in ("class", "output")]
    return client.infer(model, [given], outputs=wanted)


def stream(client: triton.InferenceServerClient, model: str, rows: np.ndarray) -> np.ndarray:
    """The same over ModelStreamInfer, a row a request."""
    answers: queue.Queue = queue.Queue()
    client.start_stream(callback=lambda result, error: answers.put((result, error)))
    for row in range(len(rows)):
        given = triton.InferInput("input", rows[row : row + 1].shape, "FP32")
        given.set_data_from_numpy(rows[row : row + 1])
        client.async_stream_infer(model, [given], request_id=str(row))
    outputs: dict[int, np.ndarray] = {}
    for _ in range(len(rows)):
        result, error = answers.get(timeout=60)
        assert error is None, error
        outputs[int(result.get_response().id)] = result.as_numpy("output")
    client.stop_stream()
    return np.concatenate([outputs[row] for row in range(len(rows))])


server, model, rows_file, out, descriptors = sys.argv[1:]
compare_protos(descriptors)
pixels = np.load(rows_file)
client = triton.InferenceServerClient(server)
assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(model)
assert not client.is_model_ready("none")
metadata = client.get_model_metadata(model)
assert list(metadata.inputs[0].shape) == [-1, pixels.shape[1]]
assert list(client.get_model_config(model).config.input[0].dims) == [pixels.shape[1]]
assert any(one.name == metadata.name for one in client.get_model_repository_index().models)
whole = infer(client, model, pixels.astype(np.float32), "FP32")
for kind, dtype in (("UINT8", np.uint8), ("FP64", np.float64)):
    same = infer(client, model, pixels[:100].astype(dtype), kind)
    assert np.array_equal(same.as_numpy("output"), whole.as_numpy("output")[:100])
streamed = stream(client, model, pixels[:50].astype(np.float32))
assert np.array_equal(streamed, whole.as_numpy("output")[:50])
statistics = client.get_inference_statistics(model).model_stats[0]
assert statistics.inference_count >= len(pixels)
try:
    client.infer("none", [triton.InferInput("input", [1, 1], "FP32")])
    raise AssertionError("a model that is not there answered")
except triton.InferenceServerException as error:
    assert "NOT_FOUND" in str(error)
np.savez(out, **{name: whole.as_numpy(name) for name in ("output", "class")})
