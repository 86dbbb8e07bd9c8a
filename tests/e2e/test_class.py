"""A class: who may join, see, use and change what, over TLS and by tokens."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from harness import (
    BIN,
    OWNERS,
    PATIENCE,
    Api,
    Class,
    Cli,
    Server,
    admin_pb2,
    dataset_pb2,
    error_info,
    error_of,
    evaluation_pb2,
    job_request,
    methods,
    network_pb2,
    refused,
    training_pb2,
    visibility_pb2,
    wait_until,
)

ROWS = b"0,1,2\n1,2,1\n0,1,3\n1,3,1\n"
Code = grpc.StatusCode


@pytest.fixture(scope="module")
def lab(scratch: Path) -> Iterator[Class]:
    made = Class(scratch / "class", "--http", "127.0.0.1:0")
    made.server.start()
    made.join("teacher", admin_pb2.INSTRUCTOR)
    yield made
    made.close()
    made.server.stop()


@pytest.fixture(scope="module")
def ada(lab: Class) -> Api:
    """A student with one of each thing."""
    ada = lab.join("ada")
    data = ada.active("d", ROWS)
    network = ada.network("n", [2, 3, 2], seed=1)
    job = ada.trained("j", network.name, data.name, epochs=2, learning_rate=0.1)
    ada.evaluated(job.name, data.name, evaluation_id="e")
    return ada


@pytest.fixture(scope="module")
def bob(lab: Class) -> Api:
    return lab.join("bob")


# The role matrix.

STAFF_READS = {
    "GetDataset",
    "ListDatasets",
    "GetNetwork",
    "ListNetworks",
    "GetTrainingJob",
    "ListTrainingJobs",
    "ListTrainingEvents",
    "WatchTrainingJob",
    "WatchTrainingJobs",
    "ListCheckpoints",
    "GetEvaluation",
    "ListEvaluations",
    "GetConfusionMatrix",
    "ListMisclassified",
    "GetUser",
}
STAFF_CHANGES = {"CancelTrainingJob", "PauseTrainingJob", "ResumeTrainingJob"}
STAFF_ONLY = {
    "ListUsers",
    "UpdateUser",
    "CreateInvitation",
    "ListInvitations",
    "DeleteInvitation",
    "UpdateClassSettings",
}
ADMIN_ONLY = {"ListAuditEntries", "DrainServer"}
# Of nobody in particular: they answer everybody.
FOR_ALL = {"GetClassSettings", "GetQueue", "GetServer"}
# Answer with what the caller may see, and so with nothing.
EMPTY_FOR_OTHERS = {"ListDatasets", "ListNetworks"}
NO_TOKEN = {"JoinClass"}
TOKENS_OF_ADMIN = {"CreateToken", "ListTokens", "DeleteToken"}


def about_ada(method: str, request_type: Any) -> Any:
    """A request for what ada has, made from the descriptor of its type."""
    names = {
        "Dataset": "users/ada/datasets/d",
        "Network": "users/ada/networks/n",
        "Checkpoint": "users/ada/jobs/j/checkpoints/2",
        "Evaluation": "users/ada/jobs/j/evaluations/e",
        "ConfusionMatrix": "users/ada/jobs/j/evaluations/e",
        "User": "users/ada",
        "Token": "users/ada/tokens/t",
        "Invitation": "invitations/i",
    }
    kind = next((kind for kind in names if kind in method), "")
    name = names.get(kind, "users/ada/jobs/j")
    request = request_type()
    fields = request_type.DESCRIPTOR.fields_by_name
    if "name" in fields:
        request.name = name
    if "parent" in fields:
        below_a_job = ("Evaluation" in method) or method == "ListCheckpoints"
        request.parent = "users/ada/jobs/j" if below_a_job else "users/ada"
        if method == "ListMisclassified":
            request.parent = "users/ada/jobs/j/evaluations/e"
    for field in ("dataset", "network", "user"):
        if method.startswith("Update") and field in fields and fields[field].message_type:
            getattr(request, field).name = name
    return request


def outcome(
    api: Api, method: Any, change: Callable[[Any], Any] = lambda request: request
) -> tuple[Code, Any]:
    path, sends, streams, request_type, response_type = method
    short = path.rpartition("/")[2]
    kind = ("stream" if sends else "unary") + "_" + ("stream" if streams else "unary")
    call = getattr(api.channel, kind)(
        path,
        request_serializer=request_type.SerializeToString,
        response_deserializer=response_type.FromString,
    )
    request = change(about_ada(short, request_type))
    try:
        answer = call(iter([request]) if sends else request, timeout=20 * PATIENCE)
        # A stream that begins was let in.
        return Code.OK, next(iter(answer)) if streams else answer
    except StopIteration:
        return Code.OK, response_type()
    except grpc.RpcError as error:
        return error.code(), error


ALL = [
    pytest.param(method, id=method[0].rpartition("/")[2])
    for method in methods((*OWNERS, admin_pb2))
]
NOT_THEIRS = (Code.NOT_FOUND, Code.PERMISSION_DENIED)


@pytest.mark.parametrize("method", ALL)
def test_nobody_gets_in_without_a_token(lab: Class, ada: Api, method: Any) -> None:
    code, _ = outcome(lab.api(), method)
    if method[0].rpartition("/")[2] in NO_TOKEN:
        assert code == Code.PERMISSION_DENIED  # an empty code lets nobody join
    else:
        assert code == Code.UNAUTHENTICATED
    code, _ = outcome(lab.api(lab.admin_token[:-1] + "x"), method)
    assert code in (Code.UNAUTHENTICATED, Code.PERMISSION_DENIED)


@pytest.mark.parametrize("method", ALL)
def test_another_student_gets_nothing(lab: Class, ada: Api, bob: Api, method: Any) -> None:
    short = method[0].rpartition("/")[2]
    code, answer = outcome(bob, method)
    if short in FOR_ALL:
        assert code == Code.OK and b"ada" not in answer.SerializeToString()
    elif short in EMPTY_FOR_OTHERS:
        assert code == Code.OK and not answer.ByteSize()
    else:
        assert code in NOT_THEIRS, (short, answer)


@pytest.mark.parametrize("method", ALL)
def test_an_instructor_sees_and_halts_and_takes_nothing(
    lab: Class, ada: Api, method: Any
) -> None:
    short = method[0].rpartition("/")[2]
    code, answer = outcome(lab.user("teacher"), method)
    if short in STAFF_READS | FOR_ALL:
        assert code == Code.OK, answer
    elif short in STAFF_CHANGES | STAFF_ONLY:
        assert code not in (Code.UNAUTHENTICATED, Code.PERMISSION_DENIED), answer
    else:
        assert code in NOT_THEIRS, (short, answer)


@pytest.mark.parametrize("method", ALL)
def test_an_administrator_does_what_an_instructor_does_and_more(
    lab: Class, ada: Api, method: Any
) -> None:
    short = method[0].rpartition("/")[2]
    if short == "DrainServer":
        pytest.skip("ends the server")
    code, answer = outcome(lab.user("admin"), method)
    if short in STAFF_READS | FOR_ALL | ADMIN_ONLY:
        assert code == Code.OK, answer
    elif short in STAFF_CHANGES | STAFF_ONLY | TOKENS_OF_ADMIN:
        assert code not in (Code.UNAUTHENTICATED, Code.PERMISSION_DENIED), answer
    else:
        assert code in NOT_THEIRS, (short, answer)


def test_what_is_not_there_and_what_is_not_theirs_look_alike(bob: Api, ada: Api) -> None:
    for name in ("users/ada/datasets/d", "users/ada/datasets/none", "users/nobody/datasets/d"):
        status = refused(Code.NOT_FOUND, lambda: bob.get_dataset(name))
        assert status.message == f"{name} does not exist"
        assert error_info(status).reason == "NOT_FOUND"


# Sharing.


def test_what_is_shared_is_read_and_used_and_not_changed(lab: Class, bob: Api) -> None:
    teacher = lab.user("teacher")
    data = teacher.active("shared", ROWS)
    network = teacher.network("shared", [2, 2, 2], seed=3)
    spec = {"epochs": 1, "learning_rate": 0.1}
    refused(
        Code.NOT_FOUND,
        lambda: bob.train("early", network.name, data.name, **spec),
    )
    for stub, request in (
        (
            teacher.datasets.UpdateDataset,
            dataset_pb2.UpdateDatasetRequest(
                dataset=dataset_pb2.Dataset(name=data.name, visibility=visibility_pb2.CLASS),
                update_mask={"paths": ["visibility"]},
            ),
        ),
        (
            teacher.networks.UpdateNetwork,
            network_pb2.UpdateNetworkRequest(
                network=network_pb2.Network(name=network.name, visibility=visibility_pb2.CLASS),
                update_mask={"paths": ["visibility"]},
            ),
        ),
    ):
        assert stub(request).visibility == visibility_pb2.CLASS
    assert bob.get_dataset(data.name).digest == data.digest
    every = dataset_pb2.ListDatasetsRequest(parent="users/-")
    assert data.name in [found.name for found in bob.datasets.ListDatasets(every).datasets]
    job = bob.trained("with-shared", network.name, data.name, **spec)
    assert job.name == "users/bob/jobs/with-shared"
    refused(Code.NOT_FOUND, lambda: bob.delete_dataset(data.name))
    # What bob does is not for other students to know, and the owner's to wait for.
    teacher.delete_dataset(data.name)


# Hidden test sets.

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
    logs = b"".join(path.read_bytes() for path in (scratch / "class").rglob("*.log"))
    for text in (told_by_events, logs, lab.server.log.read_bytes()):
        assert b"100.5" not in text and b"200.25" not in text


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


def test_what_became_hidden_is_not_read_by_a_fork(lab: Class) -> None:
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
    share.dataset.visibility = visibility_pb2.HIDDEN
    teacher.datasets.UpdateDataset(share)
    fork = training_pb2.ForkTrainingJobRequest(
        name=job.name,
        job_id="on",
        spec=training_pb2.TrainingJobSpec(epochs=2),
        update_mask={"paths": ["epochs"]},
    )
    refused(Code.PERMISSION_DENIED, lambda: gail.training.ForkTrainingJob(fork))
    refused(Code.PERMISSION_DENIED, lambda: gail.verify(job.name, job_id="again"))


# Tokens and joining.


def test_a_revoked_token_ends_calls_and_streams(lab: Class) -> None:
    hal = lab.join("hal")
    made = hal.admin.CreateToken(
        admin_pb2.CreateTokenRequest(parent="users/me", token=admin_pb2.Token(display_name="x"))
    )
    other = lab.api(made.secret)
    stream = other.watch_jobs()
    assert other.admin.GetUser(admin_pb2.GetUserRequest(name="users/me")).name == "users/hal"
    hal.admin.DeleteToken(admin_pb2.DeleteTokenRequest(name=made.name))
    status = refused(
        Code.UNAUTHENTICATED,
        lambda: other.admin.GetUser(admin_pb2.GetUserRequest(name="users/me")),
    )
    assert error_info(status).reason == "TOKEN_UNKNOWN"
    refused(Code.UNAUTHENTICATED, lambda: list(stream))


def test_a_token_for_reading_changes_nothing(lab: Class, ada: Api) -> None:
    made = ada.admin.CreateToken(
        admin_pb2.CreateTokenRequest(
            parent="users/me", token=admin_pb2.Token(scope=admin_pb2.READ)
        )
    )
    reader = lab.api(made.secret)
    assert reader.job("users/me/jobs/j").epochs_completed == 2
    for path, *method in methods((*OWNERS, admin_pb2)):
        short = path.rpartition("/")[2]
        reads = short.startswith(("Get", "List", "Watch", "Preview", "Predict", "Read"))
        code, answer = outcome(reader, (path, *method))
        if not reads and short not in STAFF_ONLY | ADMIN_ONLY | NO_TOKEN:
            assert code == Code.PERMISSION_DENIED, (short, answer)
            assert error_info(error_of(answer)).reason == "READ_ONLY_TOKEN"


def test_who_is_disabled_is_out_and_their_work_stays(lab: Class) -> None:
    ivy = lab.join("ivy")
    ivy.network("kept", [2, 2])
    teacher = lab.user("teacher")
    change = admin_pb2.UpdateUserRequest(
        user=admin_pb2.User(name="users/ivy", disabled=True), update_mask={"paths": ["disabled"]}
    )
    teacher.admin.UpdateUser(change)
    me = admin_pb2.GetUserRequest(name="users/me")
    status = refused(Code.UNAUTHENTICATED, lambda: ivy.admin.GetUser(me))
    assert error_info(status).reason == "USER_DISABLED"
    change.user.disabled = False
    teacher.admin.UpdateUser(change)
    kept = network_pb2.GetNetworkRequest(name="users/me/networks/kept")
    assert ivy.networks.GetNetwork(kept).parameter_count == 6


def test_an_instructor_makes_nobody_more_than_a_student(lab: Class, ada: Api) -> None:
    teacher = lab.user("teacher")
    promote = admin_pb2.UpdateUserRequest(
        user=admin_pb2.User(name="users/ada", role=admin_pb2.ADMIN),
        update_mask={"paths": ["role"]},
    )
    refused(Code.PERMISSION_DENIED, lambda: teacher.admin.UpdateUser(promote))
    invitation = admin_pb2.Invitation(role=admin_pb2.ADMIN)
    refused(
        Code.PERMISSION_DENIED,
        lambda: teacher.admin.CreateInvitation(
            admin_pb2.CreateInvitationRequest(invitation=invitation)
        ),
    )
    last = admin_pb2.UpdateUserRequest(
        user=admin_pb2.User(name="users/admin", role=admin_pb2.STUDENT),
        update_mask={"paths": ["role"]},
    )
    refused(Code.FAILED_PRECONDITION, lambda: lab.user("admin").admin.UpdateUser(last))


def test_a_code_is_good_for_as_many_as_it_says(lab: Class) -> None:
    invitation = lab.user("teacher").admin.CreateInvitation(
        admin_pb2.CreateInvitationRequest(invitation=admin_pb2.Invitation(max_uses=2))
    )
    nobody = lab.api()

    def join(user_id: str, code: str = invitation.code, request_id: str = "") -> Any:
        return nobody.admin.JoinClass(
            admin_pb2.JoinClassRequest(code=code, user_id=user_id, request_id=request_id)
        )

    first = join("kim", request_id="r")
    # A retry is let in again, by another token and without using the code up.
    again = join("kim", request_id="r")
    assert again.user.name == first.user.name and again.token.secret != first.token.secret
    refused(Code.ALREADY_EXISTS, lambda: join("kim"))
    refused(Code.INVALID_ARGUMENT, lambda: join("me"))
    join("lea", invitation.code.upper().replace("-", " "))
    refused(Code.PERMISSION_DENIED, lambda: join("max"))
    refused(Code.PERMISSION_DENIED, lambda: join("max", "aaaa-bbbb-cccc"))


# Quotas.


def test_each_quota_says_which_it_is_and_what_to_do(lab: Class) -> None:
    teacher = lab.user("teacher")

    def quota(user_id: str, **fields: Any) -> Api:
        api = lab.join(user_id)
        teacher.admin.UpdateUser(
            admin_pb2.UpdateUserRequest(
                user=admin_pb2.User(name=f"users/{user_id}", quota=admin_pb2.Quota(**fields)),
                update_mask={"paths": ["quota"]},
            )
        )
        return api

    def over(name: str, call: Callable[[], Any]) -> None:
        status = refused(Code.RESOURCE_EXHAUSTED, call)
        assert error_info(status).reason == "QUOTA_EXCEEDED"
        assert error_info(status).metadata["quota"] == name

    api = quota("quota-bytes", dataset_bytes=1000)
    api.active("small", ROWS)
    over("dataset_bytes", lambda: api.upload("large", ROWS * 100))
    over("dataset_bytes", lambda: api.digits("digits", rows=100))
    used = api.admin.GetUser(admin_pb2.GetUserRequest(name="users/me"))
    assert 0 < used.usage.dataset_bytes <= 1000 == used.effective_quota.dataset_bytes

    api = quota("quota-jobs", queued_jobs=0)
    data, network = api.active("d", ROWS), api.network("n", [2, 2, 2])
    over(
        "queued_jobs",
        lambda: api.train("j", network.name, data.name, epochs=1, learning_rate=0.1),
    )

    api = quota("quota-streams", streams=1)
    first = api.watch_jobs()
    wait_until(
        "the stream to count",
        lambda: api.admin.GetUser(admin_pb2.GetUserRequest(name="users/me")).usage.streams == 1,
    )
    over("streams", lambda: list(api.watch_jobs()))
    first.cancel()

    api = quota("quota-calls", calls_per_second=0.001)
    me = admin_pb2.GetUserRequest(name="users/me")
    api.admin.GetUser(me)
    over("calls_per_second", lambda: api.admin.GetUser(me))


def test_jobs_over_a_quota_wait_and_say_for_what(lab: Class) -> None:
    def made(user_id: str, quota: admin_pb2.Quota) -> tuple[Api, str, str]:
        api = lab.join(user_id)
        lab.user("teacher").admin.UpdateUser(
            admin_pb2.UpdateUserRequest(
                user=admin_pb2.User(name=f"users/{user_id}", quota=quota),
                update_mask={"paths": ["quota"]},
            )
        )
        return api, api.network("n", [784, 200, 10]).name, api.digits("d", 500).name

    def waits(api: Api, name: str, words: str) -> None:
        wait_until(words, lambda: words in api.job(name).queue_reason)
        assert api.job(name).state == training_pb2.TrainingJob.QUEUED

    def cancel(api: Api, name: str) -> None:
        api.training.CancelTrainingJob(training_pb2.CancelTrainingJobRequest(name=name))
        assert api.ended(name).state == training_pb2.TrainingJob.CANCELLED

    api, network, data = made("runs-one", admin_pb2.Quota(running_jobs=1))
    first = api.train("first", network, data, epochs=100_000, learning_rate=0.1).name
    wait_until("the first to run", lambda: api.job(first).state == training_pb2.TrainingJob.RUNNING)
    second = api.train("second", network, data, epochs=1, learning_rate=0.1).name
    waits(api, second, "the limit of 1 running jobs of users/runs-one")
    cancel(api, first)
    assert api.ended(second).state == training_pb2.TrainingJob.SUCCEEDED

    # What is left of a day's seconds is used up, and the rest waits for the next.
    api, network, data = made("runs-short", admin_pb2.Quota(cpu_seconds_per_day=0.5))
    job = api.train("long", network, data, epochs=100_000, learning_rate=0.1).name
    waits(api, job, "out of CPU seconds for today: goes on at 00:00 UTC")
    me = api.admin.GetUser(admin_pb2.GetUserRequest(name="users/me"))
    assert me.usage.cpu_seconds_today >= 0.5
    assert api.job(job).epochs_completed > 0
    lab.user("teacher").admin.UpdateUser(
        admin_pb2.UpdateUserRequest(
            user=admin_pb2.User(name="users/runs-short"), update_mask={"paths": ["quota"]}
        )
    )
    wait_until("it to go on", lambda: api.job(job).state == training_pb2.TrainingJob.RUNNING)
    cancel(api, job)


def test_a_first_job_takes_turns_with_a_long_one_which_ends_with_the_same_bytes(
    scratch: Path,
) -> None:
    small = Class(scratch / "fair", "--slots", "1", "--quantum", "0.2")
    small.server.start()
    ann, ben = small.join("ann"), small.join("ben")
    made = {
        api: (api.network("n", [784, 100, 10], seed=1).name, api.digits("d", 2000).name)
        for api in (ann, ben)
    }
    spec = {"epochs": 100, "learning_rate": 0.1}
    quiet = ann.ended(ann.train("quiet", *made[ann], **spec).name)
    long = ann.train("long", *made[ann], **spec).name
    wait_until("it to run", lambda: ann.job(long).state == training_pb2.TrainingJob.RUNNING)
    first = ben.train("first", *made[ben], epochs=2, learning_rate=0.1).name
    assert ben.ended(first).state == training_pb2.TrainingJob.SUCCEEDED
    done = ann.ended(long)
    # Ann was in Ben's way, gave way, and lost nothing by it.
    assert done.attempt > 1 and ben.job(first).end_time.ToNanoseconds() < (
        done.end_time.ToNanoseconds()
    )
    assert done.weights_digest == quiet.weights_digest
    small.close()
    small.server.stop()


# Joining by the command line.


def cli_of(lab: Class, home: Path) -> Cli:
    cli = Cli(lab.server.target, home)
    cli.environment["TRAINYARD_CONFIG_DIR"] = str(home / "config")
    cli.environment.pop("TRAINYARD_SERVER", None)
    return cli


def test_one_line_joins_and_everything_works(lab: Class, scratch: Path) -> None:
    teacher = cli_of(lab, scratch / "teacher")
    teacher.environment["TRAINYARD_TOKEN"] = lab.tokens["teacher"]
    teacher("login", "--server", lab.server.target, "--fingerprint", lab.fingerprint)
    del teacher.environment["TRAINYARD_TOKEN"]
    login = scratch / "teacher/config/login.json"
    assert login.stat().st_mode & 0o777 == 0o600
    roster = scratch / "roster.csv"
    roster.write_text("id,name\nnina,Nina Simone\notto,Otto Lilienthal\n")
    lines = teacher("class", "invite", "--roster", roster).splitlines()
    assert [line.split("\t")[0] for line in lines] == ["nina", "otto"]
    line = lines[0].partition("'")[2].rstrip("'")
    nina = cli_of(lab, scratch / "nina")
    assert "users/nina" in nina("join", line)
    # Nothing but the stored login from here on.
    nina("dataset", "generate", "gate", "--kind", "and")
    nina("network", "create", "tiny", "--layers", "2,2,2")
    done = nina(
        *"train --network tiny --dataset gate --epochs 3 --learning-rate 0.1 --watch".split()
    )
    assert "SUCCEEDED" in done.upper()
    who = nina.json("whoami")
    assert who["name"] == "users/nina" and who["displayName"] == "Nina Simone"
    assert "users/" not in nina("job", "list")
    assert "users/nina/jobs/" in teacher("job", "list", "--everyone")
    assert "users/nina/jobs/" not in teacher("job", "list")
    assert "users/nina/datasets/gate" in teacher("dataset", "list", "--everyone")
    names = [user["name"] for user in teacher.json("class", "list")["users"]]
    assert "users/nina" in names and "users/otto" not in names
    stored = json.loads((scratch / "nina/config/login.json").read_text())
    token = stored["servers"][lab.server.target]["token"]
    nina("logout")
    assert token not in (scratch / "nina/config/login.json").read_text()
    refused(
        Code.UNAUTHENTICATED,
        lambda: lab.api(token).admin.GetUser(admin_pb2.GetUserRequest(name="users/me")),
    )


def test_another_servers_line_is_refused(lab: Class, scratch: Path) -> None:
    cli = cli_of(lab, scratch / "wary")
    result = cli.run("join", f"trainyard://{lab.server.target}/aaaa-bbbb-cccc#{'0' * 64}")
    assert result.returncode == 3 and "is not the one that the line is for" in result.stderr
    assert cli.run("join", "nonsense").returncode == 2
    result = cli.run("--server", "192.0.2.1:7700", "job", "list")
    assert result.returncode == 3 and "has not joined" in result.stderr


# The same over HTTP.


def test_a_browser_exchanges_its_token_for_a_cookie(lab: Class, ada: Api) -> None:
    context = ssl.create_default_context(cadata=lab.authority.decode())
    host, port = lab.server.http.split(":")

    def ask(
        verb: str, path: str, body: str = "", **headers: str
    ) -> tuple[int, dict[str, Any], str]:
        connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=60)
        connection.request(verb, path, body or None, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        cookie = answer.getheader("Set-Cookie") or ""
        return answer.status, json.loads(text or b"{}"), cookie

    status, answer, _ = ask("GET", "/v1/users/me/jobs")
    assert status == 401 and answer["error"]["status"] == "UNAUTHENTICATED"
    status, _, _ = ask("POST", "/v1/session", json.dumps({"token": "tyt_wrong"}))
    assert status == 401
    status, answer, cookie = ask("POST", "/v1/session", json.dumps({"token": lab.tokens["ada"]}))
    assert status == 200 and answer["name"] == "users/ada"
    for attribute in ("HttpOnly", "SameSite=Strict", "Secure", "Path=/"):
        assert attribute in cookie
    session = cookie.split(";")[0]
    status, answer, _ = ask("GET", "/v1/users/me/jobs", Cookie=session)
    assert status == 200
    assert "users/ada/jobs/j" in [job["name"] for job in answer["jobs"]]
    status, _, _ = ask("GET", "/v1/users/teacher/jobs", Cookie=session)
    assert status == 404
    foreign = {"Cookie": session, "Origin": "https://elsewhere.example"}
    status, _, _ = ask("POST", "/v1/users/me/jobs/j:cancel", "{}", **foreign)
    assert status == 403
    bearer = f"Bearer {lab.tokens['ada']}"
    status, answer, _ = ask("GET", "/v1/users/me", Authorization=bearer)
    assert status == 200 and answer["role"] == "STUDENT"


# The server itself.


def test_no_secret_is_where_others_look(lab: Class, ada: Api, scratch: Path) -> None:
    ada.network("after", [2, 2])
    secrets = [token.encode() for token in lab.tokens.values()]
    data_dir = scratch / "class"
    for path in [*data_dir.rglob("*"), lab.server.log]:
        if path.is_file():
            content = path.read_bytes()
            assert not [secret for secret in secrets if secret in content], path
            assert path.stat().st_mode & 0o077 == 0 or path == lab.server.log, path
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes()
        except OSError:
            continue
        assert not [secret for secret in secrets if secret in line], process


def test_who_changed_what_is_written_down(lab: Class, ada: Api) -> None:
    ada.network("audited", [2, 2])
    entries = (
        lab.user("admin")
        .admin.ListAuditEntries(admin_pb2.ListAuditEntriesRequest(user="users/ada"))
        .entries
    )
    assert entries[0].method == "CreateNetwork"
    assert entries[0].resource == "users/ada/networks/audited"
    assert entries[0].token.startswith("users/ada/tokens/")
    assert [entry.id for entry in entries] == sorted((e.id for e in entries), reverse=True)
    assert entries[-1].method == "JoinClass"


def test_a_certificate_is_replaced_without_a_failed_call(lab: Class, ada: Api) -> None:
    me = admin_pb2.GetUserRequest(name="users/me")

    def shown() -> bytes:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        host, port = lab.server.target.split(":")
        with socket.create_connection((host, int(port)), timeout=10) as plain:
            with context.wrap_socket(plain, server_hostname="trainyard") as secure:
                certificate = secure.getpeercert(binary_form=True)
                assert certificate is not None
                return certificate

    before = shown()
    renewed = subprocess.run(
        [BIN / "trainyard-server", "renew", "--data-dir", lab.server.data_dir, "--name", "lab"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "lab" in renewed.stdout

    def replaced() -> bool:
        # Connections old and new are served all the while.
        ada.admin.GetUser(me)
        fresh = Api(lab.server.target, lab.tokens["ada"], lab.authority)
        fresh.admin.GetUser(me)
        fresh.close()
        return shown() != before

    wait_until("the new certificate", replaced)


def test_a_class_survives_a_crash(lab: Class, ada: Api) -> None:
    lab.server.kill()
    lab.close()
    lab.server.start()
    again = lab.user("ada")
    assert again.job("users/me/jobs/j").epochs_completed == 2
    refused(Code.UNAUTHENTICATED, lambda: lab.api().job("users/ada/jobs/j"))


def test_a_class_is_not_made_twice_nor_served_in_the_open(scratch: Path) -> None:
    made = Class(scratch / "twice")
    result = subprocess.run(
        [BIN / "trainyard-server", "init", "--data-dir", scratch / "twice"],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1 and "has users already" in result.stderr
    made.server.start()
    plain = Api(made.server.target)
    with pytest.raises(grpc.RpcError) as error:
        plain.admin.GetUser(admin_pb2.GetUserRequest(name="users/me"))
    assert error.value.code() == Code.UNAVAILABLE
    plain.close()
    made.server.stop()


def test_a_single_user_server_stays_on_loopback(scratch: Path) -> None:
    server = Server(scratch / "single")
    result = subprocess.run(
        [BIN / "trainyard-server", "--data-dir", server.data_dir, "--listen", "0.0.0.0:0"],
        capture_output=True,
        text=True,
        timeout=60 * PATIENCE,
    )
    assert result.returncode == 1 and "trainyard-server init" in result.stderr
