"""Hidden test sets of a class: a score comes out, and no row."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from calls import ALL, outcome
from harness import (
    ROWS,
    Api,
    Class,
    Cli,
    Code,
    dataset_pb2,
    error_info,
    evaluation_pb2,
    refused,
    training_pb2,
    visibility_pb2,
    wait_until,
)

SECRET = b"".join(b"%d,%d.5,%d.25\n" % (row % 2, 100 + row, 200 - row) for row in range(8))


@pytest.fixture(scope="module")
def hidden(lab: Class) -> str:
    teacher = lab.user("teacher")
    data = teacher.active("exam", SECRET)
    teacher.datasets.UpdateDataset(
        dataset_pb2.UpdateDatasetRequest(
            dataset=dataset_pb2.Dataset(
                name=data.name,
                visibility=visibility_pb2.HIDDEN,
                hidden_policy=dataset_pb2.HiddenPolicy(evaluations_per_day=3),
            ),
            update_mask={"paths": ["visibility", "hidden_policy"]},
        )
    )
    return data.name


def test_of_a_hidden_set_nothing_but_the_score_comes_out(
    lab: Class, hidden: str, scratch: Path
) -> None:
    eve = lab.join("eve")
    own = eve.active("own", ROWS)
    network = eve.network("n", [2, 3, 2], seed=1)
    spec = {"epochs": 1, "learning_rate": 0.1}
    job = eve.trained("j", network.name, own.name, **spec)

    told = eve.get_dataset(hidden)
    assert told.row_count == 8 and told.feature_count == 2
    assert not told.label_histogram and not told.digest and not told.size_bytes
    assert not told.HasField("upload")

    def denied(call: Callable[[], Any]) -> None:
        status = refused(Code.PERMISSION_DENIED, call)
        assert error_info(status).reason == "DATASET_HIDDEN"

    # By its owner neither, while it is hidden.
    for api in (eve, lab.user("teacher")):
        denied(
            lambda: api.datasets.PreviewDataset(
                dataset_pb2.PreviewDatasetRequest(name=hidden, row_count=8)
            )
        )
    denied(lambda: eve.train("a", network.name, hidden, **spec))
    denied(lambda: eve.train("b", network.name, own.name, validation_dataset=hidden, **spec))
    rows = evaluation_pb2.DatasetRows(dataset=hidden, rows=[0])
    denied(
        lambda: eve.evaluations.Predict(
            evaluation_pb2.PredictRequest(name=job.name, dataset_rows=rows)
        )
    )
    evaluation = eve.evaluated(job.name, hidden, evaluation_id="exam")
    assert evaluation.limited and evaluation.HasField("accuracy")
    allowed = evaluation_pb2.Evaluation(
        name=evaluation.name,
        uid=evaluation.uid,
        state=evaluation.state,
        dataset=hidden,
        epoch=1,
        accuracy=evaluation.accuracy,
        limited=True,
        create_time=evaluation.create_time,
        end_time=evaluation.end_time,
    )
    assert evaluation == allowed
    listed = eve.evaluations.ListEvaluations(
        evaluation_pb2.ListEvaluationsRequest(parent=job.name)
    )
    assert list(listed.evaluations) == [allowed]
    for api in (eve, lab.user("teacher"), lab.user("admin")):
        denied(
            lambda: api.evaluations.ListMisclassified(
                evaluation_pb2.ListMisclassifiedRequest(parent=evaluation.name)
            )
        )
    denied(
        lambda: eve.evaluations.GetConfusionMatrix(
            evaluation_pb2.GetConfusionMatrixRequest(name=evaluation.name)
        )
    )
    told_by_events = b"".join(e.SerializeToString() for e in eve.events(job.name))
    # Where anything is written for people to read, no row is.
    logs = b"".join(path.read_bytes() for path in lab.server.data_dir.rglob("*.log"))
    for text in (told_by_events, logs, lab.server.log.read_bytes()):
        assert b"100.5" not in text and b"200.25" not in text


def test_what_could_not_be_read_of_a_hidden_set_is_its_owners_to_see(lab: Class) -> None:
    teacher = lab.user("teacher")
    bad = teacher.upload("bad-exam", b"0,1,2\n1,secret,3\n", visibility=visibility_pb2.HIDDEN)
    assert bad.state == dataset_pb2.Dataset.FAILED and "secret" in bad.error.message
    assert not lab.join("seer").get_dataset(bad.name).HasField("error")


def naming(request: Any, name: str, everywhere: bool) -> Any:
    """The request with this name in each of its fields of text, or in those only that
    say whose data it is about."""
    for field in request.DESCRIPTOR.fields:
        if field.type == field.TYPE_STRING and (everywhere or "dataset" in field.name):
            if field.label == field.LABEL_REPEATED:
                getattr(request, field.name).append(name)
            elif field.name != "page_token":
                setattr(request, field.name, name)
        elif (
            field.type == field.TYPE_MESSAGE
            and field.label != field.LABEL_REPEATED
            and field.message_type.file.package.startswith("trainyard")
            and (not field.containing_oneof or "dataset" in field.name)
        ):
            naming(getattr(request, field.name), name, everywhere)
    return request


# What deletes has no field for a dataset, and would take what is ada's.
@pytest.mark.parametrize("everywhere", (False, True), ids=("dataset", "everywhere"))
@pytest.mark.parametrize("method", [each for each in ALL if "Delete" not in each.id])
def test_no_method_gives_a_hidden_row(
    hidden: str, ada: Api, method: Any, everywhere: bool
) -> None:
    """Whatever field of whatever request names it, of a student's."""
    _, answer = outcome(ada, method, lambda request: naming(request, hidden, everywhere))
    told = (
        str(answer).encode()
        if isinstance(answer, grpc.RpcError)
        else answer.SerializeToString() + str(answer).encode()
    )
    values = [100.5 + row for row in range(8)] + [200.25 - row for row in range(8)]
    for value in values:
        for written in (struct.pack("<f", value), struct.pack("<d", value), str(value).encode()):
            assert written not in told, method[0]


def test_the_owner_says_how_often_and_how_much(lab: Class, hidden: str) -> None:
    finn = lab.join("finn")
    own = finn.active("own", ROWS)
    network = finn.network("n", [2, 3, 2], seed=1)
    job = finn.trained("j", network.name, own.name, epochs=1, learning_rate=0.1)
    for _ in range(3):
        finn.evaluated(job.name, hidden)
    status = refused(Code.RESOURCE_EXHAUSTED, lambda: finn.evaluated(job.name, hidden))
    assert error_info(status).metadata["quota"] == "hidden_evaluations_per_day"
    lab.user("teacher").datasets.UpdateDataset(
        dataset_pb2.UpdateDatasetRequest(
            dataset=dataset_pb2.Dataset(
                name=hidden,
                hidden_policy=dataset_pb2.HiddenPolicy(show_confusion_matrix=True),
            ),
            update_mask={"paths": ["hidden_policy"]},
        )
    )
    shown = finn.evaluated(job.name, hidden)
    assert shown.limited and sum(shown.confusion_matrix.counts) == 8
    assert not shown.cost and not shown.misclassified_count


def test_the_command_line_prints_no_zeros_for_what_is_not_told(lab: Class, scratch: Path) -> None:
    def cli_of(user: str) -> Cli:
        cli = Cli(lab.server.target, scratch / f"cli-{user}")
        cli.environment["TRAINYARD_CONFIG_DIR"] = str(scratch / f"cli-{user}")
        cli.environment["TRAINYARD_TOKEN"] = lab.tokens[user]
        cli("login", "--server", lab.server.target, "--fingerprint", lab.fingerprint)
        return cli

    lab.user("teacher").active("exam-2", SECRET)
    shared = cli_of("teacher")(
        *"dataset share exam-2 --with hidden --show-matrix --evaluations-per-day 7".split()
    )
    assert "7 times a day each, which shows the accuracy and the confusion matrix" in shared
    lea = lab.join("lea-cli")
    network = lea.network("n", [2, 3, 2], seed=1)
    lea.trained("j", network.name, lea.active("own", ROWS).name, epochs=1, learning_rate=0.1)
    cli = cli_of("lea-cli")
    shown = cli("dataset", "show", "users/teacher/datasets/exam-2")
    assert "hidden: evaluated on" in shown and "digest" not in shown and "0 B" not in shown
    told = cli("evaluate", "j", "--dataset", "users/teacher/datasets/exam-2")
    assert "confusion matrix" in told and "the dataset is hidden" in told
    cli_of("teacher")(*"dataset share exam-2 --with hidden".split())
    told = cli("evaluate", "j", "--dataset", "users/teacher/datasets/exam-2")
    assert "accuracy" in told and "cost" not in told and "rows" not in told and "0 of" not in told


def test_what_became_hidden_is_not_trained_on_again(lab: Class) -> None:
    teacher = lab.user("teacher")
    gail = lab.join("gail")
    data = teacher.active("later-hidden", ROWS)
    share = dataset_pb2.UpdateDatasetRequest(
        dataset=dataset_pb2.Dataset(name=data.name, visibility=visibility_pb2.CLASS),
        update_mask={"paths": ["visibility"]},
    )
    teacher.datasets.UpdateDataset(share)
    network = gail.network("n", [2, 3, 2], seed=1)
    job = gail.trained("j", network.name, data.name, epochs=1, learning_rate=0.1)
    resting = gail.train("r", network.name, data.name, epochs=1_000_000, learning_rate=0.1).name
    next(event for event in gail.watched(resting) if event.WhichOneof("kind") == "epoch")
    gail.training.PauseTrainingJob(training_pb2.PauseTrainingJobRequest(name=resting))
    paused = training_pb2.TrainingJob.PAUSED
    wait_until("the job to pause", lambda: gail.job(resting).state == paused)
    share.dataset.visibility = visibility_pb2.HIDDEN
    teacher.datasets.UpdateDataset(share)
    fork = training_pb2.ForkTrainingJobRequest(
        name=job.name,
        job_id="on",
        spec=training_pb2.TrainingJobSpec(epochs=2),
        update_mask={"paths": ["epochs"]},
    )
    resume = training_pb2.ResumeTrainingJobRequest(name=resting)
    refused(Code.PERMISSION_DENIED, lambda: gail.training.ForkTrainingJob(fork))
    refused(Code.PERMISSION_DENIED, lambda: gail.training.ResumeTrainingJob(resume))
    refused(Code.PERMISSION_DENIED, lambda: gail.verify(job.name, job_id="again"))
