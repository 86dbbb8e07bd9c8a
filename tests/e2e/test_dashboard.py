"""The dashboard's page in a real Chromium, served by a real server: jobs by form,
curves that complete over a killed server, the matrix and its images, a drawn
digit, an upload, the phone and the dark, and what axe has to say."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, missing
from harness import BIN, Api, Server, epochs_of, wait_until

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"{missing()} is not installed")

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
AXE_VERSION = "4.10.2"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Site:
    """A server that is found at the same address after every start."""

    def __init__(self, folder: Path, *options: str) -> None:
        address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{address}"
        self.server = Server(folder, "--http", address, *options).start()

    @property
    def api(self) -> Api:
        return self.server.api

    def page(self, view: str = "") -> str:
        return f"{self.url}/#/{view}"


def open_page(browser: Browser, site: Site, view: str) -> None:
    """A view of a page that is loaded for it."""
    browser.open("about:blank")
    browser.console()  # what the page before said
    browser.open(site.page(view))
    browser.wait_for("the page to be live", "document.querySelector('.connection')"
                     "?.innerText === 'Live'")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    window = Browser()
    window.look(1280, 900)
    yield window
    window.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    yield from served(tmp_path / "data")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """With a job that has ended and is evaluated, and one that waits for ever."""
    for site in served(tmp_path_factory.mktemp("trained") / "data"):
        digits = site.api.digits("digits", 400)
        network = site.api.network("net", [784, 30, 10])
        job = site.api.trained(
            "done", network.name, digits.name, epochs=8, learning_rate=0.05,
            validation_dataset=digits.name, keep_checkpoints=-1,
        )
        site.api.evaluated(job.name, digits.name)
        yield site


def served(folder: Path) -> Iterator[Site]:
    site = Site(folder)
    try:
        urllib.request.urlopen(site.url + "/").close()
    except urllib.error.HTTPError:
        site.server.abandon()
        pytest.skip("the server was built without the dashboard")
    yield site
    site.server.abandon()


def complaints(browser: Browser, but: tuple[str, ...] = ()) -> list[str]:
    """What the page said on the console, but for what contains one of `but`."""
    return [line for line in browser.console() if not any(words in line for words in but)]


def points(browser: Browser) -> int:
    """How many epochs the curve of the cost has."""
    label = browser.script(
        "return document.querySelector('.plot')?.getAttribute('aria-label') ?? ''"
    )
    return int(label.split(", ")[1].split()[0]) if label.startswith("Cost, ") else 0


def badge(browser: Browser) -> str:
    return browser.text(".state-line .badge")


def test_a_job_is_created_by_form_and_watched_to_its_end(browser: Browser, site: Site) -> None:
    open_page(browser, site, "jobs")
    assert "Nothing has been trained yet" in browser.wait_for(
        "the empty board", "document.querySelector('.empty:not([hidden])')?.innerText"
    )
    browser.press("New job", "main")
    browser.press("Generate 2,000 digits")
    browser.choose("Training set", "digits")
    browser.type(browser.labelled("Name of the network"), "by-form")
    browser.type(browser.labelled("Layers"), "784, 30, 10")
    browser.wait_for("the shapes", "document.body.innerText.includes('23,860 parameters')")
    browser.press("Create this network")
    browser.wait_for("the cost", "document.querySelector('.estimate dl') !== null")
    assert "23,860" in browser.text(".estimate")
    assert site.api.jobs_cursor() == "c0", "the dry run made something"

    epochs = browser.labelled("Epochs")
    browser.type(epochs, "-1")
    browser.wait_for(
        "the error beside its field",
        "document.querySelector(args[0] + '-error').innerText.includes('epochs is -1')",
        epochs,
    )
    browser.type(epochs, "6")
    browser.type(browser.labelled("Learning rate"), "0.05")
    browser.type(browser.labelled("Name of the job"), "first")
    browser.press("Start training")
    wait_until("the job to succeed", lambda: badge(browser) == "SUCCEEDED")
    wait_until("the curve", lambda: points(browser) == 6)
    job = site.api.job("users/local/jobs/first")
    assert job.spec.epochs == 6 and job.network_spec.input_count == 784
    figures = browser.text(".figures")
    assert f"{job.last_epoch.train_accuracy * 100:.2f} %" in figures
    assert "28 W bulb" in figures
    # The browser itself tells of each refusal, and one was asked for.
    assert not complaints(browser, but=("validate_only=true",))


def test_a_curve_completes_over_a_killed_server_without_a_reload(
    browser: Browser, site: Site
) -> None:
    digits = site.api.digits("digits", 1500)
    network = site.api.network("net", [784, 120, 10])
    total = 60
    name = site.api.train("long", network.name, digits.name, epochs=total, learning_rate=0.02).name
    open_page(browser, site, name)
    browser.script("window.loadedOnce = true")
    wait_until("the first points", lambda: points(browser) >= 3)
    site.server.kill()
    browser.wait_for("the page to notice",
                     "document.querySelector('.connection').innerText.startsWith('Reconnecting')")
    before = points(browser)
    assert before < total, "the job ended before the server was killed"
    site.server.start()
    wait_until("the job to succeed", lambda: badge(browser) == "SUCCEEDED", 120)
    wait_until("the whole curve", lambda: points(browser) == total)
    assert browser.script("return window.loadedOnce") is True, "the page was loaded again"
    assert browser.text(".connection") == "Live"
    epochs = epochs_of(site.api.events(name))
    assert [epoch.epoch for epoch in epochs] == list(range(1, total + 1))
    drawn = browser.text(".legend").replace(",", "")
    assert f"{epochs[-1].cost:.3g}" in drawn or f"{epochs[-1].cost:.5g}" in drawn
    assert not complaints(browser, but=("net::ERR", "Failed to load resource"))


def test_the_matrix_opens_the_images_behind_its_cells(browser: Browser, trained: Site) -> None:
    open_page(browser, trained, "users/local/jobs/done/evaluation")
    browser.wait_for("the matrix", "document.querySelectorAll('.heat').length === 100")
    evaluation = trained.api.evaluations.ListEvaluations(
        request("ListEvaluations", parent="users/local/jobs/done")
    ).evaluations[0]
    counts = list(evaluation.confusion_matrix.counts)
    shown = browser.script(
        "return [...document.querySelectorAll('.heat')].map(e => +e.innerText.replace(',', ''))"
    )
    assert shown == counts
    right = max(range(10), key=lambda k: counts[k * 11])
    browser.click(f"tbody tr:nth-child({right + 1}) td:nth-of-type({right + 1}) .heat")
    browser.wait_for("its images", "document.querySelectorAll('button.digit canvas').length"
                     " === args[0]", min(24, counts[right * 11]))
    wrong = [i for i, count in enumerate(counts) if count and i // 10 != i % 10]
    if wrong:
        place = max(wrong, key=lambda i: counts[i])
        browser.click(f"tbody tr:nth-child({place // 10 + 1}) td:nth-of-type({place % 10 + 1}) .heat")
        browser.wait_for(
            "the confusion's images",
            "[...document.querySelectorAll('button.digit')].length === args[0] &&"
            " document.querySelector('.gallery h2').innerText === args[1]",
            min(24, counts[place]), f"{place // 10} taken for {place % 10}",
        )
    browser.wait_for("the output vector", "document.querySelectorAll('.digit-detail .bars li')"
                     ".length === 10")
    assert not complaints(browser)


def request(method: str, **fields: Any) -> Any:
    import harness

    return getattr(harness.evaluation_pb2, f"{method}Request")(**fields)


def test_a_drawn_digit_is_classified(browser: Browser, trained: Site) -> None:
    open_page(browser, trained, "users/local/jobs/done/draw")
    pad = browser.find(".draw-pad")
    move = lambda x, y: {  # noqa: E731
        "type": "pointerMove", "duration": 20, "x": x, "y": y,
        "origin": {"element-6066-11e4-a52e-4f735466cecf": pad},
    }
    stroke = [move(0, -80), {"type": "pointerDown", "button": 0}, move(0, 0), move(0, 80),
              {"type": "pointerUp", "button": 0}]
    browser.call("POST", browser._path("/actions"), {"actions": [
        {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"},
         "actions": stroke}]})
    browser.wait_for("an answer", "document.querySelectorAll('.draw .bars li').length === 10")
    assert browser.text(".draw .verdict-class").isdigit()
    assert not complaints(browser)


def test_a_dropped_file_becomes_a_dataset(browser: Browser, site: Site) -> None:
    open_page(browser, site, "datasets")
    # More than one part of 1 MiB.
    rows = "".join(f"{i % 3},{i % 17 / 16},{i % 11 / 10},{i / 200000:.6f}\n" for i in range(90000))
    assert len(rows) > 1 << 20
    browser.find(".drop")
    browser.script(
        "const data = new DataTransfer();"
        "data.items.add(new File([args[0]], 'Three Classes.csv', { type: 'text/csv' }));"
        "document.querySelector('.drop').dispatchEvent("
        "new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));",
        rows,
    )
    browser.press("Upload")
    browser.wait_for("the dataset", "document.querySelector('h1')?.innerText === 'three-classes'"
                     " && document.body.innerText.includes('ACTIVE')")
    dataset = trained_dataset(site, "three-classes")
    assert dataset.row_count == 90000 and list(dataset.label_histogram) == [30000] * 3
    assert "30,000" in browser.text(".bars")
    assert not complaints(browser)


def trained_dataset(site: Site, name: str) -> Any:
    return site.api.get_dataset(f"users/local/datasets/{name}")


def luminance(browser: Browser) -> float:
    colour = browser.script("return getComputedStyle(document.body).backgroundColor")
    red, green, blue = (float(part) for part in colour[4:-1].split(","))
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255


@pytest.mark.parametrize("dark", (False, True), ids=("light", "dark"))
def test_every_view_fits_a_phone(browser: Browser, trained: Site, dark: bool) -> None:
    browser.look(390, 844, dark=dark, touch=True)
    try:
        for view in VIEWS:
            open_page(browser, trained, view)
            settle(browser)
            width = browser.script("return document.documentElement.scrollWidth")
            assert width <= 390, f"{view} is {width} pixels wide"
            assert (luminance(browser) < 0.2) == dark
    finally:
        browser.look(1280, 900)
    assert not complaints(browser)


def settle(browser: Browser) -> None:
    """Until nothing says any more that it is loading."""
    browser.wait_for("the view", "document.querySelector('main h1') !== null &&"
                     " !/Loading …|Evaluating …/.test(document.body.innerText)")


def axe() -> Path:
    """axe-core, fetched once by npm into the build."""
    found = BIN.parent / f"tests/axe-{AXE_VERSION}.js"
    if found.exists():
        return found
    if not shutil.which("npm"):
        pytest.skip("npm is not installed, which fetches axe-core")
    fetched = subprocess.run(
        ["npm", "pack", f"axe-core@{AXE_VERSION}", "--silent", "--pack-destination", found.parent],
        capture_output=True, text=True, cwd=found.parent, timeout=120,
    )
    if fetched.returncode != 0:
        pytest.skip(f"npm cannot fetch axe-core: {fetched.stderr.strip()[-200:]}")
    archive = found.parent / f"axe-core-{AXE_VERSION}.tgz"
    with tarfile.open(archive) as files:
        source = files.extractfile("package/axe.min.js")
        assert source is not None
        found.write_bytes(source.read())
    archive.unlink()
    return found


@pytest.mark.parametrize("dark", (False, True), ids=("light", "dark"))
def test_axe_finds_nothing(browser: Browser, trained: Site, dark: bool) -> None:
    source = axe().read_text()
    found: list[str] = []
    # In the dark only the colours are others.
    rules = {"runOnly": ["color-contrast"]} if dark else {}
    browser.look(1280, 900, dark=dark)
    try:
        for view in VIEWS:
            open_page(browser, trained, view)
            settle(browser)
            browser.script(source)
            result = browser.script("return (await axe.run(args[0])).violations", rules)
            found += [
                f"{view}: {each['id']}: {node['target']} {node['failureSummary']}"
                for each in result
                for node in each["nodes"]
            ]
    finally:
        browser.look(1280, 900)
    assert not found, json.dumps(found, indent=1)
