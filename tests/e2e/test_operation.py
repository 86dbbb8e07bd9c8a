"""What an administrator does: the configuration file, the log, signals, the unit."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness import BIN, PATIENCE, Server, admin_pb2, network_pb2, wait_until

DEPLOY = Path(__file__).parents[2] / "deploy"


def log_of(server: Server) -> list[dict[str, Any]]:
    """The log's lines, each of which must be an object."""
    return [json.loads(line) for line in server.log.read_text().splitlines()]


def calls(server: Server, method: str) -> list[str]:
    lines = [entry["message"] for entry in log_of(server)]
    return [line for line in lines if line.startswith(f"call method={method} ")]


@pytest.mark.parametrize(
    ("option", "value", "words"),
    (
        ("--listen", "127.0.0.1", "HOST:PORT"),
        ("--listen", "127.0.0.1:99999", "a port up to 65535"),
        ("--listen", "127.example.org:0", "trainyard-server init"),
        ("--http", "127.0.0.1:80x", "a port up to 65535"),
        ("--http-url", "javascript:alert(1)", "https://lab.example.edu"),
        ("--http-allow-origin", "https://example.org/", "without a path"),
        ("--quantum", "nan", "not in range"),
        ("--slots", "0", "not in range"),
        ("--config", "/nonexistent", "/nonexistent"),
    ),
)
def test_an_option_that_cannot_be_is_refused_by_its_name(
    scratch: Path, option: str, value: str, words: str
) -> None:
    command = [BIN / "trainyard-server", "--data-dir", scratch / "refused", option, value]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 * PATIENCE)
    assert done.returncode in (1, 2) and words in done.stderr, done.stderr
    assert option in done.stderr or option == "--config"


def test_a_file_says_what_flags_would_and_is_read_again(scratch: Path) -> None:
    config = scratch / "server.conf"
    text = 'slots = 3\nlog-format = "json"\nlog-level = "info"\n'
    config.write_text(text)
    server = Server(scratch / "configured", "--config", str(config)).start()
    api = server.api
    assert api.admin.GetServer(admin_pb2.GetServerRequest()).slots == 3
    network = network_pb2.Network(spec={"input_count": 2, "layers": [{"units": 2}]})
    api.networks.CreateNetwork(
        network_pb2.CreateNetworkRequest(
            parent="users/me", network_id="n", network=network, request_id="my-request"
        )
    )
    (line,) = calls(server, "NetworkService.CreateNetwork")
    assert "user=users/local" in line and "request_id=my-request" in line and "code=OK" in line
    # What only reads is told on request.
    queue = admin_pb2.GetQueueRequest()
    api.admin.GetQueue(queue)
    assert not calls(server, "AdminService.GetQueue")
    assert server.process is not None

    config.write_text(text.replace("info", "debug"))
    server.process.send_signal(signal.SIGHUP)

    def told() -> list[str]:
        api.admin.GetQueue(queue)
        return calls(server, "AdminService.GetQueue")

    wait_until("the new level", told)

    config.write_text("slots = many\n")
    server.process.send_signal(signal.SIGHUP)
    wait_until(
        "the error",
        lambda: any("configuration is not read" in entry["message"] for entry in log_of(server)),
    )
    assert api.admin.GetServer(admin_pb2.GetServerRequest()).slots == 3
    server.stop()


def test_a_word_that_is_no_option_is_refused(scratch: Path) -> None:
    config = scratch / "wrong.conf"
    config.write_text("slotz = 3\n")
    done = subprocess.run(
        [BIN / "trainyard-server", "--data-dir", scratch / "wrong", "--config", config],
        capture_output=True,
        text=True,
        timeout=60 * PATIENCE,
    )
    assert done.returncode == 2 and "slotz" in done.stderr and "wrong.conf" in done.stderr
    assert not (scratch / "wrong").exists()


def test_the_file_that_is_installed_names_every_option(scratch: Path) -> None:
    usage = subprocess.run(
        [BIN / "trainyard-server", "--help"], capture_output=True, text=True, check=True
    ).stdout
    # The options before the subcommands'.
    options = set(re.findall(r"^  (?:-h,)?--([a-z-]+)", usage.partition("Subcommands:")[0], re.M))
    text = (DEPLOY / "systemd/server.conf").read_text()
    keys = set(re.findall(r"^(?:# )?([a-z-]+) = ", text, re.M))
    assert keys == options - {"help", "version", "config"}
    # And it can be read, with what is behind the # too.
    config = scratch / "all.conf"
    config.write_text(re.sub(r"^# ([a-z-]+ = )", r"\1", text, flags=re.M))
    done = subprocess.run(
        [BIN / "trainyard-server", "check", "--config", config, "--data-dir", scratch / "none"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stderr  # there is no such directory
    assert "none" in done.stderr + done.stdout


def test_an_administrator_drains_the_server(scratch: Path) -> None:
    server = Server(scratch / "drained").start()
    process = server.process
    assert process is not None
    server.api.admin.DrainServer(admin_pb2.DrainServerRequest())
    server.api.close()
    assert process.wait(60 * PATIENCE) == 0
    server.abandon()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_the_unit_is_one_that_systemd_takes(scratch: Path) -> None:
    unit = scratch / "trainyard.service"
    text = (DEPLOY / "systemd/trainyard.service").read_text()
    unit.write_text(text.replace("/usr/local/bin/", f"{BIN}/"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True
    )
    # It also tells of other units of this machine.
    assert "trainyard" not in done.stderr, done.stderr
