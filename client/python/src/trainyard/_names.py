"""Names of resources, and ids."""

from __future__ import annotations

import uuid

ME = "users/me"
EVERYONE = "users/-"


def full_name(kind: str, name: str) -> str:
    """users/me/KIND/NAME for a bare id; a full name as it is."""
    return name if "/" in name else f"{ME}/{kind}/{name}"


def owner(everyone: bool) -> str:
    """The parent of a list: the caller, or whoever the caller may see."""
    return EVERYONE if everyone else ME


def last_part(name: str) -> str:
    return name.rpartition("/")[2]


def new_request_id() -> str:
    """With it a retry returns the first answer, and makes nothing twice."""
    return uuid.uuid4().hex
