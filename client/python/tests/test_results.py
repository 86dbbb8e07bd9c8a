"""Arrays and drawings of what came back."""

from __future__ import annotations

import io
import json
import struct
import sys
from typing import Any

import numpy as np
import pytest

from trainyard._progress import ProgressBar, TerminalBar, progress_bar
from trainyard.evaluation import EvaluationView
from trainyard.events import Progress, to_event
from trainyard.history import History
from trainyard.v1 import evaluation_pb2, training_pb2
from trainyard.weights import read_safetensors


def epoch(number: int, cost: float, **more: float) -> Any:
    message = training_pb2.EpochCompleted(epoch=number, cost=cost, **more)  # type: ignore
    return to_event(training_pb2.TrainingEvent(sequence=number, epoch=message))


def evaluation() -> EvaluationView:
    return EvaluationView(
        evaluation_pb2.Evaluation(
            name="users/me/jobs/j/evaluations/e",
            row_count=6,
            accuracy=0.5,
            confusion_matrix=evaluation_pb2.ConfusionMatrix(size=2, counts=[1, 2, 1, 2]),
            scorecard=evaluation_pb2.Scorecard(success=[1, 2], failure=[2, 1]),
            class_metrics=[evaluation_pb2.ClassMetrics(precision=0.5, recall=1 / 3, f1=0.4)],
        )
    )


def test_a_history_is_arrays_with_nan_for_what_was_not_measured() -> None:
    history = History([epoch(1, 4.0, train_accuracy=0.5), epoch(2, 2.0)])
    assert len(history) == 2 and history.epoch.dtype == np.int64
    assert history.cost.tolist() == [4, 2]
    assert history.train_accuracy[0] == 0.5 and np.isnan(history.train_accuracy[1])
    assert np.isnan(history.validation_cost).all()
    assert "cost 4 to 2" in repr(history)


def test_rows_of_the_matrix_are_the_truth() -> None:
    matrix = evaluation().confusion_matrix
    assert matrix.tolist() == [[1, 2], [1, 2]] and matrix.dtype == np.int64
    assert evaluation().success.tolist() == [1, 2]
    assert evaluation().f1.tolist() == [0.4]
    assert evaluation().r_squared is None
    assert "accuracy 50.00%" in str(evaluation())


def test_of_a_hidden_dataset_no_zeros_stand_for_what_is_not_told() -> None:
    found = EvaluationView(
        evaluation_pb2.Evaluation(name="e", dataset="d", accuracy=0.5, limited=True)
    )
    assert str(found) == "d  hidden\naccuracy 50.00%"
    assert repr(found) == "Evaluation('e', accuracy 0.5000)"


def test_a_regression_has_no_matrix() -> None:
    found = EvaluationView(
        evaluation_pb2.Evaluation(
            name="e", regression=evaluation_pb2.RegressionMetrics(mean_absolute_error=0.5)
        )
    )
    assert found.accuracy is None and found.confusion_matrix.shape == (0, 0)
    assert found.mean_absolute_error == 0.5 and found.r_squared is None
    with pytest.raises(ValueError, match="no confusion matrix"):
        found.plot()


def test_without_matplotlib_plotting_says_how_to_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        evaluation().plot()
    with pytest.raises(ImportError, match="pip install matplotlib"):
        History([epoch(1, 4.0)]).plot()


def test_plots() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    axes = evaluation().plot()
    assert axes.get_ylabel() == "truth" and len(axes.texts) == 4
    history = History([epoch(1, 4.0, mean_cost=2.0, validation_cost=1.0)], title="j")
    assert history.plot().get_lines()[0].get_ydata().tolist() == [2.0]


def safetensors(**tensors: np.ndarray) -> bytes:
    header, data = {"__metadata__": {"format": "np"}}, b""
    for name, tensor in tensors.items():
        types = {"float32": "F32", "float64": "F64", "int64": "I64"}
        begin = len(data)
        data += tensor.tobytes()
        header[name] = {
            "dtype": types[tensor.dtype.name],
            "shape": tensor.shape,
            "data_offsets": [begin, len(data)],
        }  # type: ignore[assignment]
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def test_weights_come_in_order_and_alone() -> None:
    arrays = {
        "rng": np.arange(3), "b1": np.ones(3), "W10": np.ones((1, 1)),
        "W2": np.ones((3, 1), dtype=np.float32), "W1": np.arange(6.0).reshape(2, 3),
    }  # fmt: skip
    weights = read_safetensors(safetensors(**arrays))
    assert list(weights) == ["W1", "b1", "W2", "W10"]
    assert (weights["W1"] == arrays["W1"]).all() and weights["W2"].dtype == np.float32
    assert weights["W1"].flags.writeable


@pytest.mark.parametrize("data", [b"", b"12345678", safetensors(W1=np.arange(2))])
def test_what_is_no_such_file_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        read_safetensors(data)


def test_a_bar_shows_the_share_that_is_done() -> None:
    bar = ProgressBar("j", 4)
    bar.take(Progress(epoch=2, rows_done=50, row_count=100, samples_per_second=1.0))
    assert bar.share == pytest.approx(1.5 / 4)
    bar.take(epoch(2, 3.25, train_accuracy=0.5))
    assert bar.share == 0.5
    assert "epoch 2/4" in bar.text() and "cost 3.25  accuracy 0.5000" in bar.text()
    bar.take(Progress(epoch=2, rows_done=75, row_count=100, samples_per_second=1.0))
    assert bar.share == 0.5
    assert ProgressBar("j", 0).share == 1


def test_a_terminal_has_one_line() -> None:
    stream = io.StringIO()
    with TerminalBar("j", 2, stream) as bar:
        for number in (1, 2):
            bar.take(epoch(number, 1.0))
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().rpartition("\r")[2].startswith("\x1b[Kj QUEUED  " + "=" * 30)


def test_nothing_is_drawn_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("j", 2, None) as bar:
        assert not bar.wants_progress
        bar.take(epoch(1, 1.0))
    assert capsys.readouterr() == ("", "")
