"""Patience, and where a stream goes on."""

from __future__ import annotations

import pytest

from trainyard._retry import Retry
from trainyard._watching import JobCursor, JobsCursor
from trainyard.errors import NotFound, OutOfRange, Unavailable
from trainyard.events import EpochCompleted, Event, Progress, StateChanged, to_event
from trainyard.v1 import training_pb2

AWAY = Unavailable("UNAVAILABLE", "away")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_delays_double_up_to_four_seconds_and_end_with_the_patience() -> None:
    clock = Clock()
    retry = Retry(20, clock)
    delays = []
    with pytest.raises(Unavailable):
        while True:
            delays.append(retry.delay_after(AWAY))
            clock.now += delays[-1]
    assert delays == [0.25, 0.5, 1, 2, 4, 4, 4, 4]


def test_an_answer_starts_the_patience_anew() -> None:
    clock = Clock()
    retry = Retry(1, clock)
    clock.now = 100
    retry.worked()
    assert retry.delay_after(AWAY) == 0.25
    retry.worked()
    assert retry.delay_after(AWAY) == 0.25


def test_other_errors_are_not_waited_for() -> None:
    with pytest.raises(NotFound):
        Retry(100).delay_after(NotFound("NOT_FOUND", "gone"))


def answer(sequence: int, **kind: object) -> training_pb2.WatchTrainingJobResponse:
    event = training_pb2.TrainingEvent(sequence=sequence, **kind)  # type: ignore[arg-type]
    return training_pb2.WatchTrainingJobResponse(event=event)


def test_a_cursor_goes_on_after_the_last_event_and_gives_none_twice() -> None:
    cursor = JobCursor("users/me/jobs/j", after=3)
    assert cursor.request().after_sequence == 3
    taken = [item for n in (3, 4, 5, 5) for item in cursor.take(answer(n))]
    assert [event.sequence for event in taken] == [4, 5]
    assert cursor.request().after_sequence == 5


def test_bookmarks_are_passed_over_and_progress_is_not_an_event() -> None:
    cursor = JobCursor("users/me/jobs/j", progress=True)
    assert cursor.request().progress
    bookmark = training_pb2.Bookmark(sequence=9)
    assert not list(cursor.take(training_pb2.WatchTrainingJobResponse(bookmark=bookmark)))
    progress = training_pb2.TrainingProgress(epoch=2, rows_done=5, row_count=10)
    (item,) = cursor.take(training_pb2.WatchTrainingJobResponse(progress=progress))
    assert item == Progress(2, 5, 10, 0.0)


def test_the_beginning_is_the_first_event_that_is_kept() -> None:
    trimmed = OutOfRange("OUT_OF_RANGE", "trimmed", metadata={"earliest_sequence": "17"})
    cursor = JobCursor("users/me/jobs/j")
    assert cursor.recover(trimmed)
    assert cursor.request().after_sequence == 16
    assert not cursor.recover(trimmed)  # once
    assert not JobCursor("users/me/jobs/j", after=4).recover(trimmed)
    assert not JobCursor("users/me/jobs/j").recover(AWAY)


def test_the_cursor_of_all_jobs_moves_with_every_message() -> None:
    cursor = JobsCursor("users/me", ["users/me/jobs/j"], "a")
    event = training_pb2.JobEvent(job="users/me/jobs/j")
    event.event.sequence = 1
    response = training_pb2.WatchTrainingJobsResponse(event=event, cursor="b")
    assert [job for job, _ in cursor.take(response)] == ["users/me/jobs/j"]
    idle = training_pb2.WatchTrainingJobsResponse(cursor="c")
    idle.bookmark.SetInParent()
    assert not list(cursor.take(idle))
    assert cursor.request().cursor == "c"


def test_events_have_their_kinds() -> None:
    epoch = training_pb2.EpochCompleted(epoch=2, cost=3.5, train_accuracy=0.5)
    event = to_event(training_pb2.TrainingEvent(sequence=1, epoch=epoch))
    assert isinstance(event, EpochCompleted) and event.kind == "epoch"
    assert (event.cost, event.train_accuracy, event.validation_cost) == (3.5, 0.5, None)
    change = training_pb2.StateChange(state=training_pb2.TrainingJob.FAILED)
    change.error.code = 10
    failed = to_event(training_pb2.TrainingEvent(sequence=2, state_change=change))
    assert isinstance(failed, StateChanged) and failed.state == "FAILED" and failed.error
    for kind in ("checkpoint", "evaluation", "warning"):
        message = training_pb2.TrainingEvent()
        getattr(message, kind).SetInParent()
        assert to_event(message).kind == kind
    assert type(to_event(training_pb2.TrainingEvent(sequence=3))) is Event
