"""What is sent of arrays, frames and files, and how."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np

from trainyard._words import TASKS, choose
from trainyard.v1 import dataset_pb2

CHUNK = 1 << 20  # bytes
_DATA = dataset_pb2.UploadPart.DATA
_LABELS = dataset_pb2.UploadPart.LABELS


@dataclass
class Upload:
    """A dataset to create, and the bytes of its parts."""

    dataset: dataset_pb2.Dataset
    parts: dict[int, bytes] = field(default_factory=dict)


def make_upload(
    data: Any,
    labels: Any = None,
    task: str = "classification",
    classes: int = 0,
    label_column: Union[str, int, None] = None,
    target_columns: Sequence[Union[str, int]] = (),
) -> Upload:
    """From an array with its labels, a frame, or a path; see Client.create_dataset."""
    dataset = dataset_pb2.Dataset(task=choose("task", task, TASKS), class_count=classes)
    upload = Upload(dataset)
    source = dataset.upload
    columns = list(data.columns) if _is_frame(data, labels) else []
    if label_column is not None:
        source.label_column = _column(columns, label_column)
    source.target_columns.extend(_column(columns, column) for column in target_columns)
    if isinstance(data, (str, os.PathLike)):
        upload.parts[_DATA] = Path(data).read_bytes()
        if labels is not None:
            upload.parts[_LABELS] = Path(labels).read_bytes()
    elif columns:
        source.format = dataset_pb2.UploadSource.CSV
        upload.parts[_DATA] = _csv(data)
    else:
        source.format = dataset_pb2.UploadSource.NPY
        _add_arrays(upload, _numbers("data", data), labels, task)
    source.separate_labels = _LABELS in upload.parts
    return upload


def _is_frame(data: Any, labels: Any) -> bool:
    """Whether it is a pandas frame with the labels among its columns."""
    return labels is None and hasattr(data, "to_csv") and hasattr(data, "columns")


def _column(columns: list[Any], wanted: Union[str, int]) -> str:
    """As the server takes it: a name, or an index from 0. A frame's columns may be called
    3, 2, 1."""
    return str(columns.index(wanted) if wanted in columns else wanted)


def _csv(frame: Any) -> bytes:
    """With a header that is one: a line of numbers would be taken for a row."""
    booleans = frame.select_dtypes("bool").columns
    header = [f"column {name}" if _is_number(name) else str(name) for name in frame.columns]
    numbers = frame.astype({name: "uint8" for name in booleans})
    return bytes(numbers.to_csv(index=False, header=header).encode())


def _is_number(text: Any) -> bool:
    try:
        float(text)
    except (TypeError, ValueError):
        return False
    return True


def _numbers(what: str, values: Any) -> np.ndarray:
    """An array of numbers; of objects where each of them is a number."""
    array = np.asarray(values)
    if array.dtype.kind not in "OSU":
        return array
    for value in array.ravel():
        if isinstance(value, (str, bytes)) or not _is_number(value):
            advice = "convert it first, or leave it out"
            if what == "labels":
                advice = (
                    "classes are integers from 0: names, labels = "
                    "numpy.unique(labels, return_inverse=True)"
                )
            raise ValueError(f"{what} has {str(value)!r}, which is no number; {advice}")
    return array.astype(np.float64)


def _add_arrays(upload: Upload, data: np.ndarray, labels: Any, task: str) -> None:
    if labels is None:
        raise ValueError("an array of rows needs labels: one integer from 0 for each row")
    if data.ndim not in (2, 3):
        raise ValueError(
            f"data has the shape {data.shape}; it must be (rows, features) or (rows, height, width)"
        )
    targets = _numbers("labels", labels)
    if len(targets) != len(data):
        raise ValueError(f"data has {len(data)} rows and labels has {len(targets)}")
    if task == "classification":
        targets, classes = _labels(targets)
        upload.dataset.class_count = upload.dataset.class_count or classes
    upload.parts[_DATA] = npy(data)
    upload.parts[_LABELS] = npy(targets)


def _labels(targets: np.ndarray) -> tuple[np.ndarray, int]:
    """Labels as integers, and how many classes one-hot rows say that there are, else 0."""
    if targets.ndim == 2 and targets.shape[1] > 1:
        one_hot = ((targets == 0) | (targets == 1)).all() and (targets.sum(axis=1) == 1).all()
        if not one_hot:
            raise ValueError("labels has several columns that are not one-hot; task='regression'?")
        return targets.argmax(axis=1), targets.shape[1]
    if targets.dtype.kind == "f":
        if not np.isfinite(targets).all():
            raise ValueError("labels has values that are missing or not finite")
        whole = targets.astype(np.int64)
        if (whole != targets).any():
            raise ValueError("labels are not whole numbers; task='regression'?")
        return whole, 0
    return targets, 0


def npy(array: np.ndarray) -> bytes:
    """NumPy's file format, version 1.0, row-major."""
    if array.dtype.kind == "f" and array.dtype.itemsize not in (4, 8):
        array = array.astype(np.float32)
    stream = io.BytesIO()
    np.lib.format.write_array(
        stream, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False
    )
    return stream.getvalue()


def messages(
    name: str, part: int, data: bytes, offset: int
) -> Iterator[dataset_pb2.WriteDatasetRequest]:
    """The messages of one WriteDataset call that goes on from `offset`."""
    yield dataset_pb2.WriteDatasetRequest(
        name=name, part=dataset_pb2.UploadPart.Kind.Name(part), offset=offset
    )
    for start in range(offset, len(data), CHUNK):
        yield dataset_pb2.WriteDatasetRequest(chunk=data[start : start + CHUNK])
    yield dataset_pb2.WriteDatasetRequest(finish_part=True)


def held(dataset: dataset_pb2.Dataset, part: int) -> Optional[int]:
    """Bytes of the part that the server holds; None where it has all."""
    for candidate in dataset.parts:
        if candidate.kind == part:
            return None if candidate.finished else candidate.committed_bytes
    return 0 if dataset.state == dataset_pb2.Dataset.UPLOADING else None
