"""Where the server is, and the channel to it: the only place that makes one."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import grpc
import grpc.aio

DEFAULT_SERVER = "127.0.0.1:7700"

_OPTIONS: tuple[tuple[str, Any], ...] = (
    # A proxy of the environment is for the web, not for a lab's own server.
    ("grpc.enable_http_proxy", 0),
    ("grpc.keepalive_time_ms", 30000),
    ("grpc.keepalive_timeout_ms", 20000),
    # A server that is just starting is found within a fraction of a second.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2000),
    # A preview of 100 rows of a wide dataset exceeds the default of 4 MiB.
    ("grpc.max_receive_message_length", 64 << 20),
)


@dataclass(frozen=True)
class Target:
    """A server and how to reach it."""

    address: str  # HOST:PORT
    token: Optional[str] = None
    # PEM certificates to trust; without them the connection is not encrypted.
    root_certificates: Optional[bytes] = None
    # The name that the server's certificate has, where it is not the address.
    authority: Optional[str] = None
    # Whether to trust the certificates that this machine trusts.
    system_certificates: bool = False

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What goes with every call."""
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()


def login_file() -> Path:
    """The file in which `trainyard join` and `trainyard login` keep tokens."""
    folder = os.environ.get("TRAINYARD_CONFIG_DIR")
    if folder:
        return Path(folder) / "login.json"
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "trainyard" / "login.json"


def _logins() -> dict[str, Any]:
    try:
        logins = json.loads(login_file().read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ValueError(
            f"{login_file()} is not a login file; remove it and join again"
        ) from error
    return logins if isinstance(logins, dict) else {}


def find_target(server: Optional[str], token: Optional[str]) -> Target:
    """What is given, else TRAINYARD_SERVER and TRAINYARD_TOKEN, else the server that
    was joined with the command line, with what was stored then, else the default."""
    logins = _logins()
    address = (
        server or os.environ.get("TRAINYARD_SERVER") or logins.get("current") or DEFAULT_SERVER
    )
    known = logins.get("servers", {}).get(address, {})
    pem = known.get("authority", "")
    return Target(
        address=address,
        token=token or os.environ.get("TRAINYARD_TOKEN") or known.get("token") or None,
        # "system" is the authorities that this machine trusts, which is gRPC's default.
        root_certificates=pem.encode() if pem and pem != "system" else None,
        authority="trainyard" if pem and pem != "system" else None,
        system_certificates=pem == "system",
    )


def open_channel(target: Target, asynchronous: bool = False) -> Any:
    """A grpc.Channel, or a grpc.aio.Channel; connected by its first call."""
    module: Any = grpc.aio if asynchronous else grpc
    options = list(_OPTIONS)
    if target.root_certificates is None and not target.system_certificates:
        return module.insecure_channel(target.address, options=options)
    if target.authority:
        options.append(("grpc.ssl_target_name_override", target.authority))
    credentials = grpc.ssl_channel_credentials(root_certificates=target.root_certificates)
    return module.secure_channel(target.address, credentials, options=options)
