"""Queries to apps (node-and-gateway 3.5.10): who asks, of which app, and how long that may take."""

import asyncio
import time
from typing import Final

from wapo.errors import CallerError, GuestError
from wapo.node.apps.worker import Worker
from wapo.trust.query_signature import Query
from wapo.trust.query_verification import origin_of
from wapo.vm.inputs import QUERY_CHANNEL, offer_query
from wapo.vm.resources.oneshot import Refused, Reply, Sent

__all__ = ["NoQueryResponse", "QueryRefused", "QueryTimedOut", "QueryTooLarge", "run_query"]


class QueryTooLarge(CallerError):
    """Path and payload are longer than the app's manifest allows."""

    code = "query_too_large"


class QueryRefused(GuestError):
    """The app answered with an error; the message is its own."""

    code = "query_refused"
    status = 400


class NoQueryResponse(GuestError):
    """The app dropped the query, or ended before it answered."""

    code = "no_query_response"
    status = 502


class QueryTimedOut(GuestError):
    """The app did not answer in time."""

    code = "query_timeout"
    status = 504


_NO_RESPONSE: Final = "failed to receive query response"


async def run_query(worker: Worker, address: bytes, path: str, payload: bytes, encoded_signature: bytes = b"") -> bytes:
    """What an app answers.

    Args:
        encoded_signature: SCALE of ``Option<QuerySignature>``; empty or ``00`` for an anonymous query.

    Raises:
        AppNotFound, QueryTooLarge: before anything else is looked at.
        QuerySignatureError: the signature is not good.
        QueryReplayed, ReplayGuardFull: if signed queries are taken once only.
        InstanceNotFound, NoSlots, InstanceFailed, InstanceNotListening: nobody is there to answer.
        InputBusy, QueryRefused, NoQueryResponse, QueryTimedOut.
    """
    app = worker.app(address)
    if len(payload) + len(path.encode()) > app.manifest.max_query_size:
        raise QueryTooLarge("query size exceeds the limit")
    asked = Query(address, path, payload)
    origin = origin_of(encoded_signature, asked, time.time())
    guard = worker.replays if origin is not None else None
    if guard is not None and origin is not None:
        guard.check(origin, asked)
    settings = worker.settings
    limit_s = settings.on_demand_time_s if settings.query_time_s is None else settings.query_time_s
    answered: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def deliver(reply: Reply) -> None:
        if not answered.done():
            answered.set_result(reply)

    async with app.serving() as instance:
        await instance.wait_loaded()
        ends = asyncio.get_running_loop().time() + limit_s  # a program that never listens has no more time than others
        guest = await instance.wait_listening(QUERY_CHANNEL, min(settings.channel_wait_s, limit_s))
        seen = guard.check(origin, asked) if guard is not None and origin is not None else None
        waiting = offer_query(guest, origin, path, payload, deliver)
        if guard is not None and seen is not None:
            guard.remember(seen)
        try:
            async with asyncio.timeout_at(ends):
                reply = await answered
        except TimeoutError:
            raise QueryTimedOut(f"the app did not answer within {limit_s:g} s") from None
        finally:
            waiting.abandon()
    if isinstance(reply, Sent):
        return reply.data
    if isinstance(reply, Refused):
        raise QueryRefused(reply.text)
    raise NoQueryResponse(f"{_NO_RESPONSE}: {app.last_exit}" if not app.instances and app.last_exit else _NO_RESPONSE)
