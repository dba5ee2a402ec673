"""When a request gets a credential, and what becomes of both it and its answer then.

It gets one over https, to exactly the host and port that the credential is for, which the certificate of the connection
is then verified for; every request is looked at by itself, so a redirect carries nothing elsewhere. What could lead it
elsewhere all the same (another ``Host``, a tunnel), or bring it back in a way that cannot be looked through (a part of
an answer, a coding that is not known), is refused or left out.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote, quote_plus, unquote_plus
from weakref import WeakKeyDictionary

from yarl import URL

from wapo.vm.credentials.asking import ASK_BY, CredentialRefused
from wapo.vm.credentials.aws import UNSIGNED_PAYLOAD, sign
from wapo.vm.credentials.credential import AwsKey, Credential, Credentials
from wapo.vm.credentials.disguises import Disguises
from wapo.vm.credentials.scrubber import PIECE_BYTES, Scrubber

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

    from wapo.vm.resources.http import HttpRequest

__all__ = ["Guard", "guard_of"]

_METHODS_REFUSED: Final = frozenset(("CONNECT", "TRACE", "TRACK"))
#: A server that is asked for a part of its answer may cut the secret in two: by the header of the standard, by that of
#: Azure's storage, and by one that old servers take (Apache's among them).
_LEFT_OUT: Final = frozenset(("host", "range", "if-range", "x-ms-range", "request-range", "accept-encoding"))
#: Of a secret and a guess that are compressed together, the length tells whether the guess is right, one character
#: after the other (BREACH); and by where the pieces of a body end, a length is seen.
_NOT_COMPRESSED: Final = ("accept-encoding", "identity")
_THREAD_BYTES: Final = 1 << 18
_TURN_S: Final = 0.001

#: What secrets look like, for as long as the items that they are of are at hand.
_known: Final[WeakKeyDictionary[Credentials, tuple[Disguises, ...]]] = WeakKeyDictionary()
_Result = TypeVar("_Result")


class Guard:
    """One request that has credentials. What it computes takes turns with whatever else there is to do.

    Args:
        credentials: those that it gets.
        run: all of the run, none of which may come back.
        spend: told of the CPU seconds that it takes.
    """

    def __init__(self, credentials: list[Credential], run: Credentials, spend: Callable[[float], None]) -> None:
        self._credentials = credentials
        self._run = run
        self._spend = spend
        self._secrets: list[Disguises] = []

    async def applied(self, request: HttpRequest) -> HttpRequest:
        """The request as it is sent.

        Raises:
            CredentialRefused: it cannot be signed.
        """
        parameters = [pair for item in self._credentials for pair in item.query]
        added = [pair for item in self._credentials for pair in item.headers]
        url = _with_parameters(request.url, parameters)
        key = next((item.aws for item in self._credentials if item.aws is not None), None)
        own = {name for item in self._credentials for kind, name in item.places if kind == "header"}
        headers = [pair for pair in request.headers if pair[0] not in own and pair[0] not in _LEFT_OUT]
        headers += added
        secrets = _known.get(self._run)
        if secrets is None:
            secrets = _known[self._run] = await self._in_turns(_forms_of(self._run))
        self._secrets = list(secrets)
        if key is not None:
            payload = await _payload_hash(key, request)
            more, signature = sign(key, request.method, url, headers, payload, datetime.now(UTC))
            headers += more
            self._secrets.append(Disguises(signature))
        return replace(request, url=url, headers=[*headers, _NOT_COMPRESSED])

    @staticmethod
    def can_see_through(headers: CIMultiDictProxy[str]) -> bool:
        """Whether a body has no transfer coding but the one that frames it (RFC 9112 6.1)."""
        codings = headers.getall("Transfer-Encoding", ["chunked"])
        return [coding.strip().lower() for coding in codings] == ["chunked"]

    async def clean(self, text: bytes) -> bytes:
        """A text that comes back, without what must not."""
        return await self._in_turns(Scrubber(self._secrets).cleaning(text))

    async def clean_headers(self, headers: Iterable[tuple[bytes, bytes]], *, head: bool) -> list[tuple[bytes, bytes]]:
        """Headers of an answer, likewise; names in lower case. Its body is decoded, and may become shorter or longer,
        so nothing is said about either, but to ``HEAD`` about a length that no coding has made."""
        headers = tuple(headers)
        tells = head and all(name != b"content-encoding" for name, _ in headers)
        gone = (b"content-encoding",) if tells else (b"content-encoding", b"content-length")
        return [
            (await self.clean(name), await self.clean(value)) for name, value in headers if name not in gone
        ]  # fmt: skip

    async def cleaned(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """A body, likewise. What is held back of a body that fails is lost with it."""
        scrubber = Scrubber(self._secrets)
        async for chunk in chunks:
            for start in range(0, len(chunk), PIECE_BYTES):
                if out := await self._in_turns(scrubber.feeding(chunk[start : start + PIECE_BYTES])):
                    yield out
        if out := await self._in_turns(scrubber.ending()):
            yield out

    async def _in_turns(self, steps: Generator[None, None, _Result]) -> _Result:
        """The result of all steps; others get their turn after each millisecond."""
        begun = time.perf_counter()
        while True:
            try:
                next(steps)
            except StopIteration as end:
                self._spend(time.perf_counter() - begun)
                result: _Result = end.value
                return result
            if (now := time.perf_counter()) - begun > _TURN_S:
                self._spend(now - begun)
                await asyncio.sleep(0)
                begun = time.perf_counter()


def guard_of(
    credentials: Credentials | None, request: HttpRequest, spend: Callable[[float], None]
) -> tuple[HttpRequest, Guard | None]:
    """The request without the header that asks for a credential, and the guard of one that gets some.

    Args:
        credentials: of the run; None: it has none.
        spend: told of the CPU seconds that it takes.

    Raises:
        CredentialRefused: it asks for one that it does not get, or goes where one would not be safe.
    """
    asked = [value.strip() for name, value in request.headers if name == ASK_BY]
    if asked:
        request = replace(request, headers=[pair for pair in request.headers if pair[0] != ASK_BY])
        for name in asked:
            if credentials is None or name not in credentials.by_name:
                raise CredentialRefused(f"there is no credential {name[:64]!r} for this request")
    if credentials is None:
        return request, None
    name = (request.url.raw_host or "").lower()
    port = request.url.port
    host = name if port == 443 else f"{name}:{port}"
    fitting = credentials.at(host)
    for wanted in asked:
        _check_host(credentials.by_name[wanted], request.url, host)
    if request.url.scheme != "https":
        if credentials.knows(name):
            raise CredentialRefused(f"there is a credential for {name}: requests to it are only made over https")
        return request, None
    chosen = [item for item in fitting if item.name in asked] if asked else fitting
    if not fitting:
        return request, None
    _check(request, host)
    return request, Guard(chosen, credentials, spend)


def _check_host(credential: Credential, url: URL, host: str) -> None:
    if host not in credential.hosts:
        hosts = ", ".join(sorted(credential.hosts))
        raise CredentialRefused(f"the credential {credential.name!r} is for {hosts}, and not for {host}")
    if url.scheme != "https":
        raise CredentialRefused(f"the credential {credential.name!r} is only sent over https")


def _check(request: HttpRequest, host: str) -> None:
    if request.method.upper() in _METHODS_REFUSED:
        raise CredentialRefused(f"no credential is sent with {request.method.upper()}")
    if request.url.raw_user is not None or request.url.raw_password is not None:
        raise CredentialRefused("no credential is sent to a URL with a user or a password in it")
    for name, value in request.headers:
        if name == "host" and value.strip().lower() not in (host, f"{host}:443"):
            raise CredentialRefused(f"the host header of a request with a credential must be {host}")


def _with_parameters(url: URL, parameters: list[tuple[str, str]]) -> URL:
    if not parameters:
        return url
    names = {name for name, _ in parameters}
    parts = [
        part for part in url.raw_query_string.split("&") if part and unquote_plus(part.partition("=")[0]) not in names
    ]
    parts += [f"{_in_a_query(name)}={_in_a_query(value)}" for name, value in parameters]
    return URL.build(
        scheme=url.scheme, authority=url.raw_authority, path=url.raw_path or "/", query_string="&".join(parts),
        encoded=True,
    )  # fmt: skip


async def _payload_hash(key: AwsKey, request: HttpRequest) -> str:
    if request.stream_body:
        if key.service == "s3":
            return UNSIGNED_PAYLOAD
        raise CredentialRefused("a streamed body cannot be signed: give it whole, as text or bytes")
    body = request.body or b""
    if len(body) < _THREAD_BYTES:
        return hashlib.sha256(body).hexdigest()
    return (await asyncio.to_thread(hashlib.sha256, body)).hexdigest()


def _forms_of(credentials: Credentials) -> Generator[None, None, tuple[Disguises, ...]]:
    """Of all secrets, in steps; and of those in a query as they are written there, too: a server that encodes a whole
    URL, in base64 say, encodes what is encoded in it once more."""
    made: list[Disguises] = []
    items = credentials.by_name.values()
    texts = {secret for item in items for secret in item.secrets}
    written = {text.replace(" ", "+") for text in texts}
    written |= {write(value) for item in items for _, value in item.query for write in (_in_a_query, quote_plus)}
    for text in texts | written:
        made.append(Disguises(text))
        yield
    return tuple(made)


def _in_a_query(text: str) -> str:
    return quote(text, safe="")
