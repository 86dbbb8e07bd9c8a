"""Plans of a single request, and what a generator is asked for."""

from __future__ import annotations

from typing import Any, Optional

from trainyard._names import ME, full_name, new_request_id, owner
from trainyard._plans import listed
from trainyard._steps import Call, Plan
from trainyard._upload import Upload
from trainyard._words import GENERATORS, VISIBILITIES, choose
from trainyard.user import Queue, User
from trainyard.v1 import admin_pb2, dataset_pb2, network_pb2, training_pb2

_GET: dict[str, tuple[str, Any]] = {
    "datasets": ("datasets.GetDataset", dataset_pb2.GetDatasetRequest),
    "networks": ("networks.GetNetwork", network_pb2.GetNetworkRequest),
}
_LIST: dict[str, tuple[str, Any]] = {
    "datasets": ("datasets.ListDatasets", dataset_pb2.ListDatasetsRequest),
    "networks": ("networks.ListNetworks", network_pb2.ListNetworksRequest),
    "jobs": ("training.ListTrainingJobs", training_pb2.ListTrainingJobsRequest),
}


def get(kind: str, name: str) -> Plan[Any]:
    method, message = _GET[kind]
    return (yield Call(method, message(name=full_name(kind, name))))


def all_of(kind: str, everyone: bool) -> Plan[list[Any]]:
    """The caller's resources of a kind, or all that they may use, oldest first."""
    method, message = _LIST[kind]
    return (yield from listed(method, message(parent=owner(everyone), page_size=1000), kind))


def share_dataset(
    name: str, visibility: str, show_confusion_matrix: bool, evaluations_per_day: int
) -> Plan[dataset_pb2.Dataset]:
    request = dataset_pb2.UpdateDatasetRequest(request_id=new_request_id())
    request.dataset.name = name
    request.dataset.visibility = choose("visibility", visibility, VISIBILITIES)
    request.update_mask.paths.append("visibility")
    if visibility == "hidden":
        request.dataset.hidden_policy.show_confusion_matrix = show_confusion_matrix
        request.dataset.hidden_policy.evaluations_per_day = evaluations_per_day
        request.update_mask.paths.append("hidden_policy")
    elif show_confusion_matrix or evaluations_per_day:
        raise ValueError(
            "show_confusion_matrix and evaluations_per_day need visibility='hidden'"
        )
    return (yield Call("datasets.UpdateDataset", request))


def share_network(name: str, visibility: str) -> Plan[network_pb2.Network]:
    words = {word: value for word, value in VISIBILITIES.items() if word != "hidden"}
    request = network_pb2.UpdateNetworkRequest(request_id=new_request_id())
    request.network.name = name
    request.network.visibility = choose("visibility", visibility, words)
    request.update_mask.paths.append("visibility")
    return (yield Call("networks.UpdateNetwork", request))


def user(name: str) -> Plan[User]:
    request = admin_pb2.GetUserRequest(name=name if "/" in name else f"users/{name}")
    return User.of((yield Call("admin.GetUser", request)))


def users() -> Plan[list[User]]:
    """The class, in order of joining."""
    request = admin_pb2.ListUsersRequest(page_size=1000)
    return list(map(User.of, (yield from listed("admin.ListUsers", request, "users"))))


def queue() -> Plan[Queue]:
    return Queue.of((yield Call("admin.GetQueue", admin_pb2.GetQueueRequest())))


def present_cursor(parent: str) -> Plan[str]:
    """Where WatchTrainingJobs begins with what happens from now on."""
    request = training_pb2.ListTrainingJobsRequest(parent=parent, page_size=1)
    return str((yield Call("training.ListTrainingJobs", request)).cursor)


def generated(kind: str, rows: int, noise: Optional[float], seed: int) -> Upload:
    """A dataset that the server makes: nothing to send."""
    dataset = dataset_pb2.Dataset()
    dataset.generator.kind = choose("kind", kind, GENERATORS)
    dataset.generator.row_count = rows
    dataset.generator.seed = seed
    if noise is not None:
        dataset.generator.noise = noise
    return Upload(dataset)
