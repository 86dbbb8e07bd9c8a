"""Who uses a server, how much each may use, and who waits for what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional

from trainyard._names import last_part
from trainyard.v1 import admin_pb2


def _optional(message: Any, name: str) -> Any:
    return getattr(message, name) if message.HasField(name) else None


@dataclass(frozen=True)
class Quota:
    """Upper bounds for one user; None is no bound.

    Attributes:
        dataset_bytes: Bytes of datasets, uploads included.
        queued_jobs: Jobs that wait, "QUEUED" or "PAUSED".
        running_jobs: Jobs that run at once; more wait.
        streams: Open streams: watches, for instance.
        calls_per_second: On average; four times as many at once.
        cpu_seconds_per_day: CPU time of jobs from midnight UTC; jobs wait for the next day
            then.
        checkpoint_bytes: Bytes of checkpoints: those that ended jobs keep, and for each
            other job as many as it may come to keep; and the weights that networks
            were given, once for each and once for each job of it.
    """

    dataset_bytes: Optional[int]
    queued_jobs: Optional[int]
    running_jobs: Optional[int]
    streams: Optional[int]
    calls_per_second: Optional[float]
    cpu_seconds_per_day: Optional[float]
    checkpoint_bytes: Optional[int]

    @classmethod
    def of(cls, message: admin_pb2.Quota) -> Quota:
        return cls(*(_optional(message, name) for name in cls.__dataclass_fields__))


@dataclass(frozen=True)
class Usage:
    """What a user uses now, in the units of Quota; CPU time is that since midnight UTC."""

    dataset_bytes: int
    queued_jobs: int
    running_jobs: int
    streams: int
    cpu_seconds_today: float
    checkpoint_bytes: int

    @classmethod
    def of(cls, message: admin_pb2.Usage) -> Usage:
        return cls(*(getattr(message, name) for name in cls.__dataclass_fields__))


@dataclass(frozen=True)
class User:
    """Somebody who may use the server; print it for usage beside quota.

    Attributes:
        name: users/{user}
        display_name: As the roster has it.
        role: "STUDENT", "INSTRUCTOR" or "ADMIN".
        disabled: Whether their tokens are refused.
        quota: The bounds in force.
        usage: What they use now.
        message: What the server said, a trainyard.v1.User.
    """

    name: str
    display_name: str
    role: str
    disabled: bool
    quota: Quota = field(repr=False)
    usage: Usage = field(repr=False)
    message: admin_pb2.User = field(repr=False, compare=False)

    @classmethod
    def of(cls, message: admin_pb2.User) -> User:
        return cls(
            message.name,
            message.display_name,
            admin_pb2.Role.Name(message.role),
            message.disabled,
            Quota.of(message.effective_quota),
            Usage.of(message.usage),
            message,
        )

    @property
    def id(self) -> str:
        return last_part(self.name)

    def __str__(self) -> str:
        title = f"{self.name}  {self.role}" + ("  disabled" if self.disabled else "")
        used, most = self.usage, self.quota
        return "\n".join(
            (
                f"{title}  {self.display_name}".rstrip(),
                _line("dataset bytes", used.dataset_bytes, most.dataset_bytes),
                _line("checkpoint bytes", used.checkpoint_bytes, most.checkpoint_bytes),
                _line("waiting jobs", used.queued_jobs, most.queued_jobs),
                _line("running jobs", used.running_jobs, most.running_jobs),
                _line("streams", used.streams, most.streams),
                _line("CPU seconds today", used.cpu_seconds_today, most.cpu_seconds_per_day),
            )
        )


def _line(what: str, used: float, most: Optional[float]) -> str:
    return f"{what:<18}{used:.10g}" + ("" if most is None else f" of {most:.10g}")


@dataclass(frozen=True)
class QueueEntry:
    """A job that runs or waits.

    Attributes:
        job: users/{user}/jobs/{job}
        running: Whether it runs.
        position: From 1 while it waits; 0 for one that runs.
        reason: What it waits for.
        seconds: About how long until it starts, or where it runs until it ends; None where
            that is not known.
        priority: As its options have it.
    """

    job: str
    running: bool
    position: int
    reason: str
    seconds: Optional[float]
    priority: int

    @classmethod
    def of(cls, entry: admin_pb2.QueueEntry) -> QueueEntry:
        known = entry.HasField("estimate")
        seconds = entry.estimate.seconds + entry.estimate.nanos * 1e-9 if known else None
        return cls(entry.job, entry.running, entry.position, entry.reason, seconds, entry.priority)


@dataclass(frozen=True)
class Queue:
    """Who runs and who waits; print it for a line an entry.

    Attributes:
        slots: How many jobs may run at once.
        running_count, queued_count: Jobs that run and jobs that wait, of everybody.
        user_count: Users who have a job that runs or waits.
        entries: Jobs that run, then those that wait in their order: the caller's, and for
            instructors everybody's.
    """

    slots: int
    running_count: int
    queued_count: int
    user_count: int
    entries: tuple[QueueEntry, ...]

    @classmethod
    def of(cls, message: admin_pb2.Queue) -> Queue:
        return cls(
            message.slots,
            message.running_count,
            message.queued_count,
            message.user_count,
            tuple(map(QueueEntry.of, message.entries)),
        )

    def __str__(self) -> str:
        lines = [
            f"{self.running_count} of {self.slots} slots busy, {self.queued_count} jobs wait, "
            f"of {self.user_count} users"
        ]
        for entry in self.entries:
            place = "runs" if entry.running else str(entry.position)
            about = "" if entry.seconds is None else f"  about {entry.seconds:.3g} s"
            lines.append(f"{place:>6}  {entry.job}{about}  {entry.reason}".rstrip())
        return "\n".join(lines)
