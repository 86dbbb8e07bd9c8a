"""The API reference: everything public is documented, and the page has all of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

import protos
from harness import ROOT

GENERATOR = ROOT / "proto/reference.py"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", GENERATOR, *arguments], capture_output=True, text=True, timeout=60
    )


@pytest.fixture(scope="module")
def descriptors(scratch: Path) -> Path:
    public = protos.files(protos.PROTO, "trainyard/v1", "grpc")
    return protos.describe(protos.PROTO, scratch / "api.binpb", *public)


def test_everything_public_has_a_comment_and_methods_say_their_errors(descriptors: Path) -> None:
    done = run("--check", descriptors)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_has_everything_and_its_links_lead_somewhere(
    descriptors: Path, scratch: Path
) -> None:
    done = run(descriptors, scratch / "api.html")
    assert done.returncode == 0, done.stderr
    page = (scratch / "api.html").read_text()
    anchors = re.findall(r'id="([^"]+)"', page)
    assert len(anchors) == len(set(anchors))
    assert {link for link in re.findall(r'href="#([^"]+)"', page)} <= set(anchors)
    for file in FileDescriptorSet.FromString(descriptors.read_bytes()).file:
        for service in file.service:
            for method in service.method:
                assert f"{file.package}.{service.name}.{method.name}" in anchors
        for message in file.message_type:
            for field in message.field:
                assert f"{file.package}.{message.name}.{field.name}" in anchors
        for enum in file.enum_type:
            assert f"{file.package}.{enum.name}" in anchors


def test_what_is_missing_is_named(scratch: Path) -> None:
    (scratch / "bare.proto").write_text(
        'syntax = "proto3"; package bare;\n'
        "// Serves.\nservice S {\n  // Asks.\n  rpc Ask(M) returns (M);\n}\n"
        "message M {\n  string name = 1;\n}\n"
        "// Kinds.\nenum Kind { NONE = 0; SOME = 1; }\n"
    )
    bare = protos.describe(scratch, scratch / "bare.binpb", "bare.proto")
    done = run("--check", bare)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "service bare.S: Ask does not say its errors",
        "message bare.M has no comment",
        "message bare.M: name has no comment",
        "enum bare.Kind: SOME has no comment",
    ]
