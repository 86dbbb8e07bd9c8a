"""The configuration in deploy/nginx, with a real nginx before a real server."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import PATIENCE, ROOT, Api, Class, admin_pb2, wait_until

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")

ME = admin_pb2.GetUserRequest(name="users/me")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def lab(scratch: Path) -> Iterator[Class]:
    made = Class(scratch / "nginx-class", "--insecure", "--http", "127.0.0.1:0")
    made.server.start()
    yield made
    made.close()
    made.server.stop()


@pytest.fixture(scope="module")
def proxy(lab: Class, scratch: Path) -> Iterator[str]:
    """HOST:PORT of an nginx that runs deploy/nginx/trainyard.conf, but for its ports
    and certificate: those of the class serve."""
    port = free_port()
    tls = lab.server.data_dir / "tls"
    text = (ROOT / "deploy/nginx/trainyard.conf").read_text()
    for there, here in (
        ("listen 443 ssl http2", f"listen 127.0.0.1:{port} ssl http2"),
        ("server 127.0.0.1:7700", f"server {lab.server.target}"),
        ("/etc/ssl/certs/lab.example.edu.pem", str(tls / "server.pem")),
        ("/etc/ssl/private/lab.example.edu.key", str(tls / "server.key")),
    ):
        assert there in text
        text = text.replace(there, here)
    folder = scratch / "nginx"
    folder.mkdir()
    configuration = folder / "nginx.conf"
    configuration.write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;\n"
        + ("user root;\n" if Path("/proc/self").stat().st_uid == 0 else "")
        + f"events {{ worker_connections 1024; }}\nhttp {{ access_log off;\n"
        + "".join(
            f"{kind}_temp_path {folder}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        + text
        + "}\n"
    )
    process = subprocess.Popen([str(NGINX), "-c", str(configuration), "-p", str(folder)])

    def answers() -> bool:
        assert process.poll() is None, (folder / "error.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until("nginx to listen", answers)
    yield f"127.0.0.1:{port}"
    process.terminate()
    process.wait(30 * PATIENCE)


def test_calls_streams_and_uploads_pass(lab: Class, proxy: str) -> None:
    api = Api(proxy, lab.admin_token, lab.authority)
    assert api.admin.GetUser(ME).name == "users/admin"
    # More than one message, and more than nginx's default bound of a body.
    rows = b"".join(b"%d,%d,%d\n" % (row % 2, row, row + 1) for row in range(200_000))
    assert len(rows) > 2 << 20
    data = api.active("d", rows)
    assert data.row_count == 200_000
    small = api.active("small", rows[:1000])
    network = api.network("n", [2, 2, 2])
    job = api.train("j", network.name, small.name, epochs=5, learning_rate=0.1)
    epochs = [event.epoch.epoch for event in api.watched(job.name) if event.HasField("epoch")]
    assert epochs == [1, 2, 3, 4, 5]
    api.close()


def test_errors_keep_their_details(lab: Class, proxy: str) -> None:
    import grpc

    from harness import error_info, refused

    nobody = Api(proxy, "", lab.authority)
    status = refused(grpc.StatusCode.UNAUTHENTICATED, lambda: nobody.admin.GetUser(ME))
    assert error_info(status).reason == "TOKEN_REQUIRED"
    nobody.close()
