"""Errors: what a server refuses and why, and what to do about it."""

from __future__ import annotations

from typing import Any, NamedTuple, Optional

import grpc
from google.rpc import code_pb2, error_details_pb2, status_pb2

__all__ = [
    "AlreadyExists",
    "DatasetFailed",
    "EvaluationFailed",
    "FailedPrecondition",
    "FieldViolation",
    "InvalidArgument",
    "JobFailed",
    "NotFound",
    "OutOfRange",
    "PermissionDenied",
    "ResourceExhausted",
    "TrainyardError",
    "Unauthenticated",
    "Unavailable",
]


class FieldViolation(NamedTuple):
    """A field of the request, as in `job.spec.learning_rate`, and what is wrong with it."""

    field: str
    description: str


class TrainyardError(Exception):
    """What a server answered instead of a result.

    Attributes:
        code: Name of the gRPC status code, as in "NOT_FOUND".
        message: One line.
        reason: ErrorInfo's stable reason, as in "DIVERGED"; "" where there is none.
        violations: One for each bad field of the request.
        metadata: Further facts, as in {"earliest_sequence": "17"}.
        hint: What to try next; "" where nothing is known.
    """

    def __init__(
        self,
        code: str,
        message: str,
        reason: str = "",
        violations: tuple[FieldViolation, ...] = (),
        metadata: Optional[dict[str, str]] = None,
        hint: str = "",
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.reason = reason
        self.violations = violations
        self.metadata = metadata or {}
        self.hint = hint or _hint(code, message, reason)

    def __str__(self) -> str:
        name = self.code if self.reason in ("", self.code) else f"{self.code} {self.reason}"
        lines = [f"{self.message} [{name}]"]
        lines += [f"  {violation.field}: {violation.description}" for violation in self.violations]
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)


class NotFound(TrainyardError):
    """It is not there, or is another user's."""


class AlreadyExists(TrainyardError):
    """The id is taken."""


class InvalidArgument(TrainyardError):
    """A field of the request is bad; see `violations`."""


class FailedPrecondition(TrainyardError):
    """Not in the present state."""


class OutOfRange(TrainyardError):
    """Beyond the rows or events that there are."""


class ResourceExhausted(TrainyardError):
    """A quota or the disk is full."""


class PermissionDenied(TrainyardError):
    """The caller may not do this."""


class Unauthenticated(TrainyardError):
    """The server wants a token, or another one."""


class Unavailable(TrainyardError):
    """No server answers, it is shutting down, or it has dropped a stream that nobody read."""


class DatasetFailed(TrainyardError):
    """The rows of a dataset could not be read; `metadata` names line and column."""


class JobFailed(TrainyardError):
    """A job has ended, but not as SUCCEEDED."""


class EvaluationFailed(TrainyardError):
    """An evaluation has ended as FAILED."""


_BY_CODE: dict[str, type[TrainyardError]] = {
    "ALREADY_EXISTS": AlreadyExists,
    "CANCELLED": Unavailable,
    "FAILED_PRECONDITION": FailedPrecondition,
    "INVALID_ARGUMENT": InvalidArgument,
    "NOT_FOUND": NotFound,
    "OUT_OF_RANGE": OutOfRange,
    "PERMISSION_DENIED": PermissionDenied,
    "RESOURCE_EXHAUSTED": ResourceExhausted,
    "UNAUTHENTICATED": Unauthenticated,
    "UNAVAILABLE": Unavailable,
}


def _hint(code: str, message: str, reason: str) -> str:
    words = message.lower()
    kinds = [kind for kind in ("dataset", "network", "job", "evaluation") if kind in words]
    # A name such as users/me/jobs/j/evaluations/e is an evaluation's.
    kind = "evaluation" if "/evaluations/" in words else min(kinds, key=words.index, default="")
    if code == "UNAVAILABLE" and not reason:  # nobody answered
        return (
            "is trainyard-server running there? Client(server='HOST:PORT') or "
            "TRAINYARD_SERVER names another; a class's server is joined first: "
            "trainyard.join(LINE)"
        )
    if code == "UNAUTHENTICATED":
        return (
            "join the class with trainyard.join(LINE), or give a token: Client(token=...) or "
            "TRAINYARD_TOKEN"
        )
    if reason in ("NO_SUCH_CHECKPOINT", "CHECKPOINT_NOT_KEPT"):
        return "epoch is one of job.checkpoint_epochs; keep_checkpoints='all' keeps every one"
    if code == "NOT_FOUND" and kind:
        owner = "job" if kind == "evaluation" else "client"
        return f"see what there is: {owner}.{kind}s()"
    if code == "ALREADY_EXISTS" and kind in ("dataset", "network"):
        return f"choose another name, or give replace=True, or: client.{kind}(NAME).delete()"
    if code == "ALREADY_EXISTS" and kind == "job":
        return "choose another id, or: client.job(NAME).delete()"
    return ""


def from_status(
    status: status_pb2.Status, kind: Optional[type[TrainyardError]] = None
) -> TrainyardError:
    """The exception for a google.rpc.Status: of `kind`, or as its code has it."""
    info = error_details_pb2.ErrorInfo()
    bad_request = error_details_pb2.BadRequest()
    for detail in status.details:
        detail.Unpack(info) or detail.Unpack(bad_request)
    code = _code_name(status.code)
    return (kind or _BY_CODE.get(code, TrainyardError))(
        code,
        status.message,
        info.reason,
        tuple(
            FieldViolation(violation.field, violation.description)
            for violation in bad_request.field_violations
        ),
        dict(info.metadata),
    )


def from_rpc(error: grpc.RpcError) -> TrainyardError:
    """The exception for a failed call, of grpc or of grpc.aio."""
    call: Any = error
    for key, value in call.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            return from_status(status_pb2.Status.FromString(value))
    number = call.code().value[0]
    return from_status(status_pb2.Status(code=number, message=call.details() or ""))


def _code_name(number: int) -> str:
    try:
        return str(code_pb2.Code.Name(number))
    except ValueError:
        return "UNKNOWN"
