"""Which requests get a credential, and how they look then: for programs that make their own calls, too."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from yarl import URL

from wapo.vm.credentials.credential import Credentials
from wapo.vm.credentials.outgoing import CredentialRefused, guard_of
from wapo.vm.resources.http import HttpRequest

TOKEN, KEY = "sk-0123456789abcdef", "key-0123456789"
AWS = {"accessKeyId": "AKID", "secretAccessKey": "wJalrXUtnFEMI/K7MDENG", "region": "eu-central-1"}

NOT_COMPRESSED = ("accept-encoding", "identity")

#: CPU seconds that guards have told of.
spent: list[float] = []

CREDENTIALS = Credentials.parse({
    "token": {"hosts": ["api.example.com", "api.example.com:8443"], "headers": {"Authorization": f"Bearer {TOKEN}"}},
    "key": {"hosts": ["api.example.com"], "query": {"api key": KEY}},
    "s3": {"hosts": ["b.s3.example.com"], "aws": AWS | {"service": "s3"}},
    "db": {"hosts": ["db.example.com"], "aws": AWS | {"service": "dynamodb"}},
})  # fmt: skip


def asked(url: str, method: str = "GET", *headers: tuple[str, str], **more: Any) -> HttpRequest:
    request = HttpRequest(method, URL(url, encoded=True), list(headers), None, False, None, True)
    return replace(request, **more)


async def sent(request: HttpRequest) -> HttpRequest:
    request, guard = guard_of(CREDENTIALS, request, spent.append)
    return await guard.applied(request) if guard is not None else request


def refusal(request: HttpRequest, credentials: Credentials | None = CREDENTIALS) -> str:
    with pytest.raises(CredentialRefused) as caught:
        guard_of(credentials, request, spent.append)
    assert TOKEN not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com", "https://api.example.com/", "https://API.Example.Com/", "https://api.example.com:443/",
        "https://api.example.com:8443/", "https://api.example.com/x?y#z", "https://api.example.com?q",
    ],
)  # fmt: skip
async def test_its_hosts_get_it(url: str) -> None:
    assert ("authorization", f"Bearer {TOKEN}") in (await sent(asked(url))).headers


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/", "https://x.api.example.com/", "https://api.example.com.evil.com/", "https://1.2.3.4/",
        "https://api.example.com.:443/", "https://api.example.com../", "https://api.example.com:444/",
        "https://api%2eexample.com/", "https://evil.com/?api.example.com", "https://evil.com/api.example.com",
        "https://evil.com#@api.example.com/", "https://api.example.com@evil.com/", "https://api-example.com/",
        "https://xn--pi-7kc.example.com/", "http://evil.com/", "https://evilapi.example.com/", "https://[::1]/",
        "https://api.example.co/", "https://api.example.comm/", "https://api_example.com/",
    ],
)  # fmt: skip
async def test_nobody_else_gets_it(url: str) -> None:
    request = asked(url, "GET", ("a", "b"))
    assert await sent(request) == request


@pytest.mark.parametrize("port", ["", ":80", ":443", ":8443", ":1"])
def test_nothing_goes_there_over_plain_http(port: str) -> None:
    reason = "there is a credential for api.example.com: requests to it are only made over https"
    assert refusal(asked(f"http://api.example.com{port}/")) == reason
    assert refusal(asked(f"http://API.EXAMPLE.COM{port}/")) == reason


@pytest.mark.parametrize("method", ["TRACE", "trace", "CONNECT", "Connect", "TRACK"])
def test_methods_that_repeat_or_tunnel(method: str) -> None:
    assert refusal(asked("https://api.example.com/", method)) == f"no credential is sent with {method.upper()}"


@pytest.mark.parametrize(
    "url", ["https://u@api.example.com/", "https://u:p@api.example.com/", "https://:p@api.example.com/"]
)
def test_a_user_in_the_url(url: str) -> None:
    assert "a user or a password" in refusal(asked(url))


@pytest.mark.parametrize(
    "name", ["evil.com", "api.example.com.evil.com", "", "api.example.com:8443", "api.example.com."]
)
def test_another_host_header(name: str) -> None:
    reason = "the host header of a request with a credential must be api.example.com"
    assert refusal(asked("https://api.example.com/", "GET", ("host", name))) == reason
    doubled = ("host", "api.example.com"), ("host", name)
    assert refusal(asked("https://api.example.com/", "GET", *doubled)) == reason


async def test_the_host_header_is_the_hosts_to_write() -> None:
    request = asked("https://api.example.com/", "GET", ("host", "API.example.com"))
    assert not [name for name, _ in (await sent(request)).headers if name == "host"]


async def test_what_the_guest_says_instead_is_left_out() -> None:
    headers = [("authorization", "x"), ("authorization", "y"), ("range", "bytes=0-1"), ("if-range", "e"), ("a", "b"),
               ("x-ms-range", "bytes=0-1"), ("request-range", "bytes=0-1"), ("accept-encoding", "zstd")]  # fmt: skip
    request = asked("https://api.example.com/p?api+key=1&b=%2F&api%20key=2&&%61pi+key&c#f", "GET", *headers)
    made = await sent(request)
    assert made.headers == [("a", "b"), ("authorization", f"Bearer {TOKEN}"), NOT_COMPRESSED]
    assert str(made.url) == f"https://api.example.com/p?b=%2F&c&api%20key={KEY}"


class TestAsking:
    async def test_for_one(self) -> None:
        made = await sent(asked("https://api.example.com/", "GET", ("wapo-credential", "token")))
        assert (made.headers, made.url.raw_query_string) == (
            [("authorization", f"Bearer {TOKEN}"), NOT_COMPRESSED], "",
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("url", "name", "reason"),
        [
            ("https://evil.com/", "token", "the credential 'token' is for api.example.com, api.example.com:8443, and not for evil.com"),
            ("https://api.example.com:444/", "token", "the credential 'token' is for api.example.com, api.example.com:8443, and not for api.example.com:444"),
            ("https://api.example.com:8443/", "key", "the credential 'key' is for api.example.com, and not for api.example.com:8443"),
            ("http://api.example.com/", "token", "the credential 'token' is for api.example.com, api.example.com:8443, and not for api.example.com:80"),
            ("http://api.example.com:443/", "token", "the credential 'token' is only sent over https"),
            ("https://api.example.com/", "none", "there is no credential 'none' for this request"),
            ("https://api.example.com/", "", "there is no credential '' for this request"),
        ],
    )  # fmt: skip
    def test_where_it_does_not_belong(self, url: str, name: str, reason: str) -> None:
        assert refusal(asked(url, "GET", ("wapo-credential", name))) == reason

    def test_where_there_are_none(self) -> None:
        request = asked("https://api.example.com/", "GET", ("wapo-credential", "token"))
        assert refusal(request, None) == "there is no credential 'token' for this request"


class TestSigning:
    @staticmethod
    def value(request: HttpRequest, name: str) -> str:
        [found] = [value for key, value in request.headers if key == name]
        return found

    async def test_what_the_guest_has_signed_is_replaced(self) -> None:
        request = asked("https://db.example.com/", "POST", ("authorization", "x"), ("x-amz-date", "y"), body=b"{}")
        made = await sent(request)
        assert self.value(made, "authorization").startswith("AWS4-HMAC-SHA256 Credential=AKID/")
        assert self.value(made, "x-amz-date").endswith("Z")

    @pytest.mark.parametrize("size", [0, 10, 1 << 20])
    async def test_a_whole_body_is_signed(self, size: int) -> None:
        made = await sent(asked("https://b.s3.example.com/k", "PUT", body=bytes(size)))
        assert self.value(made, "x-amz-content-sha256") == hashlib.sha256(bytes(size)).hexdigest()

    async def test_a_stream_is_not(self) -> None:
        made = await sent(asked("https://b.s3.example.com/k", "PUT", stream_body=True))
        assert self.value(made, "x-amz-content-sha256") == "UNSIGNED-PAYLOAD"
        with pytest.raises(CredentialRefused, match="a streamed body cannot be signed: give it whole"):
            await sent(asked("https://db.example.com/", "POST", stream_body=True))

    async def test_the_signature_does_not_come_back(self) -> None:
        """It would be worth something for some minutes, elsewhere."""
        request, guard = guard_of(CREDENTIALS, asked("https://db.example.com/", "POST", body=b"{}"), spent.append)
        assert guard is not None
        signature = self.value(await guard.applied(request), "authorization").rpartition("=")[2]
        assert len(signature) == 64
        assert await guard.clean(f"you sent {signature}".encode()) == b"you sent *credential*"


async def test_all_secrets_of_the_run_are_taken_out_of_every_answer() -> None:
    """A server may repeat what another request has brought."""
    request, guard = guard_of(
        CREDENTIALS, asked("https://api.example.com/", "GET", ("wapo-credential", "key")), spent.append
    )
    assert guard is not None
    await guard.applied(request)
    text = f"{TOKEN} {KEY} {AWS['secretAccessKey']}".encode()
    spent.clear()
    assert await guard.clean(text) == b"*credential* *credential* *credential*"
    assert sum(spent) > 0


@pytest.mark.parametrize("encode", [base64.b64encode, base64.b32encode, lambda raw: raw.hex().encode()])
async def test_a_url_that_is_encoded_as_a_whole(encode: Callable[[bytes], bytes]) -> None:
    """What is encoded in it is encoded twice then: the login page to which the server sends, and from there back."""
    secret = "k3y/in a+query&8=Ws"
    credentials = Credentials.parse({"key": {"hosts": ["api.example.com"], "query": {"key": secret}}})
    request, guard = guard_of(credentials, asked("https://api.example.com/a?b=c"), spent.append)
    assert guard is not None
    made = await guard.applied(request)
    form = str(made.url).replace("%20", "+")
    for url in (str(made.url), form):
        assert b"*credential*" in await guard.clean(encode(b"?" + url.encode()))
        assert b"*credential*" in await guard.clean(encode(url.encode()))


class TestLengths:
    """A length that depends on what has been compressed together tells a guess from the secret (BREACH)."""

    async def test_nothing_is_compressed_together(self) -> None:
        made = await sent(asked("https://api.example.com/", "GET", ("accept-encoding", "gzip")))
        assert [pair for pair in made.headers if pair[0] == "accept-encoding"] == [NOT_COMPRESSED]

    @pytest.mark.parametrize("coding", [b"gzip", b"br"])
    async def test_head_tells_none_that_a_coding_has_made(self, coding: bytes) -> None:
        _, guard = guard_of(CREDENTIALS, asked("https://api.example.com/", "HEAD"), spent.append)
        assert guard is not None
        length = (b"content-length", b"123")
        assert await guard.clean_headers([length], head=True) == [length]
        assert await guard.clean_headers([(b"content-encoding", coding), length], head=True) == []
