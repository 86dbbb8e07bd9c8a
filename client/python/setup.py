"""Generates the stubs of the public API while the package is built.

The protos are those of the tree, ../../proto; a source distribution carries a
copy of them, because it is built where there is no tree.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent
API = "trainyard/v1"


def proto_root() -> Path:
    for folder in (HERE / "proto", HERE.parent.parent / "proto"):
        if (folder / API).is_dir():
            return folder
    sys.exit(f"setup.py: no {API}/*.proto below {HERE}; build in a clone, or from an sdist")


def generate(target: Path) -> None:
    """Writes *_pb2.py, *_pb2.pyi and *_pb2_grpc.py below `target`. The messages of
    google.rpc are those of googleapis-common-protos, here and at run time."""
    import google.rpc
    import grpc_tools
    from grpc_tools import protoc

    root = proto_root()
    files = sorted(str(path.relative_to(root)) for path in (root / API).glob("*.proto"))
    common = Path(next(iter(google.rpc.__path__))).parent.parent
    arguments = [
        "protoc",
        f"--proto_path={root}",
        f"--proto_path={common}",
        f"--proto_path={Path(grpc_tools.__file__).parent / '_proto'}",
        f"--python_out={target}",
        f"--pyi_out={target}",
        f"--grpc_python_out={target}",
        *files,
    ]
    if protoc.main(arguments) != 0:
        sys.exit("setup.py: the stubs could not be generated; the error is above")


class BuildWithStubs(build_py):
    def run(self) -> None:
        super().run()
        target = HERE / "src" if self.editable_mode else Path(self.build_lib)
        target.mkdir(parents=True, exist_ok=True)
        generate(target)


class SourceWithProtos(sdist):
    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        copy = Path(base_dir) / "proto" / API
        copy.mkdir(parents=True, exist_ok=True)
        for path in sorted((proto_root() / API).glob("*.proto")):
            shutil.copyfile(path, copy / path.name)


setup(cmdclass={"build_py": BuildWithStubs, "sdist": SourceWithProtos})
