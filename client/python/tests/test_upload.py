"""What is sent of arrays and frames, and where an upload goes on."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainyard import _plans
from trainyard._steps import Call, Send
from trainyard._upload import CHUNK, Upload, held, make_upload, messages
from trainyard.errors import Unavailable
from trainyard.v1 import dataset_pb2

DATA, LABELS = dataset_pb2.UploadPart.DATA, dataset_pb2.UploadPart.LABELS


def loaded(upload: Upload, part: int) -> np.ndarray:
    return np.load(io.BytesIO(upload.parts[part]))


def test_an_array_keeps_its_type_and_shape() -> None:
    data = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    upload = make_upload(data, [1, 0])
    assert (loaded(upload, DATA) == data).all() and loaded(upload, DATA).dtype == np.uint8
    assert loaded(upload, LABELS).tolist() == [1, 0]
    assert upload.dataset.upload.format == dataset_pb2.UploadSource.NPY
    assert upload.dataset.upload.separate_labels
    assert loaded(make_upload(np.asfortranarray(data[0]), [0, 1, 2]), DATA).flags.c_contiguous
    assert loaded(make_upload(data[0].astype(np.float16), [0, 1, 2]), DATA).dtype == np.float32


def test_one_hot_rows_are_labels_of_as_many_classes() -> None:
    upload = make_upload(np.zeros((3, 2)), np.eye(10)[[7, 0, 7]])
    assert loaded(upload, LABELS).tolist() == [7, 0, 7]
    assert upload.dataset.class_count == 10


def test_whole_floats_are_labels_and_others_are_refused() -> None:
    assert loaded(make_upload(np.zeros((2, 2)), [1.0, 0.0]), LABELS).dtype == np.int64
    with pytest.raises(ValueError, match="not whole numbers; task='regression'"):
        make_upload(np.zeros((2, 2)), [1.5, 0.0])
    with pytest.raises(ValueError, match="not one-hot"):
        make_upload(np.zeros((2, 2)), [[1, 1], [0, 1]])
    objects = np.array([1, 0], dtype=object)
    assert loaded(make_upload(np.zeros((2, 2)), objects), LABELS).tolist() == [1, 0]
    targets = make_upload(np.zeros((2, 2)), [[1.5, 2], [0, 1]], task="regression")
    assert loaded(targets, LABELS).tolist() == [[1.5, 2], [0, 1]]


@pytest.mark.parametrize(
    ("data", "labels", "message"),
    [
        (np.zeros((2, 2)), None, "needs labels"),
        (np.zeros(3), [1, 2, 3], r"has the shape \(3,\)"),
        (np.zeros((2, 2)), [1], "has 2 rows and labels has 1"),
        (np.zeros((2, 2)), ["cat", "dog"], r"labels has 'cat', .* return_inverse=True"),
        (np.zeros((2, 2)), [0, np.nan], "missing or not finite"),
        (np.array([[1, None], [2, 3]]), [0, 1], "data has 'None', which is no number"),
    ],
)
def test_arrays_that_do_not_fit(data: np.ndarray, labels: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_upload(data, labels)


def test_a_frame_is_sent_as_csv() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2], "b": [True, False], "label": [0, 1]})
    upload = make_upload(frame, label_column="label")
    assert upload.parts == {DATA: b"a,b,label\n1,1,0\n2,0,1\n"}
    assert upload.dataset.upload.format == dataset_pb2.UploadSource.CSV
    assert upload.dataset.upload.label_column == "2"
    assert make_upload(frame).dataset.upload.label_column == ""
    assert make_upload(frame, label_column="c").dataset.upload.label_column == "c"


def test_a_frames_numbered_columns_are_a_header_and_no_row() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame([[0.5, 1.5, 0]], columns=[2, 1, 0])
    upload = make_upload(frame, label_column=0)
    assert upload.parts == {DATA: b"column 2,column 1,column 0\n0.5,1.5,0\n"}
    assert upload.dataset.upload.label_column == "2"
    upload = make_upload(frame, task="regression", target_columns=[2, 1])
    assert list(upload.dataset.upload.target_columns) == ["0", "1"]


def test_files_are_sent_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(b"1,2,3\n")
    (tmp_path / "labels").write_bytes(b"x")
    upload = make_upload(tmp_path / "rows", str(tmp_path / "labels"))
    assert upload.parts == {DATA: b"1,2,3\n", LABELS: b"x"}
    assert upload.dataset.upload.format == dataset_pb2.UploadSource.FORMAT_UNSPECIFIED


def test_a_call_goes_on_from_its_offset() -> None:
    data = bytes(range(256)) * (CHUNK // 100)
    first, *chunks, last = messages("users/me/datasets/d", DATA, data, 5)
    assert (first.name, first.part, first.offset) == ("users/me/datasets/d", DATA, 5)
    assert b"".join(message.chunk for message in chunks) == data[5:]
    assert max(len(message.chunk) for message in chunks) == CHUNK
    assert last.finish_part


def test_what_the_server_holds() -> None:
    part = dataset_pb2.UploadPart(kind=DATA, committed_bytes=7)
    uploading = dataset_pb2.Dataset(state=dataset_pb2.Dataset.UPLOADING, parts=[part])
    assert held(uploading, DATA) == 7
    assert held(uploading, LABELS) == 0
    part.finished = True
    done = dataset_pb2.Dataset(state=dataset_pb2.Dataset.INGESTING, parts=[part])
    assert held(done, DATA) is None and held(done, LABELS) is None


class Broken:
    """A server that breaks each stream after so many bytes more."""

    def __init__(self, bytes_a_stream: int) -> None:
        self.bytes_a_stream = bytes_a_stream
        self.received = b""
        self.finished = False

    def answer(self, step: Any) -> Any:
        if isinstance(step, Send):
            first, *rest = step.requests()
            assert first.offset == len(self.received)
            data = b"".join(message.chunk for message in rest)
            self.received += data[: self.bytes_a_stream]
            if len(data) > self.bytes_a_stream:
                raise Unavailable("UNAVAILABLE", "broken")
            self.finished = rest[-1].finish_part
            return dataset_pb2.WriteDatasetResponse()
        assert isinstance(step, Call) and step.method == "datasets.GetDataset"
        part = dataset_pb2.UploadPart(kind=DATA, committed_bytes=len(self.received))
        state = dataset_pb2.Dataset.UPLOADING
        return dataset_pb2.Dataset(state=state, parts=[part])

    def run(self, plan: Any) -> None:
        try:
            step = next(plan)
            while True:
                try:
                    answer = self.answer(step)
                except Unavailable as error:
                    step = plan.throw(error)
                else:
                    step = plan.send(answer)
        except StopIteration:
            pass


def test_an_upload_that_breaks_often_arrives_whole() -> None:
    data = bytes(range(100))
    server = Broken(7)
    server.run(_plans._send("users/me/datasets/d", DATA, data))
    assert server.received == data and server.finished


def test_an_upload_without_progress_is_given_up() -> None:
    with pytest.raises(Unavailable):
        Broken(0).run(_plans._send("users/me/datasets/d", DATA, b"abc"))
