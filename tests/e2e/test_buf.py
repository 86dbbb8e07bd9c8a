"""The protos under buf's rules, and against those of the last release.

TRAINYARD_BREAKING_AGAINST names another commit to compare with than the last tag
v*, as a merge base."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import protos
import toolchains
from harness import ROOT

PACKAGE = "@bufbuild/buf@1.75.0"
CONFIG = protos.PROTO / "buf.yaml"


@pytest.fixture(scope="module")
def buf(scratch: Path) -> Path:
    given = os.environ.get("TRAINYARD_BUF")
    if given:
        return Path(given)
    toolchains.need("npm", "node")
    folder = scratch / "buf"
    folder.mkdir()
    (folder / "package.json").write_text("{}")
    install = ("npm", "install", "--no-audit", "--no-fund", PACKAGE)
    toolchains.fetch(PACKAGE, *install, cwd=folder)
    return folder / "node_modules/.bin/buf"


def image(root: Path, output: Path) -> Path:
    """All protos below `root`, with what they import."""
    folders = [folder.name for folder in root.iterdir() if folder.is_dir()]
    return protos.describe(root, output, *protos.files(root, *folders), imports=True)


def own(root: Path) -> list[str]:
    """Options that leave out what is imported."""
    return [f"--path={folder.name}" for folder in sorted(root.iterdir()) if folder.is_dir()]


def breaking(buf: Path, new: Path, old: Path, scratch: Path) -> subprocess.CompletedProcess[str]:
    return toolchains.attempt(
        buf, "breaking", new, "--against", old, "--config", CONFIG, "--against-config", CONFIG,
        "--exclude-imports", cwd=scratch,
    )  # fmt: skip


@pytest.fixture(scope="module")
def present(scratch: Path) -> Path:
    return image(protos.PROTO, scratch / "present.binpb")


def test_the_protos_are_clean(buf: Path, present: Path, scratch: Path) -> None:
    toolchains.run(buf, "lint", present, "--config", CONFIG, *own(protos.PROTO), cwd=scratch)


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, timeout=60)
    return done.stdout.strip() if done.returncode == 0 else ""


def test_nothing_breaks_since_the_last_release(buf: Path, present: Path, scratch: Path) -> None:
    base = os.environ.get("TRAINYARD_BREAKING_AGAINST") or git(
        "describe", "--tags", "--abbrev=0", "--match", "v*"
    )
    if not base:
        pytest.skip("there is no tag v* yet: name a commit in TRAINYARD_BREAKING_AGAINST")
    archive = subprocess.run(
        ["git", "archive", base, "proto"], cwd=ROOT, stdout=subprocess.PIPE, check=True
    )
    (scratch / "release").mkdir()
    subprocess.run(["tar", "-x", "-C", scratch / "release"], input=archive.stdout, check=True)
    old = image(scratch / "release/proto", scratch / "release.binpb")
    done = breaking(buf, present, old, scratch)
    assert done.returncode == 0, f"since {base}:\n{done.stdout}"


def test_what_would_break_is_found(buf: Path, scratch: Path) -> None:
    """A renumbered field and a renamed value, so that the check above can fail."""
    proto = 'syntax = "proto3"; package p.v1; message M { string name = %d; } enum E { %s = 0; }'
    images = []
    for number, value in ((1, "OLD"), (2, "NEW")):
        folder = scratch / value
        (folder / "p/v1").mkdir(parents=True)
        (folder / "p/v1/p.proto").write_text(proto % (number, value))
        images.append(image(folder, scratch / f"{value}.binpb"))
    done = breaking(buf, images[1], images[0], scratch)
    assert done.returncode != 0
    assert '"1" with name "name" on message "M"' in done.stdout and '"OLD"' in done.stdout
