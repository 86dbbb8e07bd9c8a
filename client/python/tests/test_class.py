"""In a class: joining it, what is shared with it, and who uses how much."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import PATIENCE, Lab

import trainyard
from trainyard import Client, aio


@pytest.fixture(scope="module")
def config() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("TRAINYARD_SERVER", "TRAINYARD_TOKEN"):
            patch.delenv(name, raising=False)
        yield patch


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logins")


def joined(
    lab: Lab, config: pytest.MonkeyPatch, folder: Path, user: str, role: str = "STUDENT"
) -> Client:
    """A client of somebody who has joined on a machine of their own."""
    config.setenv("TRAINYARD_CONFIG_DIR", str(folder / user))
    assert trainyard.join(lab.line(user, role)).name == f"users/{user}"
    return Client()


@pytest.fixture(scope="module")
def ada(lab: Lab, config: pytest.MonkeyPatch, folder: Path) -> Iterator[Client]:
    with joined(lab, config, folder, "ada") as client:
        yield client


@pytest.fixture(scope="module")
def teacher(lab: Lab, config: pytest.MonkeyPatch, folder: Path) -> Iterator[Client]:
    with joined(lab, config, folder, "teacher", "INSTRUCTOR") as client:
        yield client


def test_who_has_joined_is_signed_in(ada: Client, lab: Lab, folder: Path) -> None:
    login = folder / "ada/login.json"
    assert login.stat().st_mode & 0o777 == 0o600
    stored = json.loads(login.read_text())
    assert stored["current"] == lab.target
    assert stored["servers"][lab.target]["user"] == "users/ada"
    assert ada.me().id == "ada" and ada.me().role == "STUDENT"


def test_a_line_that_is_none_or_of_another_server(
    lab: Lab, ada: Client, config: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config.setenv("TRAINYARD_CONFIG_DIR", str(tmp_path))
    line = lab.line("eve")
    with pytest.raises(ValueError, match="not a line to join by"):
        trainyard.join("https://example.org")
    with pytest.raises(ValueError, match="part of the line is missing"):
        trainyard.join(line[:-1])
    with pytest.raises(trainyard.PermissionDenied, match="its certificate is another"):
        trainyard.join(line[:-64] + "0" * 64)
    with pytest.raises(trainyard.Unavailable, match="no server answers with TLS"):
        trainyard.join("trainyard://127.0.0.1:1/aaaa-bbbb-cccc#" + "0" * 64)
    with pytest.raises(trainyard.FailedPrecondition, match=r"trainyard\.join"):
        Client("lab.example.org:7700")
    assert not list(tmp_path.iterdir())
    # A code is not used up where its token could not be kept.
    (tmp_path / "login.json").write_text("{}")
    (tmp_path / "login.json").chmod(0o644)
    with pytest.raises(ValueError, match="chmod 600"):
        trainyard.join(line)
    (tmp_path / "login.json").unlink()
    # As it stands in a mail.
    assert trainyard.join(f"trainyard join '{line}'").id == "eve"
    with pytest.raises(trainyard.PermissionDenied):
        trainyard.join(line)


def test_a_dataset_is_shared_hidden_and_private_again(ada: Client, teacher: Client) -> None:
    made = teacher.generate_dataset("quiz", "digits", rows=100, seed=1)
    name = made.name
    assert made.visibility == "private" and made.hidden_policy is None
    with pytest.raises(trainyard.NotFound):
        ada.dataset(name)
    assert made.share() is made and made.visibility == "class"
    assert name in [one.name for one in ada.datasets(everyone=True)]
    assert name not in [one.name for one in ada.datasets()]
    assert ada.dataset(name).rows(0, 1)[0].shape == (1, 784)
    job = ada.train([784, 5, 10], name, epochs=1, learning_rate=0.1, id="mine").wait()
    made.share("hidden", evaluations_per_day=2)
    assert made.hidden_policy == trainyard.HiddenPolicy(False, 2)
    with pytest.raises(trainyard.PermissionDenied, match="HIDDEN"):
        ada.dataset(name).rows()
    hidden = job.evaluate(name)
    assert hidden.limited and hidden.accuracy is not None and not hidden.confusion_matrix.size
    with pytest.raises(ValueError, match="hidden"):
        hidden.plot()
    made.share("hidden", show_confusion_matrix=True, evaluations_per_day=2)
    assert job.evaluate(name).confusion_matrix.sum() == 100
    with pytest.raises(trainyard.ResourceExhausted):
        job.evaluate(name)
    with pytest.raises(trainyard.NotFound):  # to change
        ada.dataset(name).share("class")
    assert made.unshare().visibility == "private"
    with pytest.raises(trainyard.NotFound):
        ada.dataset(name)


def test_sharing_says_what_it_takes(teacher: Client) -> None:
    made = teacher.generate_dataset("gate", "and")
    with pytest.raises(ValueError, match="visibility='all' is not one of private, class, hidden"):
        made.share("all")
    with pytest.raises(ValueError, match="need visibility='hidden'"):
        made.share("class", evaluations_per_day=1)
    network = teacher.create_network("net", [2, 2, 2])
    with pytest.raises(ValueError, match="visibility='hidden' is not one of private, class"):
        network.share("hidden")


def test_a_network_is_shared(ada: Client, teacher: Client) -> None:
    network = teacher.create_network("shared", [2, 3, 2])
    assert network.share().visibility == "class" and ", class" in repr(network)
    assert network.name in [one.name for one in ada.networks(everyone=True)]
    assert network.unshare().visibility == "private"
    with pytest.raises(trainyard.NotFound):
        ada.network(network.name)


def test_usage_quota_and_the_class(ada: Client, teacher: Client) -> None:
    ada.create_dataset("mine", np.zeros((10, 2)), np.zeros(10, dtype=int), classes=2)
    me = ada.me()
    assert me.usage.dataset_bytes > 0 and me.quota.queued_jobs is not None
    assert f"waiting jobs      0 of {me.quota.queued_jobs}" in str(me)
    assert teacher.user("ada").usage.dataset_bytes == me.usage.dataset_bytes
    assert {"ada", "teacher"} <= {user.id for user in teacher.users()}
    with pytest.raises(trainyard.PermissionDenied):
        ada.users()


def test_the_queue_and_everybodys_jobs(ada: Client, teacher: Client) -> None:
    ada.generate_dataset("xor", "xor")
    endless = ada.train([2, 9, 1], "xor", epochs=10**6, learning_rate=0.1)
    (entry,) = (one for one in ada.queue().entries if one.job == endless.name)
    assert entry.running == (entry.position == 0)
    assert ada.queue().slots >= 1 and endless.name in str(ada.queue())
    assert endless.name in [one.job for one in teacher.queue().entries]
    assert endless.name in [job.name for job in teacher.jobs(everyone=True)]
    assert endless.name not in [job.name for job in teacher.jobs()]
    stream = teacher.watch(everyone=True)
    teacher.job(endless.name).cancel()
    assert next(job for job, _ in stream if job == endless.name)
    stream.close()  # type: ignore[attr-defined]
    assert endless.wait(progress=False, check=False).state == "CANCELLED"


def test_the_same_for_asyncio(
    ada: Client, config: pytest.MonkeyPatch, folder: Path
) -> None:
    async def main() -> None:
        async with aio.Client() as client:
            assert (await client.me()).name == ada.me().name
            made = await client.generate_dataset("aio", "or")
            assert (await made.share("class")).visibility == "class"
            assert (await made.unshare()).visibility == "private"
            network = await client.create_network("aio", [2, 2, 2])
            assert (await network.share()).visibility == "class"
            assert network.name in [n.name for n in await client.networks(everyone=True)]
            assert (await client.queue()).slots == ada.queue().slots

    config.setenv("TRAINYARD_CONFIG_DIR", str(folder / "ada"))
    asyncio.run(asyncio.wait_for(main(), 60 * PATIENCE))
