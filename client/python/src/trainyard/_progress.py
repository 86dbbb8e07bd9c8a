"""A progress bar: a line of a terminal, or a cell of a notebook."""

from __future__ import annotations

import html
import sys
import time
from typing import Any, Optional, TextIO, Union

from trainyard.events import EpochCompleted, Event, Progress, StateChanged

WIDTH = 30  # characters
_PAUSE = 0.1  # seconds between two drawings


class ProgressBar:
    """Takes what a watch receives; draws nothing by itself."""

    wants_progress = False

    def __init__(self, title: str, epochs: int) -> None:
        self.title = title
        self.epochs = epochs
        self.done = 0.0  # epochs, with the part of the present one
        self.words = ""

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def take(self, item: Union[Event, Progress]) -> None:
        if isinstance(item, Progress):
            # It may be told of an epoch whose end is known already.
            now = item.epoch - 1 + item.rows_done / max(item.row_count, 1)
            self.done = max(self.done, now)
        elif isinstance(item, EpochCompleted):
            self.done = item.epoch
            self.words = f"cost {item.cost:.6g}"
            if item.train_accuracy is not None:
                self.words += f"  accuracy {item.train_accuracy:.4f}"
        elif isinstance(item, StateChanged):
            self.state = item.state
        self.draw()

    state = "QUEUED"

    @property
    def share(self) -> float:
        return min(self.done / self.epochs, 1.0) if self.epochs else 1.0

    def text(self) -> str:
        filled = int(self.share * WIDTH)
        bar = "=" * filled + "-" * (WIDTH - filled)
        place = f"epoch {int(self.done)}/{self.epochs}"
        return "  ".join(filter(None, (f"{self.title} {self.state}", bar, place, self.words)))

    def draw(self) -> None:
        """Nothing where nobody looks."""

    def close(self) -> None:
        """The last drawing."""


class TerminalBar(ProgressBar):
    """One line, drawn over and over."""

    wants_progress = True

    def __init__(self, title: str, epochs: int, stream: TextIO) -> None:
        super().__init__(title, epochs)
        self._stream = stream
        self._drawn = 0.0

    def draw(self) -> None:
        now = time.monotonic()
        if now - self._drawn >= _PAUSE:
            self._drawn = now
            self._write("")

    def close(self) -> None:
        self._write("\n")

    def _write(self, end: str) -> None:
        self._stream.write(f"\r\x1b[K{self.text()}{end}")
        self._stream.flush()


class NotebookBar(ProgressBar):
    """HTML below a cell."""

    wants_progress = True

    def __init__(self, title: str, epochs: int) -> None:
        super().__init__(title, epochs)
        from IPython.display import HTML, display

        self._html = HTML
        self._handle: Any = display(HTML(self.html()), display_id=True)
        self._drawn = time.monotonic()

    def html(self) -> str:
        return (
            f"<div>{html.escape(f'{self.title} {self.state}')} "
            f'<progress value="{self.share:.4f}" max="1"></progress> '
            f"epoch {int(self.done)}/{self.epochs} {html.escape(self.words)}</div>"
        )

    def draw(self) -> None:
        now = time.monotonic()
        if now - self._drawn >= _PAUSE:
            self._drawn = now
            self._handle.update(self._html(self.html()))

    def close(self) -> None:
        self._handle.update(self._html(self.html()))


def in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    # Colab's is a kind of Jupyter's.
    return any(kind.__name__ == "ZMQInteractiveShell" for kind in type(shell).__mro__)


def progress_bar(title: str, epochs: int, wanted: Optional[bool]) -> ProgressBar:
    """The bar for where this runs; without `wanted` only where somebody looks."""
    if wanted is False:
        return ProgressBar(title, epochs)
    if in_notebook():
        return NotebookBar(title, epochs)
    if wanted or sys.stderr.isatty():
        return TerminalBar(title, epochs, sys.stderr)
    return ProgressBar(title, epochs)
