"""Registrations (wapo-abi.md 1.7): each waker-taking call gives exactly one negative message, in one of four situations.

A machine that hypothesis drives makes calls on resources of all kinds, has the world make them ready, closes them; a
model knows who waits where. What the host puts into the guest's queue must be what the model expects, nothing more.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.fuzz.model import RecordingQueue
from tests.fuzz.world import Site, open_site
from tests.vm.conftest import Authority, Networked
from tests.vm.puppet import BUFFER, Puppet, err
from wapo.engine.engine import Engine
from wapo.vm.guest import Guest
from wapo.vm.inputs import offer_query
from wapo.vm.limits import GuestLimits
from wapo.vm.resources.pipe import DuplexStream, Pipe

PENDING = err(11)

#: The slots of each kind, by the calls that wait there.
SLOTS: dict[str, dict[int, str]] = {
    "timer": {103: "one"},
    "channel": {102: "one"},
    "oneshot": {},
    "listener": {211: "one", 212: "one"},
    "sni": {211: "one", 212: "one"},
    "connect": {106: "one"},
    "tcp": {103: "read", 104: "write"},
    "tls": {103: "read", 104: "write"},
    "duplex": {103: "read", 104: "write"},
}
CALLS = (102, 103, 104, 105, 106, 211, 212)


@dataclass
class Held:
    """A resource that the guest has, and who waits for it."""

    number: int
    kind: str
    waiting: dict[str, int] = field(default_factory=dict)
    peer: Any = None


class Registrations(RuleBasedStateMachine):
    """See above. ``runner`` and ``site`` are given before it runs."""

    runner: ClassVar[asyncio.Runner]
    site: ClassVar[Site]

    def __init__(self) -> None:
        super().__init__()
        self.resources: list[Held] = []
        self.seen = 0
        self.delivered = 0
        self.waker = 0
        self.opened: list[socket.socket] = []
        self.ports: list[int] = []
        self.site.network.on_listen = lambda _owner, port: self.ports.append(port)
        self.runner.run(self._open())

    async def _open(self) -> None:
        def prepare(guest: Guest) -> None:
            self.queue = guest.tasks = RecordingQueue(guest.request_poll)  # type: ignore[assignment]

        limits = GuestLimits(burst_s=None, time_s=None)
        self.puppet = Puppet(
            self.site.engine, services=Networked(self.site.network), limits=limits, drain=False, prepare=prepare
        )
        await self.puppet.__aenter__()

    # What the host has said

    def news(self) -> list[int]:
        found = self.queue.messages[self.seen :]
        self.seen = len(self.queue.messages)
        return found

    def take_wakes(self, messages: list[int]) -> list[int]:
        """Takes out who was woken: the waker, and directly after it its release. The rest are releases."""
        rest: list[int] = []
        while messages:
            message = messages.pop(0)
            if message < 0:
                rest.append(-1 - message)
                continue
            place = [
                (held, slot) for held in self.resources for slot, waker in held.waiting.items() if waker == message
            ]
            assert len(place) == 1, f"{message} was woken, and waits nowhere"
            assert messages.pop(0) == -1 - message, f"{message} was woken, and not released"
            del place[0][0].waiting[place[0][1]]
        return rest

    async def call(self, number: int, *parameters: int) -> int:
        return await self.puppet.call(number, *parameters)

    async def wait_for(self, held: Held, slot: str) -> None:
        """What the world has done must reach who waits there: a wake-up is never lost."""
        async with asyncio.timeout(10):
            while slot in held.waiting:
                await asyncio.sleep(0)
                assert self.take_wakes(self.news()) == []

    def have(self, number: int, kind: str, peer: Any = None) -> Held:
        assert number >> 32 == 0, number
        self.resources.append(Held(number, kind, {}, peer))
        return self.resources[-1]

    # Resources

    @rule(milliseconds=st.sampled_from([0, 1, 1_000_000]))
    def make_timer(self, milliseconds: int) -> None:
        self.have(self.runner.run(self.call(201, milliseconds)), "timer", milliseconds < 1000)

    @precondition(lambda self: 3 not in self.puppet.guest.channels)
    @rule()
    def make_channel(self) -> None:
        async def make() -> int:
            data = await self.puppet.fetch(240, 3)
            assert isinstance(data, bytes)
            return int.from_bytes(data, "little")

        self.have(self.runner.run(make()), "channel", [])

    @rule()
    def make_duplex(self) -> None:
        stream = DuplexStream(Pipe(), Pipe())
        self.have(self.puppet.guest.table.add(stream), "duplex", stream)

    @rule(tls=st.booleans(), keep=st.booleans())
    def make_stream(self, tls: bool, keep: bool) -> None:
        """A connection from a client that says nothing, and its listener."""

        async def make() -> None:
            data = self.site.data["LISTEN_TLS" if tls else "LISTEN"]
            listener = self.have(await self.call(210, *self.puppet.put(data)), "listener", self.ports[-1])
            client = socket.create_connection(("127.0.0.1", listener.peer))
            self.opened.append(client)
            self.waker += 1
            self.have(await self.call(212, self.waker, listener.number), "tls" if tls else "tcp", client)
            assert self.take_wakes(self.news()) == [self.waker]
            if not keep:
                await self.close_one(listener)

        self.runner.run(make())

    @rule()
    def make_connect(self) -> None:
        async def make() -> None:
            port = self.site.ports["silent_port"]
            self.have(await self.call(213, *self.puppet.put(b"127.0.0.1"), port), "connect")

        self.runner.run(make())

    @precondition(lambda self: not any(held.kind == "sni" for held in self.resources))
    @rule()
    def make_subscription(self) -> None:
        self.have(self.runner.run(self.call(215, *self.puppet.put(self.site.data["SNI_A"]))), "sni")

    # Calls

    @precondition(lambda self: self.resources)
    @rule(which=st.integers(0, 20), call=st.integers(0, 20), length=st.sampled_from([0, 10, 2000, 1 << 20]))
    def make_call(self, which: int, call: int, length: int) -> None:
        """Any call on any resource, mostly one that it has: released at once if it does not wait; if it does, who waited
        there is."""
        held = self.resources[which % len(self.resources)]
        numbers = [*SLOTS[held.kind], *SLOTS[held.kind], *SLOTS[held.kind], *CALLS]
        number = numbers[call % len(numbers)]
        slot = SLOTS[held.kind].get(number)

        async def make() -> None:
            self.waker += 1
            waker = self.waker
            buffer = (BUFFER, length) if number in (103, 104) else ()
            assert self.take_wakes(self.news()) == []
            word = await self.call(number, waker, held.number, *buffer)
            messages = self.news()
            if word == PENDING:
                assert slot is not None, (held, number)
                before = dict(held.waiting)
                if waker in messages:  # the world was quick
                    held.waiting[slot] = waker
                released = self.take_wakes(messages)
                displaced = before.get(slot)
                assert released == ([displaced] if displaced is not None and displaced in released else [])
                if displaced is not None:
                    assert displaced in released or displaced not in held.waiting.values()
                if -1 - waker not in self.queue.messages:
                    held.waiting[slot] = waker
            else:
                released = self.take_wakes(messages)
                assert released == [waker], (held, number, word, released)
                if word >> 32 == 0 and number in (106, 211, 212):
                    await self.adopt(number, word)
                elif word >> 32 == 0 and number == 102:
                    held.peer.pop(0)  # its message has been read

        self.runner.run(make())

    async def adopt(self, number: int, word: int) -> None:
        """A new resource that a call has given, which is closed again: its number is in the table alone."""
        (made,) = self._numbers() - {held.number for held in self.resources}
        assert number == 211 or made == word
        assert await self.call(101, made) == 0

    @rule(number=st.sampled_from(CALLS), resource=st.sampled_from([5000, -1]))
    def call_nobody(self, number: int, resource: int) -> None:
        async def make() -> None:
            self.waker += 1
            assert self.take_wakes(self.news()) == []
            assert await self.call(number, self.waker, resource) == err(7)
            assert self.take_wakes(self.news()) == [self.waker]

        self.runner.run(make())

    @rule(number=st.sampled_from([103, 104]), which=st.integers(0, 20))
    def call_with_a_bad_buffer(self, number: int, which: int) -> None:
        """It cannot be decoded, so there is no registration and no message."""

        async def make() -> None:
            self.waker += 1
            target = self.resources[which % len(self.resources)].number if self.resources else 0
            assert await self.call(number, self.waker, target, BUFFER, -1) == err(3)
            assert self.take_wakes(self.news()) == []

        self.runner.run(make())

    # The world

    @precondition(lambda self: any(held.waiting for held in self.resources))
    @rule(which=st.integers(0, 20))
    def make_ready(self, which: int) -> None:
        """The world does what somebody waits for, if it can: they are woken."""
        waiting = [(held, slot) for held in self.resources for slot in held.waiting]
        held, slot = waiting[which % len(waiting)]
        self.runner.run(self.happen(held, slot))

    async def happen(self, held: Held, slot: str) -> None:
        if held.kind == "timer" and held.peer:
            await self.wait_for(held, slot)
        elif held.kind == "channel":
            before = self._numbers()
            offer_query(self.puppet.guest, None, "/", b"", lambda _reply: None)
            (number,) = self._numbers() - before
            held.peer.append(self.have(number, "oneshot"))
            await self.wait_for(held, slot)
        elif held.kind == "duplex":
            stream = held.peer
            if slot == "read" and stream.incoming.buffered < 1024:
                stream.incoming.push(b"x")
                await self.wait_for(held, slot)
            elif slot == "write":
                stream.outgoing.pull(100)
                await self.wait_for(held, slot)
        elif held.kind == "tcp" and slot == "read":
            with contextlib.suppress(OSError):
                held.peer.sendall(b"x")
                await self.wait_for(held, slot)
        elif held.kind == "tls":
            with contextlib.suppress(OSError):
                held.peer.sendall(b"this is no TLS")
                await self.wait_for(held, slot)
        elif held.kind == "listener":
            self.opened.append(socket.create_connection(("127.0.0.1", held.peer)))
            await self.wait_for(held, slot)
        elif held.kind == "connect":
            await self.wait_for(held, slot)

    def _numbers(self) -> set[int]:
        return {number for number, item in enumerate(self.puppet.guest.table._items) if item is not None}

    @rule(turns=st.integers(1, 5))
    def pass_time(self, turns: int) -> None:
        async def wait() -> None:
            for _ in range(turns):
                await asyncio.sleep(0.001)
            assert self.take_wakes(self.news()) == []

        self.runner.run(wait())

    @precondition(lambda self: self.resources)
    @rule(which=st.integers(0, 20))
    def close_some(self, which: int) -> None:
        self.runner.run(self.close_one(self.resources[which % len(self.resources)]))

    async def close_one(self, held: Held) -> None:
        """Who waits there is released, and not woken."""
        assert self.take_wakes(self.news()) == []
        waiting = set(held.waiting.values())
        assert await self.call(101, held.number) == 0
        released = self.take_wakes(self.news())
        assert len(released) == len(set(released))
        assert set(held.waiting.values()) <= set(released) <= waiting
        self.resources.remove(held)
        if held.kind == "channel":  # messages that were not read are gone with it
            for unread in held.peer:
                if unread in self.resources:
                    self.resources.remove(unread)

    @rule()
    def drain(self) -> None:
        """112 delivers what there is, in order, once."""

        async def fetch() -> None:
            expected = self.queue.messages[self.delivered :]
            got = await self.puppet.wakers()
            assert got[: len(expected)] == expected
            self.delivered += len(got)
            assert self.take_wakes(self.news()) == []

        self.runner.run(fetch())

    def teardown(self) -> None:
        """The guest ends: whoever still waits is released."""
        self.take_wakes(self.news())
        waiting = {waker for held in self.resources for waker in held.waiting.values()}

        async def end() -> None:
            await self.puppet.__aexit__()
            for _ in range(5):
                await asyncio.sleep(0)

        self.runner.run(end())
        released = {-1 - message for message in self.news() if message < 0}
        for client in self.opened:
            client.close()
        assert released == waiting
        negative = [message for message in self.queue.messages if message < 0]
        assert len(negative) == len(set(negative))
        assert self.site.network.budget.taken == 0
        assert not self.site.failures


Scene = tuple[Puppet, Site, list[socket.socket]]


async def timer(scene: Scene) -> tuple[int, tuple[int, ...], Any]:
    puppet, _, _ = scene
    return await puppet.call(201, 30), (103, 0, 0), lambda: None


async def channel(scene: Scene) -> tuple[int, tuple[int, ...], Any]:
    puppet, _, _ = scene
    await puppet.call(240, 3)
    return 0, (102,), lambda: offer_query(puppet.guest, None, "/", b"", lambda _reply: None)


async def listener(scene: Scene) -> tuple[int, tuple[int, ...], Any]:
    puppet, site, opened = scene
    ports: list[int] = []
    site.network.on_listen = lambda _owner, port: ports.append(port)
    number = await puppet.call(210, *puppet.put(site.data["LISTEN"]))
    return number, (212,), lambda: opened.append(socket.create_connection(("127.0.0.1", ports[0])))


async def connector(scene: Scene) -> tuple[int, tuple[int, ...], Any]:
    puppet, site, _ = scene
    number = await puppet.call(213, *puppet.put(b"localhost"), site.ports["silent_port"])
    return number, (106,), lambda: None


async def subscription(scene: Scene) -> tuple[int, tuple[int, ...], Any]:
    """A connection is ready when its handshake is done, which a client does on a thread."""
    puppet, site, opened = scene
    number = await puppet.call(215, *puppet.put(site.data["SNI_A"]))

    def connect() -> None:
        assert site.network.tls_port is not None
        raw = socket.create_connection(("127.0.0.1", site.network.tls_port.port))
        client = site.client_context.wrap_socket(raw, server_hostname="a.example", do_handshake_on_connect=False)
        opened.append(client)
        asyncio.get_running_loop().run_in_executor(None, shake_hands, client)

    return number, (212,), connect


def shake_hands(client: ssl.SSLSocket) -> None:
    """Whoever waits for it may have gone, and have closed it."""
    with contextlib.suppress(OSError, ValueError):
        client.do_handshake()


async def stream(scene: Scene, call: int, *, tls: bool) -> tuple[int, tuple[int, ...], Any]:
    puppet, site, opened = scene
    ports: list[int] = []
    site.network.on_listen = lambda _owner, port: ports.append(port)
    await puppet.call(210, *puppet.put(site.data["LISTEN_TLS" if tls else "LISTEN"]))
    peer = socket.create_connection(("127.0.0.1", ports[0]))
    opened.append(peer)
    while (number := await puppet.call(212, 0, 0)) == PENDING:
        pass
    if call == 103 or tls:
        return number, (call, BUFFER, 10), lambda: peer.sendall(b"x")
    while await puppet.call(104, 0, number, BUFFER, 1 << 20) != PENDING:
        pass
    peer.setblocking(False)

    def read_all() -> None:
        with contextlib.suppress(BlockingIOError):
            while peer.recv(1 << 20):
                pass

    return number, (104, BUFFER, 10), read_all


async def pipe(scene: Scene, call: int) -> tuple[int, tuple[int, ...], Any]:
    puppet, _, _ = scene
    duplex = DuplexStream(Pipe(), Pipe())
    number = puppet.guest.table.add(duplex)
    if call == 104:
        duplex.outgoing.push(bytes(1024))
        return number, (104, BUFFER, 10), lambda: duplex.outgoing.pull(1)
    return number, (103, BUFFER, 10), lambda: duplex.incoming.push(b"x")


WAITS: dict[str, Any] = {
    "timer": timer,
    "channel": channel,
    "listener": listener,
    "connector": connector,
    "subscription": subscription,
    "tcp read": lambda scene: stream(scene, 103, tls=False),
    "tcp write": lambda scene: stream(scene, 104, tls=False),
    "tls read": lambda scene: stream(scene, 103, tls=True),
    "tls write": lambda scene: stream(scene, 104, tls=True),
    "pipe read": lambda scene: pipe(scene, 103),
    "pipe write": lambda scene: pipe(scene, 104),
}


@pytest.fixture(scope="module")
def fuzzing(
    engine: Engine, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[asyncio.Runner, Site]]:
    with asyncio.Runner() as runner:
        opening = open_site(engine, authority, tmp_path_factory.mktemp("site"))
        yield runner, runner.run(opening.__aenter__())
        runner.run(opening.__aexit__(None, None, None))


@pytest.mark.parametrize("situation", ["ready", "displaced", "closed", "dropped"])
@pytest.mark.parametrize("kind", WAITS)
def test_one_negative_message(fuzzing: tuple[asyncio.Runner, Site], kind: str, situation: str) -> None:
    """For every kind of resource, in each of the situations where a call waits."""
    runner, site = fuzzing

    async def situate() -> None:
        opened: list[socket.socket] = []
        async with Puppet(site.engine, services=Networked(site.network), drain=False) as puppet:
            number, (call, *rest), make_ready = await WAITS[kind]((puppet, site, opened))
            await puppet.replay([(110,), (110,), (112,)])
            wait = Puppet.record(call, 70, number, *rest, task=7)
            then = {
                "ready": [],
                "displaced": [Puppet.record(call, 80, number, *rest, task=8)],
                "closed": [Puppet.record(101, number)],
                "dropped": [],
            }[situation]
            queues = puppet.guest.tasks
            # In one poll: nothing of the world can come between.
            words = await puppet.replay_records([wait, *then], returns=situation == "dropped")
            if situation == "dropped":
                assert puppet.ended
                assert list(queues.wakers) in ([-71], [-1, -71])
            else:
                assert words == [PENDING, *([PENDING] if situation == "displaced" else [0] * len(then))]
            if situation in ("displaced", "closed"):
                # Who was there before was displaced, too, if the resource had to be filled first. Who is there now may
                # have been woken since.
                messages = [message for message in await puppet.wakers() if message not in (-1, 80, -81)]
                assert messages == [-71]
            elif situation == "ready":
                make_ready()
                await puppet.until(lambda: 70 in queues.wakers)
                assert [message for message in await puppet.wakers() if message != -1] == [70, -71]
                assert await puppet.call(110) == 7
        for client in opened:
            client.close()
        assert site.network.budget.taken == 0

    runner.run(situate())


def test_every_registration_is_released_exactly_once(fuzzing: tuple[asyncio.Runner, Site]) -> None:
    """In whatever order things happen."""
    Registrations.runner, Registrations.site = fuzzing
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Registrations,
        settings=settings(
            max_examples=25, stateful_step_count=40, deadline=None, database=None, derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
