"""A job's epochs as arrays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from trainyard import _plot
from trainyard.events import EpochCompleted

_FLOATS = (
    "cost", "mean_cost", "train_accuracy", "validation_cost", "validation_accuracy",
    "learning_rate", "seconds", "samples_per_second", "energy_joules",
)  # fmt: skip


class History:
    """The completed epochs of a job, ascending; every array has the shape (epochs,).

    Attributes:
        epoch: int64, from 1.
        cost: Loss summed over the training set, after the epoch.
        mean_cost: cost / rows.
        train_accuracy: Share of the training set, 0 to 1; nan for regression.
        validation_cost, validation_accuracy: nan without a validation dataset.
        learning_rate: The epoch's last.
        seconds: Wall time of the updates and the cost pass.
        samples_per_second: Training rows / seconds.
        energy_joules: Of each epoch.
    """

    epoch: np.ndarray
    cost: np.ndarray
    mean_cost: np.ndarray
    train_accuracy: np.ndarray
    validation_cost: np.ndarray
    validation_accuracy: np.ndarray
    learning_rate: np.ndarray
    seconds: np.ndarray
    samples_per_second: np.ndarray
    energy_joules: np.ndarray

    def __init__(self, epochs: Iterable[EpochCompleted], title: str = "") -> None:
        listed = list(epochs)
        self.title = title
        self.epoch = np.array([epoch.epoch for epoch in listed], dtype=np.int64)
        for name in _FLOATS:
            values = [getattr(epoch, name) for epoch in listed]
            column = [np.nan if value is None else value for value in values]
            setattr(self, name, np.array(column, dtype=np.float64))

    def __len__(self) -> int:
        return len(self.epoch)

    def __repr__(self) -> str:
        if not len(self):
            return "History(no epochs)"
        return f"History({len(self)} epochs, cost {self.cost[0]:.6g} to {self.cost[-1]:.6g})"

    def plot(self, ax: Any = None) -> Any:
        """Draws mean cost against epochs, of the validation dataset too where there is one.
        Returns matplotlib's axes; needs matplotlib."""
        return _plot.curve(self, ax)
