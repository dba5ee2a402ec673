"""HTTP requests to apps (node-and-gateway 2.8, wapo-abi.md 9.3): a head in, a head out, and a pipe each way.

A request without a body has no end of a body in the original: some programs take a read that stays pending for "the
client is still there". Others, not unreasonably, read to an end that never comes. Both are served: the end is told to
a program that has not answered yet and waits for nothing else in the world.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from wapo.abi.messages import HttpResponseHead
from wapo.errors import GuestError
from wapo.node.apps.app import App
from wapo.scale.primitives import ScaleError
from wapo.vm.inputs import HTTP_CHANNEL, offer_http
from wapo.vm.resources.oneshot import Refused, Reply, Sent
from wapo.vm.resources.pipe import Pipe

__all__ = ["AppExchange", "NoAppResponse", "app_exchange"]

_CLOSED: Final = "Response channel closed"


class NoAppResponse(GuestError):
    """The app did not give a response's head, or one that makes no sense."""

    code = "no_app_response"
    status = 500


@dataclass(slots=True)
class AppExchange:
    """A request that an app has, and what comes back.

    Attributes:
        body: the request's body goes in here.
        response: the response's body comes out of here.
    """

    body: Pipe
    response: Pipe
    _head: "asyncio.Future[Reply]"

    async def head(self) -> HttpResponseHead:
        """The response's head, when the app has given it.

        Raises:
            NoAppResponse: it has closed the channel, answered with an error, ended, or sent something else.
        """
        reply = await asyncio.shield(self._head)
        if isinstance(reply, Refused):
            raise NoAppResponse(reply.text or _CLOSED)
        if not isinstance(reply, Sent):
            raise NoAppResponse(_CLOSED)
        try:
            return HttpResponseHead.decode(reply.data)
        except ScaleError as error:
            raise NoAppResponse(f"the app's response makes no sense: {error}") from None


@asynccontextmanager
async def app_exchange(
    app: App, method: str, url: str, headers: list[tuple[str, str]], *, has_body: bool, channel_wait_s: float
) -> AsyncIterator[AppExchange]:
    """Gives a request to an app for the length of a block; after it, the client is gone for the app.

    Args:
        has_body: whether the caller writes ``body`` and ends it. Where it does not, its end is told as said above.

    Raises:
        InstanceNotFound, NoSlots, InstanceFailed, InstanceNotListening, InputBusy.
    """
    head: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def deliver(reply: Reply) -> None:
        if not head.done():
            head.set_result(reply)

    async with app.serving() as instance:
        guest = await instance.wait_listening(HTTP_CHANNEL, channel_wait_s)
        request = offer_http(guest, method, url, headers, deliver)
        if not has_body:
            instance.bodiless(request, head)
        try:
            yield AppExchange(request.body, request.response, head)
        finally:
            request.reply.abandon()
            request.body.end()
            request.response.break_()
