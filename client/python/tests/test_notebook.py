"""The course's path as a notebook, cell after cell; it compares by itself."""

from __future__ import annotations

import json
import os

# One thread: NumPy's own bits depend on it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import pytest  # noqa: E402
from conftest import Server  # noqa: E402

NOTEBOOK = Path(__file__).parents[1] / "examples" / "course.ipynb"


@pytest.fixture(scope="module")
def cells() -> list[dict[str, Any]]:
    return list(json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"])


def test_it_is_kept_without_outputs(cells: list[dict[str, Any]]) -> None:
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) >= 8
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)


def test_its_cells_run(
    cells: list[dict[str, Any]],
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TRAINYARD_SERVER", server.target)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(cells):
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"cell {number + 1}", "exec"), names)
    printed = capsys.readouterr().out
    assert printed.count("\nepoch ") + printed.startswith("epoch") == names["EPOCHS"] == 12
    with capsys.disabled():
        print(f"  [largest relative difference {max(names['differences']):.1e}]", end="")
