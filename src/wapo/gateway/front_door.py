"""The HTTP/1.1 connection of a client: uvicorn's, with bounds on what a client may make us keep, and for how long.

uvicorn leaves both to a proxy in front. Its parser (llhttp) is strict about all that smuggling needs (RFC 9112 11.2),
but collects a request line, a header or a trailer for as long as it goes on, and nobody minds a client that sends a
byte an hour, or never reads its answer. Every connection costs a descriptor, and a process has only so many.

Where there is somebody to ask, small requests are answered in the connection's own callback (``at_once``), with neither
a task nor an ASGI call.

Bounded are: a head, and trailers; the time that a head takes; a pause in a body; what is left of a body when its
answer is complete; a client that does not read; connections; how many requests of one connection are taken apart
before they are answered. What an agent reads and writes is bounded by its run.

Beyond what the parser looks at, a request is refused that another server could read differently: one without a version
(HTTP/0.9), with a coding that is not ``chunked`` once and alone, with a fragment in its target, with a Host that is
none; and of a target in absolute form the Host is what the target says (RFC 9112 3.2.2).
"""

import asyncio
import functools
import resource
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import httptools
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from wapo.gateway.at_once import BEGUN, AtOnce
from wapo.gateway.heads import MAX_HEADERS, TOO_MANY, Wrong, taken_apart, what_is_wrong

__all__ = ["MAX_HEAD_BYTES", "FrontDoor", "Patience", "server_config"]

#: Request line and headers; chunk extensions and trailers between two pieces of a body. Servers take 8 KiB (Apache, a
#: line) to 64 KiB and more.
MAX_HEAD_BYTES: Final = 64 << 10

#: The parser gets its input in pieces, so that bounds are noticed in time: a piece has 40 of the shortest requests, of
#: which each becomes some 3 KB of objects.
_PIECE_BYTES: Final = 1 << 10

#: A client that takes less than this in ``Patience.stalled_s`` is not reading.
_PROGRESS_BYTES: Final = 4 << 10

_REASONS: Final = {
    400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large", 501: "Not Implemented",
    503: "Service Unavailable",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client is waited for, in seconds.

    Attributes:
        head_s: from the connection, or from the first byte of its next request, to the end of the head.
        body_s: for the next piece of a body that somebody reads.
        rest_s: for what is left of a body when the answer is complete.
        stalled_s: for a client that does not read its answer.
        idle_s: for the next request.
    """

    head_s: float = 30.0
    body_s: float = 60.0
    rest_s: float = 10.0
    stalled_s: float = 60.0
    idle_s: int = 30


class Unsent:
    """What clients have not read yet, of all connections whose buffer is full. Beyond ``limit_bytes`` those are cut off
    that have the most."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._total = 0
        self._of: dict[asyncio.Transport, int] = {}

    def add(self, transport: asyncio.Transport) -> None:
        """Its buffer is full."""
        self.remove(transport)
        size = transport.get_write_buffer_size()
        self._of[transport] = size
        self._total += size
        if self._total > self.limit_bytes:
            self._cut()

    def remove(self, transport: asyncio.Transport) -> None:
        """Its buffer has been read, or it is gone."""
        self._total -= self._of.pop(transport, 0)

    def _cut(self) -> None:
        now = {transport: transport.get_write_buffer_size() for transport in self._of}
        self._total = sum(now.values())
        for transport in sorted(now, key=now.__getitem__, reverse=True):
            if self._total <= self.limit_bytes:
                break
            self._total -= now.pop(transport)
            transport.abort()
        self._of = now


class _Flow(FlowControl):
    """uvicorn's, but nothing more is read while something is ``held`` that has not even been looked at."""

    held = False

    def resume_reading(self) -> None:
        if not self.held:
            super().resume_reading()


class FrontDoor(HttpToolsProtocol):
    """One connection.

    Args:
        patience: how long its client is waited for.
        max_connections: of this process; one more is turned away.
        unsent: what clients of this process have not read.
        at_once: asked first about a GET without a body; see ``AtOnce``.
    """

    def __init__(
        self,
        *args: Any,
        patience: Patience,
        max_connections: int,
        unsent: Unsent,
        at_once: AtOnce | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.headers: list[tuple[bytes, bytes]] = []
        self._at_once = at_once
        self._may_answer = False  # once in what was received: pipelined requests let others go between them
        self._held = bytearray()  # what came after a request that waits for its turn
        self._answered = False  # the message that is coming in
        self._leaves = False  # HTTP, with what follows
        self._idle_since: float | None = None
        self._resting: asyncio.TimerHandle | None = None
        self._patience = patience
        self._max_connections = max_connections
        self._unsent = unsent
        self._refused = False
        self._draining = False
        # What of the message is coming in
        self._in_head = self._in_body = False
        self._hosts: list[bytes] = []
        self._codings: list[bytes] = []
        self._has_body = False
        self._trailers = 0
        self._overhead = 0  # bytes that were no body, since the message or its last chunk began
        self._body_bytes = 0  # bytes that were, of the piece that the parser has now
        self._began = False  # whether a message or a chunk began in it
        # Timers
        self._reading: asyncio.TimerHandle | None = None
        self._heard = False
        self._writing: asyncio.TimerHandle | None = None
        self._unread = 0
        self._resumed = False

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow: _Flow = _Flow(transport)
        if len(self.connections) > self._max_connections:
            self._refuse(503, "this node has as many connections as it can take")
        else:
            self._wait(self._patience.head_s, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._held.clear()
        self._unsent.remove(self.transport)
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        super().connection_lost(exc)

    def _wait(self, seconds: float, late: Callable[[], None]) -> None:
        self._stop_waiting()
        self._reading = self.loop.call_later(seconds, late)

    def _stop_waiting(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _refuse(self, status: int, text: str, code: bytes = b"") -> None:
        """Takes nothing more from this client: what is wrong leaves no way to tell where the next request begins.

        An earlier request is still answered. This one is told what is wrong, if its answer has not begun; ``code`` is
        that of an error which others tell too.
        """
        if self._refused:
            return
        self._refused = True
        self._stop_waiting()
        self._held.clear()
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if not self._in_body:
                cycle.keep_alive = False  # closes when it is complete
                return
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started or self.pipeline:
                self.transport.close()
                return
        body = text.encode()
        head = (
            f"HTTP/1.1 {status} {_REASONS[status]}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n"
        )
        named = b"x-wapo-error: %b\r\n" % code if code else b""
        self.transport.write(b"".join((head.encode(), named, b"\r\n", body)))
        self.transport.close()
        self._watch_reader()

    def drain(self) -> None:
        """The next answer is the last one, and says so. A client that is told does not send another request; one whose
        connection is just closed may have sent it already, and never hears what became of it."""
        self._draining = True
        if self.cycle is not None and not self.cycle.response_started:
            self.cycle.keep_alive = False

    # What comes in

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._heard = self._may_answer = True
        if self._held:
            self._held += data
        else:
            self._take(memoryview(data))

    def _take(self, data: memoryview) -> None:
        """Gives the parser what has come, but no request more when one waits for its turn already."""
        at = 0
        while at < len(data):
            if self.pipeline:
                self._held += data[at:]
                self.flow.pause_reading()
                self.flow.held = True
                return
            at += self._feed(data[at : at + _PIECE_BYTES])
            if self._refused:
                return
            if self._leaves:
                self.hand_over(bytes(data[at:]))
                return
        if self._in_head and self._reading is None:
            self._wait(self._patience.head_s, self._head_is_late)

    def _go_on(self) -> None:
        """No request waits any more."""
        if not self._refused and not self.transport.is_closing():
            data, self._held = self._held, bytearray()
            self.flow.held, self._may_answer = False, True
            self.flow.resume_reading()
            self._take(memoryview(data))

    def _feed(self, piece: memoryview) -> int:
        """How much of a piece the parser has used: what follows a request for an upgrade, it leaves."""
        self._body_bytes, self._began = 0, False
        used = len(piece)
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            used = upgrade.args[0]
            # Where nobody upgrades (RFC 9110 7.8: a server may ignore it), what follows is the next request.
            self._leaves = self._should_upgrade()
        except httptools.HttpParserError:
            self._refuse(400, "this is not HTTP/1.1")
            return used
        if not self._began:
            self._overhead += used - self._body_bytes
            if self._overhead > MAX_HEAD_BYTES:
                self._refuse(431, f"a head may have {MAX_HEAD_BYTES} bytes")
        if len(self.headers) + self._trailers > MAX_HEADERS:
            self._refuse(431, TOO_MANY)
        return used

    def _begin(self) -> None:
        self._began = True
        self._overhead = 0

    def hand_over(self, early: bytes) -> None:
        """The connection leaves HTTP; ``early`` is what the client has sent after its request. Subclasses do that, and
        say in ``_should_upgrade`` for which requests."""
        raise NotImplementedError

    def _should_upgrade(self) -> bool:
        return False

    def on_message_begin(self) -> None:
        self._unset_keepalive_if_required()
        self._idle_since = None
        self.url, self.headers, self.expect_100_continue = b"", [], False
        self._begin()
        self._in_head, self._in_body = True, False
        self._hosts, self._codings, self._has_body, self._answered = [], [], False, False
        self._trailers = 0

    def on_chunk_header(self) -> None:
        self._begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_body:
            self._trailers += 1
            return  # a trailer, which must not be taken for a header (RFC 9110 6.5.1)
        name = name.lower()
        value = value.rstrip(b" \t")  # which is no part of it (RFC 9110 5.5), and which the parser leaves
        self.headers.append((name, value))
        if name == b"host":
            self._hosts.append(value)
        elif name == b"content-length":
            self._has_body = True
        elif name == b"transfer-encoding":
            self._has_body = True
            self._codings.append(value.lower())
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True

    def on_headers_complete(self) -> None:
        if self._refused:
            return
        self._stop_waiting()
        version, method = self.parser.get_http_version(), self.parser.get_method()
        wrong = what_is_wrong(
            version, method, self.url, self.headers, self._hosts, self._codings,
            loses_body=self._has_body and self.parser.should_upgrade(),
        ) or self._what_is_wrong_with_the_target()  # fmt: skip
        if wrong is not None:
            self._refuse(*wrong)
        else:
            self._in_head, self._in_body = False, True
            begun = None
            if (
                self._may_answer
                and self._at_once is not None
                and method == b"GET"
                and version == "1.1"
                and self._is_simple()
            ):
                self._may_answer = False
                begun = self._at_once(self.url, self.headers, self.scheme or "http", self.server_state.default_headers)
                if isinstance(begun, bytes):
                    self._answer(begun)
                    return
            self._make_scope(begun)
            super().on_headers_complete()
            if self._draining:
                self.cycle.keep_alive = False
            if self._has_body:
                self._heard = False
                self._wait(self._patience.body_s, self._body_is_late)

    def _what_is_wrong_with_the_target(self) -> Wrong | None:
        """Where it is in absolute form, it is taken apart."""
        if self.url.startswith(b"/"):
            return None
        apart = taken_apart(self.url)
        if apart is None:
            return 400, "the target of a request is a path, or an address of HTTP"
        host, self.url = apart
        self.headers = [(name, host if name == b"host" else value) for name, value in self.headers]
        return None

    def _is_simple(self) -> bool:
        """Whether a GET has no body, everything before it has been answered and read, and more may follow."""
        parser, cycle = self.parser, self.cycle
        return (
            not self._has_body
            and not self._draining
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and not self.expect_100_continue
            and (cycle is None or cycle.response_complete)
            and not self.flow.write_paused
            and not self.transport.is_closing()
        )

    def _answer(self, response: bytes) -> None:
        self._answered = True
        self.transport.write(response)
        self.server_state.total_requests += 1
        self._rest()

    def _rest(self) -> None:
        """Everything is answered, and the next request is waited for."""
        self._idle_since = self.loop.time()
        if self._resting is None:
            self._resting = self.loop.call_later(self._patience.idle_s, self._rested)

    def _rested(self) -> None:
        """Closes a connection that has been idle for long. One timer for many requests: what has come since is looked
        at when it is over."""
        self._resting = None
        if self._idle_since is None or self.transport.is_closing():
            return  # whoever answers what came then sees to the next time
        left = self._idle_since + self._patience.idle_s - self.loop.time()
        if left > 0:
            self._resting = self.loop.call_later(left, self._rested)
        else:
            self.timeout_keep_alive_handler()

    def _make_scope(self, begun: Any) -> None:
        """The scope of the request, which uvicorn makes when a message begins; what is known of it by now stays."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers
        if begun is not None:
            self.scope[BEGUN] = begun  # type: ignore[typeddict-unknown-key]

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._refused:
            self._in_body = False
            self._stop_waiting()
            if not self._answered:
                super().on_message_complete()
                if self._has_body:
                    self._end_body()

    def _end_body(self) -> None:
        cycle = self.cycle
        if cycle.keep_alive and not self.parser.should_keep_alive():
            cycle.keep_alive = False  # says a trailer: the parser looks at nothing that follows
            if cycle.response_complete:
                self.transport.close()
        elif cycle.response_complete:
            self._rest()

    def _head_is_late(self) -> None:
        if self._in_head:
            self._refuse(408, "the request's head did not come in time")
        else:
            self.transport.close()  # nothing came: there is nothing to answer

    def _body_is_late(self) -> None:
        """The body has not ended. Somebody else is slow if something came, or if it is us who do not read."""
        if self._heard or self.flow.read_paused:
            self._heard = False
            self._wait(self._patience.body_s, self._body_is_late)
        else:
            self._refuse(408, "the request's body did not come in time")

    # What goes out

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._in_head or self._in_body:
            self._unset_keepalive_if_required()  # it is waited for otherwise
        if self._held and not self.pipeline:
            self.loop.call_soon(self._go_on)
        if self.transport.is_closing():
            self._watch_reader()
        elif self._in_body and self.cycle.response_complete:
            # The rest of the request is read and dropped, so that the connection can be used again: for a while.
            self._wait(self._patience.rest_s, self.transport.close)

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._watch_reader()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unsent.add(self.transport)
        self._watch_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unsent.remove(self.transport)
        self._resumed = True

    def _watch_reader(self) -> None:
        """From now on the client has to take what waits for it."""
        if self._writing is None:
            self._unread, self._resumed = self.transport.get_write_buffer_size(), False
            if self._unread:
                self._writing = self.loop.call_later(self._patience.stalled_s, self._look_at_reader)

    def _look_at_reader(self) -> None:
        self._writing = None
        if not self.flow.write_paused and not self.transport.is_closing():
            return
        if self._resumed or self.transport.get_write_buffer_size() <= self._unread - _PROGRESS_BYTES:
            self._watch_reader()
        else:
            self.transport.abort()


def server_config(
    app: Any,
    patience: Patience | None = None,
    max_connections: int | None = None,
    door: type[FrontDoor] = FrontDoor,
    max_unsent_bytes: int = 256 << 20,
    at_once: AtOnce | None = None,
    **options: Any,
) -> uvicorn.Config:
    """How a node is served: HTTP/1.1 through :class:`FrontDoor`, without WebSockets, with no line for each request.

    Args:
        door: of which kind; one that leaves HTTP for some requests, say.
        max_connections: half of the process's descriptors if not given. The other half is for agents' own connections,
            for files and for the database.
        at_once: asked first about simple requests.
        max_unsent_bytes: what may wait for clients to read it, of all connections together.
    """
    chosen = patience or Patience()
    if max_connections is None:
        max_connections = max(16, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
    doors: Any = functools.partial(
        door, patience=chosen, max_connections=max_connections, unsent=Unsent(max_unsent_bytes), at_once=at_once
    )
    return uvicorn.Config(
        app, http=doors, ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
        timeout_keep_alive=chosen.idle_s, **options,
    )  # fmt: skip
