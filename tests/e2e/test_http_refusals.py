"""What HTTP refuses, and how whoever is refused hears why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness import Server
from web import HERE, ME, Web


@pytest.fixture(scope="module")
def web(new_server: Callable[..., Server]) -> Iterator[Web]:
    server = new_server(*HERE)
    yield Web(server.http)
    server.stop()


@pytest.mark.parametrize(
    ("path", "body", "field", "words"),
    [
        ("jobs", {"spec": {"epochs": 1.5}}, "job.spec.epochs", "a whole number of 32 bits, not 1.5"),
        ("jobs", {"spec": {"precision": "F16"}}, "job.spec.precision", 'one of PRECISION_UNSPECIFIED, F32, F64, not "F16"'),
        ("jobs", {"spec": {"epoks": 3}}, "job.spec.epoks", "spec has no field epoks"),
        ("networks", {"spec": {"layers": [{}, {"units": "x"}]}}, "network.spec.layers[1].units", "units takes a whole"),
        ("jobs/x:predict", {"datasetRows": {"rows": ["a"]}}, "dataset_rows.rows[0]", "of 64 bits"),
    ],
)
def test_what_json_cannot_be_is_said_of_its_field(
    web: Web, path: str, body: Any, field: str, words: str
) -> None:
    error = web("POST", f"{ME}/{path}", body).error
    (violation,) = error["details"][1]["fieldViolations"]
    assert violation["field"] == field
    assert words in violation["description"]


def test_heads_are_said_where_an_answer_comes_at_once(web: Web) -> None:
    for path in ("/", f"{ME}/jobs", "/v1/openapi.json", "/metrics"):
        whole, head = web("GET", path), web("HEAD", path)
        assert (head.status, head.body) == (whole.status, b"")
        assert head.headers["Content-Type"] == whole.headers["Content-Type"]
    assert web("HEAD", f"{ME}/jobs:watch").status == 405


def test_options_without_an_origin_are_no_preflight(web: Web) -> None:
    asked = web("OPTIONS", f"{ME}/jobs")
    assert (asked.status, set(asked.headers["Allow"].split(", "))) == (405, {"GET", "POST"})
    assert web("OPTIONS", "/nix").status == 404


@pytest.mark.parametrize(
    ("verb", "path", "status"),
    [("POST", "/nix", 404), ("PUT", f"{ME}/datasets/nix:write?part=DATA", 404), ("POST", f"{ME}/networks", 413)],
)
def test_who_sends_too_much_still_hears_why(web: Web, verb: str, path: str, status: int) -> None:
    # Far more than the sockets between hold: http.client sends all of it before it reads.
    assert web(verb, path, bytes(20 << 20)).status == status
