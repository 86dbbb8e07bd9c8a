"""How to train: the command line's options, by the same names, with its defaults."""

from __future__ import annotations

import difflib
from typing import Any, TypedDict, Union

from trainyard import _words
from trainyard._words import choose
from trainyard.v1 import training_pb2


class TrainingOptions(TypedDict, total=False):
    """Hyperparameters. What is left out is the notebook's: SGD, one sample at a time,
    constant rate, f32, one thread.

    epochs: Passes over the training set; 0 ends with the initial weights. Required.
    learning_rate: Step size. Required unless epochs is 0.
    validation: Dataset whose cost and accuracy are reported with each epoch: a
        name or a Dataset.
    batch_size: Samples in a mini-batch; 1.
    optimizer: "sgd", "momentum", "nesterov", "adam" or "adamw".
    momentum: Of momentum and nesterov; 0.9.
    beta1, beta2, epsilon: Of adam and adamw; 0.9, 0.999 and 1e-8.
    weight_decay: Of adamw; 0.01.
    schedule: "constant", "step" or "cosine".
    warmup_epochs: Epochs over which the learning rate rises from 0.
    step_epochs, step_factor: Of schedule step: times 0.1 every 10 epochs.
    final_learning_rate: Where schedule cosine ends; 0.
    l1, l2: Penalties on the weights, not on the biases.
    dropout: Probability of leaving out an output of a hidden layer, below 1.
    patience: Stop when the validation cost has not fallen for so many epochs.
    min_delta: How far it has to fall for that; 0.
    gradient_reduction: "mean" or "sum" over a mini-batch.
    seed: Of the permutations, with rng="numpy" of the weights too; the network's.
    precision: "f32" or "f64".
    rng: "philox", or "numpy" for what a script draws after np.random.seed(seed).
    input_scaling: "auto" (bytes are divided by 255), "none", "255" or "standard".
    threads: Upper bound; the result is the same.
    keep_checkpoints: "last", "all", or a number of epochs written; by default the
        last two and the best.
    priority: -10 to 10; jobs of a higher one start first.
    """

    epochs: int
    learning_rate: float
    validation: Any
    batch_size: int
    optimizer: str
    momentum: float
    beta1: float
    beta2: float
    epsilon: float
    weight_decay: float
    schedule: str
    warmup_epochs: float
    step_epochs: int
    step_factor: float
    final_learning_rate: float
    l1: float
    l2: float
    dropout: float
    patience: int
    min_delta: float
    gradient_reduction: str
    seed: int
    precision: str
    rng: str
    input_scaling: str
    threads: int
    keep_checkpoints: Union[int, str]
    priority: int


# Options that are fields of TrainingJobSpec, by the same name.
_PLAIN = (
    "epochs", "learning_rate", "batch_size", "seed", "threads", "l1", "l2", "dropout", "priority",
)  # fmt: skip
_WORDS: dict[str, Any] = {
    "precision": _words.PRECISIONS,
    "rng": _words.GENERATORS_OF_NUMBERS,
    "gradient_reduction": _words.REDUCTIONS,
    "input_scaling": _words.SCALINGS,
}
# Options of a choice: the word that they need, and their field in its message.
_OF_OPTIMIZER = {
    "momentum": (("momentum", "nesterov"), "momentum"),
    "beta1": (("adam", "adamw"), "beta1"),
    "beta2": (("adam", "adamw"), "beta2"),
    "epsilon": (("adam", "adamw"), "epsilon"),
    "weight_decay": (("adamw",), "weight_decay"),
}
_OF_SCHEDULE = {
    "step_epochs": (("step",), "epochs_per_step"),
    "step_factor": (("step",), "factor"),
    "final_learning_rate": (("cosine",), "final_learning_rate"),
}


def make_spec(options: Any) -> training_pb2.TrainingJobSpec:
    """The spec with what is given in `options`, a TrainingOptions; None is not given.

    Raises TypeError for an option that is none, ValueError for a value that is none or
    an option that goes with another choice.
    """
    given = {name: value for name, value in options.items() if value is not None}
    _check_names(given)
    spec = training_pb2.TrainingJobSpec()
    for name in _PLAIN:
        if name in given:
            _set(spec, name, given[name], name)
    for name, words in _WORDS.items():
        if name in given:
            setattr(spec, name, choose(name, given[name], words))
    if "keep_checkpoints" in given:
        spec.keep_checkpoints = _keep(given["keep_checkpoints"])
    _set_optimizer(given, spec.optimizer)
    _set_schedule(given, spec)
    if "min_delta" in given and "patience" not in given:
        raise ValueError("min_delta needs patience")
    for name in ("patience", "min_delta"):
        if name in given:
            _set(spec.early_stopping, name, given[name], name)
    return spec


def mask_of(spec: training_pb2.TrainingJobSpec) -> list[str]:
    """The fields that make_spec has set: an update mask."""
    return [field.name for field, _ in spec.ListFields()]


def _set(message: Any, field: str, value: Any, option: str) -> None:
    """Sets a field; what it does not take is an error that names the option."""
    try:
        setattr(message, field, value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{option}={value!r}: {error}") from None


def _check_names(given: dict[str, Any]) -> None:
    known = TrainingOptions.__annotations__
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            raise TypeError(
                f"unknown training option {name!r}"
                + (f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}")
            )


def _keep(value: Union[int, str]) -> int:
    """last, all or N, as TrainingJobSpec.keep_checkpoints."""
    if value in ("last", "all"):
        return 1 if value == "last" else -1
    if isinstance(value, int) and value >= 1:
        return value
    raise ValueError(f"keep_checkpoints={value!r} is not 'last', 'all', or a number from 1")


def _set_parts(given: dict[str, Any], choice: str, word: str, parts: Any, target: Any) -> None:
    for name, (needs, field) in parts.items():
        if name in given and word not in needs:
            raise ValueError(f"{name} needs {choice}={' or '.join(map(repr, needs))}")
        if name in given:
            _set(target, field, given[name], name)


def _set_optimizer(given: dict[str, Any], optimizer: training_pb2.Optimizer) -> None:
    word = choose("optimizer", given.get("optimizer", "sgd"), _words.OPTIMIZERS)
    kind = getattr(optimizer, "momentum" if word == "nesterov" else word)
    if "optimizer" in given:
        kind.SetInParent()
    if word == "nesterov":
        kind.nesterov = True
    _set_parts(given, "optimizer", word, _OF_OPTIMIZER, kind)


def _set_schedule(given: dict[str, Any], spec: training_pb2.TrainingJobSpec) -> None:
    word = choose("schedule", given.get("schedule", "constant"), _words.SCHEDULES)
    kind = getattr(spec.schedule, word)
    if "schedule" in given:
        kind.SetInParent()
    _set_parts(given, "schedule", word, _OF_SCHEDULE, kind)
    if "warmup_epochs" in given:
        _set(spec.schedule, "warmup_epochs", given["warmup_epochs"], "warmup_epochs")
