"""The dashboard's page in a real Chromium, served by a real server: jobs by form,
curves that complete over a killed server, the matrix and its images, a drawn
digit and an upload."""

from __future__ import annotations

import io
import re
import shutil
import urllib.request

import numpy as np
import pytest

from dashboard import Site, Window
from harness import dataset_pb2, epochs_of, evaluation_pb2, wait_until


def test_a_job_is_created_by_form_and_watched_to_its_end(window: Window, site: Site) -> None:
    window.show(site, "jobs")
    assert "Nothing has been trained yet" in window.wait_for(
        "the empty board", "document.querySelector('.empty:not([hidden])')?.innerText"
    )
    window.press("New job", "main")
    window.press("Generate 2,000 digits")
    window.choose("Training set", "digits")
    window.type(window.labelled("Name of the network"), "by-form")
    window.type(window.labelled("Layers"), "784, 30, 10")
    window.wait_for("the shapes", "document.body.innerText.includes('23,860 parameters')")
    window.press("Create this network")
    window.wait_for("the cost", "document.querySelector('.estimate dl') !== null")
    assert "23,860" in window.text(".estimate")
    assert site.api.jobs_cursor() == "c0", "the dry run made something"

    # Each error beside its field, all at once.
    epochs, rate = window.labelled("Epochs"), window.labelled("Learning rate")
    window.type(epochs, "-1")
    window.type(rate, "-2")
    window.type(window.labelled("Name of the job"), "No Name")
    for control, words in (
        (epochs, "epochs is -1"),
        (rate, "learning_rate is -2"),
        (window.labelled("Name of the job"), "is not an id"),
    ):
        window.wait_for(
            "the error beside its field",
            "document.querySelector(args[0] + '-error').innerText.includes(args[1])",
            control,
            words,
        )
    assert window.script("return document.querySelector('.form-side .primary').disabled")
    # What JSON's parser refuses is beside its field, too.
    window.type(epochs, "1.5")
    window.wait_for("the error beside its field",
                    "document.querySelector(args[0] + '-error').innerText.includes('whole number')", epochs)
    window.type(epochs, "6")
    window.type(rate, "0.05")
    window.type(window.labelled("Name of the job"), "first")
    window.press("Start training")
    wait_until("the job to succeed", lambda: window.badge() == "SUCCEEDED")
    wait_until("the curve", lambda: window.points() == 6)
    job = site.api.job("users/local/jobs/first")
    assert job.spec.epochs == 6 and job.network_spec.input_count == 784
    figures = window.text(".figures")
    assert f"{job.last_epoch.train_accuracy * 100:.2f} %" in figures
    assert "28 W bulb" in figures
    # The browser itself tells of each refusal, and one was asked for.
    assert not window.complaints("validate_only=true")


def test_a_curve_completes_over_a_killed_server_without_a_reload(
    window: Window, site: Site
) -> None:
    digits = site.api.digits("digits", 1500)
    network = site.api.network("net", [784, 120, 10])
    total = 60
    name = site.api.train("long", network.name, digits.name, epochs=total, learning_rate=0.02).name
    window.show(site, name)
    window.script("window.loadedOnce = true")
    wait_until("the first points", lambda: window.points() >= 3)
    site.server.kill()
    window.wait_for("the page to notice",
                     "document.querySelector('.connection').innerText.startsWith('Reconnecting')")
    before = window.points()
    assert before < total, "the job ended before the server was killed"
    site.server.start()
    wait_until("the job to succeed", lambda: window.badge() == "SUCCEEDED", 120)
    wait_until("the whole curve", lambda: window.points() == total)
    assert window.script("return window.loadedOnce") is True, "the page was loaded again"
    assert window.text(".connection") == "Live"
    epochs = epochs_of(site.api.events(name))
    assert [epoch.epoch for epoch in epochs] == list(range(1, total + 1))
    drawn = window.text(".legend").replace(",", "")
    assert f"{epochs[-1].cost:.3g}" in drawn or f"{epochs[-1].cost:.5g}" in drawn
    assert not window.complaints("net::ERR", "Failed to load resource")


def test_a_page_goes_on_with_an_older_copy_of_the_directory(window: Window, site: Site) -> None:
    server = site.server
    digits = site.api.digits("digits", 200)
    network = site.api.network("net", [784, 4, 10])
    server.stop()
    copy = server.data_dir.with_name("older")
    shutil.copytree(server.data_dir, copy, ignore=shutil.ignore_patterns("*.sock"))
    server.start()
    window.show(site, "jobs")
    window.script("window.loadedOnce = true")
    site.api.trained("later", network.name, digits.name, epochs=3, learning_rate=0.1)
    window.wait_for("the job", "document.querySelector('main').innerText.includes('later')")
    server.kill()
    shutil.rmtree(server.data_dir)
    copy.rename(server.data_dir)
    server.start()
    # The same ids of the log, given to other events.
    site.api.trained("instead", network.name, digits.name, epochs=5, learning_rate=0.1)
    window.wait_for("the log as it is now", "document.querySelector('main').innerText.includes('instead')"
                    " && !document.querySelector('main').innerText.includes('later')"
                    " && document.querySelector('.connection').innerText === 'Live'")
    assert window.script("return window.loadedOnce") is True, "the page was loaded again"
    assert not window.complaints("net::ERR", "Failed to load resource")


def test_the_matrix_opens_the_images_behind_its_cells(window: Window, trained: Site) -> None:
    window.show(trained, "users/local/jobs/done/evaluation")
    window.wait_for("the matrix", "document.querySelectorAll('.heat').length === 100")
    evaluation = trained.api.evaluations.ListEvaluations(
        evaluation_pb2.ListEvaluationsRequest(parent="users/local/jobs/done")
    ).evaluations[0]
    counts = list(evaluation.confusion_matrix.counts)
    shown = window.script(
        "return [...document.querySelectorAll('.heat')].map(e => +e.innerText.replace(',', ''))"
    )
    assert shown == counts
    right = max(range(10), key=lambda k: counts[k * 11])
    window.click(f"tbody tr:nth-child({right + 1}) td:nth-of-type({right + 1}) .heat")
    window.wait_for("its images", "document.querySelectorAll('button.digit canvas').length"
                     " === args[0]", min(24, counts[right * 11]))
    if counts[right * 11] > 24:
        window.wait_for("how many there are", "document.querySelector('.gallery .actions').innerText"
                        " === args[0]", f"the first 24 of {counts[right * 11]}")
    wrong = [i for i, count in enumerate(counts) if count and i // 10 != i % 10]
    if wrong:
        place = max(wrong, key=lambda i: counts[i])
        window.click(f"tbody tr:nth-child({place // 10 + 1}) td:nth-of-type({place % 10 + 1}) .heat")
        window.wait_for(
            "the confusion's images",
            "[...document.querySelectorAll('button.digit')].length === args[0] &&"
            " document.querySelector('.gallery h2').innerText === args[1]",
            min(24, counts[place]), f"{place // 10} taken for {place % 10}",
        )
    window.wait_for("the output vector", "document.querySelectorAll('.digit-detail .bars li')"
                     ".length === 10")
    assert not window.complaints()


def test_a_drawn_digit_is_classified(window: Window, trained: Site) -> None:
    window.show(trained, "users/local/jobs/done/draw")
    window.draw(".draw-pad", (0, -80), (0, 0), (0, 80))
    window.wait_for("an answer", "document.querySelectorAll('.draw .bars li').length === 10")
    assert window.text(".draw .verdict-class").isdigit()
    assert not window.complaints()


def test_a_dropped_file_becomes_a_dataset(window: Window, site: Site) -> None:
    window.show(site, "datasets")
    # More than one part of 1 MiB.
    rows = "".join(f"{i % 3},{i % 17 / 16},{i % 11 / 10},{i / 200000:.6f}\n" for i in range(90000))
    assert len(rows) > 1 << 20
    window.drop("Three Classes.csv", rows)
    window.press("Upload")
    window.wait_for("the dataset", "document.querySelector('h1')?.innerText === 'three-classes'"
                     " && document.body.innerText.includes('ACTIVE')")
    dataset = site.api.get_dataset("users/local/datasets/three-classes")
    assert dataset.row_count == 90000 and list(dataset.label_histogram) == [30000] * 3
    assert "30,000" in window.text(".bars")
    assert not window.complaints()


def test_a_file_is_read_as_it_is_said(window: Window, site: Site) -> None:
    window.show(site, "datasets")
    window.drop("prices.csv", "area,rooms,price\n" + "".join(f"{i},{i % 4},{i * 1.5}\n" for i in range(40)))
    window.choose("What is to be learnt", "real values")
    window.type(window.labelled("Its columns"), "price")
    window.press("Upload")
    window.wait_for("the dataset", "document.querySelector('h1')?.innerText === 'prices'"
                     " && document.body.innerText.includes('ACTIVE')")
    dataset = site.api.get_dataset("users/local/datasets/prices")
    assert dataset.task == dataset_pb2.REGRESSION
    assert (dataset.feature_count, dataset.target_count) == (2, 1)
    assert not window.complaints()


def test_jobs_are_compared_on_one_chart(window: Window, trained: Site) -> None:
    window.show(trained, "jobs")
    for name in ("done", "other"):
        window.click(f"input[aria-label='Compare {name}']")
    window.press("Compare 2")
    window.wait_for("both curves", "[...document.querySelectorAll('.curves:first-child .legend li')]"
                    ".map(e => e.innerText.split(' ')[0]).join() === 'other,done'")
    drawn = window.script("return document.querySelector('.plot').getAttribute('aria-label')")
    other, done = (epochs_of(trained.api.events(f"users/local/jobs/{name}"))[-1]
                   for name in ("other", "done"))
    # Sums over a validation set of another size do not go on the same scale.
    assert drawn.startswith("Cost, 8 epochs: ")
    for cost in (other.cost, done.cost):
        assert f"{cost:,.5g}" in drawn, drawn
    pixels = "return document.querySelector('.plot canvas').toDataURL()"
    linear = window.script(pixels)
    window.press("Logarithmic")
    logarithmic = window.script(pixels)
    assert logarithmic != linear
    window.click(".zoom button[aria-label='Zoom in: Cost']")
    assert window.script(pixels) != logarithmic
    assert not window.complaints()


def test_a_comparison_is_whole_when_it_is_loaded_anew(window: Window, trained: Site) -> None:
    window.show(trained, "users/local/jobs/other?with=users%2Flocal%2Fjobs%2Fdone")
    window.press("Mean")
    # That of another job, too, which was not known when its curve was begun.
    window.wait_for("the cost on the validation set", "document.querySelector('.curves:first-child .legend')"
                    ".innerText.includes('done, validation')")
    assert not window.complaints()


def test_first_layer_weights_follow_the_slider(window: Window, trained: Site) -> None:
    def shown() -> list[int]:
        """The sign of each weight of unit 3 that can be seen, as its colour says."""
        return window.script(
            "const c = document.querySelectorAll('canvas.weights')[3];"
            "const d = c.getContext('2d').getImageData(0, 0, 28, 28).data;"
            "return Array.from({ length: 784 }, (_, i) => d[4 * i + 3] < 40 ? 0"
            " : d[4 * i] > d[4 * i + 2] ? 1 : -1)"
        )

    window.show(trained, "users/local/jobs/done/network")
    for key, epoch in (("Home", 1), ("ArrowRight", 2), ("End", 8)):
        window.script("document.querySelector('input[type=range]').focus()")
        window.keys(key)
        window.wait_for("the epoch", "document.querySelector('.slide output')?.innerText"
                        " === args[0]", f"epoch {epoch}")
        address = f"{trained.url}/v1/users/local/jobs/done/checkpoints/{epoch}:read?format=NPZ"
        with urllib.request.urlopen(address) as file:
            weights = np.load(io.BytesIO(file.read()))["W1"][:, 3]
        signs = np.array(shown())
        seen = signs != 0
        assert seen.sum() > 400 and (np.sign(weights[seen]) == signs[seen]).all()
    assert not window.complaints()


def test_a_job_is_paused_resumed_cancelled_and_forked(window: Window, site: Site) -> None:
    digits = site.api.digits("digits", 1000)
    network = site.api.network("net", [784, 100, 10])
    name = site.api.train("long", network.name, digits.name, epochs=5000, learning_rate=0.01).name
    window.show(site, name)
    for button, state in (("Pause", "PAUSED"), ("Resume", "RUNNING")):
        window.press(button, ".page-head")
        wait_until(f"{state}", lambda: window.badge() == state)
    window.press("Cancel", ".page-head")
    window.press("Cancel the job", "dialog")
    wait_until("its end", lambda: window.badge() == "CANCELLED")
    window.press("Fork", ".page-head")
    last = site.api.job(name).epochs_completed
    window.type(window.labelled("Epochs in all"), str(last + 2))
    window.type(window.labelled("Name"), "child")
    window.press("Fork", "dialog")
    window.wait_for("the child", "document.querySelector('h1').innerText === 'child'")
    wait_until("its end", lambda: window.badge() == "SUCCEEDED")
    child = site.api.job("users/local/jobs/child")
    assert child.forked_from.job == name and child.spec.epochs == last + 2
    assert not window.complaints()


def begin_with(window: Window, preset: str) -> None:
    window.wait_for("a preset", "document.querySelector('.preset[aria-pressed=true]') !== null")
    window.script("[...document.querySelectorAll('.preset')]"
                  ".find(e => e.innerText.startsWith(args[0])).click()", preset)


@pytest.mark.parametrize(
    ("preset", "offer", "data", "shown"),
    [
        ("Logic gate", "Make the four rows of XOR", "gate-xor", "output"),
        ("Playground", "Generate two spirals", "playground-train", "output"),
        ("Regression", "Generate points of a plane", "regression-train", "Difference"),
    ],
)
def test_a_preset_makes_the_data_that_it_needs(
    window: Window, site: Site, preset: str, offer: str, data: str, shown: str
) -> None:
    site.api.digits("digits", 100)  # which do not fit
    window.show(site, "new")
    begin_with(window, preset)
    window.press("Create this network")
    window.press(offer)
    window.wait_for("the cost", "document.querySelector('.estimate dl') !== null")
    window.press("Start training")
    window.wait_for("the job", "location.hash.includes('/jobs/')")
    wait_until("the job to succeed", lambda: window.badge() == "SUCCEEDED")
    name = window.script("return location.hash.slice(2)")
    job = site.api.job(name)
    assert job.spec.dataset == f"users/local/datasets/{data}"
    assert window.script("return scrollY") == 0, "the head of the page is behind the navigation"
    # A regression is not right or wrong.
    graded = job.last_epoch.HasField("train_accuracy")
    assert ("Accuracy" in window.text("main")) == graded == (preset != "Regression")
    window.press("Try it")
    window.wait_for("an answer", "document.querySelector('.answer')?.innerText.includes(args[0])", shown)
    assert not window.complaints("validate_only=true")


def test_a_running_job_is_asked_and_its_weights_are_followed(window: Window, site: Site) -> None:
    digits = site.api.digits("digits", 2000)
    network = site.api.network("net", [784, 100, 10])
    first = site.api.train("first", network.name, digits.name, epochs=100_000, learning_rate=0.01).name
    window.show(site, f"{first}/draw")
    window.wait_for("the pad, once there are weights", "document.querySelector('.draw-pad') !== null")
    window.press("Network")
    shown = window.wait_for("weights", "document.querySelector('.slide output')?.innerText")
    window.wait_for("later weights", "![args[0], ''].includes(document.querySelector('.slide output').innerText)", shown)
    assert not window.script("return document.querySelector('.card .bad')?.innerText ?? ''")
    link = window.script("const a = document.querySelector('.downloads a');"
                         "return [a.download, a.href]")
    assert re.fullmatch(r"first-epoch-\d+\.safetensors", link[0]), link
    assert not window.complaints()


def test_a_file_that_misses_its_place_leaves_the_page(window: Window, trained: Site) -> None:
    window.show(trained, "datasets")
    kept_out = window.script(
        "const data = new DataTransfer(); data.items.add(new File(['0,1'], 'a.csv'));"
        "const event = new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });"
        "document.querySelector('h1').dispatchEvent(event); return event.defaultPrevented"
    )
    assert kept_out


def test_a_preset_chooses_data_that_fit(window: Window, site: Site) -> None:
    site.api.digits("digits", 100)
    points = site.api.create_dataset(
        "points",
        generator=dataset_pb2.GeneratorSource(kind=dataset_pb2.GeneratorSource.XOR_POINTS, row_count=100),
    )
    site.api.settled_dataset(points.name)
    window.show(site, "new")
    for preset, data in (("Course notebook", "digits"), ("Playground", "points")):
        begin_with(window, preset)
        chosen = window.script("return document.querySelector(args[0]).value",
                               window.labelled("Training set"))
        assert chosen == f"users/local/datasets/{data}"
    assert not window.complaints()
