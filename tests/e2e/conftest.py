"""Fixtures of the end-to-end tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import browser
import harness
from dashboard import Site, Window, train_and_evaluate
from harness import ROWS, Api, Class, Cli, Server, admin_pb2

SKIPPED = 77  # CMakeLists.txt tells ctest that this status is a skip


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A short path: a data directory holds a Unix socket, whose path is limited."""
    folder = Path(tempfile.mkdtemp(prefix="ty-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def new_server(scratch: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers of their own; what runs at the end of the session is ended."""
    servers: list[Server] = []

    def start(*options: str) -> Server:
        server = Server(scratch / f"s{len(servers)}", *options)
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        server.abandon()
    for server in servers:
        assert not (reports := server.sanitizer_reports()), "\n".join(reports)


@pytest.fixture(scope="module")
def server(new_server: Callable[..., Server]) -> Iterator[Server]:
    """The server that the tests of a module share. Must end well."""
    running = new_server()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def api(server: Server) -> Api:
    return server.api


@pytest.fixture(scope="module")
def cli(server: Server, scratch: Path) -> Cli:
    return Cli(server.target, scratch / "home")


@pytest.fixture(scope="session")
def mnist() -> Path:
    folder = harness.mnist_dir()
    if folder is None:
        pytest.skip("MNIST is not here: set TRAINYARD_MNIST_DIR")
    return folder


# A class.


@pytest.fixture(scope="module")
def lab(scratch: Path) -> Iterator[Class]:
    made = Class(Path(tempfile.mkdtemp(dir=scratch)) / "class", "--http", "127.0.0.1:0")
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


# The dashboard.


@pytest.fixture(scope="module")
def window() -> Iterator[Window]:
    if missing := browser.missing():
        pytest.skip(f"{missing} is not installed")
    opened = Window()
    opened.look(1280, 900)
    yield opened
    opened.close()


def served(folder: Path) -> Iterator[Site]:
    site = Site(folder)
    try:
        if not site.has_page():
            pytest.skip("the server was built without the dashboard")
        yield site
    finally:
        site.server.abandon()


@pytest.fixture
def site(scratch: Path, window: Window, unique: str) -> Iterator[Site]:
    yield from served(scratch / unique)


@pytest.fixture(scope="module")
def trained(scratch: Path, window: Window) -> Iterator[Site]:
    """With a job that has ended and is evaluated."""
    for site in served(Path(tempfile.mkdtemp(dir=scratch)) / "data"):
        train_and_evaluate(site.api)
        yield site


@pytest.fixture
def unique(request: pytest.FixtureRequest) -> str:
    """An id that no other test of the module uses."""
    name = "".join(char if char.isalnum() else "-" for char in request.node.name.lower())
    return name.removeprefix("test-")[:50].strip("-")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A file all of whose tests were skipped is a skipped test of ctest."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == 0 and reporter.stats.get("skipped") and not reporter.stats.get("passed"):
        session.exitstatus = SKIPPED
