"""A short run of the crash harness, and a violation of each of its rules, which must
be found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import crash_harness
from crash_history import (
    Event,
    Job,
    Result,
    Watch,
    acknowledged_is_kept,
    attempts_are_counted,
    jobs_are_settled,
    log_is_a_story,
    nothing_goes_back,
    one_answer_a_request,
    results_are_undisturbed,
    streams_go_on,
    the_replaced_are_refused,
    watcher_saw_the_log,
)


def test_a_few_dozen_kills(scratch: Path) -> None:
    faults, counts = crash_harness.run(scratch, seed=4, kills=40, students=4, watchers=3)
    print(dict(counts))
    assert not faults, "\n".join(faults)
    for way in ("kill server", "kill worker", "drain", "worker stopped", "zombie refused"):
        assert counts[way], way
    assert counts["op train"] and counts["events watched"]


def log(*entries: str) -> list[Event]:
    """Events from words: a state, an epoch's number, which is its cost, too, or
    kind:value."""
    events: list[Event] = []
    attempt = 0
    for sequence, word in enumerate(entries, 1):
        kind, _, value = word.partition(":")
        if not value:
            kind, value = ("epoch" if word.isdigit() else "state_change"), word
        attempt += word == "RUNNING"
        cost = value if kind == "epoch" else ""
        events.append(Event(sequence, kind, value, word.encode(), attempt, cost))
    return events


GOOD = log("QUEUED", "RUNNING", "1", "2", "QUEUED", "RUNNING", "3", "SUCCEEDED", "evaluation:x")


def job(events: list[Event], state: str = "SUCCEEDED") -> Job:
    return Job("j", "u", state, "digest", events, ("recipe",))


def test_a_good_log_is_a_story() -> None:
    assert log_is_a_story(job(GOOD)) == []
    assert log_is_a_story(job(log("QUEUED", "RUNNING", "6", "7", "SUCCEEDED"))) == []  # a fork


@pytest.mark.parametrize(
    "events",
    [
        GOOD[1:],  # the first is missing
        GOOD[:3] + GOOD[4:],  # one within is missing
        log("QUEUED", "RUNNING", "1", "1", "SUCCEEDED"),
        log("QUEUED", "RUNNING", "2", "1", "SUCCEEDED"),
        log("QUEUED", "RUNNING", "1", "3", "SUCCEEDED"),
        log("QUEUED", "1", "SUCCEEDED"),
        log("QUEUED", "RUNNING", "SUCCEEDED", "RUNNING", "SUCCEEDED"),
        log("QUEUED", "RUNNING", "SUCCEEDED", "1"),
        log("QUEUED", "RUNNING", "warning:REPLAY_DIFFERS", "SUCCEEDED"),
        log("QUEUED", "RUNNING"),  # and yet the job is SUCCEEDED
    ],
)
def test_a_bad_log_is_found(events: list[Event]) -> None:
    assert log_is_a_story(job(events))


def test_what_a_watcher_missed_or_doubled_is_found() -> None:
    assert watcher_saw_the_log(Watch("w", "j", GOOD[:4]), GOOD) == []
    assert watcher_saw_the_log(Watch("w", "j", GOOD[:8], complete=True), GOOD) == []
    assert watcher_saw_the_log(Watch("w", "j", GOOD[:7], complete=True), GOOD)
    assert watcher_saw_the_log(Watch("w", "j", GOOD[:3] + GOOD[4:6]), GOOD)
    assert watcher_saw_the_log(Watch("w", "j", GOOD[:3] + GOOD[2:6]), GOOD)
    assert watcher_saw_the_log(Watch("w", "j", log("QUEUED", "RUNNING", "9")), GOOD)
    assert watcher_saw_the_log(Watch("w", "j", [*GOOD, Event(10, "epoch", "4", b"")]), GOOD)


def asked(op: str, name: str, uid: str = "", request_id: str = "") -> list[dict[str, object]]:
    common = {"client": "c", "op": op, "name": name, "request_id": request_id}
    return [{"what": "sent", **common}, {"what": "asked", "uid": uid, **common}]


def test_what_was_acknowledged_and_is_lost_is_found() -> None:
    made = asked("train", "a", "1") + asked("train", "b", "2") + asked("delete", "b")
    assert acknowledged_is_kept(made, {"a": "1"}) == []
    assert acknowledged_is_kept(made, {})
    assert acknowledged_is_kept(made, {"a": "9"})
    assert acknowledged_is_kept(made, {"a": "1", "b": "2"})
    # A deletion that nobody answered may have happened, or not.
    unanswered = asked("train", "a", "1") + asked("delete", "a")[:1]
    assert acknowledged_is_kept(unanswered, {}) == []
    assert acknowledged_is_kept(unanswered, {"a": "1"}) == []


def test_a_request_that_was_carried_out_twice_is_found() -> None:
    once = asked("train", "a", "1", "r") + asked("train", "a", "1", "r")
    assert one_answer_a_request(once) == []
    assert one_answer_a_request(once + asked("train", "a", "2", "r"))


def seen(epochs: int, attempt: int, state: str) -> dict[str, object]:
    return {"what": "seen", "client": "c", "name": "j", "uid": "u", "epochs": epochs,
            "attempt": attempt, "state": state}  # fmt: skip


def test_what_goes_back_is_found() -> None:
    assert nothing_goes_back([seen(1, 1, "RUNNING"), seen(1, 2, "QUEUED")]) == []
    assert nothing_goes_back([seen(2, 1, "RUNNING"), seen(1, 2, "RUNNING")])
    assert nothing_goes_back([seen(1, 2, "RUNNING"), seen(1, 1, "RUNNING")])
    assert nothing_goes_back([seen(2, 1, "SUCCEEDED"), seen(2, 1, "RUNNING")])


def test_an_end_that_nobody_asked_for_is_found() -> None:
    cancelled = [job(GOOD, "CANCELLED")]
    assert jobs_are_settled([job(GOOD)], []) == []
    assert jobs_are_settled(cancelled, asked("cancel", "j")) == []
    assert jobs_are_settled(cancelled, [])
    assert jobs_are_settled([job(GOOD, "PAUSED")], [])
    assert jobs_are_settled([job(GOOD, "FAILED")], asked("cancel", "j"))
    assert jobs_are_settled([job(GOOD, "RUNNING")], [])


def test_other_weights_or_costs_are_found() -> None:
    costs = {"1": "1", "2": "2", "3": "3"}
    recipe = ("recipe",)
    assert results_are_undisturbed([job(GOOD)], {recipe: Result("digest", costs)}) == []
    assert results_are_undisturbed([job(GOOD)], {recipe: Result("other", costs)})
    assert results_are_undisturbed([job(GOOD)], {})
    other = Result("digest", costs | {"2": "2.0"})
    assert results_are_undisturbed([job(GOOD)], {recipe: other})
    # One that was cancelled is compared as far as it came, where there is with what.
    assert results_are_undisturbed([job(GOOD[:4], "CANCELLED")], {recipe: other})
    assert results_are_undisturbed([job(GOOD[:3], "CANCELLED")], {recipe: other}) == []
    assert results_are_undisturbed([job(GOOD[:4], "CANCELLED")], {}) == []


def test_an_event_of_another_attempt_is_found() -> None:
    assert attempts_are_counted(job(GOOD)) == []
    late = [replace(event, attempt=1) if event.value == "3" else event for event in GOOD]
    assert attempts_are_counted(job(late))
    assert attempts_are_counted(job([replace(event, attempt=2) for event in GOOD]))


def test_a_cursor_that_is_not_known_any_more_is_found() -> None:
    refused = {"what": "refused", "client": "w", "op": "watch", "name": "j", "request_id": "",
               "code": "OUT_OF_RANGE", "reason": "in the future"}  # fmt: skip
    assert streams_go_on(asked("train", "j")) == []
    assert streams_go_on([refused])


def test_a_zombie_that_is_answered_is_found() -> None:
    intruded = {"what": "intruded", "client": "z", "name": "j", "attempt": 1, "answer": "train"}
    assert the_replaced_are_refused(asked("train", "j")) == []
    assert the_replaced_are_refused([*asked("train", "j"), intruded])
