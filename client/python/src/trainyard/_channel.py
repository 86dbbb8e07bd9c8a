"""Where the server is, and the channel to it: the only place that makes one."""

from __future__ import annotations

import os
from dataclasses import dataclass
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

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What goes with every call."""
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()


def find_target(server: Optional[str], token: Optional[str]) -> Target:
    """What is given, else TRAINYARD_SERVER and TRAINYARD_TOKEN, else the default."""
    return Target(
        address=server or os.environ.get("TRAINYARD_SERVER") or DEFAULT_SERVER,
        token=token or os.environ.get("TRAINYARD_TOKEN") or None,
    )


def open_channel(target: Target, asynchronous: bool = False) -> Any:
    """A grpc.Channel, or a grpc.aio.Channel; connected by its first call."""
    module: Any = grpc.aio if asynchronous else grpc
    options = list(_OPTIONS)
    if target.root_certificates is None:
        return module.insecure_channel(target.address, options=options)
    if target.authority:
        options.append(("grpc.ssl_target_name_override", target.authority))
    credentials = grpc.ssl_channel_credentials(root_certificates=target.root_certificates)
    return module.secure_channel(target.address, credentials, options=options)
