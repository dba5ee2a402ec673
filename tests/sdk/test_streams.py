"""Streams beyond what the examples do with them: input by pieces, addresses that are none, zero-length reads."""

import asyncio
import itertools
import socket

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sdk.support import GUESTS, Host
from tests.vm.conftest import opened_network
from tests.vm.support import Recorder
from wapo.engine.engine import Engine
from wapo.engine.modules import ModuleCache
from wapo.vm.egress import EgressPolicy
from wapo.vm.net.dialer import Dialer
from wapo.vm.net.network import NetworkSettings

ROOM = 16


def split(data: bytes) -> bytes:
    """What the program answers, whatever pieces the data comes in."""
    answer = b""
    while (at := data.find(b"\r\n")) >= 0 or len(data) >= ROOM:
        if at < 0 or at + 2 > ROOM:
            answer += b"-257:|"
            data = data[ROOM:]
            continue
        piece, data = data[: at + 2], data[at + 2 :]
        answer += b"%d:%b|" % (len(piece), piece)
        if piece == b"stop\r\n":
            break
    return answer + data


texts = st.lists(
    st.sampled_from([b"\r\n", b"\r", b"\n", b"a", b"bcd", b"0123456789abc", b"stop\r\n", b"\r\r\n"]), max_size=30
).map(b"".join)


@settings(max_examples=25, deadline=None)
@given(cases=st.lists(st.tuples(texts, st.lists(st.integers(0, 200), max_size=6)), min_size=1, max_size=10))
def test_pieces_do_not_depend_on_how_the_bytes_were_cut(
    program_engine: Engine, module_cache: ModuleCache, cases: list[tuple[bytes, list[int]]]
) -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes, cuts: list[int]) -> bytes:
        edges = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
        for begin, end in itertools.pairwise(edges):
            writer.write(data[begin:end])
            await writer.drain()
            await asyncio.sleep(0)
        writer.write_eof()
        return await reader.read()

    settings = NetworkSettings(listen_ports=(0, 65535))

    async def run() -> None:
        async with opened_network(EgressPolicy(allow_private=True), settings) as network:
            host = Host(program_engine, module_cache, network)
            async with host.start(GUESTS / "input.c", services=Recorder()) as started, asyncio.timeout(60):
                clients = [client(*await started.connect(), data, cuts) for data, cuts in cases]
                assert await asyncio.gather(*clients) == [split(data) for data, _ in cases]

    asyncio.run(run())


async def test_errors_are_values(host: Host) -> None:
    async with host.start(GUESTS / "errors.c") as started:
        await started.succeeds()


class Silent(Dialer):
    """A network in which nobody answers."""

    async def connect(self, host: str, port: int, owner: str = "") -> socket.socket:
        await asyncio.Event().wait()
        raise AssertionError


async def test_attempts_to_connect_that_are_given_up_leave_nothing(host: Host) -> None:
    host.network.dialer = Silent(host.network.policy, host.network.dialer._resolver)
    async with host.start(GUESTS / "connecting.c") as started:
        await started.succeeds()
