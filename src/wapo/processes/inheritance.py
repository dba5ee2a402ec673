"""What a worker gets from its supervisor: descriptors, and in one variable of its environment which is which."""

import os
from dataclasses import dataclass, field
from typing import Final

import msgspec

from wapo.errors import HostError
from wapo.processes.messages import PROTOCOL

__all__ = ["Inheritance", "OtherProtocol"]

_VARIABLE: Final = "WAPO_WORKER"


class OtherProtocol(HostError):
    """This worker and its supervisor are of versions that do not understand each other."""

    code = "other_protocol"


@dataclass(frozen=True)
class Inheritance:
    """Descriptors by what they are for.

    Attributes:
        control: the channel to the supervisor; it ends with the supervisor.
        connections, app_connections: give connections of clients: to the gateway, and to apps.
        board, row: where this worker's figures go.
        passed: by name, what else was to be passed on.
        told: by name, what else a worker is to know.
    """

    control: int
    connections: int
    app_connections: int
    board: int
    row: int
    passed: dict[str, int] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    protocol: int = PROTOCOL

    def descriptors(self) -> list[int]:
        return [self.control, self.connections, self.app_connections, self.board, *self.passed.values()]

    def environment(self) -> dict[str, str]:
        return {_VARIABLE: msgspec.json.encode(self).decode()}

    @classmethod
    def find(cls) -> "Inheritance | None":
        """This process's, if it is a worker. Its children are none.

        Raises:
            OtherProtocol: the supervisor is of another version.
        """
        text = os.environ.pop(_VARIABLE, None)
        if text is None:
            return None
        if msgspec.json.decode(text).get("protocol") != PROTOCOL:
            raise OtherProtocol("this version of wapo cannot serve under a supervisor of another: restart the node")
        found = msgspec.json.decode(text, type=cls)
        for number in found.descriptors():
            os.set_inheritable(number, False)
        return found
