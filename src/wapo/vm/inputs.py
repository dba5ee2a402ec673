"""Queries and HTTP requests into a guest, over its input channels (wapo-abi.md section 9)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wapo.abi.messages import encode_http_request, encode_legacy_query_request, encode_query_request
from wapo.errors import GuestError
from wapo.vm.dialect import Dialect
from wapo.vm.resources.base import Resource
from wapo.vm.resources.oneshot import Oneshot, Reply
from wapo.vm.resources.pipe import DUPLEX_BYTES, DuplexStream, Pipe

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["HTTP_CHANNEL", "QUERY_CHANNEL", "HttpInput", "InputBusy", "InputClosed", "offer_http", "offer_query"]

QUERY_CHANNEL: Final = 3
HTTP_CHANNEL: Final = 4

Deliver = Callable[[Reply], None]


class InputClosed(GuestError):
    """The program has not opened the channel, or has closed it."""

    code = "input_closed"
    status = 502


class InputBusy(GuestError):
    """The program has as many messages waiting as its channel holds, or no room for another resource."""

    code = "input_busy"
    status = 503


def _check_open(guest: "Guest", number: int) -> None:
    channel = guest.channels.get(number)
    if guest.ended is not None or channel is None or channel.closed:
        raise InputClosed("the program does not listen for " + ("queries" if number == QUERY_CHANNEL else "requests"))


def _offer(guest: "Guest", channel: int, reply: Oneshot, others: list[Resource], encode: Callable[..., bytes]) -> None:
    """Gives a message with a reply side and other resources to a guest, or none of it.

    Args:
        encode: makes the message of the resources' numbers, the reply's first.
    """
    _check_open(guest, channel)
    resources: list[Resource] = [reply, *others]
    if guest.table.room < len(resources):
        raise InputBusy("the program holds too many resources")
    numbers = [guest.table.add(resource) for resource in resources]

    def take_back() -> None:
        for number, resource in zip(numbers, resources, strict=True):
            guest.table.discard(number, resource)

    given = False
    try:
        given = guest.channels[channel].offer(encode(*numbers), take_back)
    finally:
        if not given:
            reply.abandon()  # before it is removed: nobody is to hear of a message that was never given
            take_back()
    if not given:
        raise InputBusy("the program has too many messages waiting")


def offer_query(guest: "Guest", origin: bytes | None, path: str, payload: bytes, deliver: Deliver) -> Oneshot:
    """Gives a query to a guest. ``deliver`` is called once: with its answer, its refusal, or that there will be none.

    Args:
        origin: the account whose signature was verified, 32 bytes.

    Returns:
        The reply side, to be abandoned by a caller who waits no longer.

    Raises:
        InputClosed, InputBusy: it was not given; ``deliver`` will not be called.
        ScaleError: likewise, because the path is no Unicode text.
    """

    def encode(reply_tx: int) -> bytes:
        if guest.dialect is Dialect.LEGACY:
            return encode_legacy_query_request(origin, payload, reply_tx)
        return encode_query_request(origin, path, payload, reply_tx)

    reply = Oneshot(deliver)
    _offer(guest, QUERY_CHANNEL, reply, [], encode)
    return reply


@dataclass(frozen=True, slots=True)
class HttpInput:
    """A request that was given to a guest.

    Attributes:
        reply: the side of the response's head; to be abandoned by a caller who waits no longer.
        body: the pipe into the guest. The host writes the request's body, and its end.
        response: the pipe out of it.
    """

    reply: Oneshot
    body: Pipe
    response: Pipe


def offer_http(guest: "Guest", method: str, url: str, headers: list[tuple[str, str]], deliver: Deliver) -> HttpInput:
    """Gives an HTTP request to a guest.

    Args:
        deliver: called once, with the encoded head of the response, or as for :func:`offer_query`.

    Raises:
        InputClosed, InputBusy: it was not given; ``deliver`` will not be called.
        ScaleError: likewise, because something of it is no Unicode text.
    """
    body, response = Pipe(DUPLEX_BYTES), Pipe(DUPLEX_BYTES)

    def encode(response_tx: int, io_stream: int) -> bytes:
        return encode_http_request(method, url, headers, response_tx, io_stream)

    head = Oneshot(deliver)
    _offer(guest, HTTP_CHANNEL, head, [DuplexStream(body, response)], encode)
    return HttpInput(head, body, response)
