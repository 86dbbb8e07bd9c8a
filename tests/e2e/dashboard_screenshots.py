"""Pictures of every view of the dashboard, to be looked at: on a desk in the light
and in the dark, on a phone and on a projector. Not a test.

    /usr/bin/python3 tests/e2e/dashboard_screenshots.py FOLDER [VIEW ...]

It trains on MNIST where that is here ($TRAINYARD_MNIST_DIR), else on generated
digits; with names of views it makes their pictures alone.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from browser import missing
from dashboard import Address, ClassSite, Site, Window
from harness import (
    Api,
    admin_pb2,
    dataset_pb2,
    epochs_of,
    mnist_dir,
    network_pb2,
    training_pb2,
    visibility_pb2,
    wait_until,
)

SCREENS = {
    "desk": {"width": 1280, "height": 900},
    "dark": {"width": 1280, "height": 900, "dark": True},
    "phone": {"width": 390, "height": 844, "touch": True},
    "projector": {"width": 1920, "height": 1080},
}
RELU = [network_pb2.RELU, network_pb2.RELU, network_pb2.SOFTMAX]
ADAM = training_pb2.Optimizer(adam=training_pb2.AdamOptimizer())
SPIRAL = dataset_pb2.GeneratorSource(
    kind=dataset_pb2.GeneratorSource.SPIRAL, row_count=500, seed=1, noise=0.1
)
PLANE = dataset_pb2.GeneratorSource(
    kind=dataset_pb2.GeneratorSource.PLANE, row_count=500, seed=1
)


def upload_digits(api: Api) -> tuple[str, str]:
    """Names of a training and a test set."""
    folder = mnist_dir()
    if folder is None:
        return api.digits("digits-train", 5000).name, api.digits("digits-test", 1000, seed=2).name
    names = [
        api.active(
            f"mnist-{name}",
            (folder / f"{file}-images-idx3-ubyte.gz").read_bytes(),
            (folder / f"{file}-labels-idx1-ubyte.gz").read_bytes(),
        ).name
        for name, file in (("train", "train"), ("test", "t10k"))
    ]
    return names[0], names[1]


def furnish(api: Api) -> None:
    """Jobs of every state, on a server with one slot."""
    train, test = upload_digits(api)
    notebook = api.network("notebook", [784, 500, 200, 10]).name
    relu = api.network(
        "relu", [784, 500, 200, 10], activations=RELU, loss=network_pb2.CROSS_ENTROPY,
        initializer=network_pb2.Initializer(he=network_pb2.HeInitializer()),
    ).name
    kept = {"validation_dataset": test, "keep_checkpoints": -1}
    first = api.trained("notebook-0-3", notebook, train, epochs=8, learning_rate=0.3, **kept)
    api.evaluated(first.name, test)
    api.trained("notebook-0-1", notebook, train, epochs=6, learning_rate=0.1, **kept)
    api.trained("adam", relu, train, epochs=5, learning_rate=0.001, batch_size=128,
                optimizer=ADAM, **kept)
    api.ended(api.train("too-fast", relu, train, epochs=5, learning_rate=1000.0).name)
    points = api.create_dataset("spiral", generator=SPIRAL)
    api.settled_dataset(points.name)
    playground = api.network("playground", [2, 16, 16, 1],
                             activations=[network_pb2.TANH] * 3).name
    api.trained("spiral", playground, points.name, epochs=300, learning_rate=0.03, batch_size=10)
    plane = api.create_dataset("plane", generator=PLANE)
    api.settled_dataset(plane.name)
    fitted = api.network("fitted", [2, 8, 1], activations=[network_pb2.TANH, network_pb2.LINEAR]).name
    api.trained("plane", fitted, plane.name, epochs=100, learning_rate=0.03, batch_size=10)
    paused = api.train("paused", notebook, train, epochs=20, learning_rate=0.2).name
    wait_until("an epoch", lambda: epochs_of(api.events(paused)))
    api.training.PauseTrainingJob(training_pb2.PauseTrainingJobRequest(name=paused))
    wait_until("the pause", lambda: api.job(paused).state == training_pb2.TrainingJob.PAUSED)
    for name in ("running", "waits", "waits-longer"):
        api.train(name, notebook, train, epochs=400, learning_rate=0.05)
    wait_until("an epoch", lambda: epochs_of(api.events("users/local/jobs/running")))


def furnish_class(school: ClassSite) -> None:
    lab = school.lab
    teacher = lab.join("prof-noether", admin_pb2.INSTRUCTOR)
    exam = teacher.digits("exam", 1000, seed=9)
    teacher.datasets.UpdateDataset(
        dataset_pb2.UpdateDatasetRequest(
            dataset=dataset_pb2.Dataset(
                name=exam.name,
                visibility=visibility_pb2.HIDDEN,
                hidden_policy=dataset_pb2.HiddenPolicy(evaluations_per_day=5),
            ),
            update_mask={"paths": ["visibility", "hidden_policy"]},
        )
    )
    for number, user in enumerate(("ada", "emmy", "grace", "sofia", "katherine")):
        api = lab.join(user)
        digits = api.digits("digits", 1000, seed=number)
        network = api.network("net", [784, 60, 10], seed=number)
        job = api.trained("warm-up", network.name, digits.name, epochs=10, learning_rate=0.05)
        if user == "ada":
            api.evaluated(job.name, exam.name, evaluation_id="exam")
        api.train("homework", network.name, digits.name, epochs=5000, learning_rate=0.02)


def see_sparklines(window: Window) -> None:
    window.settle()
    # They are made of what is read once they are in sight.
    window.script("scrollTo(0, document.body.scrollHeight)")
    window.wait_for("sparklines", "document.querySelectorAll('.spark:not(.blank)').length >= 3")
    window.script("scrollTo(0, 0)")


def open_worst_cell(window: Window) -> None:
    window.settle()
    window.wait_for("an image", "document.querySelector('.digit-detail .bars') !== null")
    window.script(
        "[...document.querySelectorAll('.heat.wrong:not(:disabled)')]"
        ".sort((a, b) => +b.innerText - +a.innerText)[0].click()"
    )
    window.wait_for("the confusion", "document.querySelector('.gallery h2').innerText"
                    ".includes('taken for') && document.querySelector('.digit-detail .bars')")


def draw_a_two(window: Window) -> None:
    window.settle()
    side = window.script("return document.querySelector('.draw-pad').clientWidth")
    shape = ((-60, -50), (-30, -85), (20, -90), (55, -60), (40, -15), (-20, 40), (-60, 85), (70, 80))
    window.draw(".draw-pad", *((x * side // 280, y * side // 280) for x, y in shape))
    window.wait_for("an answer", "document.querySelector('.draw .bars') !== null")


def see_progress(window: Window) -> None:
    window.settle()
    window.wait_for("progress", "document.querySelector('.queue-row .progress') !== null")


def see_weights(window: Window) -> None:
    window.settle()
    window.wait_for("weights", "document.querySelectorAll('canvas.weights').length > 9")


def make_an_error(window: Window) -> None:
    window.wait_for("the cost", "document.querySelector('.estimate dl') !== null")
    window.type(window.labelled("Epochs"), "-5")
    window.type(window.labelled("Name of the job"), "No Such Name!")
    window.wait_for("errors", "[...document.querySelectorAll('.field-error')]"
                    ".filter(e => e.innerText).length >= 2")


def see_cost(window: Window) -> None:
    window.wait_for("the cost", "document.querySelector('.estimate dl') !== null")


def fork(window: Window) -> None:
    window.press("Fork")
    window.wait_for("the form", "document.querySelector('dialog[open]') !== null")


def logarithmic(window: Window) -> None:
    window.wait_for("curves", "document.querySelectorAll('.legend li').length >= 6")
    window.press("Logarithmic")


def account(window: Window) -> None:
    window.click(".account")
    window.wait_for("it", "document.querySelector('dialog dl') !== null")


def choose_regression(window: Window) -> None:
    window.wait_for("a preset", "document.querySelector('.preset[aria-pressed=true]') !== null")
    window.script("[...document.querySelectorAll('.preset')]"
                  ".find(e => e.innerText.startsWith('Regression')).click()")
    window.wait_for("the shapes", "document.body.innerText.includes('33 parameters')")


# Of a server on which nothing has been done.
EMPTY_VIEWS: dict[str, tuple[str, Callable[[Window], None]]] = {
    "empty": ("jobs", Window.settle),
    "empty-new": ("new", choose_regression),
    "empty-datasets": ("datasets", Window.settle),
    "empty-queue": ("queue", Window.settle),
}
JOB = "users/local/jobs/notebook-0-3"
OTHERS = "users/local/jobs/notebook-0-1,users/local/jobs/adam"
VIEWS: dict[str, tuple[str, Callable[[Window], None]]] = {
    "jobs": ("jobs", see_sparklines),
    "job": (JOB, Window.settle),
    "job-running": ("users/local/jobs/running", Window.settle),
    "job-compared": (f"{JOB}?with={OTHERS}", logarithmic),
    "job-failed": ("users/local/jobs/too-fast", Window.settle),
    "fork": (JOB, fork),
    "evaluation": (f"{JOB}/evaluation", open_worst_cell),
    "network": (f"{JOB}/network", see_weights),
    "draw": (f"{JOB}/draw", draw_a_two),
    "datasets": ("datasets", Window.settle),
    "dataset": ("users/local/datasets/" + ("mnist-test" if mnist_dir() else "digits-test"),
                Window.settle),
    "dataset-points": ("users/local/datasets/spiral", Window.settle),
    "job-regression": ("users/local/jobs/plane", Window.settle),
    "regression-tried": ("users/local/jobs/plane/draw", Window.settle),
    "new": ("new", see_cost),
    "new-error": ("new", make_an_error),
    "queue": ("queue", see_progress),
}
CLASS_VIEWS: dict[str, tuple[str, Callable[[Window], None]]] = {
    "class-board": ("jobs", see_sparklines),
    "class-queue": ("queue", see_progress),
    "class-account": ("jobs", account),
    "class-hidden": ("users/prof-noether/datasets/exam", Window.settle),
    "class-exam": ("users/ada/jobs/warm-up/evaluation?show=exam", Window.settle),
}


def take(
    window: Window, site: Address, views: dict[str, tuple[str, Callable[[Window], None]]],
    wanted: list[str], out: Path,
) -> None:
    for name, (address, prepare) in views.items():
        if wanted and name not in wanted:
            continue
        for screen, size in SCREENS.items():
            window.look(**size)
            window.show(site, address)
            prepare(window)
            window.script("scrollTo(0, 0)")
            window.wait_for("two frames", "await new Promise(done => requestAnimationFrame("
                            "() => requestAnimationFrame(() => done(true))))")
            # A dialog is before what the window shows, not before the whole page.
            window.screenshot(out / f"{name}-{screen}.png",
                              whole=not window.script("return !!document.querySelector('dialog')"))
        print(name, *window.complaints(), sep="\n  ", flush=True)


def main() -> None:
    out, wanted = Path(sys.argv[1]), sys.argv[2:]
    if missing():
        sys.exit(f"{missing()} is not installed")
    out.mkdir(parents=True, exist_ok=True)
    window = Window()
    with tempfile.TemporaryDirectory(prefix="ty-") as folder:
        school = None
        site = Site(Path(folder) / "site", "--slots", "1", "--quantum", "3600")
        try:
            if not wanted or set(wanted) & set(EMPTY_VIEWS):
                take(window, site, EMPTY_VIEWS, wanted, out)
            if not wanted or set(wanted) & set(VIEWS):
                furnish(site.api)
                take(window, site, VIEWS, wanted, out)
            if not wanted or set(wanted) & set(CLASS_VIEWS):
                school = ClassSite(Path(folder) / "class")
                furnish_class(school)
                window.visit(school, "jobs")
                for screen, size in SCREENS.items():
                    window.look(**size)
                    window.wait_for("the question", "document.querySelector('dialog') !== null")
                    window.screenshot(out / f"class-sign-in-{screen}.png")
                window.type("dialog input", school.lab.tokens["prof-noether"])
                window.press("Sign in", "dialog")
                take(window, school, CLASS_VIEWS, wanted, out)
        finally:
            window.close()
            site.server.abandon()
            if school:
                school.close()


main()
