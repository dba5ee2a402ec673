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
from collections.abc import AsyncIterator, Callable, Generator
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote_plus

from yarl import URL

from wapo.vm.credentials.asking import ASK_BY, CredentialRefused
from wapo.vm.credentials.aws import UNSIGNED_PAYLOAD, sign
from wapo.vm.credentials.credential import AwsKey, Credential, Credentials
from wapo.vm.credentials.disguises import Disguises
from wapo.vm.credentials.scrubber import Scrubber

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

    from wapo.vm.resources.http import HttpRequest

__all__ = ["Guard", "guard_of"]

_METHODS_REFUSED: Final = frozenset(("CONNECT", "TRACE", "TRACK"))
#: A server that is asked for a part of its answer may cut the secret in two.
_LEFT_OUT: Final = frozenset(("host", "range", "if-range", "accept-encoding"))
_THREAD_BYTES: Final = 1 << 18
_PIECE_BYTES: Final = 4 << 10
_TURN_S: Final = 0.001


class Guard:
    """One request that has credentials.

    Args:
        credentials: those that it gets.
        run: all of the run, none of which may come back.
    """

    def __init__(self, credentials: list[Credential], run: Credentials) -> None:
        self._credentials = credentials
        self._secrets = [form for item in run.by_name.values() for secret in item.secrets for form in _forms(secret)]

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
        if key is not None:
            payload = await _payload_hash(key, request)
            more, signature = sign(key, request.method, url, headers, payload, datetime.now(UTC))
            headers += more
            self._secrets.append(Disguises(signature))
        return replace(request, url=url, headers=headers)

    @staticmethod
    def can_see_through(headers: CIMultiDictProxy[str]) -> bool:
        """Whether a body has no transfer coding but the one that frames it (RFC 9112 6.1)."""
        codings = headers.getall("Transfer-Encoding", ["chunked"])
        return [coding.strip().lower() for coding in codings] == ["chunked"]

    def clean(self, data: bytes) -> bytes:
        """A text that comes back, without what must not."""
        return Scrubber(self._secrets).clean(data)

    async def cleaned(self, chunks: AsyncIterator[bytes], spend: Callable[[float], None]) -> AsyncIterator[bytes]:
        """A body, likewise; ``spend`` is told of the CPU seconds that it takes. What is held back of a body that fails
        is lost with it."""
        scrubber = Scrubber(self._secrets)
        async for chunk in chunks:
            for start in range(0, len(chunk), _PIECE_BYTES):
                if out := await _in_turns(scrubber.feeding(chunk[start : start + _PIECE_BYTES]), spend):
                    yield out
        if out := await _in_turns(scrubber.ending(), spend):
            yield out


async def _in_turns(steps: Generator[None, None, bytes], spend: Callable[[float], None]) -> bytes:
    """The result of all steps; others get their turn after each millisecond."""
    begun = time.perf_counter()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            spend(time.perf_counter() - begun)
            result: bytes = end.value
            return result
        if (now := time.perf_counter()) - begun > _TURN_S:
            spend(now - begun)
            await asyncio.sleep(0)
            begun = time.perf_counter()


def guard_of(credentials: Credentials | None, request: HttpRequest) -> tuple[HttpRequest, Guard | None]:
    """The request without the header that asks for a credential, and the guard of one that gets some.

    Args:
        credentials: of the run; None: it has none.

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
    return request, Guard(chosen, credentials)


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
    parts += [f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in parameters]
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


@lru_cache(256)
def _disguises(secret: str) -> Disguises:
    return Disguises(secret)


def _forms(secret: str) -> list[Disguises]:
    """A form encodes a space as a plus."""
    return [_disguises(text) for text in {secret, secret.replace(" ", "+")}]
