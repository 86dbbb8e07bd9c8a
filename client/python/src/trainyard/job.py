"""Training jobs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Optional, TypeVar, Union

import numpy as np

from trainyard import _checkpoints, _plans
from trainyard._names import last_part
from trainyard._progress import progress_bar
from trainyard._session import Session
from trainyard._watching import JobCursor
from trainyard.errors import JobFailed, from_status
from trainyard.evaluation import Evaluation
from trainyard.events import EpochCompleted, Event
from trainyard.history import History
from trainyard.prediction import Predictions
from trainyard.v1 import evaluation_pb2, training_pb2

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from trainyard.options import TrainingOptions

JobT = TypeVar("JobT", bound="JobView")

_ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")


class JobView:
    """A training run, as it was when it was last looked at.

    Attributes:
        message: What the server said, a trainyard.v1.TrainingJob.
    """

    def __init__(self, message: training_pb2.TrainingJob) -> None:
        self.message = message

    @property
    def name(self) -> str:
        """users/{user}/jobs/{job}"""
        return self.message.name

    @property
    def id(self) -> str:
        return last_part(self.name)

    @property
    def state(self) -> str:
        """ "QUEUED", "RUNNING", "PAUSING", "PAUSED", "CANCELLING", or ended as "SUCCEEDED",
        "FAILED" or "CANCELLED"."""
        return training_pb2.TrainingJob.State.Name(self.message.state)

    @property
    def ended(self) -> bool:
        return self.state in _ENDED

    @property
    def epochs(self) -> int:
        """Epochs asked for."""
        return self.message.spec.epochs

    @property
    def epochs_completed(self) -> int:
        return self.message.epochs_completed

    @property
    def checkpoint_epochs(self) -> list[int]:
        """Epochs whose weights are kept, ascending."""
        return list(self.message.checkpoint_epochs)

    @property
    def weights_digest(self) -> str:
        """SHA-256 of the weights of a job that has ended."""
        return self.message.weights_digest

    @property
    def queue_position(self) -> int:
        """From 1 while it waits, else 0."""
        return self.message.queue_position

    @property
    def queue_reason(self) -> str:
        """What it waits for."""
        return self.message.queue_reason

    @property
    def energy_joules(self) -> float:
        """Of its completed epochs."""
        return self.message.energy_joules

    @property
    def error(self) -> Optional[JobFailed]:
        """Why it has FAILED."""
        if not self.message.HasField("error"):
            return None
        error = from_status(self.message.error, JobFailed)
        assert isinstance(error, JobFailed)
        return error

    def __repr__(self) -> str:
        cost = ""
        if self.message.HasField("last_epoch"):
            cost = f", cost {self.message.last_epoch.cost:.6g}"
        done = f"epoch {self.epochs_completed}/{self.epochs}"
        return f"Job({self.name!r}, {self.state}, {done}{cost})"

    def _check_success(self) -> None:
        if self.state == "SUCCEEDED":
            return
        raise self.error or JobFailed(
            "ABORTED", f"{self.name} is {self.state} after epoch {self.epochs_completed}"
        )

    def _history(self, epochs: list[EpochCompleted]) -> History:
        return History(epochs, title=self.id)


@dataclass(frozen=True)
class Verification(Generic[JobT]):
    """A receipt: a job trained again as recorded, compared to the bit.

    Attributes:
        job: The job that trained again; deleted where everything was equal.
        epochs: How many epochs were compared.
        first_difference: The first epoch whose cost differs; None where none does.
        weights_equal: Whether the final weights have the same digest.
    """

    job: JobT
    epochs: int
    first_difference: Optional[int]
    weights_equal: bool

    @property
    def identical(self) -> bool:
        return self.first_difference is None and self.weights_equal

    def __bool__(self) -> bool:
        return self.identical


def compare(
    recorded: JobView, again: JobT, before: Iterable[EpochCompleted], after: list[EpochCompleted]
) -> Verification[JobT]:
    """A fork has its source's epochs before its own; they are not trained again."""
    start = recorded.message.forked_from.epoch
    costs = {one.epoch: (one.cost, one.validation_cost) for one in before if one.epoch > start}
    others = {one.epoch: (one.cost, one.validation_cost) for one in after}
    differ = [epoch for epoch in sorted({*costs, *others}) if costs.get(epoch) != others.get(epoch)]
    return Verification(
        again,
        len(costs),
        differ[0] if differ else None,
        recorded.weights_digest == again.weights_digest,
    )


class Job(JobView):
    """A training run on the server."""

    def __init__(self, session: Session, message: training_pb2.TrainingJob) -> None:
        super().__init__(message)
        self._session = session

    def refresh(self) -> Job:
        """Looks at it again; returns itself."""
        self.message = self._session.run(_plans.get_job(self.name))
        return self

    # Following it.

    def watch(self, after: int = 0) -> Iterator[Event]:
        """Its events after a sequence: those that were, then live, until it has ended.

        A connection that breaks is opened again after the last event, so that each comes
        once and in order. Raises Unavailable where the server is away for 30 s.
        """
        for event in self._session.follow(JobCursor(self.name, after)):
            yield event

    def wait(self, progress: Optional[bool] = None, check: bool = True) -> Job:
        """Waits until it has ended; returns itself.

        Args:
            progress: Whether to draw a progress bar; by default in terminals and notebooks.
            check: Whether to raise JobFailed unless it has SUCCEEDED.
        """
        with progress_bar(self.id, self.epochs, progress) as bar:
            for item in self._session.follow(JobCursor(self.name, 0, progress=bar.wants_progress)):
                bar.take(item)
        self.refresh()
        if check:
            self._check_success()
        return self

    @property
    def history(self) -> History:
        """The epochs that are done, as arrays; asked of the server each time."""
        return self._history(self._session.run(_plans.epochs(self.name)))

    def plot(self, ax: Any = None) -> Any:
        """Draws the mean cost against epochs; see History.plot. Needs matplotlib."""
        return self.history.plot(ax)

    # Changing it.

    def pause(self) -> Job:
        """Has it leave its slot, with its state kept; waits until it has."""
        self.message = self._session.run(_plans.pause(self.name))
        return self

    def resume(self) -> Job:
        """Queues it again; it ends with the same bytes as if it had never been paused."""
        self.message = self._session.run(_plans.change_job("Resume", self.name))
        return self

    def cancel(self) -> Job:
        """Ends it; its weights so far are kept. A running one is CANCELLING at first."""
        self.message = self._session.run(_plans.change_job("Cancel", self.name))
        return self

    def delete(self) -> None:
        """Deletes a job that has ended, with its events, weights and evaluations."""
        self._session.run(_plans.delete("jobs", self.name))

    # Jobs made of it.

    def fork(
        self, epoch: Optional[int] = None, id: str = "", **options: Unpack[TrainingOptions]
    ) -> Job:
        """A new job that goes on from kept weights with something changed.

        Args:
            epoch: One of checkpoint_epochs; the last by default.
            id: Of the new job; the server chooses one by default.
            options: What differs; see TrainingOptions. validation, precision, rng,
                input_scaling and priority cannot.
        """
        return Job(self._session, self._session.run(_plans.fork(self.name, id, epoch, options)))

    def verify(self, id: str = "", keep: bool = False) -> Verification[Job]:
        """Trains again as recorded, and compares costs and weights to the bit.

        The second job is deleted where everything is equal, unless `keep`.
        """
        again = Job(self._session, self._session.run(_plans.train_again(self.name, id)))
        again.wait(progress=False, check=False)
        self.refresh()
        before, after = (self._session.run(_plans.epochs(job.name)) for job in (self, again))
        receipt = compare(self, again, before, after)
        if receipt and not keep:
            again.delete()
        return receipt

    # Its results.

    def evaluate(self, dataset: Any, epoch: Optional[int] = None, id: str = "") -> Evaluation:
        """How well its weights do on a dataset (a name or a Dataset): accuracy, scorecards,
        confusion matrix. `epoch` is one of checkpoint_epochs; the last by default."""
        return Evaluation(
            self._session, self._session.run(_plans.evaluate(self.name, dataset, epoch, id))
        )

    def evaluations(self) -> list[Evaluation]:
        """Its evaluations, oldest first."""
        request = evaluation_pb2.ListEvaluationsRequest(parent=self.name)
        plan = _plans.listed("evaluations.ListEvaluations", request, "evaluations")
        return [Evaluation(self._session, message) for message in self._session.run(plan)]

    def predict(self, rows: Any, dataset: Any = None, epoch: Optional[int] = None) -> Predictions:
        """Runs rows through the network; never waits for training.

        Args:
            rows: Raw values (rows, features) or (rows, height, width), scaled by the server
                as the training set was; or with `dataset` the numbers of its rows, from 0.
            dataset: A name or a Dataset.
            epoch: One of checkpoint_epochs; the last by default.
        """
        return Predictions(self._session.run(_plans.predict(self.message, rows, dataset, epoch)))

    def weights(self, epoch: Optional[int] = None) -> dict[str, np.ndarray]:
        """W1, b1, W2, b2, ... of a kept epoch, by default the last, in the job's precision.

        W_i has the shape (units before, units), b_i (units,): n_i = W_i.T @ a + b_i.
        """
        return self._session.run(_checkpoints.weights(self.name, epoch))

    def export(
        self, path: Union[str, os.PathLike[str]], format: str = "", epoch: Optional[int] = None
    ) -> Path:
        """Saves its weights as a file; returns the file's path. A file that is there is
        replaced.

        Args:
            path: Where to.
            format: "onnx", a model that takes raw rows, or its weights W1, b1, ... as
                "safetensors", "npz" or "csv"; by default what the path ends with.
            epoch: One of checkpoint_epochs; the last by default.
        """
        return self._session.run(_checkpoints.export(self.name, path, format, epoch))
