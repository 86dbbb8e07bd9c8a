"""What an error carries, and says."""

from __future__ import annotations

import pytest
from google.protobuf.any_pb2 import Any
from google.rpc import code_pb2, error_details_pb2, status_pb2

import trainyard
from trainyard.errors import JobFailed, from_status


def status(code: int, message: str, *details: object) -> status_pb2.Status:
    made = status_pb2.Status(code=code, message=message)
    for detail in details:
        packed = Any()
        packed.Pack(detail)  # type: ignore[arg-type]
        made.details.append(packed)
    return made


def test_code_reason_fields_and_facts() -> None:
    violation = error_details_pb2.BadRequest.FieldViolation(
        field="job.spec.epochs", description="must be from 0"
    )
    error = from_status(
        status(
            code_pb2.INVALID_ARGUMENT,
            "epochs is -5",
            error_details_pb2.ErrorInfo(
                reason="EPOCHS_OUT_OF_RANGE", domain="trainyard", metadata={"value": "-5"}
            ),
            error_details_pb2.BadRequest(field_violations=[violation]),
        )
    )
    assert isinstance(error, trainyard.InvalidArgument)
    assert (error.code, error.reason) == ("INVALID_ARGUMENT", "EPOCHS_OUT_OF_RANGE")
    assert error.violations == (("job.spec.epochs", "must be from 0"),)
    assert error.metadata == {"value": "-5"}
    assert str(error).splitlines() == [
        "epochs is -5 [INVALID_ARGUMENT EPOCHS_OUT_OF_RANGE]",
        "  job.spec.epochs: must be from 0",
    ]


@pytest.mark.parametrize(
    ("code", "message", "hint"),
    [
        (code_pb2.NOT_FOUND, "users/local/datasets/d does not exist", "client.datasets()"),
        (code_pb2.NOT_FOUND, "users/local/jobs/j/evaluations/e is not there", "job.evaluations()"),
        (code_pb2.ALREADY_EXISTS, "users/local/networks/n already exists", "replace=True"),
        (code_pb2.ALREADY_EXISTS, "users/local/jobs/j already exists", "client.job(NAME).delete()"),
        (code_pb2.UNAVAILABLE, "connection refused", "TRAINYARD_SERVER"),
        (code_pb2.UNAVAILABLE, "connection refused", "trainyard.join(LINE)"),
        (code_pb2.UNAUTHENTICATED, "no token", "TRAINYARD_TOKEN"),
    ],
)
def test_it_says_what_to_try(code: int, message: str, hint: str) -> None:
    error = from_status(status(code, message))
    assert type(error) is not trainyard.TrainyardError
    assert hint in str(error)


def test_codes_without_a_class_and_codes_that_are_none() -> None:
    assert from_status(status(code_pb2.DATA_LOSS, "damaged")).code == "DATA_LOSS"
    assert from_status(status(99, "strange")).code == "UNKNOWN"
    failed = from_status(status(code_pb2.ABORTED, "diverged"), JobFailed)
    assert isinstance(failed, trainyard.JobFailed)


def test_a_checkpoint_that_is_not_kept_has_its_own_hint() -> None:
    info = error_details_pb2.ErrorInfo(reason="CHECKPOINT_NOT_KEPT", domain="trainyard")
    error = from_status(status(code_pb2.NOT_FOUND, "users/me/jobs/j keeps no weights", info))
    assert "job.checkpoint_epochs" in str(error)


def test_a_server_that_answers_is_not_looked_for() -> None:
    info = error_details_pb2.ErrorInfo(reason="PREDICTOR_LOST", domain="trainyard")
    error = from_status(status(code_pb2.UNAVAILABLE, "has ended; try again", info))
    assert isinstance(error, trainyard.Unavailable) and not error.hint
