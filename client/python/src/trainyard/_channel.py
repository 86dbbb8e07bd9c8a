"""Where the server is, and the channel to it: the only place that makes one."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Any, Optional

import grpc
import grpc.aio

from trainyard._logins import read_logins
from trainyard.errors import FailedPrecondition

DEFAULT_SERVER = "127.0.0.1:7700"
# In place of an authority: those that this machine trusts.
SYSTEM = "system"

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
    def encrypted(self) -> bool:
        return self.root_certificates is not None or self.system_certificates

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What goes with every call."""
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()


def is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # a name
        return False


def pinned(target: Target, authority: str) -> Target:
    """The target with what a login says of its certificate: PEM of the authority that must
    have signed it, SYSTEM, or nothing for plaintext."""
    if authority == SYSTEM:
        return replace(target, system_certificates=True)
    if not authority:
        return target
    # A pinned authority signs for one server, whatever name it is reached by.
    return replace(target, root_certificates=authority.encode(), authority="trainyard")


def find_target(server: Optional[str], token: Optional[str]) -> Target:
    """What is given, else TRAINYARD_SERVER and TRAINYARD_TOKEN, else the server that
    this machine has joined, with what was stored then, else the default.

    Raises FailedPrecondition for a server elsewhere that was not joined: nothing, and no
    token, is sent to it in plain text.
    """
    logins = read_logins()
    address = (
        server or os.environ.get("TRAINYARD_SERVER") or logins.get("current") or DEFAULT_SERVER
    )
    known = logins.get("servers", {}).get(address, {})
    token = token or os.environ.get("TRAINYARD_TOKEN") or known.get("token") or None
    target = pinned(Target(address, token), known.get("authority", ""))
    if target.encrypted or is_loopback(address):
        return target
    raise FailedPrecondition(
        "FAILED_PRECONDITION",
        f"this machine has not joined {address}",
        hint="trainyard.join(LINE), with the line that your instructor gave you",
    )


def open_channel(target: Target, asynchronous: bool = False) -> Any:
    """A grpc.Channel, or a grpc.aio.Channel; connected by its first call."""
    module: Any = grpc.aio if asynchronous else grpc
    options = list(_OPTIONS)
    if not target.encrypted:
        return module.insecure_channel(target.address, options=options)
    if target.authority:
        options.append(("grpc.ssl_target_name_override", target.authority))
    credentials = grpc.ssl_channel_credentials(root_certificates=target.root_certificates)
    return module.secure_channel(target.address, credentials, options=options)
