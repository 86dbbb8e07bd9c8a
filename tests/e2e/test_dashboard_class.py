"""The dashboard of a class, over TLS: who is signed in, what each sees, and what a
hidden dataset keeps to itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard import ClassSite, Window
from harness import (
    admin_pb2,
    dataset_pb2,
    epochs_of,
    job_request,
    training_pb2,
    visibility_pb2,
    wait_until,
)

# The browser itself tells of a call that was refused because nobody was signed in.
REFUSED = ("401 (Unauthorized)",)


@pytest.fixture(scope="module")
def school(scratch: Path, window: Window) -> Iterator[ClassSite]:
    """A teacher with a hidden dataset, and ada with a job that has ended."""
    made = ClassSite(scratch / "school")
    try:
        teacher = made.lab.join("teacher", admin_pb2.INSTRUCTOR)
        exam = teacher.digits("exam", 200, seed=9)
        teacher.datasets.UpdateDataset(
            dataset_pb2.UpdateDatasetRequest(
                dataset=dataset_pb2.Dataset(
                    name=exam.name,
                    visibility=visibility_pb2.HIDDEN,
                    hidden_policy=dataset_pb2.HiddenPolicy(evaluations_per_day=7),
                ),
                update_mask={"paths": ["visibility", "hidden_policy"]},
            )
        )
        ada = made.lab.join("ada")
        digits = ada.digits("digits", 300)
        network = ada.network("net", [784, 20, 10])
        job = ada.trained("adas-job", network.name, digits.name, epochs=3, learning_rate=0.05)
        ada.evaluated(job.name, digits.name, evaluation_id="own")
        ada.evaluated(job.name, exam.name, evaluation_id="exam")
        yield made
    finally:
        made.close()


def sign_in(
    window: Window, school: ClassSite, user: str, view: str, connection: str = "Live"
) -> None:
    """As somebody who has never been here."""
    window.forget_cookies()
    window.visit(school, view)
    window.type("dialog input", school.lab.tokens[user])
    window.press("Sign in", "dialog")
    window.wait_for(f"the page to be {connection}",
                    "document.querySelector('.connection')?.innerText.startsWith(arguments[0])",
                    connection)
    assert window.text(".account").startswith(user)


def test_who_has_no_token_sees_nothing_and_is_told_so(window: Window, school: ClassSite) -> None:
    window.forget_cookies()
    window.visit(school, "jobs")
    window.type("dialog input", "tyt_wrong")
    # A browser closes a dialog on a second Escape, whatever the page says.
    window.keys("Escape", "Escape", "Escape")
    window.press("Sign in", "dialog")
    window.wait_for("the refusal", "document.querySelector('dialog .field-error')?.innerText")
    assert "adas-job" not in window.text("body")


def test_a_student_signs_in_works_and_signs_out(window: Window, school: ClassSite) -> None:
    sign_in(window, school, "ada", "jobs")
    window.wait_for("the job", "document.querySelector('.job-row')?.innerText.includes('adas-job')")
    kept = window.script("return [document.cookie, JSON.stringify(localStorage)].join(' ')")
    assert school.lab.tokens["ada"] not in kept, "a script can read the token"
    window.show(school, "jobs")  # and again by the cookie alone
    window.click(".account")
    window.wait_for("who it is", "document.querySelector('dialog')?.innerText"
                    ".includes('users/ada, student')")
    # What happens now is told over the stream, which the cookie opens.
    window.keys("Escape")
    name = school.lab.user("ada").training.CreateTrainingJob(
        job_request("live", "users/ada/networks/net", "users/ada/datasets/digits",
                    epochs=2, learning_rate=0.05)
    ).name
    window.wait_for("the new job", "document.querySelector(args[0])?.innerText"
                    ".includes('SUCCEEDED')", f'.job-row[data-job="{name}"]')
    assert not window.complaints(*REFUSED)
    window.click(".account")
    window.press("Sign out", "dialog")
    window.wait_for("the question", "document.querySelector('dialog h2')?.innerText === 'Sign in'")
    assert "adas-job" not in window.text("body")


def test_students_see_nothing_of_each_other(window: Window, school: ClassSite) -> None:
    school.lab.join("bob")
    sign_in(window, school, "bob", "jobs")
    window.wait_for("the empty board", "document.querySelector('.empty:not([hidden])') !== null")
    assert "ada" not in window.text("main")
    window.show(school, "queue")
    window.settle()
    assert "ada" not in window.text("main")
    assert not window.complaints(*REFUSED)


def test_an_instructor_sees_everybodys_jobs_and_not_their_rows(
    window: Window, school: ClassSite
) -> None:
    sign_in(window, school, "teacher", "jobs")
    row = '.job-row[data-job="users/ada/jobs/adas-job"]'
    window.wait_for("ada's job", "document.querySelector(args[0])?.innerText.includes('ada')", row)
    window.show(school, "users/ada/jobs/adas-job/evaluation?show=own")
    window.wait_for("the matrix", "document.querySelectorAll('.heat').length === 100")
    window.wait_for("what is said of rows", "document.querySelector('.matrix-and-images')"
                    ".innerText.includes('ada’s alone')")
    for action in ("Fork", "Delete", "Evaluate"):
        shown = window.script(
            "return [...document.querySelectorAll('main button')]"
            ".some(e => e.checkVisibility() && e.innerText === args[0])", action
        )
        assert not shown, f"an instructor is offered {action}"
    for tab in ("network", "draw"):
        window.show(school, f"users/ada/jobs/adas-job/{tab}")
        window.wait_for(tab, "document.querySelector('main').innerText.includes('ada’s alone')")
    assert not window.complaints(*REFUSED)


def test_a_hidden_dataset_says_that_it_has_no_preview(window: Window, school: ClassSite) -> None:
    for user in ("teacher", "ada"):
        sign_in(window, school, user, "users/teacher/datasets/exam")
        said = window.wait_for("what is said",
                               "document.body.innerText.match(/There is no preview[^.]*/)?.[0]")
        assert "hidden" in said
        assert "7 times a day" in window.text("main")
        assert window.script("return document.querySelector('main canvas')") is None
    window.show(school, "users/ada/jobs/adas-job/evaluation?show=exam")
    window.wait_for("the score", "document.querySelector('.figures')?.innerText.includes('%')")
    assert "on a hidden dataset" in window.text(".figures")
    assert "Cost" not in window.text(".figures")
    assert window.script("return document.querySelector('.heat, main canvas')") is None
    assert not window.complaints(*REFUSED)


def test_jobs_of_one_name_are_told_apart(window: Window, school: ClassSite) -> None:
    eve = school.lab.join("eve")
    digits, network = eve.digits("digits", 300), eve.network("net", [784, 20, 10])
    eve.trained("adas-job", network.name, digits.name, epochs=4, learning_rate=0.02)
    sign_in(window, school, "teacher", "jobs")
    for user in ("ada", "eve"):
        window.click(f"input[aria-label='Compare adas-job of {user}']")
    window.press("Compare 2")
    window.wait_for("both curves", "[...document.querySelectorAll('.curves:first-child .legend li')]"
                    ".map(e => e.innerText.split(' ')[0]).sort().join() === 'ada/adas-job,eve/adas-job'")
    assert not window.complaints(*REFUSED)


def test_calls_over_a_quota_are_made_a_little_later(window: Window, school: ClassSite) -> None:
    api = school.lab.join("fay")
    digits, network = api.digits("digits", 300), api.network("net", [784, 20, 10])
    job = api.trained("hasty", network.name, digits.name, epochs=3, learning_rate=0.05)
    api.evaluated(job.name, digits.name)
    school.lab.user("teacher").admin.UpdateUser(
        admin_pb2.UpdateUserRequest(
            user=admin_pb2.User(name="users/fay", quota=admin_pb2.Quota(calls_per_second=2)),
            update_mask={"paths": ["quota"]},
        )
    )
    # More calls than are allowed at once: an image a call.
    sign_in(window, school, "fay", f"{job.name}/evaluation")
    window.wait_for("the images", "document.querySelectorAll('button.digit canvas').length === 24"
                    " && document.querySelector('.digit-detail .bars') !== null")
    assert any("429" in line for line in window.complaints())


def test_a_page_over_the_quota_of_streams_says_so_and_goes_live_later(
    window: Window, school: ClassSite
) -> None:
    api = school.lab.join("ivy")

    def allow(streams: int) -> None:
        school.lab.user("teacher").admin.UpdateUser(
            admin_pb2.UpdateUserRequest(
                user=admin_pb2.User(name="users/ivy", quota=admin_pb2.Quota(streams=streams)),
                update_mask={"paths": ["quota"]},
            )
        )

    allow(0)
    sign_in(window, school, "ivy", "jobs", "Not live: users/ivy has")
    allow(4)
    window.wait_for("the stream", "document.querySelector('.connection')?.innerText === 'Live'")
    digits, network = api.digits("digits", 300), api.network("net", [784, 20, 10])
    api.trained("seen", network.name, digits.name, epochs=3, learning_rate=0.05)
    window.wait_for("the job", "document.body.innerText.includes('seen')")
    assert any("429" in line for line in window.complaints())


def test_an_upload_over_a_quota_goes_on_once_there_is_room(
    window: Window, school: ClassSite
) -> None:
    school.lab.join("max")

    def allow(dataset_bytes: int) -> None:
        school.lab.user("teacher").admin.UpdateUser(
            admin_pb2.UpdateUserRequest(
                user=admin_pb2.User(
                    name="users/max", quota=admin_pb2.Quota(dataset_bytes=dataset_bytes)
                ),
                update_mask={"paths": ["quota"]},
            )
        )

    allow(1_500_000)
    sign_in(window, school, "max", "datasets")
    window.drop("rows.csv", "".join(f"{i % 2},{i % 1000 / 1000:.6f}\n" for i in range(250_000)))
    window.press("Upload")
    window.wait_for("the refusal", "document.querySelector('main .field-error[role=alert]:not(:empty)')"
                    "?.innerText.includes('bytes that they may have')")
    allow(50_000_000)
    window.press("Upload")
    window.wait_for("the dataset", "document.querySelector('h1')?.innerText === 'rows'"
                     " && document.body.innerText.includes('ACTIVE')")
    dataset = school.lab.user("max").get_dataset("users/max/datasets/rows")
    assert dataset.row_count == 250_000
    assert not window.complaints(*REFUSED, "429")


def test_a_token_that_is_revoked_asks_for_another(window: Window, school: ClassSite) -> None:
    user = school.lab.join("sue")
    digits, network = user.digits("digits", 300), user.network("net", [784, 40, 10])
    job = user.train("long", network.name, digits.name, epochs=100_000, learning_rate=0.01).name
    token = user.admin.CreateToken(admin_pb2.CreateTokenRequest(parent="users/me"))
    window.forget_cookies()
    window.visit(school, job)
    window.type("dialog input", token.secret)
    window.press("Sign in", "dialog")
    wait_until("the curve", lambda: window.points() >= 5)
    user.admin.DeleteToken(admin_pb2.DeleteTokenRequest(name=token.name))
    wait_until("the question", lambda: "Sign in" in window.text("dialog"))
    window.type("dialog input", school.lab.tokens["sue"])
    window.press("Sign in", "dialog")
    user.training.CancelTrainingJob(training_pb2.CancelTrainingJobRequest(name=job))
    wait_until("the end", lambda: window.badge() == "CANCELLED")
    # The curve is whole: what came while nobody was signed in is in it.
    wait_until("the curve", lambda: window.points() == len(epochs_of(user.events(job))))
