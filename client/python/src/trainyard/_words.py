"""The command line's words for the values of the proto's enumerations."""

from __future__ import annotations

from typing import Any

from trainyard.v1 import dataset_pb2, network_pb2, training_pb2, visibility_pb2


def _lower(enum: Any, *leave_out: str) -> dict[str, int]:
    """LEAKY_RELU as leaky-relu, for all but the unspecified value."""
    return {
        name.lower().replace("_", "-"): number
        for name, number in enum.items()
        if number != 0 and name not in leave_out
    }


ACTIVATIONS = _lower(network_pb2.Activation)
LOSSES = {"tse": network_pb2.TOTAL_SQUARED_ERROR, "cross-entropy": network_pb2.CROSS_ENTROPY}
VISIBILITIES = _lower(visibility_pb2.Visibility)
TASKS = _lower(dataset_pb2.Task)
GENERATORS = _lower(dataset_pb2.GeneratorSource.Kind)
PRECISIONS = _lower(training_pb2.Precision)
GENERATORS_OF_NUMBERS = _lower(training_pb2.RandomGenerator)
REDUCTIONS = _lower(training_pb2.GradientReduction)
SCALINGS = {
    "auto": dataset_pb2.AUTO,
    "none": dataset_pb2.NONE,
    "255": dataset_pb2.DIVIDE_BY_255,
    "standard": dataset_pb2.STANDARD,
}
FORMATS = _lower(training_pb2.ReadCheckpointRequest.Format)
OPTIMIZERS = ("sgd", "momentum", "nesterov", "adam", "adamw")
SCHEDULES = ("constant", "step", "cosine")


def word_of(number: int, words: dict[str, int]) -> str:
    """The word whose value is `number`; "" for a value that has none."""
    return next((word for word, value in words.items() if value == number), "")


def choose(option: str, word: Any, words: Any) -> Any:
    """The value of `word`, or ValueError that names those that there are."""
    if str(word) not in words:
        raise ValueError(f"{option}={word!r} is not one of {', '.join(words)}")
    return words[str(word)] if isinstance(words, dict) else str(word)
