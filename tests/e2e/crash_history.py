"""What clients saw of a server that was killed again and again, and the rules that
it must follow all the same.

A history is a list of entries, one dictionary each, in the order in which one
client made them; times are of one monotonic clock. Validators are pure: they take
histories and the state at the end, and return a line for each violation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

# client, what, name, at; then by `what`:
#   asked     op, id, request_id, uid (of the answer), fields of the request
#   refused   op, id, request_id, code, reason
#   seen      uid, epochs, attempt, state: an answer that read a job
#   intruded  attempt, answer: a worker that has been replaced was answered
Entry = dict[str, Any]

# Where a state may be followed by which: the diagram in ARCHITECTURE.md.
MOVES = {
    "": {"QUEUED"},
    "QUEUED": {"RUNNING", "CANCELLED"},
    "RUNNING": {"QUEUED", "CANCELLING", "PAUSING", "SUCCEEDED", "FAILED"},
    "PAUSING": {"PAUSED", "CANCELLING", "SUCCEEDED", "FAILED"},
    "PAUSED": {"QUEUED", "CANCELLED"},
    "CANCELLING": {"CANCELLED", "SUCCEEDED", "FAILED"},
}
ENDS = {"SUCCEEDED", "FAILED", "CANCELLED"}


@dataclass(frozen=True)
class Event:
    """One event as a client received it."""

    sequence: int
    kind: str
    # Of a state change the state, of an epoch its number.
    value: str
    # The whole message: two clients must have seen the same bytes.
    bytes: bytes
    # Of the job, when it happened.
    attempt: int = 0
    # Of an epoch, to the bit.
    cost: str = ""


@dataclass
class Job:
    """A job at the end."""

    name: str
    uid: str
    state: str
    digest: str
    log: list[Event] = field(default_factory=list)
    # What makes two runs the same run.
    recipe: tuple[Any, ...] = ()


@dataclass
class Result:
    """What a run that nobody disturbed has come to."""

    digest: str
    # By epoch.
    costs: dict[str, str] = field(default_factory=dict)


@dataclass
class Watch:
    """What one watcher received of one job, across all its streams."""

    watcher: str
    name: str
    events: list[Event] = field(default_factory=list)
    # Whether it has read to the end of the job.
    complete: bool = False


def acknowledged_is_kept(entries: Iterable[Entry], there: dict[str, str]) -> list[str]:
    """What was made and not deleted is there, under its uid; what was deleted is not."""
    made: dict[str, str] = {}
    deleted: set[str] = set()
    asked: set[str] = set()
    for entry in entries:
        if entry["what"] == "asked" and entry["op"] in ("create", "train", "fork"):
            made[entry["name"]] = entry["uid"]
        elif entry["what"] == "asked" and entry["op"] == "delete":
            deleted.add(entry["name"])
        elif entry["what"] == "sent" and entry["op"] == "delete":
            asked.add(entry["name"])
    faults = [
        f"{name} was made and is not there"
        for name, uid in made.items()
        if name not in asked and name not in deleted and name not in there
    ]
    faults += [
        f"{name} was made as {uid} and is {there[name]}"
        for name, uid in made.items()
        if name in there and there[name] != uid
    ]
    faults += [f"{name} was deleted and is there" for name in sorted(deleted & there.keys())]
    return faults


def one_answer_a_request(entries: Iterable[Entry]) -> list[str]:
    """However often a request was sent, it was answered in one way."""
    answers: dict[str, set[str]] = {}
    for entry in entries:
        if entry["what"] == "asked" and entry.get("request_id"):
            answers.setdefault(entry["request_id"], set()).add(entry["uid"])
    return [
        f"request {request} was answered with {sorted(uids)}"
        for request, uids in answers.items()
        if len(uids) > 1
    ]


def nothing_goes_back(entries: Iterable[Entry]) -> list[str]:
    """To one client, epochs and attempts of a job only grow, and an end is final."""
    faults = []
    last: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        if entry["what"] != "seen":
            continue
        key = (entry["client"], entry["uid"])
        before = last.get(key)
        last[key] = entry
        if before is None:
            continue
        for name in ("epochs", "attempt"):
            if entry[name] < before[name]:
                faults.append(
                    f"{entry['name']}: {name} was {before[name]} and then {entry[name]}"
                )
        if before["state"] in ENDS and entry["state"] != before["state"]:
            faults.append(f"{entry['name']} was {before['state']} and then {entry['state']}")
    return faults


def log_is_a_story(job: Job) -> list[str]:
    """Sequences without a gap, epochs once and in order, states along the diagram, no
    warning, and nothing but evaluations after the end."""
    faults = []
    sequences = [event.sequence for event in job.log]
    if sequences != list(range(1, len(sequences) + 1)):
        faults.append(f"{job.name}: its log has the sequences {sequences}")
    epochs = [int(event.value) for event in job.log if event.kind == "epoch"]
    if epochs and epochs != list(range(epochs[0], epochs[0] + len(epochs))):
        faults.append(f"{job.name}: its log has the epochs {epochs}")
    state = ""
    for event in job.log:
        if event.kind == "warning":
            faults.append(f"{job.name}: warning {event.value}")
        if state in ENDS and event.kind != "evaluation":
            faults.append(f"{job.name}: {event.kind} {event.value} after {state}")
        if event.kind == "state_change":
            if event.value not in MOVES.get(state, set()):
                faults.append(f"{job.name}: from {state or 'nothing'} to {event.value}")
            state = event.value
    if state != job.state:
        faults.append(f"{job.name} is {job.state} and its log ends with {state}")
    return faults


def attempts_are_counted(job: Job) -> list[str]:
    """Each start is the next attempt, and what follows is of the one that was started
    last."""
    current = 0
    faults = []
    for event in job.log:
        current += event.value == "RUNNING" and event.kind == "state_change"
        if event.attempt != current:
            faults.append(
                f"{job.name}: event {event.sequence} is of attempt {event.attempt} and came in"
                f" attempt {current}"
            )
    return faults


def the_replaced_are_refused(entries: Iterable[Entry]) -> list[str]:
    return [
        f"{entry['name']}: a worker of attempt {entry['attempt']}, which was over, got"
        f" {entry['answer']}"
        for entry in entries
        if entry["what"] == "intruded"
    ]


def streams_go_on(entries: Iterable[Entry]) -> list[str]:
    """Where a stream broke, the next one begins: no cursor that a server has given is one
    that a later server does not know."""
    return [
        f"{entry['client']} on {entry['name']}: {entry['code']}: {entry['reason']}"
        for entry in entries
        if entry["what"] == "refused" and entry["op"] == "watch"
    ]


def watcher_saw_the_log(watch: Watch, log: list[Event]) -> list[str]:
    """Every event once and in order, with the bytes that are in the log."""
    who = f"{watch.watcher} on {watch.name}"
    sequences = [event.sequence for event in watch.events]
    if sequences != list(range(1, len(sequences) + 1)):
        return [f"{who} received the sequences {sequences}"]
    if len(sequences) > len(log):
        return [f"{who} received {len(sequences)} events, the log has {len(log)}"]
    faults = [
        f"{who}: event {ours.sequence} is another one in the log"
        for ours, theirs in zip(watch.events, log)
        if ours.bytes != theirs.bytes
    ]
    if watch.complete and len(sequences) < len(log):
        rest = {event.kind for event in log[len(sequences) :]}
        if rest - {"evaluation"}:
            faults.append(f"{who} was told that this was all, and {len(log)} events are there")
    return faults


def jobs_are_settled(jobs: Iterable[Job], entries: Iterable[Entry]) -> list[str]:
    """Nobody failed; who is cancelled or paused was asked to be."""
    listed = list(entries)

    def was_asked(op: str, name: str) -> bool:
        return any(
            entry["what"] == "sent" and entry["op"] == op and entry["name"] == name
            for entry in listed
        )

    faults = []
    for job in jobs:
        allowed = (
            job.state == "SUCCEEDED"
            or (job.state == "CANCELLED" and was_asked("cancel", job.name))
            or (job.state == "PAUSED" and was_asked("pause", job.name))
        )
        if not allowed:
            faults.append(f"{job.name} ended as {job.state}")
    return faults


def results_are_undisturbed(
    jobs: Iterable[Job], undisturbed: dict[tuple[Any, ...], Result]
) -> list[str]:
    """Who succeeded has the weights of the same run on a server that nobody killed;
    however far a job has come, each epoch has the same cost, to the bit."""
    faults = []
    for job in jobs:
        result = undisturbed.get(job.recipe)
        expected = result.digest if result is not None else "unknown"
        if job.state == "SUCCEEDED" and job.digest != expected:
            faults.append(
                f"{job.name} has weights {job.digest}, undisturbed {expected}: {job.recipe}"
            )
        faults += [
            f"{job.name}: epoch {event.value} has cost {event.cost}, undisturbed"
            f" {result.costs.get(event.value)}: {job.recipe}"
            for event in job.log
            if result is not None
            and event.kind == "epoch"
            and event.cost != result.costs.get(event.value)
        ]
    return faults
