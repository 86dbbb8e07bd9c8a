"""Datasets."""

from __future__ import annotations

from typing import NamedTuple, Optional

import numpy as np

from trainyard import _plans, _requests
from trainyard._names import last_part
from trainyard._session import Session
from trainyard._words import VISIBILITIES, word_of
from trainyard.v1 import dataset_pb2


class HiddenPolicy(NamedTuple):
    """What others learn by evaluating on a hidden dataset: the accuracy (for regression
    R^2), and what is said here."""

    show_confusion_matrix: bool
    evaluations_per_day: int  # of each user, from midnight UTC; 0 is no bound


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

    @property
    def visibility(self) -> str:
        """ "private", "class" or "hidden": see share."""
        return word_of(self.message.visibility, VISIBILITIES) or "private"

    @property
    def hidden_policy(self) -> Optional[HiddenPolicy]:
        """What an evaluation on it shows; None where it is not hidden."""
        if self.visibility != "hidden":
            return None
        policy = self.message.hidden_policy
        return HiddenPolicy(policy.show_confusion_matrix, policy.evaluations_per_day)

    def __len__(self) -> int:
        return self.row_count

    def __repr__(self) -> str:
        classes = f", {self.class_count} classes" if self.class_count else ""
        size = f"{self.row_count} rows x {self.feature_count}{classes}"
        shared = "" if self.visibility == "private" else f", {self.visibility}"
        return f"Dataset({self.name!r}, {self.state}, {size}{shared})"


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

    def share(
        self,
        visibility: str = "class",
        *,
        show_confusion_matrix: bool = False,
        evaluations_per_day: int = 0,
    ) -> Dataset:
        """Says who may use it; returns itself.

        Args:
            visibility: "class": everybody reads it and trains on it. "hidden": everybody
                evaluates on it and learns the accuracy, and nobody, its owner included,
                reads its rows or trains on it. "private": its owner.
            show_confusion_matrix: Of hidden: whether evaluations show the matrix, too.
            evaluations_per_day: Of hidden: how often each may evaluate on it; 0 is no bound.
        """
        plan = _requests.share_dataset(
            self.name, visibility, show_confusion_matrix, evaluations_per_day
        )
        self.message = self._session.run(plan)
        return self

    def unshare(self) -> Dataset:
        """Makes it private again; returns itself."""
        return self.share("private")

    def delete(self) -> None:
        """Deletes it; its name may be used again. Jobs that ended keep their results."""
        self._session.run(_plans.delete("datasets", self.name))
