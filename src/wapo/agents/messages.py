"""What goes into an agent and what comes out of it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from wapo.errors import GuestError

if TYPE_CHECKING:
    from wapo.vm.credentials.credential import Credentials
    from wapo.vm.net.websocket import WebSocketLink
    from wapo.vm.resources.pipe import Pipe

__all__ = [
    "AGENT_NAME", "AgentFailed", "AgentRequest", "AgentResponse", "BurstLimitReached", "CpuLimitReached",
    "EgressLimitReached", "Header", "MachineGivenUp", "MemoryLimitReached", "OutgoingLimitReached",
    "ResponseLimitReached", "TimeLimitReached", "UnreadableOutput", "failure_of",
]  # fmt: skip

Header = tuple[bytes, bytes]

#: What a program's file is called where only its content is known.
AGENT_NAME: Final = "agent.js"


class AgentFailed(GuestError):
    """The agent threw, rejected, exited or trapped before it answered. The message is for its owner, with the stack."""

    code = "agent_failed"
    status = 500


class TimeLimitReached(GuestError):
    """The agent had not answered when its time was over."""

    code = "time_limit"
    status = 504


class BurstLimitReached(GuestError):
    """The agent computed for too long between two waits."""

    code = "burst_limit"
    status = 500


class CpuLimitReached(GuestError):
    """The agent computed for too long in all."""

    code = "cpu_limit"
    status = 500


class OutgoingLimitReached(GuestError):
    """The agent began more requests and connections than one run may."""

    code = "outgoing_limit"
    status = 500


class EgressLimitReached(GuestError):
    """The agent sent more than one run may."""

    code = "egress_limit"
    status = 500


class MemoryLimitReached(GuestError):
    """The agent needed more memory than it may have, and did not survive that."""

    code = "memory_limit"
    status = 500


class MachineGivenUp(GuestError):
    """The node ran short of memory, and this machine was among those that had the most."""

    code = "machine_given_up"
    status = 503


class ResponseLimitReached(GuestError):
    """The agent's response is larger than it may be."""

    code = "response_limit"
    status = 500


class UnreadableOutput(GuestError):
    """The bytes that the agent put out are not MessagePack (node-and-gateway 1.3.8)."""

    code = "unreadable_output"
    status = 400


def failure_of(account: str) -> GuestError:
    """What a guest's own account of its failure (message and stack) means."""
    return MemoryLimitReached(account) if "out of memory" in account.split("\n", 1)[0] else AgentFailed(account)


@dataclass(slots=True)
class AgentRequest:
    """A request as the agent is to see it.

    Attributes:
        url: absolute, rooted at the agent (no ``/ipfs/<cid>`` in it).
        headers: as received, names in lower case.
        body: the whole body, or its beginning when ``stream`` has the rest; None if there is none.
        stream: what comes after ``body``.
        secret: JSON text of the secret object, or None.
        websocket: whether it is the opening handshake of a WebSocket, which may be answered with one.
        credentials: what the host puts on requests of the agent's.
    """

    method: str
    url: str
    headers: list[Header]
    body: bytes | None = None
    stream: "Pipe | None" = None
    secret: str | None = None
    request_id: str = ""
    websocket: bool = False
    credentials: "Credentials | None" = None


@dataclass(slots=True)
class AgentResponse:
    """The head of a response and what there is of its body. ``stream`` has the rest, if there is a rest.

    ``websocket`` is the connection that a request is answered with (101) instead.
    """

    status: int
    headers: list[Header] = field(default_factory=list)
    body: bytes = b""
    stream: "Pipe | None" = None
    websocket: "WebSocketLink | None" = None
