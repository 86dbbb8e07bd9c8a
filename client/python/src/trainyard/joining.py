"""Joining a class."""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
from typing import Any

from trainyard._channel import SYSTEM, Target, is_loopback, pinned
from trainyard._logins import add_login, read_logins
from trainyard._names import new_request_id
from trainyard._session import Session
from trainyard._steps import Call, Plan
from trainyard.errors import PermissionDenied, Unavailable
from trainyard.user import User
from trainyard.v1 import admin_pb2

_LINE = re.compile(r"trainyard://(?P<address>[^/#\s]+:\d+)/(?P<code>[^/#\s]+)(?:#(?P<pin>\S*))?")
_SECONDS = 5.0  # for a server to show its certificate


def join(line: str, *, user: str = "", name: str = "") -> User:
    """Joins a class, once, by the line that its instructor gave; from then on Client() is
    the caller's own on this machine, and so is the command line. Returns who they are.

    Args:
        line: trainyard://HOST:PORT/CODE#FINGERPRINT
        user: Your id, where the line is not for you alone.
        name: Your name, where the line is not for you alone.

    Raises ValueError for what is no such line, PermissionDenied for a server that is not
    the line's, or a code that is used up.
    """
    found = _LINE.search(line.replace("'", " ").replace('"', " "))
    if not found:
        raise ValueError("this is not a line to join by: trainyard://HOST:PORT/CODE#FINGERPRINT")
    address, code, pin = found["address"], found["code"], found["pin"] or ""
    if pin and len(pin) != 64:
        raise ValueError(
            "the fingerprint, behind #, has 64 letters and digits: part of the line is missing"
        )
    read_logins()  # Before the code is used up: its token could not be kept.
    authority = _authority(address, pin.lower())
    session = Session(pinned(Target(address), authority))
    try:
        joined = session.run(_join(code, user, name))
    finally:
        session.close()
    add_login(address, joined.token.secret, authority, joined.user.name)
    return User.of(joined.user)


def _join(code: str, user: str, name: str) -> Plan[admin_pb2.JoinClassResponse]:
    request = admin_pb2.JoinClassRequest(
        code=code, user_id=user, display_name=name, request_id=new_request_id()
    )
    return (yield Call("admin.JoinClass", request))


def _authority(address: str, pin: str) -> str:
    """What the server's certificate must be signed by, as logins keep it."""
    if not pin:
        return "" if is_loopback(address) else SYSTEM
    for certificate in _shown(address):
        if hashlib.sha256(certificate).hexdigest() == pin:
            # That it has signed the server's own is seen when that is connected to.
            return ssl.DER_cert_to_PEM_cert(certificate)
    raise PermissionDenied(
        "PERMISSION_DENIED",
        f"the server at {address} is not the one that the line is for: its certificate is another",
        hint="ask for a new line, and send no token there",
    )


def _shown(address: str) -> list[bytes]:
    """The certificates that a server shows, its own first. Nothing is trusted by this."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _SECONDS) as plain:
            with context.wrap_socket(plain, server_hostname="trainyard") as shown:
                return _chain(shown)
    except OSError as error:
        raise Unavailable(
            "UNAVAILABLE", f"no server answers with TLS at {address}: {error}"
        ) from None


def _chain(shown: Any) -> list[bytes]:
    if hasattr(shown, "get_unverified_chain"):  # from Python 3.13 on
        return list(shown.get_unverified_chain())
    inner = shown._sslobj
    if not hasattr(inner, "get_unverified_chain"):
        raise NotImplementedError(
            "joining by a fingerprint needs Python 3.10: use the command line, trainyard join"
        )
    der = 2  # _ssl.ENCODING_DER
    return [certificate.public_bytes(der) for certificate in inner.get_unverified_chain()]
