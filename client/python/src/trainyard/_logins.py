"""The file in which this machine keeps the servers that it has joined: the command
line's, too."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def login_file() -> Path:
    folder = os.environ.get("TRAINYARD_CONFIG_DIR")
    if folder:
        return Path(folder) / "login.json"
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "trainyard" / "login.json"


def read_logins() -> dict[str, Any]:
    """"current" and "servers", each with "token", "authority" and "user"; empty where no
    server was joined. Raises ValueError for a file that is none, or that others may read."""
    file = login_file()
    try:
        if os.name == "posix" and file.stat().st_mode & 0o077:
            raise ValueError(f"{file} holds tokens and others may read it; chmod 600 {file}")
        logins = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except json.JSONDecodeError as error:
        raise ValueError(f"{file} is not a login file; remove it and join again") from error
    return logins if isinstance(logins, dict) else {}


def add_login(address: str, token: str, authority: str, user: str) -> None:
    """Makes a server the one that a client is of by default. The file is replaced whole,
    and no moment is there in which others may read it."""
    file = login_file()
    logins = read_logins()
    logins["current"] = address
    servers = logins.setdefault("servers", {})
    servers[address] = {"token": token, "authority": authority, "user": user}
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(json.dumps(logins, indent=2) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(fresh, file)
