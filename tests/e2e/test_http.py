"""The API over HTTP: JSON, Server-Sent Events, uploads, and what is refused."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from calls import methods
from harness import PATIENCE, ROOT, Server, training_pb2, wait_until
from web import HERE, ME, Answer, Events, Web


@pytest.fixture(scope="module")
def server(new_server: Callable[..., Server]) -> Iterator[Server]:
    running = new_server(*HERE, "--http-allow-origin", "https://board.example")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def web(server: Server) -> Web:
    return Web(server.http)


@pytest.fixture(scope="module")
def rows(server: Server) -> str:
    return server.api.digits("rows", 1000).name


@pytest.fixture(scope="module")
def network(server: Server) -> str:
    return server.api.network("net", [784, 32, 10], seed=1).name


def start(web: Web, job: str, network: str, rows: str, **spec: Any) -> dict[str, Any]:
    spec = {"network": network, "dataset": rows, "learningRate": 0.1} | spec
    return web.ok("POST", f"{ME}/jobs?job_id={job}", {"spec": spec})


def sequences(events: list[tuple[str, Any]]) -> list[int]:
    return [int(data["event"]["sequence"]) for event, data in events if event == "event"]


def test_a_network_is_made_read_listed_and_deleted(web: Web) -> None:
    spec = {"inputCount": 4, "layers": [{"units": 3}, {"units": 2}], "seed": "9007199254740993"}
    made = web.ok("POST", f"{ME}/networks?network_id=crud", {"spec": spec})
    assert made["name"] == "users/local/networks/crud"
    assert made["parameterCount"] == "23"
    assert made["spec"]["seed"] == "9007199254740993"  # a double would be another
    assert web.ok("GET", f"{ME}/networks/crud") == made
    assert made in web.ok("GET", "/v1/users/local/networks?pageSize=1000")["networks"]
    assert web.ok("DELETE", f"{ME}/networks/crud") == {}
    gone = web("GET", f"{ME}/networks/crud")
    assert (gone.status, gone.error["status"], gone.reason) == (404, "NOT_FOUND", "NOT_FOUND")


def test_pages_follow_one_another(web: Web) -> None:
    spec = {"spec": {"inputCount": 2, "layers": [{"units": 1}]}}
    for n in range(3):
        web.ok("POST", f"{ME}/networks?network_id=page-{n}", spec)
    seen, token = [], ""
    while True:
        page = web.ok("GET", f"{ME}/networks?page_size=1&page_token={token}")
        seen += [network["name"] for network in page["networks"]]
        token = page["nextPageToken"]
        if not token:
            break
    assert [name for name in seen if "/page-" in name] == [
        f"users/local/networks/page-{n}" for n in range(3)
    ]


def test_the_answer_is_what_grpc_answers(web: Web, server: Server, rows: str) -> None:
    over_http = web.ok("GET", f"/v1/{rows}")
    dataset = server.api.get_dataset(rows)
    assert int(over_http["rowCount"]) == dataset.row_count
    assert over_http["digest"] == dataset.digest
    assert over_http["labelHistogram"] == [str(count) for count in dataset.label_histogram]


@pytest.mark.parametrize(
    ("verb", "path", "body", "status", "reason", "named"),
    [
        ("GET", "/nix", None, 404, "NO_SUCH_PATH", "/nix"),
        ("GET", f"{ME}/jobs/a/b", None, 404, "NO_SUCH_PATH", "jobs/a/b"),
        ("PUT", f"{ME}/jobs", {}, 405, "METHOD_NOT_ALLOWED", "POST"),
        ("POST", "/healthz", {}, 405, "METHOD_NOT_ALLOWED", "GET"),
        ("GET", f"{ME}/jobs?page_siz=1", None, 400, "UNKNOWN_PARAMETER", "page_siz"),
        ("GET", f"{ME}/jobs?page_size=x", None, 400, "BAD_PARAMETER", "page_size"),
        ("GET", f"{ME}/jobs?%zz", None, 400, "MALFORMED_TARGET", "target"),
        ("POST", f"{ME}/networks", b"{", 400, "MALFORMED_JSON", "Network"),
        ("POST", f"{ME}/networks", {"spec": {"inputs": 3}}, 400, "MALFORMED_JSON", "inputs"),
        ("POST", f"{ME}/networks?network_id=A", {}, 400, "INVALID_ID", "not an id"),
        ("GET", f"{ME}/jobs/nix:watch", None, 404, "NOT_FOUND", "jobs/nix"),
        ("GET", f"{ME}/jobs:watch?cursor=x", None, 400, "INVALID_CURSOR", "cursor"),
        ("GET", f"{ME}/jobs/nix", b"{}", 400, "UNEXPECTED_BODY", "body"),
    ],
)
def test_errors_say_what_is_wrong(
    web: Web, verb: str, path: str, body: Any, status: int, reason: str, named: str
) -> None:
    answer = web(verb, path, body)
    assert (answer.status, answer.reason) == (status, reason), answer.body
    assert named in answer.error["message"]


def test_a_connection_is_used_again(web: Web) -> None:
    connection = web.connect()
    for path, status in ((f"{ME}/jobs", 200), (f"{ME}/jobs/nix", 404), ("/healthz", 200)) * 3:
        connection.request("GET", path)
        assert Answer(connection.getresponse()).status == status
    connection.close()


def test_a_job_is_watched_to_its_end(web: Web, network: str, rows: str, server: Server) -> None:
    job = start(web, "watched", network, rows, epochs=5)["name"]
    events = list(Events(web, f"/v1/{job}:watch"))
    assert sequences(events) == list(range(1, len(events)))
    assert events[-1] == ("end", {})
    assert [data["event"]["epoch"]["epoch"] for _, data in events[:-1] if "epoch" in data["event"]] == [
        1, 2, 3, 4, 5,
    ]
    # The header wins over the query; a cursor of the future is no stream.
    again = list(Events(web, f"/v1/{job}:watch?after_sequence=1", last="3"))
    assert sequences(again) == list(range(4, len(events)))
    assert web("GET", f"/v1/{job}:watch?after_sequence=99").reason == "CURSOR_OUT_OF_RANGE"
    assert int(web.ok("GET", f"/v1/{job}")["lastSequence"]) == len(events) - 1
    assert len(web.ok("GET", f"/v1/{job}/events?page_size=1000")["events"]) == len(events) - 1


def test_a_job_is_paused_resumed_forked_evaluated_and_asked(
    web: Web, network: str, rows: str, server: Server
) -> None:
    job = start(web, "handled", network, rows, epochs=5000)["name"]
    wait_until("an epoch", lambda: web.ok("GET", f"/v1/{job}")["epochsCompleted"] > 0)
    assert web.ok("POST", f"/v1/{job}:pause", {})["state"] == "PAUSING"
    wait_until("the pause", lambda: web.ok("GET", f"/v1/{job}")["state"] == "PAUSED")
    done = web.ok("GET", f"/v1/{job}")["epochsCompleted"]
    assert web.ok("POST", f"/v1/{job}:resume")["state"] in ("QUEUED", "RUNNING")
    # Weights of an epoch are kept where one that runs is cancelled.
    wait_until("it to go on", lambda: web.ok("GET", f"/v1/{job}")["epochsCompleted"] > done)
    web.ok("POST", f"/v1/{job}:cancel?request_id=once")
    assert server.api.ended(job).state == training_pb2.TrainingJob.CANCELLED
    assert web("POST", f"/v1/{job}:cancel").error["status"] == "FAILED_PRECONDITION"
    fork = {"jobId": "branch", "spec": {"epochs": 5001}, "updateMask": "epochs", "validateOnly": True}
    assert web.ok("POST", f"/v1/{job}:fork", fork)["forkedFrom"]["job"] == job
    made = web.ok("POST", f"/v1/{job}/evaluations", {"dataset": rows})["name"]
    wait_until("the evaluation", lambda: web.ok("GET", f"/v1/{made}")["state"] == "SUCCEEDED")
    assert web.ok("GET", f"/v1/{made}/confusionMatrix")["size"] == 10
    assert "rows" in web.ok("GET", f"/v1/{made}/misclassified?page_size=2")
    asked = web.ok("POST", f"/v1/{job}:predict", {"datasetRows": {"dataset": rows, "rows": ["0", 1]}})
    assert len(asked["predictions"]) == 2
    assert len(web.ok("GET", f"/v1/{rows}:preview?start_row=3&rowCount=2")["rows"]) == 2


def test_a_killed_server_leaves_no_gap_in_what_a_browser_sees(
    new_server: Callable[..., Server],
) -> None:
    server = new_server(*HERE)
    api = server.api
    rows = api.digits("rows", 2000).name
    network = api.network("net", [784, 32, 10], seed=1).name
    job = start(Web(server.http), "survivor", network, rows, epochs=60)["name"]
    seen: list[tuple[str, Any]] = []
    one = Events(Web(server.http), f"/v1/{job}:watch")
    many = Events(Web(server.http), f"{ME}/jobs:watch")
    for event in one:
        seen.append(event)
        if len(seen) == 10:
            break
    board = [next(iter(many))]
    server.kill()
    one.close()
    many.close()
    server.start()
    one = Events(Web(server.http), f"/v1/{job}:watch", last=one.last)
    seen += list(one)
    assert seen[-1] == ("end", {})
    assert sequences(seen) == list(range(1, len(seen)))
    many = Events(Web(server.http), f"{ME}/jobs:watch", last=many.last)
    for event in many:
        board.append(event)
        change = event[1].get("event", {}).get("event", {}).get("stateChange", {})
        if change.get("state") == "SUCCEEDED":
            break
    assert [int(d["event"]["event"]["sequence"]) for _, d in board] == list(range(1, len(seen)))
    many.close()
    server.stop()


def test_a_server_that_stops_ends_streams_without_a_word(
    new_server: Callable[..., Server],
) -> None:
    server = new_server(*HERE)
    events = Events(Web(server.http), f"{ME}/jobs:watch")
    server.stop()
    assert list(events) == []  # and a browser comes back by itself


def test_only_our_own_pages_may_use_the_server(web: Web, server: Server) -> None:
    stranger = {"Origin": "https://evil.example"}
    assert web("POST", f"{ME}/jobs/x:cancel", {}, stranger).reason == "FOREIGN_ORIGIN"
    assert web("GET", f"{ME}/jobs", None, {"Host": "evil.example"}).reason == "HOST_NOT_ALLOWED"
    assert web("POST", f"{ME}/jobs/x:cancel", {}, {"Sec-Fetch-Site": "cross-site"}).status == 403
    own = {"Origin": f"http://{server.http}"}
    assert web("POST", f"{ME}/jobs/x:cancel", {}, own).reason == "NOT_FOUND"
    preflight = {"Access-Control-Request-Method": "POST"}
    refused = web("OPTIONS", f"{ME}/jobs", None, stranger | preflight)
    assert (refused.status, refused.reason) == (403, "FOREIGN_ORIGIN")
    board = {"Origin": "https://board.example"}
    allowed = web("OPTIONS", f"{ME}/jobs", None, board | preflight)
    assert (allowed.status, allowed.headers["Access-Control-Allow-Origin"]) == (
        204, "https://board.example",
    )
    assert web("POST", f"{ME}/jobs/x:cancel", {}, board).reason == "NOT_FOUND"
    for origin, expected in ((board, "https://board.example"), (stranger, None)):
        answer = web("GET", f"{ME}/jobs", None, origin)
        assert answer.headers["Access-Control-Allow-Origin"] == expected
        assert answer.headers["Access-Control-Allow-Credentials"] is None


def test_a_single_users_session_needs_no_cookie(web: Web) -> None:
    begun = web("POST", "/v1/session", {"token": "any"})
    assert (begun.status, begun.headers["Set-Cookie"]) == (200, None)
    ended = web("DELETE", "/v1/session")
    assert "Max-Age=0" in ended.headers["Set-Cookie"]
    assert web("GET", "/v1/session").status == 405


def test_what_is_too_large_or_no_http_is_refused(web: Web) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
    assert web.raw(head + b"X: " + b"x" * 20000 + b"\r\n\r\n").startswith(b"HTTP/1.1 431")
    post = b"POST /v1/users/me/networks HTTP/1.1\r\nHost: localhost\r\n"
    assert web.raw(post + b"Content-Length: 16777217\r\n\r\n").startswith(b"HTTP/1.1 413")
    chunk = b"1000000\r\n" + b"x" * 0x1000000 + b"\r\n"
    chunked = web.raw(post + b"Transfer-Encoding: chunked\r\n\r\n" + chunk + chunk)
    assert chunked.startswith(b"HTTP/1.1 413")
    assert web.raw(b"\x16\x03\x01\x02 what is this\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert web.raw(b"GET  HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert web.ok("GET", f"{ME}/networks")  # and it goes on


def test_a_file_is_uploaded_in_pieces(web: Web) -> None:
    made = web.ok("POST", f"{ME}/datasets?dataset_id=csv", {"upload": {"format": "CSV"}})["name"]
    data = b"".join(b"%d,%d,%d\n" % (n % 3, n % 7, n % 11) for n in range(400_000))
    half = len(data) // 2
    write = f"/v1/{made}:write?part=DATA"
    first = web.ok("PUT", write, data[:half])
    assert (int(first["committedBytes"]), first["finished"]) == (half, False)
    wrong = web("POST", f"{write}&offset=1&finish=true", data[half:])
    assert (wrong.status, wrong.error["status"]) == (400, "OUT_OF_RANGE")
    assert web("POST", f"{write}&finish=perhaps", b"").reason == "BAD_PARAMETER"
    last = web.ok("POST", f"{write}&offset={half}&finish=true", data[half:])
    assert (int(last["committedBytes"]), last["finished"]) == (len(data), True)
    wait_until("the rows", lambda: web.ok("GET", f"/v1/{made}")["state"] == "ACTIVE")
    assert web.ok("GET", f"/v1/{made}")["rowCount"] == "400000"
    assert web("POST", f"{write}&offset=0", b"x").reason == "DATASET_NOT_UPLOADING"


def test_an_upload_that_breaks_off_goes_on_where_it_was(web: Web) -> None:
    made = web.ok("POST", f"{ME}/datasets?dataset_id=torn", {"upload": {"format": "CSV"}})["name"]
    data = b"".join(b"%d,%d\n" % (n % 2, n % 5) for n in range(300_000))
    head = f"PUT /v1/{made}:write?part=DATA&finish=true HTTP/1.1\r\nHost: localhost\r\n"
    head += f"Content-Length: {len(data)}\r\n\r\n"
    with socket.create_connection(web.address) as connection:
        connection.sendall(head.encode() + data[: len(data) // 2])

    def committed() -> int:
        return int(web.ok("GET", f"/v1/{made}")["parts"][0]["committedBytes"])

    def resumed() -> bool:
        """Until the server has noticed, the one that broke off holds the part."""
        offset = committed()
        return web("PUT", f"/v1/{made}:write?part=DATA&offset={offset}&finish=true", data[offset:]).status == 200

    wait_until("the rest of the upload", resumed)
    wait_until("the rows", lambda: web.ok("GET", f"/v1/{made}")["state"] == "ACTIVE")
    assert web.ok("GET", f"/v1/{made}")["rowCount"] == "300000"


def test_a_reader_that_does_not_read_costs_nobody_anything(
    web: Web, network: str, rows: str, server: Server
) -> None:
    job = start(web, "ignored", network, rows, epochs=400)["name"]
    lazy = socket.create_connection(web.address)
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
    lazy.sendall(f"GET /v1/{job}:watch HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    events = list(Events(web, f"/v1/{job}:watch"))
    assert sequences(events) == list(range(1, len(events)))
    # What it did not read is still there for it, to the end.
    lazy.settimeout(60 * PATIENCE)
    text = b""
    while piece := lazy.recv(1 << 16):
        text += piece
    assert text.count(b"\nid: ") == len(events) - 1
    assert b"event: end" in text
    lazy.close()


def threads(server: Server) -> int:
    assert server.process is not None
    return len(list(Path(f"/proc/{server.process.pid}/task").iterdir()))


def test_two_hundred_streams_need_no_threads_of_their_own(
    web: Web, network: str, rows: str, server: Server
) -> None:
    job = start(web, "crowd", network, rows, epochs=20_000)["name"]
    list(zip(range(3), Events(web, f"/v1/{job}:watch")))
    before = threads(server)
    crowd = [Events(web, f"/v1/{job}:watch") for _ in range(200)]
    assert threads(server) <= before + 8
    web.ok("POST", f"/v1/{job}:cancel")
    for events in crowd:
        seen = list(events)
        assert sequences(seen) == list(range(1, len(seen)))
        assert seen[-1] == ("end", {})


def test_health_and_readiness(web: Web) -> None:
    assert web("GET", "/healthz").body == b"ok\n"
    assert web("GET", "/readyz").body == b"ready\n"
    head = web("HEAD", "/healthz")
    assert (head.status, head.headers["Content-Length"], head.body) == (200, "3", b"")


@pytest.fixture(scope="module")
def description(web: Web) -> dict[str, Any]:
    return web.ok("GET", "/v1/openapi.json")


def test_every_method_is_described(description: dict[str, Any]) -> None:
    described = {
        operation["operationId"]: operation
        for path in description["paths"].values()
        for operation in path.values()
    }
    for path, *_ in methods():
        service, _, method = path.rpartition("/")
        operation = described[f"{service.rpartition('.')[2]}_{method}"]
        assert operation["description"], path  # from the proto's comments
        assert "200" in operation["responses"]
    schemas = description["components"]["schemas"]
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(description)))
    assert references <= set(schemas)
    assert schemas["TrainingJob"]["properties"]["epochsCompleted"]["readOnly"]
    assert schemas["Dataset"]["properties"]["rowCount"]["type"] == "string"


def test_the_paths_that_are_described_are_there(web: Web, description: dict[str, Any]) -> None:
    for path, operations in description["paths"].items():
        for verb in operations:
            at = re.sub(r"{\w+}", "nix", path)
            # A body that is no JSON is refused before anything is done.
            answer = web(verb.upper(), at, b"{" if verb in ("post", "patch") else None)
            assert answer.status != 405, f"{verb} {at}"
            if answer.status == 404:
                assert answer.reason != "NO_SUCH_PATH", f"{verb} {at}"


def metrics(web: Web) -> dict[str, float]:
    """Every series with its value."""
    lines = web("GET", "/metrics").body.decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {series: float(value) for series, _, value in pairs}


def test_what_happens_is_counted(web: Web, network: str, rows: str) -> None:
    before = metrics(web)
    job = start(web, "counted", network, rows, epochs=7)["name"]
    assert list(Events(web, f"/v1/{job}:watch"))[-1] == ("end", {})
    web("GET", f"{ME}/jobs/nix")
    after = metrics(web)

    def grown(series: str) -> float:
        return after[series] - before.get(series, 0)

    assert grown("trainyard_epochs_total") == 7
    assert grown("trainyard_samples_total") == 7000
    assert grown('trainyard_jobs{state="SUCCEEDED"}') == 1
    assert grown("trainyard_queue_wait_seconds_count") == 1
    assert grown("trainyard_commit_seconds_count") >= 7
    method = "TrainingService.GetTrainingJob"
    assert grown(f'trainyard_rpcs_total{{code="NOT_FOUND",method="{method}"}}') == 1
    assert grown(f'trainyard_rpc_seconds_count{{method="{method}"}}') == 1
    assert grown('trainyard_http_requests_total{status="404"}') == 1
    watching = Events(web, f"{ME}/jobs:watch")
    assert metrics(web)['trainyard_watchers{transport="sse"}'] >= 1
    watching.close()
    wait_until("nobody to watch", lambda: metrics(web)['trainyard_watchers{transport="sse"}'] == 0)


def test_the_grafana_dashboard_shows_metrics_that_there_are(web: Web) -> None:
    exported = {series.partition("{")[0] for series in metrics(web)}
    dashboard = json.loads((ROOT / "deploy/grafana/trainyard.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    for expression in expressions:
        names = re.findall(r"(?:trainyard|process)_\w+", expression)
        assert names and exported.issuperset(names), expression


def test_http_is_off_where_it_is_not_asked_for(new_server: Callable[..., Server]) -> None:
    server = new_server()
    assert server.http == ""
    server.stop()
