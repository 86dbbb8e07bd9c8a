"""Drawings, where matplotlib is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from trainyard.evaluation import EvaluationView
    from trainyard.history import History


def _axes(ax: Any) -> Any:
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ImportError(
            "plotting needs matplotlib: pip install matplotlib, or pip install 'trainyard[plot]'"
        ) from None
    return pyplot.subplots()[1]


def curve(history: History, ax: Any) -> Any:
    ax = _axes(ax)
    lines = ax.plot(history.epoch, history.mean_cost, marker=".", label="training, mean")
    if not np.isnan(history.validation_cost).all():
        # Its mean would need the rows of a dataset that may be gone.
        twin = ax.twinx()
        lines += twin.plot(history.epoch, history.validation_cost, "C1.-", label="validation, sum")
        twin.set_ylabel("validation cost")
        ax.legend(handles=lines)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_xlabel("epoch")
    ax.set_ylabel("mean cost")
    ax.set_title(history.title)
    return ax


def confusion_matrix(evaluation: EvaluationView, ax: Any) -> Any:
    counts = evaluation.confusion_matrix
    ax = _axes(ax)
    rows = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(counts / rows, cmap="Blues", vmin=0, vmax=1)
    ax.set_xticks(range(len(counts)))
    ax.set_yticks(range(len(counts)))
    ax.set_xlabel("prediction")
    ax.set_ylabel("truth")
    ax.set_title(f"accuracy {evaluation.accuracy:.2%}")
    if len(counts) <= 20:
        for (truth, prediction), count in np.ndenumerate(counts):
            if count:
                dark = count / rows[truth, 0] > 0.5
                ax.text(
                    prediction, truth, f"{count}", ha="center", va="center",
                    color="white" if dark else "black",
                )  # fmt: skip
    return ax
