"""What a network makes of rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainyard.v1 import evaluation_pb2


class Predictions:
    """One for each row asked for, in that order.

    Attributes:
        outputs: The network's output vectors, float64, (rows, outputs).
        classes: Predicted classes, int64, (rows,); empty for regression.
        labels: What the dataset has, where the rows came from one: int64, (rows,), else
            empty.
    """

    def __init__(self, messages: Sequence[evaluation_pb2.Prediction]) -> None:
        self.outputs = np.array([one.outputs for one in messages], dtype=np.float64)
        self.classes = self._column(messages, "class_index")
        self.labels = self._column(messages, "label")

    @staticmethod
    def _column(messages: Sequence[evaluation_pb2.Prediction], name: str) -> np.ndarray:
        values = [getattr(one, name) for one in messages if one.HasField(name)]
        return np.array(values, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.outputs)

    def __repr__(self) -> str:
        return f"Predictions({len(self)} rows, classes {self.classes})"
