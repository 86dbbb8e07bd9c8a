"""A class: who may see, use and change what, over TLS and by tokens."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from calls import (
    ADMIN_ONLY,
    ALL,
    EMPTY_FOR_OTHERS,
    FOR_ALL,
    NO_TOKEN,
    OWNERS,
    STAFF_CHANGES,
    STAFF_ONLY,
    STAFF_READS,
    TOKENS_OF_ADMIN,
    methods,
    outcome,
)
from harness import (
    ROWS,
    Api,
    Class,
    Code,
    admin_pb2,
    dataset_pb2,
    error_info,
    error_of,
    network_pb2,
    refused,
    visibility_pb2,
    wait_until,
)

NOT_THEIRS = (Code.NOT_FOUND, Code.PERMISSION_DENIED)

# The role matrix.


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


# Tokens and joining.


def test_a_revoked_token_ends_calls_and_streams(lab: Class) -> None:
    hal = lab.join("hal")
    made = hal.admin.CreateToken(
        admin_pb2.CreateTokenRequest(parent="users/me", token=admin_pb2.Token(display_name="x"))
    )
    other = lab.api(made.secret)
    stream = other.watch_jobs()
    data = other.create_dataset("d", upload=dataset_pb2.UploadSource())
    revoked = threading.Event()

    def rows() -> Iterator[dataset_pb2.WriteDatasetRequest]:
        yield dataset_pb2.WriteDatasetRequest(
            name=data.name, part=dataset_pb2.UploadPart.DATA, chunk=ROWS
        )
        revoked.wait()
        yield dataset_pb2.WriteDatasetRequest(chunk=ROWS, finish_part=True)

    upload = other.datasets.WriteDataset.future(rows())
    assert other.admin.GetUser(admin_pb2.GetUserRequest(name="users/me")).name == "users/hal"
    hal.admin.DeleteToken(admin_pb2.DeleteTokenRequest(name=made.name))
    status = refused(
        Code.UNAUTHENTICATED,
        lambda: other.admin.GetUser(admin_pb2.GetUserRequest(name="users/me")),
    )
    assert error_info(status).reason == "TOKEN_UNKNOWN"
    refused(Code.UNAUTHENTICATED, lambda: list(stream))
    revoked.set()
    refused(Code.UNAUTHENTICATED, upload.result)
    assert hal.get_dataset(data.name).state == dataset_pb2.Dataset.UPLOADING


def test_who_may_less_than_before_watches_no_longer(lab: Class) -> None:
    jim = lab.join("jim", admin_pb2.INSTRUCTOR)
    stream = jim.watch_jobs(parent="users/-")
    demoted = admin_pb2.UpdateUserRequest(
        user=admin_pb2.User(name="users/jim", role=admin_pb2.STUDENT),
        update_mask={"paths": ["role"]},
    )
    jim_now = admin_pb2.GetUserRequest(name="users/jim")
    admin = lab.user("admin").admin
    wait_until("the stream to be open", lambda: admin.GetUser(jim_now).usage.streams == 1)
    admin.UpdateUser(demoted)
    refused(Code.UNAUTHENTICATED, lambda: list(stream))
    assert jim.admin.GetUser(admin_pb2.GetUserRequest(name="users/me")).role == admin_pb2.STUDENT


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


def test_an_answer_given_again_brings_no_role_back(lab: Class) -> None:
    admin = lab.user("admin")
    mia = lab.join("mia", admin_pb2.ADMIN)

    def change(api: Api, role: int, request_id: str) -> Any:
        return api.admin.UpdateUser(
            admin_pb2.UpdateUserRequest(
                user=admin_pb2.User(name="users/mia", role=role),
                update_mask={"paths": ["role"]},
                request_id=request_id,
            )
        )

    change(mia, admin_pb2.ADMIN, "once")
    change(admin, admin_pb2.INSTRUCTOR, "then")
    log = admin_pb2.ListAuditEntriesRequest()
    refused(Code.PERMISSION_DENIED, lambda: mia.admin.ListAuditEntries(log))
    assert change(mia, admin_pb2.ADMIN, "once").role == admin_pb2.INSTRUCTOR
    refused(Code.PERMISSION_DENIED, lambda: mia.admin.ListAuditEntries(log))


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
