"""Plans of a single request, and what a generator is asked for."""

from __future__ import annotations

from typing import Any, Optional

from trainyard._names import ME, full_name
from trainyard._plans import listed
from trainyard._steps import Call, Plan
from trainyard._upload import Upload
from trainyard._words import GENERATORS, choose
from trainyard.v1 import dataset_pb2, network_pb2, training_pb2

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


def all_of(kind: str) -> Plan[list[Any]]:
    """The caller's resources of a kind, oldest first."""
    method, message = _LIST[kind]
    return (yield from listed(method, message(parent=ME, page_size=1000), kind))


def present_cursor() -> Plan[str]:
    """Where WatchTrainingJobs begins with what happens from now on."""
    request = training_pb2.ListTrainingJobsRequest(parent=ME, page_size=1)
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
