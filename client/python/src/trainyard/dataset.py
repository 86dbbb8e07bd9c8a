"""Datasets."""

from __future__ import annotations

from typing import Optional

import numpy as np

from trainyard import _plans
from trainyard._names import last_part
from trainyard._session import Session
from trainyard.v1 import dataset_pb2


class DatasetView:
    """An immutable table of rows on the server, as it was when it was last looked at.

    Attributes:
        message: What the server said, a trainyard.v1.Dataset.
    """

    def __init__(self, message: dataset_pb2.Dataset) -> None:
        self.message = message

    @property
    def name(self) -> str:
        """users/{user}/datasets/{dataset}"""
        return self.message.name

    @property
    def id(self) -> str:
        return last_part(self.name)

    @property
    def state(self) -> str:
        """ "UPLOADING", "INGESTING", "ACTIVE" or "FAILED"."""
        return dataset_pb2.Dataset.State.Name(self.message.state)

    @property
    def row_count(self) -> int:
        return self.message.row_count

    @property
    def feature_count(self) -> int:
        return self.message.feature_count

    @property
    def class_count(self) -> int:
        """0 for regression."""
        return self.message.class_count

    @property
    def label_histogram(self) -> np.ndarray:
        """Rows of each class, int64, shape (classes,)."""
        return np.array(self.message.label_histogram, dtype=np.int64)

    @property
    def image_shape(self) -> Optional[tuple[int, int]]:
        """(height, width) in pixels, where a row is an image."""
        if not self.message.HasField("image_shape"):
            return None
        return self.message.image_shape.height, self.message.image_shape.width

    @property
    def digest(self) -> str:
        """SHA-256 of the content: the same rows have the same."""
        return self.message.digest

    def __len__(self) -> int:
        return self.row_count

    def __repr__(self) -> str:
        classes = f", {self.class_count} classes" if self.class_count else ""
        size = f"{self.row_count} rows x {self.feature_count}{classes}"
        return f"Dataset({self.name!r}, {self.state}, {size})"


class Dataset(DatasetView):
    """A dataset on the server."""

    def __init__(self, session: Session, message: dataset_pb2.Dataset) -> None:
        super().__init__(message)
        self._session = session

    def rows(self, start: int = 0, count: Optional[int] = None) -> tuple[np.ndarray, np.ndarray]:
        """Rows [start, start + count) as they were uploaded, before any scaling; all the
        others where count is None.

        Returns:
            features: float32, (rows, features).
            labels: int64, (rows,); for regression targets, float32, (rows, targets).
        """
        some = self.row_count - start if count is None else count
        return self._session.run(_plans.rows_of(self.message, start, some))

    def delete(self) -> None:
        """Deletes it; its name may be used again. Jobs that ended keep their results."""
        self._session.run(_plans.delete("datasets", self.name))
