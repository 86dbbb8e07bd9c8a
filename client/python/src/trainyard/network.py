"""Networks."""

from __future__ import annotations

from trainyard import _plans, _requests
from trainyard._names import last_part
from trainyard._session import Session
from trainyard._words import VISIBILITIES, word_of
from trainyard.v1 import network_pb2


class NetworkView:
    """Architecture, initialiser and seed; never trained weights.

    Attributes:
        message: What the server said, a trainyard.v1.Network.
    """

    def __init__(self, message: network_pb2.Network) -> None:
        self.message = message

    @property
    def name(self) -> str:
        """users/{user}/networks/{network}"""
        return self.message.name

    @property
    def id(self) -> str:
        return last_part(self.name)

    @property
    def layers(self) -> list[int]:
        """Units of every layer, inputs first."""
        spec = self.message.spec
        return [spec.input_count, *(layer.units for layer in spec.layers)]

    @property
    def parameter_count(self) -> int:
        """Weights and biases of all layers."""
        return self.message.parameter_count

    @property
    def visibility(self) -> str:
        """ "private" or "class": see share."""
        return word_of(self.message.visibility, VISIBILITIES) or "private"

    def __repr__(self) -> str:
        units = "-".join(map(str, self.layers))
        shared = "" if self.visibility == "private" else f", {self.visibility}"
        return f"Network({self.name!r}, {units}, {self.parameter_count} parameters{shared})"


class Network(NetworkView):
    """A network on the server."""

    def __init__(self, session: Session, message: network_pb2.Network) -> None:
        super().__init__(message)
        self._session = session

    def share(self, visibility: str = "class") -> Network:
        """Says who may use it, "class" or "private"; returns itself."""
        self.message = self._session.run(_requests.share_network(self.name, visibility))
        return self

    def unshare(self) -> Network:
        """Makes it private again; returns itself."""
        return self.share("private")

    def delete(self) -> None:
        """Deletes it; its name may be used again. Jobs keep the copy they were made with."""
        self._session.run(_plans.delete("networks", self.name))
