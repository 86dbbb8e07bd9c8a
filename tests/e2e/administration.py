"""trainyard-server's commands for a directory, as an operator runs them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from harness import BIN, PATIENCE


def admin(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """trainyard-server with a subcommand."""
    return subprocess.run(
        [BIN / "trainyard-server", *arguments],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120 * PATIENCE,
    )  # fmt: skip


def check(data_dir: Path) -> subprocess.CompletedProcess[str]:
    return admin("check", "--data-dir", data_dir)
