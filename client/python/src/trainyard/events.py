"""What happens to a job, one object an event."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, ClassVar, Optional

from trainyard.errors import TrainyardError, from_status
from trainyard.v1 import training_pb2

__all__ = [
    "CheckpointWritten",
    "EpochCompleted",
    "EvaluationCompleted",
    "Event",
    "Progress",
    "StateChanged",
    "Warned",
]


@dataclass(frozen=True)
class Event:
    """One event of a job; each sequence comes once, in order, without a gap.

    Attributes:
        kind: "state_change", "epoch", "checkpoint", "evaluation" or "warning".
        sequence: From 1; the cursor to go on from: job.watch(after=sequence).
        attempt: The worker that it belongs to, from 1.
        time: When it became durable, UTC.
        message: The event as the server sent it.
    """

    kind: ClassVar[str] = ""
    sequence: int
    attempt: int
    time: datetime
    message: training_pb2.TrainingEvent = field(repr=False, compare=False)


@dataclass(frozen=True)
class StateChanged(Event):
    """The job is now in another state, as in "RUNNING"; `reason` says why, where it does
    not go without saying. `error` is set for "FAILED"."""

    kind: ClassVar[str] = "state_change"
    state: str
    reason: str
    error: Optional[TrainyardError]


@dataclass(frozen=True)
class EpochCompleted(Event):
    """An epoch's updates and its cost pass are done.

    Attributes:
        epoch: From 1.
        cost: Loss summed over the training set after the epoch's last update.
        mean_cost: cost / rows.
        train_accuracy: Share of the training set; None for regression.
        validation_cost, validation_accuracy: None without a validation dataset.
        learning_rate: The epoch's last.
        seconds: Wall time, without validation and checkpoints.
        samples_per_second: Training rows / seconds.
        energy_joules: What the worker used since the epoch before.
        energy_measured: Whether counters measured it; else it is estimated.
    """

    kind: ClassVar[str] = "epoch"
    epoch: int
    cost: float
    mean_cost: float
    train_accuracy: Optional[float]
    validation_cost: Optional[float]
    validation_accuracy: Optional[float]
    learning_rate: float
    seconds: float
    samples_per_second: float
    energy_joules: float
    energy_measured: bool


@dataclass(frozen=True)
class CheckpointWritten(Event):
    """The weights after `epoch` are safe on disk."""

    kind: ClassVar[str] = "checkpoint"
    epoch: int
    weights_digest: str
    size_bytes: int


@dataclass(frozen=True)
class EvaluationCompleted(Event):
    """An evaluation of this job is finished: its name, and its accuracy unless it is of a
    regression."""

    kind: ClassVar[str] = "evaluation"
    evaluation: str
    accuracy: Optional[float]


@dataclass(frozen=True)
class Warned(Event):
    """Something that ends nothing; `reason` is stable, `text` is for people."""

    kind: ClassVar[str] = "warning"
    reason: str
    text: str


@dataclass(frozen=True)
class Progress:
    """Where a worker is within an epoch: rows_done of row_count. Not an event."""

    epoch: int
    rows_done: int
    row_count: int
    samples_per_second: float


def _optional(message: training_pb2.EpochCompleted, name: str) -> Optional[float]:
    return float(getattr(message, name)) if message.HasField(name) else None


def to_event(message: training_pb2.TrainingEvent) -> Event:
    """The object for a message. An event of a kind that is not known here is an Event."""
    time = message.time.ToDatetime(tzinfo=timezone.utc)
    head = (message.sequence, message.attempt, time, message)
    kind = message.WhichOneof("kind")
    if kind == "state_change":
        change = message.state_change
        error = from_status(change.error) if change.HasField("error") else None
        state = training_pb2.TrainingJob.State.Name(change.state)
        return StateChanged(*head, state, change.reason, error)
    if kind == "epoch":
        return _epoch(message.epoch, head)
    if kind == "checkpoint":
        written = message.checkpoint
        return CheckpointWritten(*head, written.epoch, written.weights_digest, written.size_bytes)
    if kind == "evaluation":
        done = message.evaluation
        accuracy = done.accuracy if done.HasField("accuracy") else None
        return EvaluationCompleted(*head, done.evaluation, accuracy)
    if kind == "warning":
        warning: Any = message.warning
        return Warned(*head, warning.reason, warning.message)
    return Event(*head)


def _epoch(
    epoch: training_pb2.EpochCompleted,
    head: tuple[int, int, datetime, training_pb2.TrainingEvent],
) -> EpochCompleted:
    return EpochCompleted(
        *head,
        epoch.epoch,
        epoch.cost,
        epoch.mean_cost,
        _optional(epoch, "train_accuracy"),
        _optional(epoch, "validation_cost"),
        _optional(epoch, "validation_accuracy"),
        epoch.learning_rate,
        epoch.seconds,
        epoch.samples_per_second,
        epoch.energy_joules,
        epoch.energy_source == training_pb2.MEASURED,
    )
