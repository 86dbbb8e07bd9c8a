"""Calls and streams over a server in this process, which breaks where it is told to."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from trainyard import Client, FailedPrecondition, Unavailable, aio
from trainyard._channel import Target, find_target
from trainyard._plans import get_job
from trainyard._session import Session
from trainyard.v1 import (
    dataset_pb2,
    dataset_pb2_grpc,
    training_pb2,
    training_pb2_grpc,
)

EVENTS = 10


class Fake(training_pb2_grpc.TrainingServiceServicer, dataset_pb2_grpc.DatasetServiceServicer):
    """Ends every stream with UNAVAILABLE after three events or messages, and every other
    unary call at once."""

    def __init__(self) -> None:
        self.metadata: dict[str, str] = {}
        self.request_ids: list[str] = []
        self.cursors: list[int] = []
        self.uploaded = {1: b"", 2: b""}
        self.finished: set[int] = set()

    def GetTrainingJob(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.metadata = dict(context.invocation_metadata())
        return training_pb2.TrainingJob(name=request.name)

    def CancelTrainingJob(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.request_ids.append(request.request_id)
        if len(self.request_ids) % 2 == 1:
            context.abort(grpc.StatusCode.UNAVAILABLE, "away")
        return training_pb2.TrainingJob(name=request.name)

    def WatchTrainingJob(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        self.cursors.append(request.after_sequence)
        last = min(request.after_sequence + 3, EVENTS)
        for sequence in range(request.after_sequence + 1, last + 1):
            event = training_pb2.TrainingEvent(sequence=sequence)
            yield training_pb2.WatchTrainingJobResponse(event=event)
        if last < EVENTS:
            context.abort(grpc.StatusCode.UNAVAILABLE, "away")

    def CreateDataset(self, request: Any, context: grpc.ServicerContext) -> Any:
        return dataset_pb2.Dataset(name="users/me/datasets/d", state=dataset_pb2.Dataset.UPLOADING)

    def WriteDataset(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Any:
        first = next(requests)
        assert first.offset == len(self.uploaded[first.part])
        for count, message in enumerate(requests):
            if count == 3:
                context.abort(grpc.StatusCode.UNAVAILABLE, "away")
            self.uploaded[first.part] += message.chunk
            if message.finish_part:
                self.finished.add(first.part)
        return dataset_pb2.WriteDatasetResponse()

    def GetDataset(self, request: Any, context: grpc.ServicerContext) -> Any:
        state = dataset_pb2.Dataset.ACTIVE if len(self.finished) == 2 else 1
        found = dataset_pb2.Dataset(name=request.name, state=state)  # type: ignore[arg-type]
        for kind, data in self.uploaded.items():
            found.parts.add(kind=kind, committed_bytes=len(data), finished=kind in self.finished)
        return found


@pytest.fixture
def fake() -> Fake:
    return Fake()


def serve(fake: Fake, credentials: Any = None) -> tuple[grpc.Server, int]:
    server = grpc.server(futures.ThreadPoolExecutor(4))
    training_pb2_grpc.add_TrainingServiceServicer_to_server(fake, server)
    dataset_pb2_grpc.add_DatasetServiceServicer_to_server(fake, server)
    if credentials is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    return server, port


@pytest.fixture
def address(fake: Fake) -> Iterator[str]:
    server, port = serve(fake)
    yield f"127.0.0.1:{port}"
    server.stop(None)


def test_a_broken_watch_goes_on_after_its_last_event(fake: Fake, address: str) -> None:
    with Client(address) as client:
        sequences = [event.sequence for event in client.job("j").watch()]
    assert sequences == list(range(1, EVENTS + 1))
    assert fake.cursors == [0, 3, 6, 9]


def test_so_does_one_of_asyncio(fake: Fake, address: str) -> None:
    async def sequences() -> list[int]:
        async with aio.Client(address) as client:
            return [event.sequence async for event in (await client.job("j")).watch()]

    assert asyncio.run(sequences()) == list(range(1, EVENTS + 1))
    assert fake.cursors == [0, 3, 6, 9]


def rows() -> tuple[np.ndarray, np.ndarray]:
    """Eight chunks and a bit, in which every place differs."""
    return np.arange(1 << 20, dtype=np.int64).reshape(1024, 1024), np.zeros(1024, dtype=np.uint8)


def uploaded(fake: Fake) -> list[int]:
    return [len(fake.uploaded[part]) for part in (1, 2)]


def test_a_broken_upload_goes_on_from_what_is_committed(fake: Fake, address: str) -> None:
    data, labels = rows()
    with Client(address) as client:
        client.create_dataset("d", data, labels)
    assert fake.uploaded[1].endswith(data.tobytes()) and fake.finished == {1, 2}
    assert uploaded(fake) == [128 + data.nbytes, 128 + labels.nbytes]


def test_so_does_one_of_asyncio_too(fake: Fake, address: str) -> None:
    data, labels = rows()

    async def upload() -> None:
        async with aio.Client(address) as client:
            await client.create_dataset("d", data, labels)

    asyncio.run(upload())
    assert fake.uploaded[1].endswith(data.tobytes()) and fake.finished == {1, 2}


def test_a_retry_has_the_same_request_id(fake: Fake, address: str) -> None:
    with Client(address) as client:
        client.job("j").cancel()
    first, second = fake.request_ids
    assert first == second and len(first) == 32


def test_a_token_goes_with_every_call(fake: Fake, address: str) -> None:
    with Client(address, token="secret") as client:
        client.job("j")
    assert fake.metadata["authorization"] == "Bearer secret"
    with Client(address) as client:
        client.job("j")
    assert "authorization" not in fake.metadata


def test_what_was_joined_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("TRAINYARD_SERVER", "TRAINYARD_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TRAINYARD_CONFIG_DIR", str(tmp_path))
    servers = {"lab:1": {"token": "t", "authority": "PEM", "user": "users/ada"}}
    login = tmp_path / "login.json"
    login.write_text(json.dumps({"current": "lab:1", "servers": servers}))
    login.chmod(0o600)
    joined = Target("lab:1", "t", b"PEM", "trainyard")
    assert find_target(None, None) == joined
    assert find_target("lab:1", None) == joined
    assert find_target("127.0.0.1:2", None) == Target("127.0.0.1:2")
    # Where others may read it, its tokens may be anybody's.
    login.chmod(0o640)
    with pytest.raises(ValueError, match="others may read it; chmod 600"):
        find_target(None, None)


@pytest.mark.parametrize("address", ["lab:1", "10.0.0.1:7700", "127.example.org:1", "0.0.0.0:1"])
def test_a_token_goes_nowhere_in_plain_text(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, address: str
) -> None:
    monkeypatch.setenv("TRAINYARD_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("TRAINYARD_TOKEN", "secret")
    with pytest.raises(FailedPrecondition, match=r"not joined .*\n.*trainyard\.join\(LINE\)"):
        Client(address)
    for loopback in ("localhost:1", "[::1]:1", "127.9.9.9:1"):
        assert find_target(loopback, None).token == "secret"


def test_what_is_given_comes_before_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRAINYARD_CONFIG_DIR", str(tmp_path))
    for name in ("TRAINYARD_SERVER", "TRAINYARD_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    assert find_target(None, None) == Target("127.0.0.1:7700")
    monkeypatch.setenv("TRAINYARD_SERVER", "127.0.0.1:1")
    monkeypatch.setenv("TRAINYARD_TOKEN", "t")
    assert find_target(None, None) == Target("127.0.0.1:1", "t")
    assert find_target("127.0.0.1:2", "u") == Target("127.0.0.1:2", "u")


def test_a_pinned_certificate(fake: Fake, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
        + ["-subj", "/CN=lab", "-addext", "subjectAltName=DNS:lab"]
        + ["-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    pem = certificate.read_bytes()
    server, port = serve(fake, grpc.ssl_server_credentials([(key.read_bytes(), pem)]))
    try:
        target = Target(f"127.0.0.1:{port}", "t", root_certificates=pem, authority="lab")
        session = Session(target)
        assert session.run(get_job("users/me/jobs/j")).name == "users/me/jobs/j"
        session.close()
        # It stands for the name that it was made for, and for no other.
        wrong = Session(Target(target.address, root_certificates=pem, authority="elsewhere"))
        with pytest.raises(Unavailable):
            wrong.run(get_job("users/me/jobs/j"))
        wrong.close()
    finally:
        server.stop(None)
