"""Wrong input, over gRPC: each kind is refused with a stable reason and the
place where it is wrong, and leaves server and data directory as they were."""

from __future__ import annotations

import gzip
import io
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import grpc
import numpy as np
import pytest

from harness import (
    PATIENCE,
    Server,
    dataset_pb2,
    error_info,
    refused,
    wait_until,
)

Dataset = dataset_pb2.Dataset
INVALID = grpc.StatusCode.INVALID_ARGUMENT.value[0]
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]


def idx(shape: tuple[int, ...], body: bytes, kind: int = 8) -> bytes:
    return bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + body


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array))
    return buffer.getvalue()


IMAGES = idx((2, 3, 3), bytes(range(18)))
LABELS = idx((2,), b"\x00\x01")
ROWS = b"\n".join(b"%d,%d,%d" % (n % 2, n, 2 * n) for n in range(5000)) + b"\n"
ZIPPED = gzip.compress(ROWS, mtime=0)


class Wrong(NamedTuple):
    """An upload, the reason it is refused for, and where it says the fault is."""

    reason: str
    data: bytes
    labels: bytes | None = None
    fields: dict[str, Any] = {}
    place: dict[str, str] = {}
    code: int = INVALID


CSV = dataset_pb2.UploadSource.CSV
IDX = dataset_pb2.UploadSource.IDX
NPY = dataset_pb2.UploadSource.NPY

WRONG = {
    # CSV.
    "empty": Wrong("EMPTY_FILE", b""),
    "blank-lines-only": Wrong("EMPTY_FILE", b"\n\r\n\n", fields={"upload": {"format": CSV}}),
    "header-only": Wrong("EMPTY_FILE", b"label,x,y\n"),
    "missing-column": Wrong("WRONG_FIELD_COUNT", b"0,1,2\n1,2\n", place={"line": "2", "row": "1"}),
    "extra-column": Wrong("WRONG_FIELD_COUNT", b"0,1,2\n\n1,2,3,4\n", place={"line": "3"}),
    "not-a-number": Wrong(
        "NOT_A_NUMBER", b"0,1,2\n1,abc,3\n", place={"line": "2", "column": "2", "value": "abc"}
    ),
    "empty-field": Wrong("NOT_A_NUMBER", b"0,1,2\n1,,3\n", place={"line": "2", "column": "2"}),
    "nan": Wrong(
        "NOT_FINITE", b"0,1,2\n1,2,nan\n", place={"line": "2", "column": "3", "value": "nan"}
    ),
    "infinity": Wrong("NOT_FINITE", b"0,1\n1,-inf\n", place={"line": "2", "column": "2"}),
    "overflow": Wrong("OUT_OF_RANGE", b"0,1\n1,1e999\n", place={"line": "2", "column": "2"}),
    "label-no-integer": Wrong(
        "LABEL_NOT_INTEGER", b"0,1\n1.5,2\n", place={"line": "2", "column": "1", "value": "1.5"}
    ),
    "label-negative": Wrong("LABEL_OUT_OF_RANGE", b"0,1\n-1,2\n", place={"line": "2"}),
    "label-outside-classes": Wrong(
        "LABEL_OUT_OF_RANGE",
        b"0,1\n3,2\n",
        fields={"class_count": 3},
        place={"line": "2", "value": "3"},
    ),
    "label-huge": Wrong(
        "TOO_MANY_CLASSES",
        b"0,1\n99999999999999999999,2\n",
        place={"line": "2", "column": "1"},
        code=EXHAUSTED,
    ),
    "no-label-column": Wrong("LABEL_COLUMN_UNKNOWN", b"x,y,z\n1,2,3\n"),
    "no-such-label-column": Wrong(
        "LABEL_COLUMN_UNKNOWN", b"label,x\n1,2\n", fields={"upload": {"label_column": "klass"}}
    ),
    "open-quote": Wrong("QUOTE_NOT_CLOSED", b'0,1\n1,"2\n'),
    "field-too-long": Wrong(
        "FIELD_TOO_LONG", b"0,1\n1," + b"0" * 5000 + b"\n", place={"line": "2"}, code=EXHAUSTED
    ),
    "zero-byte": Wrong(
        "NOT_TEXT",
        b"0,1\n\x00\xff\xfe,\x80\n",
        fields={"upload": {"format": CSV}},
        place={"line": "2"},
    ),
    "not-utf-8": Wrong("NOT_A_NUMBER", b"0,1\n\xff\xfe,\x80\n", place={"line": "2"}),
    "semicolons": Wrong("SEPARATOR_UNSUPPORTED", b"0;1;2\n1;2;3\n"),
    "label-alone": Wrong("NO_FEATURES", b"0\n1\n"),
    # gzip.
    "gzip-truncated": Wrong("GZIP_TRUNCATED", ZIPPED[:-20]),
    "gzip-corrupt": Wrong("GZIP_CORRUPT", ZIPPED[:200] + bytes(50) + ZIPPED[250:]),
    "gzip-bomb": Wrong(
        "GZIP_RATIO_EXCEEDED", gzip.compress(b"0,1,1\n" * (16 << 20), mtime=0), code=EXHAUSTED
    ),
    "gzip-twice": Wrong("FORMAT_UNSUPPORTED", gzip.compress(ZIPPED, mtime=0)),
    "gzip-of-nothing": Wrong("EMPTY_FILE", gzip.compress(b"", mtime=0)),
    # IDX.
    "idx-wrong-magic": Wrong(
        "IDX_WRONG_MAGIC", b"\x01" + IMAGES[1:], LABELS, {"upload": {"format": IDX}}
    ),
    "idx-wrong-type": Wrong(
        "IDX_TYPE_UNSUPPORTED",
        idx((2, 3, 3), bytes(18), kind=0x0B),
        LABELS,
        {"upload": {"format": IDX}},
    ),
    "idx-too-short": Wrong(
        "IDX_TRUNCATED", IMAGES[:-1], LABELS, place={"file": "data", "row": "1"}
    ),
    "idx-too-long": Wrong("IDX_TRAILING_BYTES", IMAGES + b"\0", LABELS),
    "idx-counts-differ": Wrong(
        "COUNT_MISMATCH", IMAGES, idx((3,), b"\0\1\2"), place={"expected": "2", "found": "3"}
    ),
    "idx-labels-truncated": Wrong("IDX_TRUNCATED", IMAGES, LABELS[:-1], place={"file": "labels"}),
    "idx-huge-dimensions": Wrong("IDX_TOO_LARGE", idx((2**31, 2**31, 2**31), b""), LABELS),
    "idx-huge-count": Wrong("COUNT_MISMATCH", idx((2**31, 1, 1), b""), LABELS),
    "idx-swapped": Wrong("IDX_WRONG_MAGIC", LABELS, IMAGES),
    "idx-no-rows": Wrong("EMPTY_FILE", idx((0, 3, 3), b""), idx((0,), b"")),
    "idx-header-cut": Wrong("IDX_TRUNCATED", IMAGES[:9], LABELS),
    "idx-no-labels": Wrong("LABELS_REQUIRED", IMAGES),
    "idx-label-outside-classes": Wrong(
        "LABEL_OUT_OF_RANGE", IMAGES, idx((2,), b"\0\x07"), {"class_count": 5}, {"row": "1"}
    ),
    # NPY.
    "npy-cut": Wrong("NPY_TRUNCATED", npy(np.zeros((2, 3)))[:40], npy([0, 1])),
    "npy-type": Wrong("NPY_TYPE_UNSUPPORTED", npy(np.zeros((2, 3), complex)), npy([0, 1])),
    "npy-not-finite": Wrong("NOT_FINITE", npy([[1.0, np.nan]]), npy([0]), place={"row": "0"}),
    "npy-counts-differ": Wrong("COUNT_MISMATCH", npy(np.zeros((2, 3))), npy([0, 1, 1])),
}


def files_at_rest(server: Server) -> set[str]:
    """An upload is removed after its dataset is ACTIVE."""
    wait_until("the last upload to be removed", lambda: not server.files("uploads"))
    return server.files("datasets", "uploads")


@pytest.fixture(scope="module")
def before(server: Server) -> set[str]:
    server.api.active("good", ROWS)
    return files_at_rest(server)


def assert_unharmed(server: Server, name: str, before: set[str]) -> None:
    """Nothing is left of the upload, and its name can be used again."""
    wait_until("the upload to be removed", lambda: server.files("datasets", "uploads") == before)
    again = server.api.active(name.rpartition("/")[2], ROWS)
    assert again.row_count == 5000
    server.api.delete_dataset(again.name)
    wait_until("the good one to be removed", lambda: server.files("datasets", "uploads") == before)


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_wrong_input_names_its_fault(
    server: Server, before: set[str], unique: str, wrong: Wrong
) -> None:
    dataset = server.api.upload(unique, wrong.data, wrong.labels, **dict(wrong.fields))
    assert dataset.state == Dataset.FAILED
    info = error_info(dataset.error)
    metadata = dict(info.metadata)
    assert info.reason == wrong.reason, dataset.error.message
    assert dataset.error.code == wrong.code, dataset.error.message
    assert info.domain == "trainyard"
    assert wrong.place.items() <= metadata.items(), metadata
    # What is in the metadata is in the words, too.
    for key in wrong.place.keys() & {"line", "column", "value"}:
        assert wrong.place[key] in dataset.error.message
    assert not dataset.digest and dataset.row_count == 0
    refused(
        grpc.StatusCode.FAILED_PRECONDITION,
        lambda: server.api.datasets.PreviewDataset(
            dataset_pb2.PreviewDatasetRequest(name=dataset.name)
        ),
    )
    assert_unharmed(server, dataset.name, before)


GOOD = {
    "crlf": b"0,1,2\r\n1,3,4\r\n",
    "blank-lines": b"\n0,1,2\n\n\n1,3,4\n\n",
    "no-last-newline": b"0,1,2\n1,3,4",
    "quoted": b'"0","1","2"\n1,"3",4\n',
    "spaces": b"0, 1, 2\n1, 3 ,4\n",
    "header": b"label,x,y\n0,1,2\n1,3,4\n",
    "header-label-last": b"x,y,class\n1,2,0\n3,4,1\n",
    "quoted-header": b'"x","label","y, really"\r\n1,0,2\r\n3,1,4\r\n',
    "decimal": b"0,1.0,2e0\n1,+3,4.00\n",
    "byte-order-mark": b"\xef\xbb\xbf0,1,2\n1,3,4\n",
    "gzip": gzip.compress(b"0,1,2\n1,3,4\n"),
    "gzip-in-two-members": gzip.compress(b"0,1,2\n") + gzip.compress(b"1,3,4\n"),
}


@pytest.mark.parametrize("form", GOOD.values(), ids=GOOD.keys())
def test_every_way_to_write_it_is_the_same_dataset(
    server: Server, unique: str, form: bytes
) -> None:
    plain = server.api.active(f"{unique}-plain", b"0,1,2\n1,3,4\n")
    dataset = server.api.active(unique, form)
    assert dataset.digest == plain.digest
    assert list(dataset.label_histogram) == [1, 1]


def test_idx_and_npy_and_csv_of_the_same_rows_are_the_same_dataset(server: Server) -> None:
    csv = b"0," + b",".join(b"%d" % n for n in range(9)) + b"\n"
    csv += b"1," + b",".join(b"%d" % n for n in range(9, 18)) + b"\n"
    digests = {
        server.api.active("form-csv", csv).digest,
        server.api.active("form-idx", IMAGES, LABELS).digest,
        server.api.active("form-idx-gz", gzip.compress(IMAGES), gzip.compress(LABELS)).digest,
        server.api.active(
            "form-npy", npy(np.arange(18, dtype=np.uint8).reshape(2, 9)), npy([0, 1])
        ).digest,
    }
    assert len(digests) == 1


def test_a_parser_that_is_killed_fails_its_own_upload_only(server: Server) -> None:
    """It is killed as often as it is started, in the middle of a long task."""
    before = files_at_rest(server)
    name = server.api.create_dataset(
        "killed",
        generator=dataset_pb2.GeneratorSource(
            kind=dataset_pb2.GeneratorSource.DIGITS, row_count=500_000
        ),
    ).name
    other = server.api.create_dataset("beside-it", upload=dataset_pb2.UploadSource()).name
    kills = 0
    deadline = time.monotonic() + 60 * PATIENCE
    while server.api.get_dataset(name).state == Dataset.INGESTING:
        assert time.monotonic() < deadline
        wait_until(
            "its worker, or its end",
            lambda: server.workers(name) or server.api.get_dataset(name).state == Dataset.FAILED,
        )
        kills += server.kill_workers(name)
    assert kills
    dataset = server.api.get_dataset(name)
    assert dataset.state == Dataset.FAILED
    info = error_info(dataset.error)
    assert info.reason == "INGEST_CRASHED" and info.domain == "trainyard"

    # Its neighbour has noticed nothing.
    server.api.write(other, dataset_pb2.UploadPart.DATA, ROWS)
    assert server.api.settled_dataset(other).state == Dataset.ACTIVE
    server.api.delete_dataset(other)
    server.api.delete_dataset(name)
    wait_until("what it left to be removed", lambda: server.files("datasets", "uploads") == before)
    assert server.api.digits("killed", 100).row_count == 100


@pytest.mark.parametrize(
    "change,field",
    [
        ({}, "source"),
        ({"generator": dataset_pb2.GeneratorSource()}, "kind"),
        (
            {
                "generator": dataset_pb2.GeneratorSource(
                    kind=dataset_pb2.GeneratorSource.DIGITS, row_count=-1
                )
            },
            "row",
        ),
        (
            {
                "generator": dataset_pb2.GeneratorSource(
                    kind=dataset_pb2.GeneratorSource.DIGITS, noise=2
                )
            },
            "noise",
        ),
        ({"upload": dataset_pb2.UploadSource(), "class_count": -1}, "class"),
    ],
)
def test_a_source_that_is_none_names_its_field(
    server: Server, change: dict[str, Any], field: str
) -> None:
    from harness import violations

    status = refused(
        grpc.StatusCode.INVALID_ARGUMENT, lambda: server.api.create_dataset("bad", **change)
    )
    assert any(field in named for named in violations(status)), status


def test_writes_that_do_not_fit_are_refused_and_change_nothing(server: Server) -> None:
    api = server.api
    request = dataset_pb2.WriteDatasetRequest
    data, labels = dataset_pb2.UploadPart.DATA, dataset_pb2.UploadPart.LABELS
    name = api.create_dataset("strict", upload=dataset_pb2.UploadSource()).name

    def send(*messages: dataset_pb2.WriteDatasetRequest) -> Callable[[], Any]:
        def stream() -> Iterator[dataset_pb2.WriteDatasetRequest]:
            yield from messages

        return lambda: api.datasets.WriteDataset(stream())

    invalid, unmet = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION
    refused(invalid, send())
    refused(unmet, send(request(name=name, chunk=b"0,1\n")))  # no part
    refused(unmet, send(request(name=name, part=labels, chunk=b"0,1\n")))
    refused(grpc.StatusCode.NOT_FOUND, send(request(name="users/me/datasets/none", part=data)))
    status = refused(
        grpc.StatusCode.OUT_OF_RANGE, send(request(name=name, part=data, offset=7, chunk=b"0"))
    )
    assert "0" in dict(error_info(status).metadata).values()  # the committed size
    found = api.get_dataset(name)
    assert found.state == Dataset.UPLOADING
    assert [part.committed_bytes for part in found.parts] == [0]
    api.delete_dataset(name)
