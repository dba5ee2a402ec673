"""The HTTP client, which lets the node do the HTTP."""

import gzip
from typing import Any

import pytest

from tests.conftest import serving
from tests.sdk.support import EXAMPLES, Host
from tests.vm.support import Recorder
from wapo.vm.egress import EgressPolicy
from wapo.vm.ends import EndReason
from wapo.vm.http_client import HttpClient

FETCH = EXAMPLES / "fetch.c"


async def upstream(scope: Any, receive: Any, send: Any) -> None:
    assert (b"accept", b"*/*") in scope["headers"]
    body = gzip.compress(b"page " * 100_000)
    headers = [(b"content-type", b"text/page"), (b"content-encoding", b"gzip"), (b"x-empty", b"")]
    await send({"type": "http.response.start", "status": 203, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def test_a_page_is_fetched_and_decoded(host: Host) -> None:
    services = Recorder()
    async with HttpClient(EgressPolicy(allow_private=True)) as client, serving(upstream) as url:
        services.http_client = client
        async with host.start(FETCH, "--url", url, services=services) as started:
            await started.succeeds()
            assert started.lines == ["203 Non-Authoritative Information, text/page"]
            assert started.guest.output == b"page " * 100_000


async def test_why_a_request_failed_is_told(host: Host) -> None:
    services = Recorder()
    async with HttpClient(EgressPolicy(allow_private=True)) as client:
        services.http_client = client
        async with host.start(FETCH, "--url", "http://127.0.0.1:1/", services=services) as started:
            end = await started.end()
            assert (end.reason, end.code) == (EndReason.EXITED, 1)
            assert "127.0.0.1:1" in started.lines[0] or "refused" in started.lines[0]


@pytest.mark.parametrize(
    ("url", "why"), [("http://127.0.0.1/", "forbidden by the node"), ("ftp://x/", "an argument is not valid")]
)
async def test_what_is_not_allowed_is_an_error_at_once(host: Host, url: str, why: str) -> None:
    services = Recorder()
    async with HttpClient(EgressPolicy()) as client:
        services.http_client = client
        async with host.start(FETCH, "--url", url, services=services) as started:
            assert (await started.end()).code == 1
            assert started.lines == [f"the program failed: {why}"]


async def test_a_node_without_http_says_so(host: Host) -> None:
    async with host.start(FETCH) as started:
        assert (await started.end()).code == 1
        assert started.lines == ["the program failed: not supported here"]
