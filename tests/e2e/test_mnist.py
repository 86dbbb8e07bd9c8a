"""MNIST itself: the same 60,000 rows from IDX and from CSV, and an accuracy that
only a right implementation reaches."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import pytest

from harness import Server, dataset_pb2, evaluation_pb2


def read_idx(path: Path) -> np.ndarray:
    data = gzip.decompress(path.read_bytes())
    shape = [int.from_bytes(data[4 * i : 4 * i + 4], "big") for i in range(1, data[3] + 1)]
    return np.frombuffer(data, np.uint8, offset=4 * (1 + data[3])).reshape(shape)


def as_csv(images: np.ndarray, labels: np.ndarray) -> bytes:
    """Label first, then the pixels, no header: as the notebook's subsets."""
    table = np.column_stack([labels, images.reshape(len(images), -1)])
    # A table of the 256 texts is many times faster than formatting each value.
    texts = np.array([str(value) for value in range(256)])
    return "\n".join(",".join(row) for row in texts[table]).encode() + b"\n"


def as_npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def from_idx(server: Server, mnist: Path) -> dict[str, dataset_pb2.Dataset]:
    return {
        name: server.api.active(
            f"idx-{name}",
            (mnist / f"{name}-images-idx3-ubyte.gz").read_bytes(),
            (mnist / f"{name}-labels-idx1-ubyte.gz").read_bytes(),
        )
        for name in ("train", "t10k")
    }


def test_idx_is_what_it_says(from_idx: dict[str, dataset_pb2.Dataset]) -> None:
    train = from_idx["train"]
    assert (train.row_count, train.feature_count, train.class_count) == (60000, 784, 10)
    assert (train.image_shape.height, train.image_shape.width) == (28, 28)
    assert train.feature_type == dataset_pb2.Dataset.UINT8
    assert train.label_histogram[:3] == [5923, 6742, 5958]
    assert from_idx["t10k"].row_count == 10000


def test_csv_and_npy_of_the_same_rows_are_the_same_dataset(
    server: Server, mnist: Path, from_idx: dict[str, dataset_pb2.Dataset]
) -> None:
    for name in ("train", "t10k"):
        images = read_idx(mnist / f"{name}-images-idx3-ubyte.gz")
        labels = read_idx(mnist / f"{name}-labels-idx1-ubyte.gz")
        csv = server.api.active(f"csv-{name}", as_csv(images, labels))
        assert csv.digest == from_idx[name].digest
        npy = server.api.active(f"npy-{name}", as_npy(images), as_npy(labels))
        assert npy.digest == from_idx[name].digest


def test_three_epochs_reach_the_accuracy(
    server: Server, from_idx: dict[str, dataset_pb2.Dataset]
) -> None:
    network = server.api.network("notebook", [784, 500, 200, 10], seed=1)
    job = server.api.trained(
        "full", network.name, from_idx["train"].name, epochs=3, learning_rate=0.3
    )
    evaluation = server.api.evaluated(job.name, from_idx["t10k"].name)
    assert evaluation.state == evaluation_pb2.Evaluation.SUCCEEDED, evaluation.error
    assert evaluation.accuracy >= 0.965
    assert sum(evaluation.confusion_matrix.counts) == 10000


def test_csv_trains_to_the_same_bytes(
    server: Server, from_idx: dict[str, dataset_pb2.Dataset]
) -> None:
    network = server.api.network("small", [784, 30, 10], seed=1)
    digests = {
        server.api.trained(
            f"bytes-{source}", network.name, f"users/me/datasets/{source}-train",
            epochs=1, learning_rate=0.3, batch_size=1,
        ).weights_digest
        for source in ("idx", "csv")
    }  # fmt: skip
    assert len(digests) == 1
