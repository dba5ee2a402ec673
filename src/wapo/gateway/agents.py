"""Running agents over HTTP: ``/ipfs/<cid>[/path]`` and ``/local`` (node-and-gateway 1.3).

The hot path: an agent that need not wait has answered when ``node.invoke`` returns, and its response goes out as two
ASGI messages without a task having been made for it.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, TypeVar

from wapo.agents.messages import AgentRequest, AgentResponse
from wapo.errors import WapoError
from wapo.gateway.addresses import agent_url, path_for_log, vault_key
from wapo.gateway.at_once import BEGUN, Begun
from wapo.gateway.bodies import ClientGone, Intake, RequestTooLarge, has_body, take_body
from wapo.gateway.cors import add_defaults, answer_preflight, is_preflight, preflight_reply
from wapo.gateway.paths import ContentPath
from wapo.gateway.receipts import Making, Receipts, target_of
from wapo.gateway.replies import (
    NO_BODY_STATUS,
    OWN_HEADERS,
    Headers,
    Receive,
    ResponseCut,
    Scope,
    Send,
    common_headers,
    failure_reply,
)
from wapo.gateway.trailers import end_with_trailers, takes_trailers
from wapo.gateway.websocket import handshake_of
from wapo.node.limits import AgentLimits
from wapo.node.node import Invocation, Node
from wapo.node.programs import Located
from wapo.vm.resources.pipe import Pipe, PipeBroken

__all__ = ["AgentRoutes", "ResponseCut"]

#: What takes longer is watched, for a client that goes away meanwhile.
_AT_ONCE_S: Final = 0.2


_T = TypeVar("_T")


class AgentRoutes:
    """The part of the gateway that runs agents."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._receipts = Receipts(node)

    async def by_cid(self, scope: Scope, receive: Receive, send: Send, request_id: str, path: bytes) -> None:
        """``path`` is what follows ``/ipfs/``, as sent (percent-encoded)."""
        begun: Begun | None = scope.get(BEGUN)
        if begun is not None:
            await self._continue(scope, receive, send, begun)
            return
        started = time.perf_counter()
        try:
            where = ContentPath.parse(path)
            programs = self._node.programs
            located = programs.known(where.cid, where.segments)
            if located is None:
                # Where a body comes with the request nobody looks: it is not read before it is known who is to have it.
                watch = None if has_body(scope["headers"]) else partial(_gone, receive)
                located = await _while_there(programs.locate(where.cid, where.segments), watch)
        except ClientGone:
            return
        except Exception as error:
            await _refuse(error, scope, send, request_id, started)
            return
        await self._serve(scope, receive, send, request_id, started, located, where.own(len(located.rest)))

    async def local(self, scope: Scope, receive: Receive, send: Send, request_id: str, rest: bytes) -> None:
        """The developer's own build; ``rest`` is what follows ``/local/``."""
        started = time.perf_counter()
        try:
            located = await asyncio.to_thread(self._node.programs.local)
        except Exception as error:
            await _refuse(error, scope, send, request_id, started)
            return
        await self._serve(scope, receive, send, request_id, started, located, rest)

    async def _serve(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        request_id: str,
        started: float,
        located: Located,
        path: bytes,
    ) -> None:
        method: str = scope["method"]
        headers: Headers = scope["headers"]
        intake, invocation, handshake = Intake(), None, handshake_of(scope)
        try:
            limits = self._node.programs.known_limits(located.identity) or await self._node.programs.limits(
                located.identity
            )
            query: bytes = scope["query_string"]
            request = AgentRequest(
                method, agent_url(scope["scheme"], headers, path, query), headers, request_id=request_id,
                websocket=handshake is not None,
            )  # fmt: skip
            key = vault_key(query)
            if key is not None:
                given = await self._node.vaults.delivery(located.identity, key)
                request.secret, request.credentials = given.secret, given.credentials
            making = self._receipts.begin(
                request_id, located.identity, method, scope["scheme"], target_of(scope), headers
            )
            intake = await take_body(headers, receive, limits.request_bytes, hashed=making is not None)
            if making is not None:
                making.intake = intake
            request.body, request.stream = intake.body, intake.stream
            report = f"{method} {path_for_log(scope['raw_path'], query, hide=key is not None)}"
            invoking = self._node.invoke(located, request, report)
            if self._node.images.get(located.image_key, limits.memory_bytes) is None:
                invocation = await _while_there(invoking, partial(_left, intake, receive))
            else:
                invocation = await invoking
            response = invocation.run.response or await self._answer(invocation, intake, receive)
            if intake.oversized:  # what the agent makes of a part of the body is no answer to the request
                raise RequestTooLarge
        except ClientGone:
            intake.close()
            if intake.oversized:  # while the image was being made: nobody is gone, but nobody is waited for
                await _refuse(_too_large(limits), scope, send, request_id, started)
            return
        except Exception as error:
            intake.close()
            failure = _too_large(limits) if intake.oversized else error
            if invocation is not None:
                (invocation.abandon if intake.oversized else invocation.finish)()
            await _refuse(failure, scope, send, request_id, started)
            return
        except BaseException:  # cancelled: the server goes down
            intake.close()
            if invocation is not None:
                invocation.abandon()
            raise
        if response.websocket is not None and handshake is not None:
            own = [header for header in response.headers if header[0] not in OWN_HEADERS]
            try:
                await handshake.serve(response.websocket, [*own, *common_headers(request_id, started)])
            except BaseException:
                invocation.abandon()
                raise
            invocation.finish()
            return
        preflight = is_preflight(method, headers)
        if preflight and not 200 <= response.status < 300:
            invocation.abandon()
            intake.close()
            await preflight_reply(headers).send(send, request_id, started)
            return
        response.headers = [header for header in response.headers if header[0] not in OWN_HEADERS]
        if preflight:
            answer_preflight(response.headers, headers)
        await self._send(
            invocation, response, intake, scope, receive, send, request_id, started, making, method == "HEAD"
        )

    async def _continue(self, scope: Scope, receive: Receive, send: Send, begun: Begun) -> None:
        """The rest of a request that was begun in its connection's callback: a GET, nothing special about it."""
        intake, invocation = Intake(), begun.invocation
        try:
            if invocation is None:
                assert begun.error is not None
                raise begun.error
            response = invocation.run.response or await self._answer(invocation, intake, receive)
        except ClientGone:
            return
        except Exception as error:
            if invocation is not None:
                invocation.finish()
            await _refuse(error, scope, send, begun.request_id, begun.started)
            return
        except BaseException:  # cancelled: the server goes down
            if invocation is not None:
                invocation.abandon()
            raise
        response.headers = [header for header in response.headers if header[0] not in OWN_HEADERS]
        await self._send(
            invocation,
            response,
            intake,
            scope,
            receive,
            send,
            begun.request_id,
            begun.started,
            begun.making,
            head=False,
        )

    async def _answer(self, invocation: Invocation, intake: Intake, receive: Receive) -> AgentResponse:
        """The head of the response; a client that goes away meanwhile ends the run.

        Raises:
            GuestError: the agent failed.
            ClientGone: nobody is there any more.
        """
        run = invocation.run
        if run.failure is not None:
            return await run.answer()
        watch = asyncio.get_running_loop().create_task(_watch(invocation, intake, receive))
        try:
            return await run.answer()
        except WapoError:
            if watch.done() and not watch.cancelled() and not intake.oversized:
                raise ClientGone from None
            raise
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch

    async def _send(
        self,
        invocation: Invocation,
        response: AgentResponse,
        intake: Intake,
        scope: Scope,
        receive: Receive,
        send: Send,
        request_id: str,
        started: float,
        making: Making | None,
        head: bool,
    ) -> None:
        headers, stream = response.headers, response.stream
        add_defaults(headers)
        bare = head or response.status in NO_BODY_STATUS
        if making is not None:
            if stream is None or bare:
                headers = await making.whole_of_any_size(response.status, headers, b"" if bare else response.body)
            else:
                headers = making.begin(response.status, headers, trailers=takes_trailers(scope, send))
        headers += common_headers(request_id, started)
        if stream is None:
            # An empty body of a response to HEAD tells nothing about the one to GET.
            if response.status not in NO_BODY_STATUS and (response.body or not head):
                headers.append((b"content-length", b"%d" % len(response.body)))
            await send({"type": "http.response.start", "status": response.status, "headers": headers})
            await send({"type": "http.response.body", "body": b"" if bare else response.body})
            intake.close()
            invocation.finish()
            return
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        if bare:
            stream.break_()
            await send({"type": "http.response.body", "body": b""})
            intake.close()
            invocation.finish()
            return
        watch = asyncio.get_running_loop().create_task(_watch(invocation, intake, receive))
        try:
            await _stream(response.body, stream, send, making)
        except PipeBroken:
            if not watch.done():
                raise ResponseCut(f"the agent failed in the middle of its response, request {request_id}") from None
        except BaseException:
            invocation.abandon()
            raise
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
            intake.close()
            invocation.finish()


async def _while_there(work: Coroutine[Any, Any, _T], gone: Callable[[], Coroutine[Any, Any, None]] | None) -> _T:
    """The result of work that may take long; given up when the client goes away meanwhile, which ``gone`` waits for.

    Raises:
        ClientGone.
    """
    task = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, whoever has gone by then
    try:
        await asyncio.wait((task,), timeout=_AT_ONCE_S)
        if not task.done() and gone is not None:
            watch = asyncio.get_running_loop().create_task(gone())
            try:
                await asyncio.wait((task, watch), return_when=asyncio.FIRST_COMPLETED)
            finally:
                watch.cancel()
            if not task.done():
                raise ClientGone
        return await task
    finally:
        if not task.done():
            task.cancel()


def _too_large(limits: AgentLimits) -> RequestTooLarge:
    return RequestTooLarge(f"the request body is larger than the {limits.request_bytes} bytes allowed")


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(error: Exception, scope: Scope, send: Send, request_id: str, started: float) -> None:
    """Answers with an error, which a page of any origin may read; a preflight with permission, to learn of it."""
    headers: Headers = scope["headers"]
    reply = failure_reply(error, request_id)
    if is_preflight(scope["method"], headers):
        reply = preflight_reply(headers)
    else:
        add_defaults(reply.headers, error=True)
    await reply.send(send, request_id, started, head=scope["method"] == "HEAD")


async def _stream(beginning: bytes, rest: Pipe, send: Send, making: Making | None) -> None:
    """The body, as the agent writes it.

    Raises:
        PipeBroken: the agent failed on the way, or the client went away.
    """
    if beginning:
        if making is not None:
            await making.update(beginning)
        await send({"type": "http.response.body", "body": beginning, "more_body": True})
    while chunk := await rest.read():
        if making is not None:
            await making.update(chunk)
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    trailers = making.end() if making is not None else []
    if trailers:
        await end_with_trailers(send, trailers)
    else:
        await send({"type": "http.response.body", "body": b""})


async def _left(intake: Intake, receive: Receive) -> None:
    """Returns when the client goes away, or its body is too large. While the body is still being pumped, the pump hears
    of it first."""
    if intake.pump is not None:
        await asyncio.wait([intake.pump])
        if not intake.complete:
            return
    await _gone(receive)


async def _watch(invocation: Invocation, intake: Intake, receive: Receive) -> None:
    """Ends the run then."""
    await _left(intake, receive)
    invocation.abandon()
