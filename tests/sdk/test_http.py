"""Requests of the HTTP channel as the library gives them to a program."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.sdk.support import GUESTS, Host, Started
from wapo.abi.messages import HttpResponseHead
from wapo.vm.inputs import offer_http
from wapo.vm.resources.oneshot import Closed, Reply, Sent

Headers = list[tuple[str, str]]


@pytest.fixture
async def program(host: Host) -> AsyncIterator[Started]:
    async with host.start(GUESTS / "http.c") as started:
        await started.until(lambda: started.guest.settled)
        before = len(started.guest.table)
        yield started
        await started.until(lambda: len(started.guest.table) == before)  # every request's resources are closed
        offer_http(started.guest, "GET", "http://x/end", [], lambda _reply: None)
        await started.succeeds()


async def ask(
    program: Started, url: str, headers: Headers | None = None, method: str = "GET"
) -> tuple[Reply, list[str]]:
    """The reply, and the lines of the response's body."""
    replies: list[Reply] = []
    given = offer_http(program.guest, method, url, headers or [], replies.append)
    body = b""
    async with asyncio.timeout(20):
        while piece := await given.response.read():
            body += piece
    return replies[0], body.decode().split("\n")


async def test_method_url_path_and_headers(program: Started) -> None:
    headers = [("host", "example"), ("twice", "1"), ("empty", ""), ("twice", "2"), ("ümläut", "ß")]
    reply, lines = await ask(program, "http://example/a/b?c=/d", headers, "PATCH")
    assert isinstance(reply, Sent)
    head = HttpResponseHead.decode(reply.data)
    assert (head.status, list(head.headers)) == (200, [("x-a", "1"), ("x-b", "")])
    assert lines == [
        "PATCH http://example/a/b?c=/d /a/b?c=/d", "host=example", "twice=1", "empty=", "twice=2", "ümläut=ß", "1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("url", "path"), [("http:///x", "/x"), ("http://h/", "/"), ("http://h", "/"), ("nothing", "/"), ("", "/")]
)
async def test_there_is_always_a_path(program: Started, url: str, path: str) -> None:
    _, lines = await ask(program, url)
    assert lines == [f"GET {url} {path}", "none"]


async def test_a_request_with_hundreds_of_headers(program: Started) -> None:
    headers = [(f"name-{number}", "v" * (number % 100)) for number in range(500)]
    _, lines = await ask(program, "http://x/", headers)
    assert lines[1:-1] == [f"{name}={value}" for name, value in headers]


async def test_a_response_with_hundreds_of_headers(program: Started) -> None:
    reply, _ = await ask(program, "http://x/many")
    assert isinstance(reply, Sent)
    assert list(HttpResponseHead.decode(reply.data).headers) == [("x-many", "value")] * 200


async def test_heads_that_make_no_sense_are_refused_and_one_is_sent_once(program: Started) -> None:
    reply, _ = await ask(program, "http://x/nonsense")
    assert isinstance(reply, Sent)
    assert HttpResponseHead.decode(reply.data).status == 204


async def test_a_request_that_is_closed_unanswered(program: Started) -> None:
    reply, lines = await ask(program, "http://x/silent")
    assert (reply, lines) == (Closed(), [""])
