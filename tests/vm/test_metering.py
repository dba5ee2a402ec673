"""What a guest's use costs and counts: gas of calls (wapo-abi.md 3.1), gas of instructions (7.3), the meter (8.1)."""

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from tests.vm.conftest import Authority, Networked, opened_network
from tests.vm.node_services import NodeServices, OneApp
from tests.vm.puppet import BUFFER, Puppet, err
from tests.vm.support import PRELUDE, Recorder, guest_of, run_to_end, run_until, slow, wasm
from wapo.engine.engine import Engine
from wapo.engine.modules import compile_module
from wapo.engine.suspension import Suspension
from wapo.scale.primitives import encode_text
from wapo.vm.egress import EgressPolicy
from wapo.vm.ends import End, EndReason
from wapo.vm.guest import Guest
from wapo.vm.inputs import offer_query
from wapo.vm.limits import GuestLimits
from wapo.vm.meter import Meter
from wapo.vm.net.network import Network
from wapo.vm.program import ProgramLinker
from wapo.vm.resources.oneshot import Reply
from wapo.vm.scheduler import Scheduler

Call = tuple[int, ...]

HOST = BUFFER + 1000
ENCODED = BUFFER + 2000
LISTEN = encode_text("127.0.0.1:0") + b"\0"
CONNECT_TLS = encode_text("localhost") + (1).to_bytes(2, "little") + b"\0"
SNI = encode_text("app.example") + b"\0" + encode_text("no certificate") + encode_text("no key")

CHANNEL: Call = (240, 3)
TIMER: Call = (201, 60_000)

#: What is made before, the call, its gas. Resources: 0, then 1.
COSTS: list[tuple[list[Call], Call, int]] = [
    ([], (0, BUFFER, 0), 0),
    ([TIMER], (101, 0), 200),
    ([], (101, 99), 200),
    ([CHANNEL], (102, 1, 0), 200),
    ([], (102, 1, 99), 200),
    ([TIMER], (103, 1, 0, 0, 0), 200),
    ([], (103, 1, 99, 0, 0), 200),
    ([], (103, 1, 0, -1, 2), 0),
    ([], (104, 1, 99, 0, 5), 200),
    ([], (104, 1, 0, -1, 2), 0),
    ([], (105, 1, 99), 200),
    ([], (106, 1, 99), 200),
    ([], (109, 3), 200),
    ([], (110,), 200),
    ([], (111, 0), 100),
    ([], (111, 2), 0),
    ([], (112,), 500),
    ([], (113, BUFFER, 0), 0),
    ([], (113, BUFFER, 33), 330),
    ([], (113, -1, 33), 0),
    ([], TIMER, 500),
    ([], (202, 99, BUFFER, 0), 1000),
    ([], (202, 99, BUFFER, 127), 1000),
    ([], (202, 99, BUFFER, 128), 1001),
    ([], (202, 99, -1, 128), 0),
    ([TIMER], (203, 0, 5), 300),
    ([], (203, 99, 5), 300),
    ([], (204, 99, BUFFER, 300), 1002),
    ([], (204, 99, HOST + 20, 2), 0),
    ([], (210, ENCODED, len(LISTEN)), 1000),
    ([], (210, BUFFER, 0), 0),
    ([], (211, 1, 99), 1000),
    ([], (212, 1, 99), 1000),
    ([(210, ENCODED, len(LISTEN))], (211, 1, 0), 1000),
    ([(210, ENCODED, len(LISTEN))], (212, 1, 0), 1000),
    ([], (213, HOST, 9, 80), 1000),
    ([], (213, HOST, 9, 65536), 0),
    ([], (213, HOST + 20, 2, 80), 0),
    ([], (213, BUFFER, 254, 80), 1000),
    ([], (214, ENCODED + 100, len(CONNECT_TLS)), 1000),
    ([], (214, BUFFER, 0), 0),
    ([], (215, ENCODED + 200, len(SNI)), 1000),
    ([], (215, BUFFER, 0), 0),
    ([], (220, 3, HOST, 9), 9),
    ([], (220, 0, HOST, 9), 0),
    ([], (220, 3, HOST + 20, 2), 0),
    ([], CHANNEL, 1000),
    ([CHANNEL], CHANNEL, 1000),
    ([], (240, 5), 0),
    ([], (242,), 100),
    ([], (243, BUFFER, 127), 0),
    ([], (243, BUFFER, 1280), 10),
    ([], (243, -1, 1280), 0),
    ([], (244, HOST, 9), 100),
    ([], (244, BUFFER, 300), 100),
    ([], (244, HOST + 20, 2), 0),
    ([], (244, BUFFER + 3000, 71), 100 + 1000 // 128),
    ([], (250, BUFFER, 100), 1100),
    ([], (250, BUFFER, (8 << 20) + 1), 0),
    ([], (251,), 100),
    ([], (252, BUFFER, 100), 1100),
    ([], (253, 0, 1), 100),
    ([], (255, BUFFER, 20), 1020),
    ([], (255, BUFFER, 257), 1257),
    ([], (260,), 0),
    ([(261, BUFFER, 0)], (260,), 1012),
    ([], (261, BUFFER, 100), 1012),
    ([], (261, BUFFER, 65537), 100),
    ([], (262, HOST, 9), 0),
    ([], (263, HOST, 9), 0),
    ([], (4242,), 0),
    ([], (1, 2, 3), 0),
]  # fmt: skip


@pytest.mark.parametrize(("before", "call", "gas"), COSTS, ids=lambda value: str(value))
async def test_gas_of_a_call(
    metered_engine: Engine, network: Network, tmp_path: Path, before: list[Call], call: Call, gas: int
) -> None:
    services = NodeServices(tmp_path, network)
    blob = services.put(bytes(1000)).encode()
    async with Puppet(metered_engine, services=services, session=OneApp(), drain=False) as puppet:
        for data, at in (
            (b"localhost", HOST), (b"\xff\xfe", HOST + 20), (LISTEN, ENCODED), (CONNECT_TLS, ENCODED + 100),
            (SNI, ENCODED + 200), (blob, BUFFER + 3000),
        ):  # fmt: skip
            puppet.put(data, at)
        await puppet.replay([*before, (111, 0)])
        puppet.guest.instance.refuel()
        spent = puppet.guest.meter.gas
        await puppet.replay([call])
        assert puppet.guest.meter.gas - spent == gas


async def test_gas_of_254(metered_engine: Engine) -> None:
    async with Puppet(metered_engine, drain=False) as puppet:
        spent = puppet.guest.meter.gas
        assert await puppet.call(254) == 80
        assert puppet.guest.meter.gas - spent == 1000


async def test_gas_of_what_is_too_much_to_be_signed(metered_engine: Engine) -> None:
    """100 for the refusal."""
    async with Puppet(metered_engine, drain=False, limits=GuestLimits()) as puppet:
        puppet.guest.instance.grow_to(BUFFER + (9 << 20))
        spent = puppet.guest.meter.gas
        assert await puppet.replay([(250, BUFFER, (8 << 20) + 1), (252, BUFFER, (8 << 20) + 1)]) == [err(3)] * 2
        assert puppet.guest.meter.gas - spent == 200


async def test_gas_of_a_name_of_the_tls_port(metered_engine: Engine, network: Network, authority: Authority) -> None:
    """Another 10000 once it is subscribed to."""
    certificate, key = authority.issue("app.example")
    async with Puppet(metered_engine, services=Networked(network), drain=False) as puppet:
        data = puppet.put(encode_text("app.example") + b"\0" + encode_text(certificate) + encode_text(key))
        spent = puppet.guest.meter.gas
        assert await puppet.call(215, *data) == 0
        assert puppet.guest.meter.gas - spent == 11_000


async def test_gas_of_an_accept_counts_each_attempt(metered_engine: Engine, network: Network) -> None:
    async with Puppet(metered_engine, services=Networked(network), drain=False) as puppet:
        assert await puppet.call(210, *puppet.put(LISTEN)) == 0
        spent = puppet.guest.meter.gas
        assert await puppet.replay([(211, 1, 0), (212, 1, 0), (212, 1, 0)]) == [err(11)] * 3
        assert puppet.guest.meter.gas - spent == 3000


async def test_gas_of_replies(metered_engine: Engine) -> None:
    answers: list[Reply] = []
    async with Puppet(metered_engine, drain=False) as puppet:
        await puppet.call(*CHANNEL)
        for _ in range(2):
            offer_query(puppet.guest, None, "/", b"", answers.append)
        spent = puppet.guest.meter.gas
        assert await puppet.replay([(202, 1, BUFFER, 256), (202, 1, BUFFER, 256), (204, 2, BUFFER, 0)]) == [
            0,
            err(9),
            0,
        ]
        assert puppet.guest.meter.gas - spent == 1002 + 1002 + 1000


# Instructions

LOOP = """(func (export "wapo_poll") (result i32) (local $i i32)
  (loop $l (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $l (i32.lt_u (local.get $i) (i32.const {n}))))
  {end})"""


async def test_instructions_are_gas_after_a_poll(metered_engine: Engine) -> None:
    """A unit for 1024 of them."""
    guest = guest_of(metered_engine, LOOP.format(n=100_000, end="(i32.const 1)"))
    await run_to_end(guest)
    per_round = guest.meter.gas * 1024 / 100_000
    assert 4 < per_round < 12
    twice = guest_of(metered_engine, LOOP.format(n=200_000, end="(i32.const 1)"))
    await run_to_end(twice)
    assert twice.meter.gas == pytest.approx(2 * guest.meter.gas, abs=1)


async def test_a_trap_does_not_save_the_gas_of_its_poll(metered_engine: Engine) -> None:
    """Section 1.8: also when r is a trap."""
    ended = guest_of(metered_engine, LOOP.format(n=100_000, end="(i32.const 1)"))
    trapped = guest_of(metered_engine, LOOP.format(n=100_000, end="unreachable"))
    await run_to_end(ended)
    await run_to_end(trapped)
    assert trapped.meter.gas == pytest.approx(ended.meter.gas, abs=1)


@pytest.mark.parametrize("limits", [GuestLimits(burst_s=0.1), GuestLimits(burst_s=None, time_s=0.1)])
async def test_a_poll_that_is_cut_off_is_paid_for_by_its_time(metered_engine: Engine, limits: GuestLimits) -> None:
    """Otherwise a program that never comes back costs nothing."""
    guest = guest_of(
        metered_engine, '(func (export "wapo_poll") (result i32) (loop $l (br $l)) (i32.const 0))', limits=limits
    )
    await run_to_end(guest)
    assert guest.meter.gas == pytest.approx(guest.meter.cpu_s * 1e6, rel=0.01)
    assert guest.meter.gas > 10_000


async def test_few_instructions_gather_until_they_are_gas(metered_engine: Engine) -> None:
    """Up to 16384 stay with the store; a poll that goes above makes them gas, and what is below 1024 is nobody's."""
    guest = guest_of(metered_engine, LOOP.format(n=100, end="(i32.const 0)"))
    used: list[int] = []
    guest.on_wait = lambda: used.append(guest.instance.fuel_used())
    guest.tasks.ready.clear()
    for _ in range(100):
        polls = guest.meter.polls
        guest.request_poll()
        await run_until(guest, lambda polls=polls: guest.meter.polls > polls and not guest.scheduler.busy)  # type: ignore[misc]
    step = used[0]
    expected = gas = 0
    for seen in used:
        expected += step
        if expected > 16384:
            gas += expected // 1024
            expected = 0
        assert seen == expected
    assert guest.meter.gas == gas > 0
    guest.scheduler.stop_all()


async def test_unmetered_guests_pay_for_calls_alone(engine: Engine) -> None:
    guest = guest_of(engine, LOOP.format(n=100_000, end="(i32.const 1)"))
    await run_to_end(guest)
    assert guest.meter.gas == 0


# The meter


async def test_tips_saturate(engine: Engine) -> None:
    async with Puppet(engine) as puppet:
        await puppet.replay([(253, -1, -2), (253, 0, 1), (253, 0, 1), (253, -1, -1)])
        assert puppet.guest.meter.tip == (1 << 64) - 1


async def test_a_meter_outlives_its_guest(engine: Engine) -> None:
    """A restarted program goes on with its figures."""
    meter = Meter()
    for round_ in (1, 2):
        async with Puppet(engine, meter=meter) as puppet:
            await puppet.call(253, 0, 7)
        assert meter.tip == 7 * round_
    assert meter.starts == 1
    assert meter.duration_s > 0


async def test_gas_that_does_not_fit_is_reported_as_the_most_there_is(engine: Engine) -> None:
    """254 has 64 bits for it."""

    class Rich(Recorder):
        def gas_consumed(self, guest: object) -> tuple[int, bytes]:
            return 1 << 70, bytes(72)

    async with Puppet(engine, services=Rich()) as puppet:
        assert await puppet.fetch(254) == b"\xff" * 8 + bytes(72)


def traffic(puppet: Puppet) -> tuple[int, int]:
    return puppet.guest.meter.net_ingress, puppet.guest.meter.net_egress


async def test_traffic_of_tcp(engine: Engine, network: Network) -> None:
    """Section 8.1, line by line, from both ends of a connection between two guests."""
    ports: list[int] = []
    network.on_listen = lambda _owner, port: ports.append(port)
    async with (
        Puppet(engine, services=Networked(network)) as server,
        Puppet(engine, services=Networked(network)) as client,
    ):
        assert await server.call(210, *server.put(LISTEN)) == 0
        assert traffic(server) == (0, 0)
        assert await client.call(213, *client.put(b"127.0.0.1"), ports[0]) == 0
        assert traffic(client) == (0, 512)
        assert await client.ready_call(106, 1, 0) == 1
        assert traffic(client) == (512, 512)
        assert await server.ready_call(212, 1, 0) == 1
        assert traffic(server) == (128, 0)
        assert await client.call(104, 1, 1, BUFFER, 1000) == 1000
        assert await server.ready_call(103, 1, 1, BUFFER, 600) == 600
        assert (traffic(client), traffic(server)) == ((512, 1512), (728, 0))
        assert await client.replay([(105, 1, 1), (105, 1, 1)]) == [0, 0]
        assert traffic(client) == (512, 1512 + 2 * 128)
        assert await client.call(104, 1, 1, BUFFER, 10) == err(9)
        assert traffic(client) == (512, 1512 + 2 * 128)


async def test_a_connection_that_fails_has_cost_its_attempt(engine: Engine, network: Network) -> None:
    """Also where the table has no room; but not one that the policy forbids, or whose name is none."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    async with Puppet(engine, services=Networked(network), limits=GuestLimits(resources=2)) as puppet:
        host = puppet.put(b"127.0.0.1")
        connect_tls = puppet.put(CONNECT_TLS, ENCODED)
        assert await puppet.call(213, *host, port) == 0
        assert await puppet.ready_call(106, 1, 0) == err(9)
        assert traffic(puppet) == (0, 512)
        assert await puppet.replay([(214, *connect_tls), (213, *host, port), (214, *connect_tls)]) == [
            1,
            err(10),
            err(10),
        ]
        assert traffic(puppet) == (0, 512 + 4096 + 512 + 4096)
    async with opened_network(EgressPolicy()) as strict, Puppet(engine, services=Networked(strict)) as puppet:
        assert await puppet.call(213, *puppet.put(b"127.0.0.1"), port) == err(17)
        assert traffic(puppet) == (0, 0)


async def test_traffic_of_tls(engine: Engine, network: Network, authority: Authority) -> None:
    """Plaintext, and fixed amounts for handshakes, whether they succeed or not."""
    certificate, key = authority.issue("localhost")
    ports: list[int] = []
    network.on_listen = lambda _owner, port: ports.append(port)
    async with (
        Puppet(engine, services=Networked(network)) as server,
        Puppet(engine, services=Networked(network)) as client,
    ):
        config = b"\1\0" + encode_text(certificate) + encode_text(key)
        assert await server.call(210, *server.put(encode_text("127.0.0.1:0") + config)) == 0
        data = encode_text("localhost") + ports[0].to_bytes(2, "little") + b"\0"
        assert await client.call(214, *client.put(data)) == 0
        assert traffic(client) == (0, 4096)
        assert await client.ready_call(106, 1, 0) == 1
        assert traffic(client) == (4096, 4096)
        assert await server.ready_call(212, 1, 0) == 1
        assert traffic(server) == (128 + 1024, 1024)
        reading = asyncio.create_task(server.ready_call(103, 1, 1, BUFFER, 9000))
        assert await client.ready_call(104, 1, 1, BUFFER, 1000) == 1000
        assert await reading == 1000
        assert (traffic(client), traffic(server)) == ((4096, 4096 + 1000), (1152 + 1000, 1024))
        assert await client.ready_call(105, 1, 1) == 0
        assert await client.call(105, 1, 1) == err(9)
        assert traffic(client) == (4096, 4096 + 1000 + 128)


async def test_traffic_of_the_tls_port(engine: Engine, network: Network, authority: Authority) -> None:
    certificate, key = authority.issue("app.example")
    assert network.tls_port is not None
    async with Puppet(engine, services=Networked(network)) as puppet:
        data = puppet.put(encode_text("app.example") + b"\0" + encode_text(certificate) + encode_text(key))
        assert await puppet.call(215, *data) == 0
        opening = asyncio.create_task(
            asyncio.open_connection(
                "127.0.0.1", network.tls_port.port, server_hostname="app.example",
                ssl=ssl.create_default_context(cafile=str(authority.file)),
            )
        )  # fmt: skip
        assert await puppet.ready_call(212, 1, 0) == 1
        assert traffic(puppet) == (1024, 1024)
        _, writer = await opening
        writer.close()


async def test_queries_are_no_traffic(engine: Engine) -> None:
    answers: list[Reply] = []
    async with Puppet(engine) as puppet:
        await puppet.call(*CHANNEL)
        offer_query(puppet.guest, None, "/", bytes(1000), answers.append)
        assert await puppet.fetch(102, 1, 0)
        assert await puppet.call(202, 1, BUFFER, 1000) == 0
        assert traffic(puppet) == (0, 0)


class Waiting(Recorder):
    """Boot data that never come."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()

    def read_boot_data(self, guest: Guest) -> Suspension:
        self.asked.set()
        return Suspension()


async def test_a_guest_that_is_stopped_in_a_host_call_pays_for_what_it_did(metered_engine: Engine) -> None:
    burn = LOOP.format(n=100_000, end="(i32.const 0)").replace('(export "wapo_poll")', "$burn")
    body = f"""{burn} (func (export "wapo_poll") (result i32) (drop (call $burn)) {slow(260)} (i32.const 1))"""
    services = Waiting()
    program = ProgramLinker(metered_engine).link(compile_module(metered_engine, wasm(f"(module {PRELUDE} {body})")))
    guest = program.start(Scheduler(), services, GuestLimits())
    await asyncio.wait_for(services.asked.wait(), 20)
    guest.stop(End(EndReason.STOPPED, "enough"))
    assert guest.meter.gas > 400
