"""A client of the API over HTTP, and what it answers."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any

from harness import PATIENCE

ME = "/v1/users/me"
HERE = ("--http", "127.0.0.1:0")


class Answer:
    """A whole answer."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error, whose code must be the answer's own."""
        error = self.json["error"]
        assert error["code"] == self.status
        return error

    @property
    def reason(self) -> str:
        return self.error["details"][0]["reason"]


class Web:
    """A client over one connection at a time, as curl is."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self.address = (host, int(port))

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(*self.address, timeout=60 * PATIENCE)

    def __call__(
        self, verb: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        connection = self.connect()
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body)
        connection.request(verb, path, body, headers or {})
        answer = Answer(connection.getresponse())
        connection.close()
        return answer

    def ok(self, verb: str, path: str, body: Any = None) -> Any:
        answer = self(verb, path, body)
        assert answer.status == 200, answer.body
        return answer.json

    def raw(self, data: bytes) -> bytes:
        """All that is answered to these bytes until the server closes."""
        with socket.create_connection(self.address, timeout=60 * PATIENCE) as connection:
            try:
                connection.sendall(data)
            except OSError:  # it has answered and closed before it read all
                pass
            answer = b""
            try:
                while piece := connection.recv(1 << 16):
                    answer += piece
            except ConnectionResetError:
                pass
            return answer


class Events:
    """A stream of Server-Sent Events, read as a browser does."""

    def __init__(self, web: Web, path: str, last: str | None = None) -> None:
        self.connection = web.connect()
        self.connection.request("GET", path, headers={"Last-Event-ID": last} if last else {})
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.read()
        assert self.response.headers["Content-Type"] == "text/event-stream"
        self.last = last

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """(event, data) until the stream ends."""
        fields: dict[str, str] = {}
        for line in self.response:
            name, colon, value = line.decode().rstrip("\n").partition(": ")
            if colon:
                fields[name] = value
            elif "data" in fields:
                self.last = fields.get("id", self.last)
                yield fields["event"], json.loads(fields["data"])
                fields = {}

    def close(self) -> None:
        self.response.close()
        self.connection.close()
