"""A guest on strings in a world of its own: servers that it can connect to, clients that connect to it, callers who ask
it. A sequence of steps is run in it, and after each one the model is asked whether what has happened may happen.

Steps are plain tuples, so that what was found can be written down and run again.
"""

import asyncio
import contextlib
import gc
import hashlib
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fuzz.model import Model, RecordingQueue
from tests.fuzz.rules import WAKERS, Call, written
from tests.vm.conftest import Authority
from tests.vm.crypto.support import encode
from tests.vm.node_services import NodeServices, OneApp
from tests.vm.puppet import BUFFER, Puppet
from wapo.engine.engine import Engine
from wapo.scale.primitives import encode_text
from wapo.vm.egress import EgressPolicy
from wapo.vm.ends import End, EndReason
from wapo.vm.guest import Guest
from wapo.vm.http_client import HttpClient
from wapo.vm.inputs import HttpInput, InputBusy, InputClosed, offer_http, offer_query
from wapo.vm.limits import GuestLimits
from wapo.vm.net.network import Network, NetworkSettings
from wapo.vm.net.readiness import Readiness
from wapo.vm.net.tls_socket import wrap
from wapo.vm.resources.oneshot import Oneshot, Reply
from wapo.vm.scheduler import Scheduler

__all__ = ["DATA", "MEMORY_BYTES", "PAGES", "ROOM", "SYMBOLS", "Site", "Step", "open_site", "run_steps"]

PAGES = 8
MEMORY_BYTES = PAGES << 16
#: Where the data are that calls refer to by name, and where they may read and write what they like.
DATA = BUFFER + 0x40000
ROOM = DATA + 0x10000

#: Which parameter points to what a call writes.
_WRITES_AT = {
    0: 0,
    103: 2,
    113: 0,
    1000: 0,
    1008: 0,
    1020: 3,
    1023: 1,
    1030: 2,
    1032: 2,
    1040: 3,
    1082: 1,
    1101: 2,
    1102: 1,
    1111: 2,
}

Step = tuple[Any, ...]

#: Parameters by name: those in capitals stand for pointer and length of data, the others for a port.
SYMBOLS = (
    "ECHO_HOST", "NAME_HOST", "BAD_TEXT", "LISTEN", "LISTEN_TLS", "LISTEN_BAD", "CONNECT_TLS", "CONNECT_TLS_BAD", "SNI_A",
    "SNI_B", "BLOB", "NO_BLOB", "REQUEST", "REQUEST_BODY", "GARBAGE", "HEAD", "LOCK",
    "CRYPTO", "CRYPTO_LONG", "CRYPTO_BAD",
)  # fmt: skip
PORTS = ("echo_port", "tls_port", "http_port", "silent_port", "refused_port", "resetting_port")


@dataclass(repr=False)
class Site:
    """What outlives a sequence: the engine, servers, the network, clients."""

    engine: Engine
    network: Network
    http: HttpClient
    authority: Authority
    folder: Path
    ports: dict[str, int]
    data: dict[str, bytes]
    client_context: ssl.SSLContext
    failures: list[str] = field(default_factory=list)


@asynccontextmanager
async def open_site(engine: Engine, authority: Authority, folder: Path) -> AsyncIterator[Site]:
    """Inside the event loop that sequences will run in."""
    certificate, key = authority.issue("localhost", "127.0.0.1")
    pem = folder / "server.pem"
    pem.write_text(certificate + key)
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(pem)
    settings = NetworkSettings(
        listen_ports=(0, 65535), tls_host="127.0.0.1", tls_port=0, extra_roots=(str(authority.file),)
    )
    policy = EgressPolicy(allow_private=True)
    async with contextlib.AsyncExitStack() as stack:
        ports = {}
        for name, serve, context in (
            ("echo_port", _echo, None), ("tls_port", _echo, server_context), ("http_port", _http, None),
            ("resetting_port", _reset, None),
        ):  # fmt: skip
            server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
            await stack.enter_async_context(server)
            ports[name] = server.sockets[0].getsockname()[1]
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        ports["silent_port"] = silent.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as gone:
            ports["refused_port"] = gone.getsockname()[1]
        http = await stack.enter_async_context(HttpClient(policy))
        network = await stack.enter_async_context(Network(policy, http.resolver, settings))
        await network.roots.load()
        site = Site(
            engine, network, http, authority, folder, ports, {}, ssl.create_default_context(cafile=str(authority.file))
        )
        FuzzServices(site).put(bytes(5000))
        site.data = _data(site)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: site.failures.append(_told(context)))
        yield site


def _told(context: dict[str, Any]) -> str:
    return repr({name: value for name, value in context.items() if name in ("message", "exception")})


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof() if writer.can_write_eof() else None
    writer.close()


async def _http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-more: yes\r\n\r\nhello")
            await writer.drain()
    writer.close()


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    made = writer.get_extra_info("socket")
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.close()


def _data(site: Site) -> dict[str, bytes]:
    def config(*names: str) -> bytes:
        certificate, key = site.authority.issue(*names)
        return b"\0" + encode_text(certificate) + encode_text(key)

    def connect(host: str, port: int) -> bytes:
        return encode_text(host) + port.to_bytes(2, "little") + b"\0"

    def request(method: bytes, path: str, body: bytes, flags: int) -> bytes:
        url = f"http://127.0.0.1:{site.ports['http_port']}{path}".encode()
        headers = b"x-a\0b"
        numbers = (flags, len(method), len(url), len(headers), len(body))
        return b"".join(n.to_bytes(4, "little") for n in numbers) + method + url + headers + body

    blob = f"sha256:{hashlib.sha256(bytes(5000)).hexdigest()}".encode()
    return {
        "ECHO_HOST": b"127.0.0.1", "NAME_HOST": b"localhost", "BAD_TEXT": b"\xc3\x28\xff",
        "LISTEN": encode_text("127.0.0.1:0") + b"\0", "LISTEN_TLS": encode_text("127.0.0.1:0") + b"\1" + config("localhost"),
        "LISTEN_BAD": encode_text("localhost:0") + b"\0", "CONNECT_TLS": connect("localhost", site.ports["tls_port"]),
        "CONNECT_TLS_BAD": connect("127.0.0.1", site.ports["echo_port"]),
        "SNI_A": encode_text("a.example") + config("a.example"), "SNI_B": encode_text("b.example") + config("a.example"),
        "BLOB": blob, "NO_BLOB": b"sha256:" + b"0" * 64, "REQUEST": request(b"GET", "/", b"", 2),
        "REQUEST_BODY": request(b"POST", "/", b"", 1), "GARBAGE": bytes(range(256)),
        "HEAD": b"\xc8\x00\x04" + encode_text("a") + encode_text("b"), "LOCK": b"a lock",
        "CRYPTO": encode(1, 2, key=b"key", data=b"text"), "CRYPTO_LONG": encode(21, 2, 100, 3000, key=b"key"),
        "CRYPTO_BAD": encode(13, key=bytes(16), param=bytes(16), data=b"text"),
    }  # fmt: skip


class FuzzServices(NodeServices):
    """With everything."""

    def __init__(self, site: Site) -> None:
        super().__init__(site.folder, site.network)
        self.http_client = site.http

    def gas_consumed(self, guest: Guest) -> tuple[int, bytes]:
        return guest.meter.gas, bytes(72)


class World:
    """One sequence."""

    def __init__(self, site: Site, *, legacy: bool, drain: bool, longest_s: float) -> None:
        self.site = site
        self.model = Model(legacy=legacy)
        self.queue: RecordingQueue | None = None
        self.scheduler = Scheduler()
        self._watch_turns(longest_s)
        self.ports: list[int] = []
        site.network.on_listen = lambda _owner, port: self.ports.append(port)
        self.puppet = Puppet(
            site.engine, services=FuzzServices(site), scheduler=self.scheduler, legacy=legacy, drain=drain,
            session=OneApp(), pages=PAGES, limits=GuestLimits(memory_bytes=MEMORY_BYTES, burst_s=None, time_s=None),
            prepare=self._prepare,
        )  # fmt: skip
        self.clients: list[socket.socket] = []
        self.requests: list[HttpInput] = []
        self.replies: list[Reply] = []
        self.asked = 0
        self.askers: list[Oneshot] = []
        self._waker = 0
        self._addresses: dict[str, int] = {}
        self._lists: list[tuple[int, int]] = []  # where ready lists are and were

    def _prepare(self, guest: Guest) -> None:
        self.queue = guest.tasks = RecordingQueue(guest.request_poll)  # type: ignore[assignment]

    def _watch_turns(self, longest_s: float) -> None:
        run_one = self.scheduler._run_one

        def timed() -> None:
            begin = time.thread_time()
            run_one()
            spent = time.thread_time() - begin
            assert spent < longest_s, f"a call held the loop for {spent * 1000:.0f} ms"

        self.scheduler._run_one = timed  # type: ignore[method-assign]

    async def __aenter__(self) -> "World":
        await self.puppet.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.scheduler.stop_all()
        for client in self.clients:
            client.close()

    # Steps

    async def step(self, step: Step) -> None:
        name, *arguments = step
        await getattr(self, f"do_{name}")(*arguments)
        self.check()

    def check(self) -> None:
        assert not self.site.failures, self.site.failures
        assert self.queue is not None
        self.model.check_messages(self.queue.messages)
        guest = self.puppet.guest
        if guest.ended is None:
            held = {number for number, item in enumerate(guest.table._items) if item is not None}
            assert held == set(self.model.live), (held, set(self.model.live))

    async def do_poll(self, *calls: tuple[Any, ...]) -> None:
        """Each call: how, number, parameters (numbers or symbols), task."""
        puppet = self.puppet
        if puppet.ended:
            return
        self._place_data()
        made = [self._resolve(*call) for call in calls]
        records = [
            Puppet.record(call.number, *call.parameters, task=number, how=call.how) for number, call in enumerate(made)
        ]
        before = puppet.get(MEMORY_BYTES - BUFFER)
        words = await puppet.replay_records(records)
        assert len(words) == len(made), puppet.guest.ended
        after = puppet.get(MEMORY_BYTES - BUFFER)
        expected = bytearray(before)
        ranges: list[tuple[int, int]] = []
        for call, word in zip(made, words, strict=True):
            self.model.answered(call, word, MEMORY_BYTES)
            if not word >> 32:
                ranges.append(written(call, word, BUFFER))
                if call.number == 1008:  # what is written before each poll, from the next one on
                    self._lists.append((call.parameters[0], call.parameters[0] + 4 + 4 * call.parameters[1]))
        for start, end in ((max(0, at - BUFFER) for at in pair) for pair in (*ranges, *self._lists)):
            expected[start:end] = after[start:end]
        assert bytes(expected) == after, "memory was written that no call may write"

    def _place_data(self) -> None:
        at = DATA
        for name, data in self.site.data.items():
            self._addresses[name] = at
            self.puppet.put(data, at)
            at += len(data)
        assert at <= ROOM

    def _resolve(self, how: int, number: int, *parameters: int | str) -> Call:
        numbers: list[int] = []
        for parameter in parameters:
            if isinstance(parameter, int):
                numbers.append(parameter & 0xFFFFFFFF)
            elif parameter in self.site.ports:
                numbers.append(self.site.ports[parameter])
            elif ":" in parameter:
                numbers.append(self._resource(*parameter.split(":")))
            else:
                numbers += (self._addresses[parameter], len(self.site.data[parameter]))
        numbers = [*numbers, 0, 0, 0, 0][:4]
        if number in WAKERS:
            numbers[0] = self._waker = self._waker + 1
        # What would be written over the puppet's own records goes elsewhere.
        position = _WRITES_AT.get(number)
        if position is not None and numbers[position] < BUFFER:
            numbers[position] += BUFFER
        return Call(how, number, (numbers[0], numbers[1], numbers[2], numbers[3]))

    def _resource(self, kind: str, place: str) -> int:
        """Of the resources of a kind, or else of all, one."""
        items = enumerate(self.puppet.guest.table._items)
        held = [(number, item.kind) for number, item in items if item is not None]
        numbers = [number for number, its in held if its == kind] or [number for number, _ in held] or [0]
        return numbers[int(place) % len(numbers)]

    async def do_turns(self, count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(0)

    async def do_sleep(self, milliseconds: int) -> None:
        await asyncio.sleep(milliseconds / 1000)

    async def do_request_poll(self) -> None:
        self.puppet.guest.request_poll()

    async def do_query(self, size: int) -> None:
        self._offered(3, 1, lambda: offer_query(self.puppet.guest, None, "/q", bytes(size), self.replies.append))

    async def do_abandon(self) -> None:
        waiting = [reply for reply in self.askers if reply._deliver is not None]
        if waiting:
            waiting[0].abandon()
            self.asked -= 1

    async def do_http(self) -> None:
        self._offered(4, 2, lambda: offer_http(self.puppet.guest, "POST", "http://h/", [], self.replies.append))

    def _offered(self, channel: int, resources: int, offer: Callable[[], Oneshot | HttpInput]) -> None:
        try:
            given = offer()
        except (InputBusy, InputClosed):
            return
        self.asked += 1
        self.model.offered(channel, resources)
        if isinstance(given, HttpInput):
            self.requests.append(given)
        else:
            self.askers.append(given)

    async def do_http_write(self, which: int, size: int) -> None:
        if self.requests:
            pipe = self.requests[which % len(self.requests)].body
            if not pipe.broken and not pipe.ended:
                pipe.push(bytes(min(size, pipe.capacity - pipe.buffered)))

    async def do_http_read(self, which: int, size: int) -> None:
        if self.requests:
            self.requests[which % len(self.requests)].response.pull(size)

    async def do_http_end(self, which: int) -> None:
        if self.requests:
            self.requests[which % len(self.requests)].body.end()

    async def do_http_gone(self, which: int) -> None:
        if self.requests:
            request = self.requests[which % len(self.requests)]
            request.body.end()
            request.response.break_()

    async def do_client(self, which: int) -> None:
        """Somebody connects to a port that the guest listens on, or has listened on."""
        if self.ports:
            self._connect(self.ports[which % len(self.ports)], None)

    async def do_client_tls(self, which: int) -> None:
        if self.ports:
            self._connect(self.ports[which % len(self.ports)], "localhost")

    async def do_client_sni(self, name: str) -> None:
        assert self.site.network.tls_port is not None
        self._connect(self.site.network.tls_port.port, name)

    def _connect(self, port: int, name: str | None) -> None:
        made = socket.socket()
        made.setblocking(False)
        made.connect_ex(("127.0.0.1", port))
        with contextlib.suppress(OSError):
            self.clients.append(made if name is None else wrap(made, self.site.client_context, name))

    async def do_client_send(self, which: int, size: int) -> None:
        if self.clients:
            client = self.clients[which % len(self.clients)]
            with contextlib.suppress(OSError, ValueError):
                if isinstance(client, ssl.SSLSocket):
                    client.do_handshake()
                client.send(bytes(size))

    async def do_client_receive(self, which: int, size: int) -> None:
        if self.clients:
            client = self.clients[which % len(self.clients)]
            with contextlib.suppress(OSError, ValueError):
                if isinstance(client, ssl.SSLSocket):
                    client.do_handshake()
                client.recv(size)

    async def do_client_shutdown(self, which: int) -> None:
        if self.clients:
            with contextlib.suppress(OSError, ValueError):
                socket.socket.shutdown(self.clients[which % len(self.clients)], socket.SHUT_WR)  # below any TLS

    async def do_client_close(self, which: int, reset: bool) -> None:
        if self.clients:
            client = self.clients.pop(which % len(self.clients))
            if reset:
                with contextlib.suppress(OSError):
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()

    # The end

    async def end(self, how: str) -> None:
        """The guest ends in one of its ways, and then nothing of it is left."""
        puppet, guest = self.puppet, self.puppet.guest
        if guest.ended is None and how == "return":
            await puppet.replay([], returns=1)
        elif guest.ended is None and how == "trap":
            await puppet.replay([], returns=7777)
        elif guest.ended is None and how == "midst":
            await self._in_the_midst()
        guest.stop(End(EndReason.STOPPED, "the sequence is over"))
        assert guest.ended is not None
        assert guest.ended.reason is not EndReason.HOST_FAILURE, guest.ended
        for client in self.clients:
            client.close()
        for _ in range(20):
            await asyncio.sleep(0)
        assert self.queue is not None
        self.model.check_end(self.queue.messages)
        assert len(self.replies) == self.asked, "a caller was not told, or twice"
        assert not self.site.failures, self.site.failures
        assert len(guest.table) == 0
        assert not self.scheduler.busy
        async with asyncio.timeout(10):
            while self.site.network.budget.taken or self._left():  # a handshake with the TLS port may be under way
                await asyncio.sleep(0.001)

    async def _in_the_midst(self) -> None:
        """Begins a poll whose calls wait for files and threads, and does not wait for its end."""
        self._place_data()
        blob = (self._addresses["BLOB"], len(self.site.data["BLOB"]))
        calls = [(261, ROOM, 60_000), (244, *blob), (260,), (250, ROOM, 100_000)] * 5
        asking = asyncio.create_task(self.puppet.replay(calls))
        for _ in range(len(self.replies) + 3):
            await asyncio.sleep(0.001)
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking

    def _left(self) -> list[str]:
        """What watches sockets or runs on behalf of guests."""
        loop: Any = asyncio.get_running_loop()
        watched = [
            repr(handle._callback)
            for key in loop._selector.get_map().values()
            for handle in key.data
            if handle is not None and isinstance(getattr(handle._callback, "__self__", None), Readiness)
        ]
        tasks = [
            repr(task)
            for task in asyncio.all_tasks()
            if any(part in repr(task.get_coro()) for part in ("TcpConnect", "TlsConnect", "HttpExchange", "TlsPort"))
        ]
        return watched + tasks


async def run_steps(
    site: Site,
    steps: list[Step],
    *,
    legacy: bool = False,
    drain: bool = True,
    end: str = "stop",
    longest_s: float = 0.1,
) -> None:
    """Runs a sequence in a new world. Raises ``AssertionError`` for what must not be."""
    site.failures.clear()
    gc.disable()  # so that what the sequence leaves is all there, and nothing else, when it is collected
    unraisable: list[str] = []
    previous = sys.unraisablehook
    sys.unraisablehook = lambda event: unraisable.append(f"{event.exc_value!r} in {event.object!r}")
    world = World(site, legacy=legacy, drain=drain, longest_s=longest_s)
    try:
        async with world:
            for step in steps:
                await world.step(step)
            await world.end(end)
        del world
        gc.collect(0)
        assert not unraisable, unraisable
    finally:
        gc.enable()
        sys.unraisablehook = previous
