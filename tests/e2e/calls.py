"""Every call of the API, and what each says to whom in a class."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from harness import (
    PATIENCE,
    Api,
    Code,
    admin_pb2,
    dataset_pb2,
    evaluation_pb2,
    network_pb2,
    training_pb2,
)

# What owns something: an empty request to any of them names nothing.
OWNERS = (dataset_pb2, network_pb2, training_pb2, evaluation_pb2)


def methods(modules: Any = OWNERS) -> Iterator[tuple[str, bool, bool, type[Message], type[Message]]]:
    """Every method of these modules' services: path, whether the request and the
    response are streams, and their types."""
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    for module in modules:
        proto = FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)
        for service in proto.service:
            for method in service.method:
                request = getattr(module, method.input_type.rpartition(".")[2])
                response_name = method.output_type.rpartition(".")[2]
                response = getattr(module, response_name, None)
                if response is None:
                    from google.protobuf.empty_pb2 import Empty as response  # type: ignore
                yield (
                    f"/{proto.package}.{service.name}/{method.name}",
                    method.client_streaming,
                    method.server_streaming,
                    request,
                    response,
                )


ALL = [
    pytest.param(method, id=method[0].rpartition("/")[2])
    for method in methods((*OWNERS, admin_pb2))
]

STAFF_READS = {
    "GetDataset",
    "ListDatasets",
    "GetNetwork",
    "ListNetworks",
    "GetTrainingJob",
    "ListTrainingJobs",
    "ListTrainingEvents",
    "WatchTrainingJob",
    "WatchTrainingJobs",
    "ListCheckpoints",
    "GetEvaluation",
    "ListEvaluations",
    "GetConfusionMatrix",
    "ListMisclassified",
    "GetUser",
}
STAFF_CHANGES = {"CancelTrainingJob", "PauseTrainingJob", "ResumeTrainingJob"}
STAFF_ONLY = {
    "ListUsers",
    "UpdateUser",
    "CreateInvitation",
    "ListInvitations",
    "DeleteInvitation",
    "UpdateClassSettings",
}
ADMIN_ONLY = {"ListAuditEntries", "DrainServer"}
# Of nobody in particular: they answer everybody.
FOR_ALL = {"GetClassSettings", "GetQueue", "GetServer"}
# Answer with what the caller may see, and so with nothing.
EMPTY_FOR_OTHERS = {"ListDatasets", "ListNetworks"}
NO_TOKEN = {"JoinClass"}
TOKENS_OF_ADMIN = {"CreateToken", "ListTokens", "DeleteToken"}


def about_ada(method: str, request_type: Any) -> Any:
    """A request for what ada has, made from the descriptor of its type."""
    names = {
        "Dataset": "users/ada/datasets/d",
        "Network": "users/ada/networks/n",
        "Checkpoint": "users/ada/jobs/j/checkpoints/2",
        "Evaluation": "users/ada/jobs/j/evaluations/e",
        "ConfusionMatrix": "users/ada/jobs/j/evaluations/e",
        "User": "users/ada",
        "Token": "users/ada/tokens/t",
        "Invitation": "invitations/i",
    }
    kind = next((kind for kind in names if kind in method), "")
    name = names.get(kind, "users/ada/jobs/j")
    request = request_type()
    fields = request_type.DESCRIPTOR.fields_by_name
    if "name" in fields:
        request.name = name
    if "parent" in fields:
        below_a_job = ("Evaluation" in method) or method == "ListCheckpoints"
        request.parent = "users/ada/jobs/j" if below_a_job else "users/ada"
        if method == "ListMisclassified":
            request.parent = "users/ada/jobs/j/evaluations/e"
    for field in ("dataset", "network", "user"):
        if method.startswith("Update") and field in fields and fields[field].message_type:
            getattr(request, field).name = name
    return request


def outcome(
    api: Api, method: Any, change: Callable[[Any], Any] = lambda request: request
) -> tuple[Code, Any]:
    path, sends, streams, request_type, response_type = method
    short = path.rpartition("/")[2]
    kind = ("stream" if sends else "unary") + "_" + ("stream" if streams else "unary")
    call = getattr(api.channel, kind)(
        path,
        request_serializer=request_type.SerializeToString,
        response_deserializer=response_type.FromString,
    )
    request = change(about_ada(short, request_type))
    try:
        answer = call(iter([request]) if sends else request, timeout=20 * PATIENCE)
        # A stream that begins was let in.
        return Code.OK, next(iter(answer)) if streams else answer
    except StopIteration:
        return Code.OK, response_type()
    except grpc.RpcError as error:
        return error.code(), error
