"""grpcurl, which has nothing of ours but reflection."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import toolchains
from harness import Server

VERSION = "v1.9.4"


class Grpcurl:
    def __init__(self, tool: Path, target: str, cwd: Path) -> None:
        self._tool = tool
        self._target = target
        self._cwd = cwd

    def text(self, *words: str, request: Any = None) -> str:
        data = [] if request is None else ["-d", json.dumps(request)]
        return toolchains.run(
            self._tool, "-plaintext", *data, self._target, *words, cwd=self._cwd
        )  # fmt: skip

    def json(self, method: str, request: Any) -> Any:
        return json.loads(self.text(f"trainyard.v1.{method}", request=request))

    def stream(self, method: str, request: Any) -> list[Any]:
        """The messages of a stream, until it ends."""
        text = self.text(f"trainyard.v1.{method}", request=request)
        decoder, found, at = json.JSONDecoder(), [], 0
        while at < len(text.rstrip()):
            message, at = decoder.raw_decode(text, at)
            found.append(message)
            at += len(text[at:]) - len(text[at:].lstrip())
        return found


@pytest.fixture(scope="module")
def grpcurl(server: Server, scratch: Path) -> Grpcurl:
    given = os.environ.get("TRAINYARD_GRPCURL")
    tool = Path(given) if given else toolchains.go_tool(
        "github.com/fullstorydev/grpcurl/cmd/grpcurl", VERSION, scratch / "grpcurl"
    )  # fmt: skip
    return Grpcurl(tool, server.target, scratch)


def test_it_lists_and_describes_every_service(grpcurl: Grpcurl) -> None:
    services = grpcurl.text("list").split()
    assert "grpc.health.v1.Health" in services and "trainyard.v1.TrainingService" in services
    for service in services:
        methods = grpcurl.text("list", service).split()
        assert methods and all(method.startswith(service) for method in methods)
        assert f"service {service.rpartition('.')[2]} " in grpcurl.text("describe", service)
    described = grpcurl.text("describe", "trainyard.v1.TrainingJobSpec")
    assert "learning_rate" in described
    # The health service's messages too, which the gRPC library carries no descriptor of.
    assert "NOT_SERVING" in grpcurl.text(
        "describe", "grpc.health.v1.HealthCheckResponse.ServingStatus"
    )


def test_it_checks_health(grpcurl: Grpcurl) -> None:
    assert json.loads(grpcurl.text("grpc.health.v1.Health/Check")) == {"status": "SERVING"}


def test_it_trains_and_watches(grpcurl: Grpcurl, server: Server) -> None:
    made = grpcurl.json(
        "DatasetService/CreateDataset",
        {
            "parent": "users/me",
            "datasetId": "digits",
            "dataset": {"generator": {"kind": "DIGITS", "rowCount": 200, "seed": 1}},
        },
    )
    assert server.api.settled_dataset(made["name"]).row_count == 200
    grpcurl.json(
        "NetworkService/CreateNetwork",
        {
            "parent": "users/me",
            "networkId": "small",
            "network": {"spec": {"inputCount": 784, "layers": [{"units": 20}, {"units": 10}]}},
        },
    )
    spec = {
        "network": "users/me/networks/small",
        "dataset": "users/me/datasets/digits",
        "epochs": 3,
        "learningRate": 0.3,
    }
    job = grpcurl.json(
        "TrainingService/CreateTrainingJob",
        {"parent": "users/me", "jobId": "first", "job": {"spec": spec}},
    )
    messages = grpcurl.stream("TrainingService/WatchTrainingJob", {"name": job["name"]})
    events = [message["event"] for message in messages if "event" in message]
    assert [event["sequence"] for event in events] == [str(n + 1) for n in range(len(events))]
    assert [event["epoch"]["epoch"] for event in events if "epoch" in event] == [1, 2, 3]
    # Descriptors that come by reflection have no JSON names: fields keep the proto's.
    assert events[-1]["state_change"] == {"state": "SUCCEEDED"}


def test_it_is_told_what_is_wrong(grpcurl: Grpcurl, scratch: Path) -> None:
    done = toolchains.attempt(
        grpcurl._tool, "-plaintext", "-d", '{"name": "users/me/jobs/none"}', grpcurl._target,
        "trainyard.v1.TrainingService/GetTrainingJob", cwd=scratch,
    )  # fmt: skip
    assert done.returncode != 0
    assert "NotFound" in done.stdout and '"domain": "trainyard"' in done.stdout, done.stdout
