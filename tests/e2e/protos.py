"""The protos as descriptors, for tools that take them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from harness import ROOT

GOOGLEAPIS = os.environ.get(
    "TRAINYARD_GOOGLEAPIS_DIR", "/usr/share/gocode/src/github.com/gogo/googleapis"
)
PROTO = ROOT / "proto"


def files(root: Path, *folders: str) -> list[str]:
    """The protos below these folders, as they import one another."""
    found = [path for folder in folders for path in (root / folder).rglob("*.proto")]
    return sorted(str(path.relative_to(root)) for path in found)


def describe(root: Path, output: Path, *protos: str, imports: bool = False) -> Path:
    """Writes a FileDescriptorSet with comments to `output`."""
    subprocess.run(
        ["protoc", f"--proto_path={root}", f"--proto_path={GOOGLEAPIS}"]
        + ["--include_source_info", f"--descriptor_set_out={output}"]
        + ["--include_imports"] * imports
        + list(protos),
        check=True,
    )
    return output
