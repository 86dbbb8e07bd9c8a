"""The dashboard as its tests, its screenshots and its measurements see it: a server
with the page in it, and a window that shows one of its views."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from pathlib import Path
from typing import Protocol

from browser import Browser
from harness import Api, Class, Server

# With what `train_and_evaluate` leaves behind.
VIEWS = (
    "jobs",
    "new",
    "datasets",
    "queue",
    "users/local/datasets/digits",
    "users/local/jobs/done",
    "users/local/jobs/done/evaluation",
    "users/local/jobs/done/network",
    "users/local/jobs/done/draw",
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Address(Protocol):
    """Where a page is."""

    url: str


class Site:
    """A server without logins, which is found at the same address after every start."""

    def __init__(self, folder: Path, *options: str) -> None:
        address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{address}"
        self.server = Server(folder, "--http", address, *options).start()

    @property
    def api(self) -> Api:
        return self.server.api

    def has_page(self) -> bool:
        """Whether the server was built with the dashboard in it."""
        try:
            urllib.request.urlopen(self.url + "/").close()
        except urllib.error.HTTPError:
            return False
        return True


class ClassSite:
    """A class's server, over TLS."""

    def __init__(self, folder: Path) -> None:
        address = f"127.0.0.1:{free_port()}"
        self.url = f"https://{address}"
        self.lab = Class(folder, "--http", address)
        self.lab.server.start()

    def close(self) -> None:
        self.lab.close()
        self.lab.server.abandon()


class Window(Browser):
    """A browser that shows a view of a page."""

    def show(self, site: Address, view: str) -> None:
        """Loads the page for this view, and waits until it is signed in and live."""
        self.visit(site, view)
        self.wait_for("the page to be live", "document.querySelector('.connection')?.innerText"
                      " === 'Live'")

    def visit(self, site: Address, view: str) -> None:
        """The same, and waits for nothing."""
        self.open("about:blank")
        self.console()  # what the page before said
        self.open(f"{site.url}/#/{view}")

    def drop(self, name: str, content: str) -> None:
        """Drops a file onto the place for datasets."""
        self.find(".drop")
        self.script(
            "const data = new DataTransfer();"
            "data.items.add(new File([args[1]], args[0], { type: 'text/csv' }));"
            "document.querySelector('.drop').dispatchEvent("
            "new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));",
            name, content,
        )

    def settle(self) -> None:
        """Until nothing says any more that it is loading."""
        self.wait_for("the view", "document.querySelector('main h1') !== null &&"
                      " !/Loading …|Evaluating …/.test(document.body.innerText)")

    def complaints(self, *but: str) -> list[str]:
        """What the page said on the console, but for what contains one of `but`."""
        return [line for line in self.console() if not any(words in line for words in but)]

    def points(self) -> int:
        """How many epochs the curve of the cost has."""
        label = self.script(
            "return document.querySelector('.plot')?.getAttribute('aria-label') ?? ''"
        )
        return int(label.split(", ")[1].split()[0]) if label.startswith("Cost, ") else 0

    def badge(self) -> str:
        """The state of the job that is shown."""
        return self.text(".state-line .badge")


def train_and_evaluate(api: Api) -> None:
    """Digits, a job that has ended with all its checkpoints, its evaluation, and
    another job."""
    digits = api.digits("digits", 400)
    network = api.network("net", [784, 30, 10])
    job = api.trained(
        "done", network.name, digits.name, epochs=8, learning_rate=0.05,
        validation_dataset=digits.name, keep_checkpoints=-1,
    )
    api.evaluated(job.name, digits.name)
    api.trained("other", network.name, digits.name, epochs=5, learning_rate=0.02)
