"""Operations of several calls, written once for both clients.

An operation is a generator (a Plan) that yields steps and is sent their answers; a
step that fails is thrown into it as a TrainyardError. The blocking client and the
asyncio client each carry steps out in their own way.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Any, Callable, TypeVar, Union

from trainyard.v1 import (
    admin_pb2_grpc,
    dataset_pb2_grpc,
    evaluation_pb2_grpc,
    network_pb2_grpc,
    training_pb2_grpc,
)

T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """A unary call, tried again while the server is away. The answer is its message."""

    method: str  # as in "training.GetTrainingJob"
    request: Any


@dataclass(frozen=True)
class Send:
    """A call with a stream of requests, tried once. The answer is its message."""

    method: str
    requests: Callable[[], Iterable[Any]]


@dataclass(frozen=True)
class Receive:
    """A call with a stream of answers, tried once. The answer is the list of them."""

    method: str
    request: Any


@dataclass(frozen=True)
class Sleep:
    seconds: float


Step = Union[Call, Send, Receive, Sleep]
Plan = Generator[Step, Any, T]


class Stubs:
    """The services, over a channel of grpc or of grpc.aio."""

    def __init__(self, channel: Any) -> None:
        self.admin: Any = admin_pb2_grpc.AdminServiceStub(channel)
        self.datasets: Any = dataset_pb2_grpc.DatasetServiceStub(channel)
        self.networks: Any = network_pb2_grpc.NetworkServiceStub(channel)
        self.training: Any = training_pb2_grpc.TrainingServiceStub(channel)
        self.evaluations: Any = evaluation_pb2_grpc.EvaluationServiceStub(channel)

    def method(self, name: str) -> Any:
        service, _, method = name.partition(".")
        return getattr(getattr(self, service), method)
