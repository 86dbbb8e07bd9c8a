"""Cursors over streams of events: where to go on after a break."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Union

from trainyard.errors import OutOfRange, TrainyardError
from trainyard.events import Event, Progress, to_event
from trainyard.v1 import training_pb2


class Cursor:
    """A stream's method, its next request, and what a message of it means."""

    method = ""

    def request(self) -> Any:
        raise NotImplementedError

    def take(self, message: Any) -> Iterator[Any]:
        raise NotImplementedError

    def recover(self, error: TrainyardError) -> bool:
        """Whether to open the stream again at once, elsewhere."""
        return False


class JobCursor(Cursor):
    """Over one job's events: each once, in order."""

    method = "training.WatchTrainingJob"

    def __init__(self, job: str, after: int = 0, progress: bool = False) -> None:
        self._job = job
        self._after = after
        self._progress = progress

    def request(self) -> training_pb2.WatchTrainingJobRequest:
        return training_pb2.WatchTrainingJobRequest(
            name=self._job, after_sequence=self._after, progress=self._progress
        )

    def take(
        self, message: training_pb2.WatchTrainingJobResponse
    ) -> Iterator[Union[Event, Progress]]:
        kind = message.WhichOneof("kind")
        if kind == "event" and message.event.sequence > self._after:
            self._after = message.event.sequence
            yield to_event(message.event)
        elif kind == "progress":
            now = message.progress
            yield Progress(now.epoch, now.rows_done, now.row_count, now.samples_per_second)

    def recover(self, error: TrainyardError) -> bool:
        """From the beginning means from the first event that is kept."""
        first = error.metadata.get("earliest_sequence", "")
        if not isinstance(error, OutOfRange) or self._after != 0 or not first.isdigit():
            return False
        self._after = int(first) - 1
        return self._after > 0


class JobsCursor(Cursor):
    """Over the events of all of a user's jobs, in commit order."""

    method = "training.WatchTrainingJobs"

    def __init__(self, parent: str, names: list[str], cursor: str) -> None:
        self._request = training_pb2.WatchTrainingJobsRequest(
            parent=parent, names=names, cursor=cursor
        )

    def request(self) -> training_pb2.WatchTrainingJobsRequest:
        return self._request

    def take(self, message: training_pb2.WatchTrainingJobsResponse) -> Iterator[tuple[str, Event]]:
        self._request.cursor = message.cursor
        if message.WhichOneof("kind") == "event":
            yield message.event.job, to_event(message.event.event)
