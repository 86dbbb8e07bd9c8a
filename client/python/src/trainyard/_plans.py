"""What clients do, as plans: see _steps.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Optional

import numpy as np

from trainyard import _upload
from trainyard._names import ME, full_name, new_request_id
from trainyard._network_spec import derived_id, make_network_spec
from trainyard._steps import Call, Plan, Send, Sleep
from trainyard.errors import (
    AlreadyExists,
    DatasetFailed,
    EvaluationFailed,
    NotFound,
    OutOfRange,
    Unavailable,
    from_status,
)
from trainyard.events import EpochCompleted, Event, to_event
from trainyard.options import make_spec, mask_of
from trainyard.v1 import dataset_pb2, evaluation_pb2, network_pb2, training_pb2

MOST_ROWS = 1000  # of one Predict
MOST_OUTPUTS = 4_000_000  # of them together
MOST_PREVIEWED = 100
UPLOAD_BREAKS = 6  # in a row, without a byte committed between them


def listed(method: str, request: Any, field: str) -> Plan[list[Any]]:
    """All pages of a list."""
    found: list[Any] = []
    while True:
        page = yield Call(method, request)
        found.extend(getattr(page, field))
        request.page_token = page.next_page_token
        if not page.next_page_token:
            return found


def polls() -> Iterator[Sleep]:
    """Pauses between looks at something that the server is about to finish."""
    pause = 0.01
    while True:
        yield Sleep(pause)
        pause = min(2 * pause, 0.5)


# Datasets.


def create_dataset(
    dataset_id: str, upload: _upload.Upload, replace: bool
) -> Plan[dataset_pb2.Dataset]:
    """Creates a dataset, sends its parts, and waits until it is ACTIVE."""
    request = dataset_pb2.CreateDatasetRequest(
        parent=ME, dataset_id=dataset_id, dataset=upload.dataset, request_id=new_request_id()
    )
    if replace:
        yield from _delete_if_there("datasets", dataset_id)
    created = yield Call("datasets.CreateDataset", request)
    for part, data in upload.parts.items():
        yield from _send(created.name, part, data)
    return (yield from _settled(created.name))


def _send(name: str, part: int, data: bytes) -> Plan[None]:
    """Sends one part; after a break from what the server has of it."""
    offset: Optional[int] = 0
    breaks = 0
    while offset is not None:
        start = offset
        messages = partial(_upload.messages, name, part, data, start)
        try:
            yield Send("datasets.WriteDataset", messages)
            return
        except (Unavailable, OutOfRange):
            breaks += 1
            if breaks > UPLOAD_BREAKS:
                raise
        found = yield Call("datasets.GetDataset", dataset_pb2.GetDatasetRequest(name=name))
        offset = _upload.held(found, part)
        if offset is not None and offset > start:
            breaks = 0


def _settled(name: str) -> Plan[dataset_pb2.Dataset]:
    for pause in polls():
        dataset = yield Call("datasets.GetDataset", dataset_pb2.GetDatasetRequest(name=name))
        if dataset.state == dataset_pb2.Dataset.FAILED:
            raise from_status(dataset.error, DatasetFailed)
        if dataset.state == dataset_pb2.Dataset.ACTIVE:
            return dataset
        yield pause
    raise AssertionError


def rows_of(
    dataset: dataset_pb2.Dataset, start: int, count: int
) -> Plan[tuple[np.ndarray, np.ndarray]]:
    """Rows [start, start + count), raw, and their labels or targets."""
    rows: list[dataset_pb2.DatasetRow] = []
    while len(rows) < count:
        request = dataset_pb2.PreviewDatasetRequest(
            name=dataset.name,
            start_row=start + len(rows),
            row_count=min(MOST_PREVIEWED, count - len(rows)),
        )
        page = yield Call("datasets.PreviewDataset", request)
        rows.extend(page.rows)
        if len(page.rows) < request.row_count:
            break
    features = _matrix([row.features for row in rows], dataset.feature_count)
    if dataset.task == dataset_pb2.REGRESSION:
        return features, _matrix([row.targets for row in rows], dataset.target_count)
    return features, np.array([row.label for row in rows], dtype=np.int64)


def _matrix(rows: list[Any], width: int) -> np.ndarray:
    return np.array(rows, dtype=np.float32).reshape(len(rows), width)


def _delete_if_there(kind: str, name: str) -> Plan[None]:
    try:
        yield from delete(kind, full_name(kind, name))
    except NotFound:
        pass


def delete(kind: str, name: str) -> Plan[None]:
    method, message = {
        "datasets": ("datasets.DeleteDataset", dataset_pb2.DeleteDatasetRequest),
        "networks": ("networks.DeleteNetwork", network_pb2.DeleteNetworkRequest),
        "jobs": ("training.DeleteTrainingJob", training_pb2.DeleteTrainingJobRequest),
    }[kind]
    yield Call(method, message(name=name, request_id=new_request_id()))


# Networks.


def create_network(
    network_id: str, spec: network_pb2.NetworkSpec, replace: bool = False
) -> Plan[network_pb2.Network]:
    if replace:
        yield from _delete_if_there("networks", network_id)
    request = network_pb2.CreateNetworkRequest(
        parent=ME,
        network_id=network_id,
        network=network_pb2.Network(spec=spec),
        request_id=new_request_id(),
    )
    return (yield Call("networks.CreateNetwork", request))


def find_network(network: Any) -> Plan[str]:
    """The name of a network: of a Network, of a name, or of a list of units, whose
    network is made where it is not there yet."""
    if isinstance(network, str):
        return full_name("networks", network)
    if hasattr(network, "name"):
        return str(network.name)
    spec = make_network_spec(network)
    try:
        return (yield from create_network(derived_id(spec), spec)).name
    except AlreadyExists:
        return full_name("networks", derived_id(spec))


# Jobs.


def train(
    network: Any, dataset: Any, job_id: str, dry_run: bool, options: Mapping[str, Any]
) -> Plan[training_pb2.TrainingJob]:
    spec = make_spec({name: value for name, value in options.items() if name != "validation"})
    spec.dataset = name_of("datasets", dataset)
    if options.get("validation") is not None:
        spec.validation_dataset = name_of("datasets", options["validation"])
    spec.network = yield from find_network(network)
    request = training_pb2.CreateTrainingJobRequest(
        parent=ME,
        job_id=job_id,
        job=training_pb2.TrainingJob(spec=spec),
        request_id=new_request_id(),
        validate_only=dry_run,
    )
    return (yield Call("training.CreateTrainingJob", request))


def name_of(kind: str, resource: Any) -> str:
    """The full name of a resource's object, name or id."""
    if isinstance(resource, str):
        return full_name(kind, resource)
    name = getattr(resource, "name", None)
    if not isinstance(name, str):
        raise TypeError(
            f"a {type(resource).__name__} is no dataset on the server; give a name, or what "
            "client.create_dataset returns"
        )
    return name


def get_job(name: str) -> Plan[training_pb2.TrainingJob]:
    request = training_pb2.GetTrainingJobRequest(name=name)
    return (yield Call("training.GetTrainingJob", request))


def change_job(verb: str, name: str) -> Plan[training_pb2.TrainingJob]:
    """`verb` is Pause, Resume or Cancel."""
    message = getattr(training_pb2, f"{verb}TrainingJobRequest")
    request = message(name=name, request_id=new_request_id())
    return (yield Call(f"training.{verb}TrainingJob", request))


def pause(name: str) -> Plan[training_pb2.TrainingJob]:
    """Pauses a job and waits until it has left its slot, or has ended meanwhile."""
    job = yield from change_job("Pause", name)
    for moment in polls():
        if job.state != training_pb2.TrainingJob.PAUSING:
            return job
        yield moment
        job = yield from get_job(name)
    raise AssertionError


def fork(
    name: str, job_id: str, epoch: Optional[int], options: Mapping[str, Any]
) -> Plan[training_pb2.TrainingJob]:
    if options.get("validation") is not None:
        raise ValueError("a fork keeps its validation dataset; create a new job for another")
    spec = make_spec(options)
    request = training_pb2.ForkTrainingJobRequest(
        name=name, job_id=job_id, spec=spec, request_id=new_request_id()
    )
    request.update_mask.paths.extend(mask_of(spec))
    if epoch is not None:
        request.epoch = epoch
    return (yield Call("training.ForkTrainingJob", request))


def train_again(name: str, job_id: str) -> Plan[training_pb2.TrainingJob]:
    request = training_pb2.VerifyTrainingJobRequest(
        name=name, job_id=job_id, request_id=new_request_id()
    )
    return (yield Call("training.VerifyTrainingJob", request))


def events(name: str) -> Plan[list[Event]]:
    """Every event that is in the log now."""
    found: list[Event] = []
    after = (yield from get_job(name)).first_sequence - 1
    while True:
        request = training_pb2.ListTrainingEventsRequest(
            name=name, after_sequence=max(after, 0), page_size=1000
        )
        page = yield Call("training.ListTrainingEvents", request)
        found.extend(map(to_event, page.events))
        if len(page.events) < request.page_size:
            return found
        after = page.events[-1].sequence


def epochs(name: str) -> Plan[list[EpochCompleted]]:
    return [event for event in (yield from events(name)) if isinstance(event, EpochCompleted)]


# Evaluations and predictions.


def evaluate(
    job: str, dataset: Any, epoch: Optional[int], evaluation_id: str
) -> Plan[evaluation_pb2.Evaluation]:
    """Creates an evaluation and waits for its end."""
    wanted = evaluation_pb2.Evaluation(dataset=name_of("datasets", dataset))
    if epoch is not None:
        wanted.epoch = epoch
    request = evaluation_pb2.CreateEvaluationRequest(
        parent=job,
        evaluation_id=evaluation_id,
        evaluation=wanted,
        request_id=new_request_id(),
    )
    found = yield Call("evaluations.CreateEvaluation", request)
    for moment in polls():
        if found.state == evaluation_pb2.Evaluation.FAILED:
            raise from_status(found.error, EvaluationFailed)
        if found.state == evaluation_pb2.Evaluation.SUCCEEDED:
            return found
        yield moment
        found = yield from get_evaluation(found.name)
    raise AssertionError


def get_evaluation(name: str) -> Plan[evaluation_pb2.Evaluation]:
    request = evaluation_pb2.GetEvaluationRequest(name=name)
    return (yield Call("evaluations.GetEvaluation", request))


def misclassified(name: str) -> Plan[np.ndarray]:
    """Columns row, label, predicted."""
    request = evaluation_pb2.ListMisclassifiedRequest(parent=name, page_size=1000)
    rows = yield from listed("evaluations.ListMisclassified", request, "rows")
    table = [(row.row, row.label, row.predicted) for row in rows]
    return np.array(table, dtype=np.int64).reshape(-1, 3)


def _numbered(rows: Any) -> np.ndarray:
    table = np.asarray(rows)
    if table.ndim != 1 or (len(table) and table.dtype.kind not in "iu"):
        raise ValueError("with a dataset, rows are the numbers of its rows, from 0, in a list")
    return table


def _raw_rows(rows: Any) -> np.ndarray:
    """(rows, features); images are rows of pixels."""
    table = np.asarray(rows)
    if table.ndim == 3:
        table = table.reshape(len(table), -1)
    if table.ndim != 2:
        raise ValueError(
            f"rows has the shape {table.shape}; predict needs (rows, features), as in x[:1] or "
            "x.reshape(1, -1) for one row"
        )
    return table


def predict(
    job: training_pb2.TrainingJob, rows: Any, dataset: Any, epoch: Optional[int]
) -> Plan[list[evaluation_pb2.Prediction]]:
    """Of rows given, (rows, features), or of the numbers of rows of a dataset."""
    table = _numbered(rows) if dataset is not None else _raw_rows(rows)
    found: list[evaluation_pb2.Prediction] = []
    most = max(1, min(MOST_ROWS, MOST_OUTPUTS // job.network_spec.layers[-1].units))
    for some in np.array_split(table, max(1, -(-len(table) // most))):
        request = evaluation_pb2.PredictRequest(name=job.name)
        if epoch is not None:
            request.epoch = epoch
        if dataset is not None:
            request.dataset_rows.dataset = name_of("datasets", dataset)
            request.dataset_rows.rows.extend(int(row) for row in some)
        else:
            request.rows.SetInParent()
            for row in some:
                request.rows.rows.add(features=row.astype(float).tolist())
        found.extend((yield Call("evaluations.Predict", request)).predictions)
    return found
