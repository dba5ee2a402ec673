"""The checklist of wapo-abi.md section 15, item by item, each with a real guest. docs/abi.md has the table.

Most guests are puppets, which make the calls that a test asks for; those that end in their own ways are WebAssembly
text. What stands behind a guest is real: sockets, TLS, files, keys, the node's services.
"""

import asyncio
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.vm.conftest import Authority, Networked, opened_network
from tests.vm.node_services import NodeServices, OneApp
from tests.vm.puppet import BUFFER, Puppet, err
from tests.vm.support import END_OF_LOG, PRELUDE, Recorder, Results, guest_of, run_to_end, run_until
from wapo.abi.messages import HttpResponseHead, encode_legacy_query_request, encode_query_request
from wapo.engine.engine import Engine
from wapo.scale.primitives import Reader, encode_bytes, encode_text
from wapo.trust.boot_data import boot_data_file
from wapo.vm.egress import EgressPolicy
from wapo.vm.ends import End, EndReason
from wapo.vm.inputs import HttpInput, InputBusy, InputClosed, offer_http, offer_query
from wapo.vm.limits import GuestLimits
from wapo.vm.net.network import Network, NetworkSettings
from wapo.vm.resources.oneshot import Closed, Refused, Reply, Sent
from wapo.vm.resources.pipe import DuplexStream, Pipe

HTTP_HEAD = (200).to_bytes(2, "little") + b"\x04" + encode_text("content-type") + encode_text("text/plain")


def server_config(certificate: str, key: str) -> bytes:
    return b"\0" + encode_text(certificate) + encode_text(key)


async def listen(puppet: Puppet, address: str, tls: bytes | None = None) -> int:
    return await puppet.call(210, *puppet.put(encode_text(address) + (b"\0" if tls is None else b"\1" + tls)))


@asynccontextmanager
async def listening(engine: Engine, network: Network, tls: bytes | None = None) -> AsyncIterator[tuple[Puppet, int]]:
    """A guest with a listener as resource 0; the port."""
    ports: list[int] = []
    network.on_listen = lambda _owner, port: ports.append(port)
    async with Puppet(engine, services=Networked(network)) as puppet:
        assert await listen(puppet, "127.0.0.1:0", tls) == 0
        yield puppet, ports[0]


async def test_01_packing(engine: Engine) -> None:
    """tip(0x1122334455667788) arrives as p0=0x11223344, p1=0x55667788 and adds exactly that."""
    async with Puppet(engine) as puppet:
        assert await puppet.call(253, 0x11223344, 0x55667788) == 0
        assert puppet.guest.meter.tip == 0x1122334455667788


@pytest.mark.parametrize("amount", [0, 5, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 32, 0x1_8000_0000, (1 << 64) - 1])
async def test_01_packing_of_amounts_that_the_original_got_wrong(engine: Engine, amount: int) -> None:
    async with Puppet(engine) as puppet:
        assert await puppet.call(253, amount >> 32, amount & 0xFFFFFFFF) == 0
        assert puppet.guest.meter.tip == amount


async def test_02_result_words(engine: Engine) -> None:
    """Ok(-1) = 0xffffffff, Pending = 0x10000000b."""
    async with Puppet(engine, drain=False) as puppet:
        assert await puppet.replay([(110,), (109, -1), (110,)]) == [0, 0, 0xFFFFFFFF]
        assert await puppet.replay([(201, 60_000), (103, 1, 0, 0, 0)]) == [0, 0x1_0000_000B]


async def test_03_get_return(engine: Engine) -> None:
    """The right length once; a second call 7; a wrong length 3 and then 7."""
    async with Puppet(engine) as puppet:
        assert await puppet.replay([(242,), (0, BUFFER, 32), (0, BUFFER, 32)]) == [32, 32, err(7)]
        assert await puppet.replay([(242,), (0, BUFFER, 31), (0, BUFFER, 32)]) == [32, err(3), err(7)]
        assert await puppet.replay([(242,), (0, BUFFER, -32), (0, BUFFER, 32)]) == [32, err(3), err(7)]


async def test_04_the_wrong_import_for_a_known_id(engine: Engine) -> None:
    async with Puppet(engine) as puppet:
        records = [Puppet.record(112, how=0), Puppet.record(110, how=1), Puppet.record(0, BUFFER, 0, how=1)]
        assert await puppet.replay_records(records) == [err(1)] * 3


async def test_05_arguments_that_cannot_be_decoded(engine: Engine, network: Network) -> None:
    async with Puppet(engine, services=Networked(network)) as puppet:
        size = puppet.guest.instance.memory_size
        host = puppet.put(b"localhost")
        puppet.put(b"\xff\xfe", BUFFER + 100)
        words = await puppet.replay([
            (113, size - 1, 2), (113, -1, 1), (113, size + 1, 0), (113, 0, -1),  # slices out of range
            (113, 1, 0), (113, size, 0),  # empty ones that are not
            (220, 3, BUFFER + 100, 2),  # bad UTF-8
            (220, 0, *host), (220, 6, *host), (220, -1, *host),  # levels
            (111, 2), (111, -1),  # bools
            (213, *host, 65536), (213, *host, -1),  # ports
            (240, 5), (240, 0), (240, 1), (240, 2),  # channels
        ])  # fmt: skip
        assert words == [err(3)] * 4 + [0, 0] + [err(4)] * 8 + [err(3)] * 4


async def test_06_poll_read_on_resource_99_with_waker_4(engine: Engine) -> None:
    async with Puppet(engine, drain=False) as puppet:
        assert await puppet.call(103, 4, 99, BUFFER, 10) == err(7)
        assert await puppet.wakers() == [-5]


async def test_07_a_timer_wakes_the_task_that_polled_it(engine: Engine) -> None:
    """Even if another task ran in between."""
    async with Puppet(engine, drain=False) as puppet:
        assert await puppet.replay([(112,), (110,), (201, 5)]) == [1, 0, 0]
        assert await puppet.call(103, 7, 0, 0, 0, task=5) == err(11)
        assert await puppet.replay([(109, 9), (110,)], task=9) == [0, 9]
        await puppet.until(lambda: puppet.guest.tasks.wakers)
        assert await puppet.wakers() == [7, -8]
        assert await puppet.replay([(110,), (110,), (103, 7, 0, 0, 0)]) == [5, err(7), 0]


async def test_08_two_pending_reads_on_a_pipe(engine: Engine) -> None:
    """Wakers 1 then 2: 112 delivers -2 at once; data then delivers 2, -3 only."""
    async with Puppet(engine, drain=False) as puppet:
        body = Pipe()
        puppet.guest.table.add(DuplexStream(body, Pipe()))
        assert await puppet.replay([(103, 1, 0, BUFFER, 9), (103, 2, 0, BUFFER, 9)]) == [err(11)] * 2
        assert await puppet.wakers() == [-2]
        body.push(b"data")
        assert await puppet.wakers() == [2, -3]


async def test_08_two_pending_reads_on_a_socket(engine: Engine, network: Network) -> None:
    async with listening(engine, network) as (puppet, port):
        with socket.create_connection(("127.0.0.1", port)) as client:
            stream = await puppet.ready_call(212, 1, 0)
            puppet.stop_draining()
            await puppet.wakers()
            assert await puppet.replay([(103, 1, stream, BUFFER, 9), (103, 2, stream, BUFFER, 9)]) == [err(11)] * 2
            assert await puppet.wakers() == [-2]
            client.sendall(b"data")
            await puppet.until(lambda: puppet.guest.tasks.wakers)
            assert await puppet.wakers() == [2, -3]


async def test_09_closing_a_timer_with_a_pending_registration(engine: Engine) -> None:
    """The negative message appears, and the host polls once more."""
    async with Puppet(engine) as puppet:
        await puppet.until(lambda: puppet.guest.settled)
        polls = puppet.guest.meter.polls
        assert await puppet.replay([(201, 60_000), (103, 3, 0, 0, 0), (112,), (101, 0)]) == [0, err(11), 1, 0]
        await puppet.until(lambda: not puppet.guest.tasks.pending)
        for _ in range(20):
            await asyncio.sleep(0)
        assert puppet.guest.meter.polls == polls + 2


async def test_10_no_polls_when_everything_is_idle(engine: Engine, network: Network) -> None:
    async with listening(engine, network) as (puppet, port):
        client = socket.create_connection(("127.0.0.1", port))
        stream = await puppet.ready_call(212, 1, 0)
        waits = [(201, 60_000), (240, 3), (240, 4), (103, 1, 2, 0, 0), (102, 2, 3), (102, 3, 4)]
        await puppet.replay([*waits, (103, 4, stream, BUFFER, 9), (212, 5, 0)])
        await puppet.until(lambda: not puppet.guest.tasks.pending)
        polls = puppet.guest.meter.polls
        await asyncio.sleep(0.1)
        assert puppet.guest.meter.polls == polls
        client.close()


async def test_11_ids(engine: Engine) -> None:
    """0, 1, 2; close 1; the next is 1. The 8193rd allocation → 10."""
    async with Puppet(engine) as puppet:
        timer = (201, 1_000_000)
        assert await puppet.replay([timer, timer, timer, (101, 1), timer]) == [0, 1, 2, 0, 1]
        numbers = [0, 1, 2]
        while len(numbers) < 8192:
            numbers += await puppet.replay([timer] * min(500, 8192 - len(numbers)))
        assert numbers == list(range(8192))
        assert await puppet.replay([timer, (240, 3), (101, 4711), timer, timer]) == [err(10), err(10), 0, 4711, err(10)]


async def test_12_an_input_channel_exists_once(engine: Engine) -> None:
    async with Puppet(engine) as puppet:
        assert await puppet.replay([(240, 3), (0, BUFFER, 4), (240, 3), (101, 0), (240, 3)]) == [
            4, 4, err(15), 0, err(15),
        ]  # fmt: skip
        assert puppet.get(4) == bytes(4)


async def test_13_twenty_one_queries_without_the_guest_reading(engine: Engine) -> None:
    """20 delivered later, the 21st fails for its caller."""
    answers: list[Reply] = []
    async with Puppet(engine) as puppet:
        await puppet.call(240, 3)
        for number in range(20):
            offer_query(puppet.guest, None, "/", bytes([number]), answers.append)
        with pytest.raises(InputBusy):
            offer_query(puppet.guest, None, "/", b"\xff", answers.append)
        for number in range(20):
            message = encode_query_request(None, "/", bytes([number]), number + 1)
            assert await puppet.fetch(102, 1, 0) == encode_bytes(message)
        assert await puppet.call(102, 1, 0) == err(11)
        assert answers == []
    assert answers == [Closed()] * 20


async def test_14_three_outcomes_of_a_query(engine: Engine) -> None:
    """By 202, by 204, and by closing; a second 202 → 9."""
    answers: list[Reply] = []
    async with Puppet(engine) as puppet:
        await puppet.call(240, 3)
        for _ in range(3):
            offer_query(puppet.guest, bytes(32), "/echo", b"hi", answers.append)
        message = await puppet.fetch(102, 1, 0)
        assert message == encode_bytes(encode_query_request(bytes(32), "/echo", b"hi", 1))
        text = puppet.put(b"text")
        assert await puppet.replay([(202, 1, *text), (202, 1, *text), (204, 1, *text), (101, 1)]) == [
            0, err(9), err(9), 0,
        ]  # fmt: skip
        assert await puppet.replay([(204, 2, *text), (202, 2, *text), (101, 3), (101, 2)]) == [0, err(9), 0, 0]
    assert answers == [Sent(b"text"), Refused("text"), Closed()]


class Client:
    """The host's side of one HTTP request to a guest."""

    def __init__(self, puppet: Puppet, method: str) -> None:
        self.head: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.request: HttpInput = offer_http(puppet.guest, method, "http://h/", [("a", "b")], self.head.set_result)

    async def send(self, data: bytes) -> None:
        await self.request.body.write(data)
        self.request.body.end()

    async def receive(self) -> bytes:
        received = bytearray()
        while data := await self.request.response.read():
            received += data
        return bytes(received)

    def disconnect(self) -> None:
        self.request.reply.abandon()
        self.request.body.end()
        self.request.response.break_()


@asynccontextmanager
async def requested(engine: Engine, method: str) -> AsyncIterator[tuple[Puppet, Client, int, int]]:
    """A guest that has read a request from its channel, resource 0: its reply sender and its stream."""
    async with Puppet(engine) as puppet:
        await puppet.call(240, 4)
        client = Client(puppet, method)
        message = await puppet.fetch(102, 1, 0)
        assert isinstance(message, bytes)
        reader = Reader(message)
        reader = Reader(reader.bytes())
        assert (reader.text(), reader.text(), reader.compact(), reader.text(), reader.text()) == (
            method, "http://h/", 1, "a", "b",
        )  # fmt: skip
        response_tx, io_stream = reader.signed(4), reader.signed(4)
        assert (response_tx, io_stream, reader.remaining) == (1, 2, 0)
        yield puppet, client, response_tx, io_stream


async def write_all(puppet: Puppet, stream: int, pointer: int, length: int) -> None:
    while length:
        count = await puppet.ready_call(104, 1, stream, pointer, length)
        pointer, length = pointer + count, length - count


async def test_15_post_of_a_mebibyte_echoed(engine: Engine) -> None:
    """With interleaved reads and writes, through pipes of 1024 bytes."""
    body = bytes(range(256)) * 4096
    async with requested(engine, "POST") as (puppet, client, response_tx, io_stream):
        sending = asyncio.create_task(client.send(body))
        receiving = asyncio.create_task(client.receive())
        assert await puppet.call(202, response_tx, *puppet.put(HTTP_HEAD)) == 0
        while count := await puppet.ready_call(103, 1, io_stream, BUFFER, 65536):
            assert count <= 1024
            await write_all(puppet, io_stream, BUFFER, count)
        assert await puppet.call(105, 1, io_stream) == 0
        assert await receiving == body
        await sending
        reply = await client.head
        assert isinstance(reply, Sent)
        assert HttpResponseHead.decode(reply.data) == HttpResponseHead(200, [("content-type", "text/plain")])
        meter = puppet.guest.meter
        assert (meter.net_ingress, meter.net_egress) == (len(body), len(body) + 128)


async def test_15_get_with_a_streaming_response(engine: Engine) -> None:
    """Each piece arrives before the next is written; the body of a GET has no end."""
    async with requested(engine, "GET") as (puppet, client, response_tx, io_stream):
        assert await puppet.call(103, 9, io_stream, BUFFER, 10) == err(11)
        assert await puppet.call(202, response_tx, *puppet.put(HTTP_HEAD)) == 0
        for number in range(10):
            piece = b"%d" % number * 100
            assert await puppet.call(104, 1, io_stream, *puppet.put(piece)) == 100
            assert await client.request.response.read() == piece
        assert await puppet.call(103, 9, io_stream, BUFFER, 10) == err(11)
        assert await puppet.call(101, io_stream) == 0
        assert await client.receive() == b""


async def test_15_a_client_that_disconnects(engine: Engine) -> None:
    """A pending read ends with 0, a pending write with 9, and so do all that follow."""
    async with requested(engine, "GET") as (puppet, client, response_tx, io_stream):
        assert await puppet.replay([
            (202, response_tx, *puppet.put(HTTP_HEAD)), (103, 9, io_stream, BUFFER, 10),
            (104, 1, io_stream, BUFFER, 1024), (104, 1, io_stream, BUFFER, 1),
        ]) == [0, err(11), 1024, err(11)]  # fmt: skip
        client.disconnect()
        assert await puppet.replay([(103, 9, io_stream, BUFFER, 10), (104, 1, io_stream, BUFFER, 1)]) == [0, err(9)]
        assert await puppet.replay([(103, 9, io_stream, BUFFER, 10), (104, 1, io_stream, BUFFER, 1)]) == [0, err(9)]


async def test_15_a_client_that_disconnects_before_the_head(engine: Engine) -> None:
    async with requested(engine, "POST") as (puppet, client, response_tx, _io_stream):
        client.disconnect()
        assert await puppet.call(202, response_tx, *puppet.put(HTTP_HEAD)) == err(9)
        assert not client.head.done()


async def test_16_listening(engine: Engine, network: Network, authority: Authority) -> None:
    """`localhost:80` → 3; port outside range → 17; busy port → 9; bad PEM → 3."""
    certificate, key = authority.issue("localhost")
    busy = socket.create_server(("127.0.0.1", 0))
    async with Puppet(engine, services=Networked(network)) as puppet:
        for address in ("localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.01:80", "::1:80", "[127.0.0.1]:80", ""):
            assert await listen(puppet, address) == err(3)
        assert await listen(puppet, f"127.0.0.1:{busy.getsockname()[1]}") == err(9)
        for tls in (server_config("", key), server_config(certificate, ""), server_config(key, certificate)):
            assert await listen(puppet, "127.0.0.1:0", tls) == err(3)
        assert await listen(puppet, "127.0.0.1:0", b"\1") == err(3)  # no such version
        assert await listen(puppet, "127.0.0.1:0") == 0
        assert network.budget.taken == 1
    busy.close()
    few = NetworkSettings(listen_ports=(20_000, 20_001))
    async with opened_network(EgressPolicy(), few) as narrow, Puppet(engine, services=Networked(narrow)) as puppet:
        for port in (0, 19_999, 20_002, 65535):
            assert await listen(puppet, f"127.0.0.1:{port}") == err(17)
    async with opened_network(EgressPolicy()) as closed, Puppet(engine, services=Networked(closed)) as puppet:
        assert await listen(puppet, "127.0.0.1:8080") == err(17)


async def test_17_accepting_tls_does_not_wait_for_the_client(
    engine: Engine, network: Network, authority: Authority
) -> None:
    """And a handshake failure appears as 9 on the first read."""
    async with listening(engine, network, server_config(*authority.issue("localhost"))) as (puppet, port):
        with socket.create_connection(("127.0.0.1", port)) as client:
            stream = await puppet.ready_call(212, 1, 0)
            assert await puppet.call(103, 1, stream, BUFFER, 10) == err(11)
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert await puppet.ready_call(103, 1, stream, BUFFER, 10) == err(9)


async def test_18_a_bad_certificate(engine: Engine, network: Network, authority: Authority) -> None:
    """106 succeeds, the first read or write → 9."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pem = authority.file.parent / "conformance.pem"
    pem.write_text("".join(authority.issue("elsewhere.example")))
    context.load_cert_chain(pem)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the server's view of the failed handshake
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    async with server, Puppet(engine, services=Networked(network)) as puppet:
        for call in (103, 104):
            data = puppet.put(encode_text("localhost") + port.to_bytes(2, "little") + b"\0")
            connector = await puppet.call(214, *data)
            stream = await puppet.ready_call(106, 1, connector)
            assert stream >> 32 == 0
            assert await puppet.ready_call(call, 1, stream, BUFFER, 10) == err(9)
            assert await puppet.call(call, 1, stream, BUFFER, 10) == err(9)


async def test_19_shutdown_of_tcp_and_of_tls(engine: Engine, network: Network, authority: Authority) -> None:
    """On TCP, then read works; on TLS, then read → 9."""
    async with listening(engine, network) as (puppet, port):
        with socket.create_connection(("127.0.0.1", port)) as client:
            stream = await puppet.ready_call(212, 1, 0)
            assert await puppet.call(105, 1, stream) == 0
            assert client.recv(10) == b""
            client.sendall(b"still")
            assert await puppet.ready_call(103, 1, stream, BUFFER, 10) == 5
            assert await puppet.call(104, 1, stream, BUFFER, 1) == err(9)
    async with listening(engine, network, server_config(*authority.issue("localhost"))) as (puppet, port):
        context = ssl.create_default_context(cafile=str(authority.file))
        opening = asyncio.create_task(
            asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
        )
        stream = await puppet.ready_call(212, 1, 0)
        assert await puppet.ready_call(104, 1, stream, *puppet.put(b"bye")) == 3
        reader, writer = await opening
        writer.write(b"still")
        assert await puppet.ready_call(105, 1, stream) == 0
        assert await puppet.call(103, 1, stream, BUFFER, 10) == err(9)
        assert await reader.read() == b"bye"
        writer.close()


EXIT = '(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("(call $exit (i32.const 3)) (i32.const 0)", "Exited(3)"),
        ("(call $exit (i32.const 200)) (i32.const 0)", "Trap"),
        ("(call $exit (i32.const -1)) (i32.const 0)", "Trap"),
        ("(i32.const 1)", "Exited(0)"),
        ("(i32.const 7)", "Trap"),
        ("(i32.const -1)", "Trap"),
        ("unreachable", "Trap"),
    ],
)
async def test_20_how_a_guest_ends(engine: Engine, body: str, expected: str) -> None:
    guest = guest_of(engine, f'(func (export "wapo_poll") (result i32) {body})', prelude=EXIT + PRELUDE)
    assert str(await run_to_end(guest)) == expected


@pytest.mark.parametrize(("value", "expected"), [(1, "Exited(1)"), (7, "Exited(7)"), (-1, "Exited(-1)")])
async def test_20_a_legacy_guest_exits_with_what_it_returns(engine: Engine, value: int, expected: str) -> None:
    async with Puppet(engine, legacy=True) as puppet:
        await puppet.replay([], returns=value)
        assert str(puppet.guest.ended) == expected


async def test_20_memory_does_not_grow_beyond_its_limit(engine: Engine) -> None:
    """memory.grow answers -1 and the guest goes on."""
    body = f"""(func (export "wapo_poll") (result i32)
      (call $note (i64.extend_i32_u (memory.grow (i32.const 14))))
      (call $note (i64.extend_i32_u (memory.grow (i32.const 1))))
      (call $note (i64.extend_i32_u (memory.size))) {END_OF_LOG} (i32.const 1))"""
    guest = guest_of(engine, body, limits=GuestLimits(memory_bytes=16 << 16))
    results = Results(guest)
    assert str(await run_to_end(guest)) == "Exited(0)"
    assert results.words == [2, 0xFFFFFFFF, 16]


async def test_21_stopping(engine: Engine) -> None:
    """A guest spinning in one poll is stopped within about 100 ms; an idle one immediately. Both are `Stopped`."""
    spin = '(func (export "wapo_poll") (result i32) (loop $l (br $l)) (i32.const 0))'
    spinning = guest_of(engine, spin, limits=GuestLimits(burst_s=None))
    spinning.request_poll()
    await run_until(spinning, lambda: spinning.meter.cpu_s > 0.01)
    begin = time.perf_counter()
    await asyncio.sleep(0)  # a command comes when the loop has its turn
    spinning.stop(End(EndReason.STOPPED, "enough"))
    assert str(spinning.ended) == "Stopped"
    assert time.perf_counter() - begin < 0.1
    async with Puppet(engine) as idle:
        await idle.until(lambda: idle.guest.settled)
        idle.guest.stop(End(EndReason.STOPPED, "enough"))
        assert str(idle.guest.ended) == "Stopped"


async def test_22_boot_data_and_secrets(engine: Engine, tmp_path: Path) -> None:
    """Boot data of 65536 bytes round-trip; of 65537 → 3. derive_secret with 257 bytes → 3."""
    record = bytes(range(256)) * 256
    path = BUFFER + (1 << 17)
    services = NodeServices(tmp_path)
    app = OneApp()
    async with Puppet(engine, services=services, session=app) as puppet:
        assert await puppet.fetch(260) == b"\0"
        assert await puppet.fetch(261, *puppet.put(record)) == b""
        assert await puppet.call(261, BUFFER, 65537) == err(3)
        assert await puppet.fetch(260) == b"\1" + encode_bytes(record)
        assert record not in boot_data_file(tmp_path, app.address).read_bytes()
        secrets = [await puppet.fetch(255, path, length) for length in (0, 1, 256)]
        assert [len(secret) for secret in secrets if isinstance(secret, bytes)] == [64] * 3
        assert len(set(secrets)) == 3
        assert await puppet.call(255, path, 257) == err(3)
    async with Puppet(engine, services=NodeServices(tmp_path), session=app) as puppet:
        assert await puppet.fetch(260) == b"\1" + encode_bytes(record)
        assert await puppet.fetch(255, path, 256) == secrets[2]


async def test_23_blobs(engine: Engine, tmp_path: Path) -> None:
    """Unknown algorithm → 9, missing → 7, corrupted → 9, good → bytes."""
    services = NodeServices(tmp_path)
    good = services.put(b"content")
    strong = services.put(b"content", "sha512")
    damaged = services.put(b"other")
    (tmp_path / damaged.removeprefix("sha256:")).write_bytes(b"olher")
    async with Puppet(engine, services=services, session=OneApp()) as puppet:
        for name in (good, strong, good.upper().replace("SHA", "sha")):
            assert await puppet.fetch(244, *puppet.put(name.encode())) == encode_bytes(b"content")
        missing = f"sha256:{'0' * 64}"
        for name, code in (
            ("md5:00", 9), ("sha256", 9), ("sha256:", 9), ("sha256:zz", 9), ("sha256:0x00", 9), ("sha256:../key", 9),
            (good + "/", 9), ("", 9), (missing, 7), (damaged, 9),
        ):  # fmt: skip
            assert await puppet.call(244, *puppet.put(name.encode())) == err(code), name


async def test_24_a_legacy_guest(engine: Engine) -> None:
    """gas_remaining → 100; a query is decoded without its path."""
    answers: list[Reply] = []
    async with Puppet(engine, legacy=True) as puppet:
        assert await puppet.call(203, 0, 0) == 100
        await puppet.call(240, 3)
        offer_query(puppet.guest, None, "/lost", b"hi", answers.append)
        message = encode_legacy_query_request(None, b"hi", 1)
        assert message == bytes.fromhex("0008686901000000")
        assert await puppet.fetch(102, 1, 0) == encode_bytes(message)
        assert await puppet.call(202, 1, *puppet.put(b"hello")) == 0
    assert answers == [Sent(b"hello")]


async def test_a_query_needs_a_channel(engine: Engine) -> None:
    """Not created, or closed again: the caller hears that at once (9.1)."""
    async with Puppet(engine, services=Recorder()) as puppet:
        for calls in ([], [(240, 3), (101, 0)]):
            await puppet.replay(calls)
            with pytest.raises(InputClosed):
                offer_query(puppet.guest, None, "/", b"", lambda _reply: None)


def test_the_table_of_the_checklist_is_true() -> None:
    """docs/abi.md has each item once, with tests that exist; each test of an item is there."""
    root = Path(__file__).parents[2]
    table = (root / "docs" / "abi.md").read_text().split("## Conformance")[1]
    rows = re.findall(r"^\| (\d+) \|.*$", table, re.MULTILINE)
    assert [int(number) for number in rows] == list(range(1, 25))
    here = Path(__file__).relative_to(root).as_posix()
    named = set(re.findall(r"`((?:[\w/]+\.py::)?test_\w+)`", table))
    for name in named:
        path, _, function = name.rpartition("::")
        assert re.search(rf"def {function}\(", (root / (path or here)).read_text()), name
    items = set(re.findall(r"^async def (test_\d\d_\w+)", Path(__file__).read_text(), re.MULTILINE))
    assert items <= named
