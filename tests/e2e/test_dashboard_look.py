"""How the dashboard looks and is used: on a phone and on a projector, in the light
and in the dark, with the keyboard alone, and what axe has to say."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from dashboard import VIEWS, Site, Window
from harness import BIN
from packages import new_environment, run

# A wheel that has axe-core 4.12.1 in it.
AXE = "axe-playwright-python==0.1.8"


def luminance(window: Window) -> float:
    colour = window.script("return getComputedStyle(document.body).backgroundColor")
    red, green, blue = (float(part) for part in colour[4:-1].split(","))
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255


def wait_for_dark(window: Window) -> None:
    window.wait_for("the dark", "document.documentElement.dataset.theme === 'dark'")


@pytest.mark.parametrize("width", (390, 1920), ids=("phone", "projector"))
def test_every_view_fits_the_screen(window: Window, trained: Site, width: int) -> None:
    try:
        for view in VIEWS:
            window.look(width, 844, touch=width == 390)
            window.show(trained, view)
            window.settle()
            wide = window.script("return document.documentElement.scrollWidth")
            assert wide <= width, f"{view} is {wide} pixels wide"
            assert luminance(window) > 0.8
            window.look(width, 844, dark=True, touch=width == 390)
            wait_for_dark(window)
            assert luminance(window) < 0.2
    finally:
        window.look(1280, 900)
    assert not window.complaints()


@pytest.fixture(scope="session")
def axe(scratch: Path) -> str:
    """axe-core's source, fetched once by pip into the build."""
    kept = BIN.parent / f"tests/{AXE}.js"
    if not kept.exists():
        python = new_environment(scratch / "axe")
        run(python, "-m", "pip", "download", "-q", "--no-deps", "-d", scratch / "axe", AXE)
        (wheel,) = (scratch / "axe").glob("axe_playwright_python*.whl")
        source = zipfile.ZipFile(wheel).read("axe_playwright_python/axe.min.js")
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(source)
    return kept.read_text()


def test_axe_finds_nothing(window: Window, trained: Site, axe: str) -> None:
    found: list[str] = []

    def look(view: str, kind: str, rules: dict[str, list[str]]) -> None:
        result = window.script("return (await axe.run(args[0])).violations", rules)
        found.extend(
            f"{view}, {kind}: {each['id']}: {node['target']} {node['failureSummary']}"
            for each in result
            for node in each["nodes"]
        )

    try:
        for view in VIEWS:
            window.look(1280, 900)
            window.show(trained, view)
            window.settle()
            window.script(axe)
            look(view, "light", {})
            # In the dark only the colours are others.
            window.look(1280, 900, dark=True)
            wait_for_dark(window)
            look(view, "dark", {"runOnly": ["color-contrast"]})
    finally:
        window.look(1280, 900)
    assert not found, json.dumps(found, indent=1)


def focused(window: Window) -> str:
    """What has the focus: its label, or its text."""
    return window.script(
        "const e = document.activeElement; return e.getAttribute('aria-label')"
        " ?? (e.labels?.[0] ?? e).innerText.trim()"
    )


def tab_to(window: Window, name: str, most: int = 60) -> None:
    seen = []
    for _ in range(most):
        if focused(window) == name:
            return
        seen.append(focused(window))
        window.keys("Tab")
    raise AssertionError(f"no way to {name!r} by Tab, only to {seen}")


def matrix_cell(window: Window) -> int:
    """Which of the matrix has the focus, row by row; -1 where none has."""
    return window.script(
        "return [...document.querySelectorAll('.heat')].indexOf(document.activeElement)"
    )


def test_the_keyboard_is_enough(window: Window, trained: Site) -> None:
    window.show(trained, "jobs")
    window.keys("Tab")
    assert focused(window) == "Skip to content"
    window.keys("Enter")
    assert window.script("return document.activeElement.id") == "main"
    tab_to(window, "done")
    window.keys("Enter")
    window.wait_for("the job", "document.querySelector('h1')?.innerText === 'done'")

    # A dialog takes the focus, keeps it, and gives it back.
    tab_to(window, "Fork")
    window.keys("Enter")
    window.wait_for("the form", "document.querySelector('dialog[open]') !== null")
    for _ in range(12):
        window.keys("Tab")
        inside = window.script(
            "const e = document.activeElement; return e === document.body"
            " || e.closest('dialog') !== null"
        )
        assert inside, f"the focus left the dialog for {focused(window)!r}"
    window.keys("Escape")
    window.wait_for("its end", "document.querySelector('dialog') === null")
    assert focused(window) == "Fork"

    # The matrix is one stop, and the arrows move within it.
    tab_to(window, "Evaluation")
    window.keys("Enter")
    window.wait_for("the matrix", "document.querySelectorAll('.heat').length === 100")
    window.settle()
    window.wait_for("its first image", "document.querySelector('.digit-detail .bars') !== null")
    window.script("document.querySelector('.evaluation-bar button').focus()")
    window.keys("Tab")
    tab_to(window, window.script(
        "return document.querySelector('.heat:not(:disabled)').getAttribute('aria-label')"
    ))
    first = matrix_cell(window)
    window.keys("ArrowDown", "ArrowRight", "ArrowDown")
    assert first >= 0 and matrix_cell(window) not in (first, -1)
    truth, predicted = divmod(matrix_cell(window), 10)
    window.keys("Enter")
    title = f"{truth}, classified rightly" if truth == predicted else f"{truth} taken for {predicted}"
    window.wait_for("what is behind the cell",
                    "document.querySelector('.gallery h2')?.innerText === args[0]", title)
    window.wait_for("its images", "document.querySelectorAll('button.digit').length > 0")
    window.keys("Tab")
    assert matrix_cell(window) == -1, "Tab does not leave the matrix"
    assert not window.complaints()
