"""Evaluations: how well a job's weights do on a dataset."""

from __future__ import annotations

from typing import Any, Optional

import numpy as np

from trainyard import _plans, _plot
from trainyard._names import last_part
from trainyard._session import Session
from trainyard.v1 import evaluation_pb2


class EvaluationView:
    """A finished evaluation. What is of classes is empty for a regression, and None
    what is of a regression for classes.

    Attributes:
        message: What the server said, a trainyard.v1.Evaluation.
    """

    def __init__(self, message: evaluation_pb2.Evaluation) -> None:
        self.message = message

    @property
    def name(self) -> str:
        """users/{user}/jobs/{job}/evaluations/{evaluation}"""
        return self.message.name

    @property
    def id(self) -> str:
        return last_part(self.name)

    @property
    def dataset(self) -> str:
        return self.message.dataset

    @property
    def epoch(self) -> int:
        """The epoch whose weights were evaluated."""
        return self.message.epoch

    @property
    def row_count(self) -> int:
        return self.message.row_count

    @property
    def cost(self) -> float:
        """Loss summed over the rows."""
        return self.message.cost

    @property
    def mean_cost(self) -> float:
        return self.message.mean_cost

    @property
    def accuracy(self) -> Optional[float]:
        """Share of rows classified rightly, 0 to 1."""
        return self._optional(self.message, "accuracy")

    @property
    def confusion_matrix(self) -> np.ndarray:
        """Counts, int64, (classes, classes) of the network: rows are the truth, columns
        the prediction."""
        matrix = self.message.confusion_matrix
        return np.array(matrix.counts, dtype=np.int64).reshape(matrix.size, matrix.size)

    @property
    def success(self) -> np.ndarray:
        """Rows of each class classified rightly, int64, (classes,)."""
        return np.array(self.message.scorecard.success, dtype=np.int64)

    @property
    def failure(self) -> np.ndarray:
        """Rows of each class classified wrongly, int64, (classes,)."""
        return np.array(self.message.scorecard.failure, dtype=np.int64)

    @property
    def precision(self) -> np.ndarray:
        """True positives / predicted positives of each class, (classes,)."""
        return self._metric("precision")

    @property
    def recall(self) -> np.ndarray:
        """True positives / rows of each class, (classes,)."""
        return self._metric("recall")

    @property
    def f1(self) -> np.ndarray:
        """2 precision recall / (precision + recall) of each class, (classes,)."""
        return self._metric("f1")

    @property
    def r_squared(self) -> Optional[float]:
        """1 - residual / total sum of squares; None where the targets do not vary."""
        return self._optional(self.message.regression, "r_squared")

    @property
    def mean_absolute_error(self) -> Optional[float]:
        return self._of_regression("mean_absolute_error")

    @property
    def root_mean_squared_error(self) -> Optional[float]:
        return self._of_regression("root_mean_squared_error")

    @property
    def limited(self) -> bool:
        """Whether the dataset is hidden: what its owner does not show is left out."""
        return self.message.limited

    def plot(self, ax: Any = None) -> Any:
        """Draws the confusion matrix. Returns matplotlib's axes; needs matplotlib."""
        if not self.message.HasField("confusion_matrix"):
            why = ": its dataset is hidden" if self.limited else ""
            raise ValueError(f"{self.name} has no confusion matrix to plot{why}")
        return _plot.confusion_matrix(self, ax)

    def __repr__(self) -> str:
        score = "" if self.accuracy is None else f", accuracy {self.accuracy:.4f}"
        rows = f", {self.row_count} rows" if self.row_count or not self.message.limited else ""
        return f"Evaluation({self.name!r}{rows}{score})"

    def __str__(self) -> str:
        # Of a hidden dataset what is not told is not there, which is not 0.
        told = "hidden" if self.message.limited else f"cost {self.cost:.6g}"
        rows = f"{self.row_count} rows  " if self.row_count or not self.message.limited else ""
        lines = [f"{self.dataset}  {rows}{told}"]
        if self.accuracy is not None:
            lines.append(f"accuracy {self.accuracy:.2%}")
        if self.r_squared is not None:
            lines.append(f"R^2 {self.r_squared:.6g}")
        if self.message.HasField("scorecard"):
            lines += [f"success {self.success}", f"failure {self.failure}"]
        if self.message.HasField("confusion_matrix"):
            lines += ["confusion matrix (rows: truth, columns: prediction)"]
            lines.append(str(self.confusion_matrix))
        return "\n".join(lines)

    def _metric(self, name: str) -> np.ndarray:
        values = [getattr(one, name) for one in self.message.class_metrics]
        return np.array(values, dtype=np.float64)

    def _of_regression(self, name: str) -> Optional[float]:
        if not self.message.HasField("regression"):
            return None
        return float(getattr(self.message.regression, name))

    @staticmethod
    def _optional(message: Any, name: str) -> Optional[float]:
        return float(getattr(message, name)) if message.HasField(name) else None


class Evaluation(EvaluationView):
    """An evaluation on the server."""

    def __init__(self, session: Session, message: evaluation_pb2.Evaluation) -> None:
        super().__init__(message)
        self._session = session

    def misclassified(self) -> np.ndarray:
        """The rows whose predicted class is not their label: int64, (rows, 3), with the
        columns row, label, predicted."""
        return self._session.run(_plans.misclassified(self.name))
