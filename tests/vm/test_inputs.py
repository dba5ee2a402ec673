"""Queries and HTTP requests into a guest (wapo-abi.md section 9), with the real pipes. How a node finds or starts the
guest is tested where that is decided (tests/node/apps)."""

import asyncio

import pytest

from tests.vm.puppet import BUFFER, Puppet, err
from wapo.abi.messages import HttpResponseHead, encode_http_request, encode_query_request
from wapo.engine.engine import Engine
from wapo.scale.primitives import ScaleError, encode_bytes, encode_text
from wapo.vm.ends import End, EndReason
from wapo.vm.inputs import InputBusy, InputClosed, offer_http, offer_query
from wapo.vm.limits import GuestLimits
from wapo.vm.ocalls import core
from wapo.vm.resources.oneshot import Closed, Refused, Reply, Sent
from wapo.vm.resources.pipe import PipeBroken

QUERY, HTTP = (240, 3), (240, 4)


def nobody(_reply: Reply) -> None:
    raise AssertionError("this was not given to the guest, so nothing may come back")


async def test_a_message_wakes_who_waits_for_it(engine: Engine) -> None:
    async with Puppet(engine, drain=False) as puppet:
        assert await puppet.replay([(112,), (110,), QUERY, (102, 5, 0)], task=3) == [1, 0, 4, err(11)]
        offer_query(puppet.guest, None, "/", b"", lambda _reply: None)
        assert await puppet.wakers() == [5, -6]
        assert await puppet.replay([(110,), (110,)]) == [3, err(7)]


async def test_messages_come_in_order_with_numbers_of_their_own(engine: Engine) -> None:
    """The reply side first, the stream second; the lowest numbers that are free."""
    async with Puppet(engine) as puppet:
        assert await puppet.replay([QUERY, HTTP, (201, 60_000), (201, 60_000), (101, 2)]) == [4, 4, 2, 3, 0]
        offer_query(puppet.guest, None, "/a", b"1", lambda _reply: None)
        offer_http(puppet.guest, "POST", "http://h/?q", [("x", "1"), ("x", "2")], lambda _reply: None)
        offer_query(puppet.guest, bytes(range(32)), "/ä", b"2", lambda _reply: None)
        assert await puppet.fetch(102, 1, 0) == encode_bytes(encode_query_request(None, "/a", b"1", 2))
        assert await puppet.fetch(102, 1, 0) == encode_bytes(encode_query_request(bytes(range(32)), "/ä", b"2", 6))
        request = encode_http_request("POST", "http://h/?q", [("x", "1"), ("x", "2")], 4, 5)
        assert await puppet.fetch(102, 1, 1) == encode_bytes(request)


async def test_twenty_wait_and_then_it_is_busy(engine: Engine) -> None:
    """Of each channel; what is refused leaves nothing behind, and one that is read makes room for one."""
    async with Puppet(engine) as puppet:
        await puppet.replay([QUERY, HTTP])
        for _ in range(20):
            offer_query(puppet.guest, None, "/", b"", lambda _reply: None)
            offer_http(puppet.guest, "GET", "http://h/", [], lambda _reply: None)
        held = len(puppet.guest.table)
        assert held == 2 + 20 + 40
        with pytest.raises(InputBusy):
            offer_query(puppet.guest, None, "/", b"", nobody)
        with pytest.raises(InputBusy):
            offer_http(puppet.guest, "GET", "http://h/", [], nobody)
        assert len(puppet.guest.table) == held
        await puppet.call(102, 1, 0)
        offer_query(puppet.guest, None, "/", b"", lambda _reply: None)
        with pytest.raises(InputBusy):
            offer_query(puppet.guest, None, "/", b"", nobody)


async def test_a_full_table_is_busy_too(engine: Engine) -> None:
    """A request needs two places: with one left nothing is taken."""
    async with Puppet(engine, limits=GuestLimits(resources=3)) as puppet:
        await puppet.replay([QUERY, HTTP])
        with pytest.raises(InputBusy):
            offer_http(puppet.guest, "GET", "http://h/", [], nobody)
        assert len(puppet.guest.table) == 2
        offer_query(puppet.guest, None, "/", b"", lambda _reply: None)
        with pytest.raises(InputBusy):
            offer_query(puppet.guest, None, "/", b"", nobody)


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
async def test_what_cannot_be_spelt_is_not_given(engine: Engine, text: str) -> None:
    """Half a surrogate pair has no UTF-8; the guest's table is as it was."""
    async with Puppet(engine) as puppet:
        await puppet.replay([QUERY, HTTP])
        with pytest.raises(ScaleError):
            offer_query(puppet.guest, None, text, b"", nobody)
        with pytest.raises(ScaleError):
            offer_http(puppet.guest, "GET", f"http://h/{text}", [], nobody)
        with pytest.raises(ScaleError):
            offer_http(puppet.guest, "GET", "http://h/", [("x", text)], nobody)
        assert len(puppet.guest.table) == 2


async def test_messages_that_are_never_read_are_closed_with_their_channel(engine: Engine) -> None:
    """Their callers need not wait for the end of the program, nor their numbers."""
    answers: list[Reply] = []
    async with Puppet(engine) as puppet:
        await puppet.replay([QUERY, HTTP])
        offer_query(puppet.guest, None, "/read", b"", answers.append)
        assert await puppet.fetch(102, 1, 0)
        offer_query(puppet.guest, None, "/unread", b"", answers.append)
        request = offer_http(puppet.guest, "GET", "http://h/", [], answers.append)
        # the number of the unread query's reply is given up, and is somebody else's when the channel goes
        assert await puppet.replay([(101, 3), (201, 60_000)]) == [0, 3]
        assert answers == [Closed()]
        assert await puppet.replay([(101, 0), (101, 1)]) == [0, 0]
        assert answers == [Closed()] * 2
        assert await request.response.read() == b""
        assert len(puppet.guest.table) == 2
        assert await puppet.replay([(202, 2, BUFFER, 0), (103, 1, 3, 0, 0)]) == [0, err(11)]
        with pytest.raises(InputClosed):
            offer_query(puppet.guest, None, "/", b"", nobody)
    assert answers == [Closed(), Closed(), Sent(b"")]


async def test_the_end_of_a_guest_closes_what_was_not_answered(engine: Engine) -> None:
    answers: list[Reply] = []
    async with Puppet(engine) as puppet:
        await puppet.replay([QUERY, HTTP])
        offer_query(puppet.guest, None, "/read", b"", answers.append)
        assert await puppet.fetch(102, 1, 0)
        offer_query(puppet.guest, None, "/unread", b"", answers.append)
        request = offer_http(puppet.guest, "GET", "http://h/", [], answers.append)
        puppet.guest.stop(End(EndReason.STOPPED, "enough"))
        assert answers == [Closed()] * 3
        assert await request.response.read() == b""
        with pytest.raises(InputClosed):
            offer_query(puppet.guest, None, "/", b"", nobody)


async def test_a_caller_who_waits_no_longer(engine: Engine) -> None:
    """The guest's answer is error 9, and nobody is told."""
    async with Puppet(engine) as puppet:
        await puppet.call(*QUERY)
        reply = offer_query(puppet.guest, None, "/", b"", nobody)
        reply.abandon()
        assert await puppet.replay([(202, 1, BUFFER, 5), (204, 1, BUFFER, 5), (101, 1)]) == [err(9), err(9), 0]


async def test_an_answer_has_a_longest_length(engine: Engine) -> None:
    """A call cannot be interrupted, and this one copies. The sender can still be used."""
    answers: list[Reply] = []
    async with Puppet(engine) as puppet:
        await puppet.call(*QUERY)
        offer_query(puppet.guest, None, "/", b"", answers.append)
        puppet.guest.instance.grow_to(BUFFER + core.MAX_OUTPUT_BYTES + 1)
        assert await puppet.replay([
            (202, 1, BUFFER, core.MAX_OUTPUT_BYTES + 1), (204, 1, BUFFER, core.MAX_REFUSAL_BYTES + 1),
            (204, 1, BUFFER, core.MAX_REFUSAL_BYTES),
        ]) == [err(10), err(10), 0]  # fmt: skip
    assert answers == [Refused("\0" * core.MAX_REFUSAL_BYTES)]


async def test_a_head_is_seen_although_the_body_is_not_read(engine: Engine) -> None:
    """The original waited for the body to be taken first (quirk 13)."""
    head: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
    async with Puppet(engine) as puppet:
        await puppet.call(*HTTP)
        request = offer_http(puppet.guest, "POST", "http://h/", [], head.set_result)
        sending = asyncio.create_task(request.body.write(bytes(100_000)))
        await puppet.until(lambda: request.body.buffered == 1024)
        assert await puppet.call(202, 1, *puppet.put(b"\xc8\x00\x00")) == 0
        assert await head == Sent(b"\xc8\x00\x00")
        assert not sending.done()
        sending.cancel()


async def test_body_bytes_before_the_head_fill_the_pipe(engine: Engine) -> None:
    async with Puppet(engine) as puppet:
        await puppet.call(*HTTP)
        request = offer_http(puppet.guest, "GET", "http://h/", [], lambda _reply: None)
        assert await puppet.replay([(104, 1, 2, BUFFER, 4096), (104, 1, 2, BUFFER, 1)]) == [1024, err(11)]
        assert len(await request.response.read()) == 1024
        assert await puppet.call(104, 1, 2, BUFFER, 1) == 1


async def test_the_end_of_a_request_body(engine: Engine) -> None:
    """What is buffered, and then 0 again and again."""
    async with Puppet(engine) as puppet:
        await puppet.call(*HTTP)
        request = offer_http(puppet.guest, "POST", "http://h/", [], lambda _reply: None)
        await request.body.write(b"all of it")
        request.body.end()
        assert await puppet.replay([(103, 1, 2, BUFFER, 4), (103, 1, 2, BUFFER, 9), (103, 1, 2, BUFFER, 9)]) == [
            4,
            5,
            0,
        ]
        assert await puppet.replay([(103, 1, 2, BUFFER, 9), (105, 1, 2), (104, 1, 2, BUFFER, 1)]) == [0, 0, err(9)]
        assert await request.response.read() == b""


async def test_an_upgrade_is_two_streams_that_end_one_by_one(engine: Engine) -> None:
    """Status 101, bytes both ways, each direction half-closed in its turn."""
    head: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
    answer = (101).to_bytes(2, "little") + b"\x04" + encode_text("upgrade") + encode_text("lines")
    async with Puppet(engine) as puppet:
        await puppet.call(*HTTP)
        request = offer_http(puppet.guest, "GET", "http://h/", [("connection", "upgrade")], head.set_result)
        assert await puppet.replay([(202, 1, *puppet.put(answer)), (101, 1)]) == [0, 0]
        reply = await head
        assert isinstance(reply, Sent)
        assert HttpResponseHead.decode(reply.data) == HttpResponseHead(101, [("upgrade", "lines")])
        for number in range(20):
            await request.body.write(b"ping %d" % number)
            count = await puppet.ready_call(103, 1, 2, BUFFER, 100)
            assert await puppet.call(104, 1, 2, BUFFER, count) == count
            assert await request.response.read() == b"ping %d" % number
        assert await puppet.call(105, 1, 2) == 0
        assert await request.response.read() == b""
        await request.body.write(b"and on")
        assert await puppet.ready_call(103, 1, 2, BUFFER, 100) == 6
        request.body.end()
        assert await puppet.ready_call(103, 1, 2, BUFFER, 100) == 0


async def test_closing_the_stream_breaks_it_for_the_client(engine: Engine) -> None:
    """Its response ends, and what it goes on sending is nobody's."""
    async with Puppet(engine) as puppet:
        await puppet.call(*HTTP)
        request = offer_http(puppet.guest, "POST", "http://h/", [], lambda _reply: None)
        sending = asyncio.create_task(request.body.write(bytes(5000)))
        assert await puppet.replay([(104, 1, 2, *puppet.put(b"done")), (101, 2)]) == [4, 0]
        assert await request.response.read() == b"done"
        assert await request.response.read() == b""
        with pytest.raises(PipeBroken):
            await sending
