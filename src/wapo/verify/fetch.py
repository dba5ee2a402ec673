"""What a verifier asks others for: a node's answers, bounded, and Intel's collateral."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from yarl import URL

from wapo.errors import CallerError, UpstreamError
from wapo.lazy import library

if TYPE_CHECKING:
    import aiohttp
    import dcap_qvl
else:
    aiohttp = library("aiohttp")
    dcap_qvl = library("dcap_qvl")

__all__ = ["PCS", "Answer", "InvalidTarget", "NotFetched", "fetch", "fetch_collateral", "origin_of"]

PCS: Final = "https://api.trustedservices.intel.com"
"""Intel's own service; a cache of it (PCCS) answers in the same way."""

_TIMEOUT_S: Final = 30.0


class InvalidTarget(CallerError):
    """What is to be verified is neither a URL nor a file that a verifier knows."""

    code = "invalid_target"


class NotFetched(UpstreamError):
    """Something that a verifier needs could not be fetched."""

    code = "not_fetched"


@dataclass(frozen=True)
class Answer:
    """A response, as it came; header names as sent, in order."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def origin_of(url: str) -> str:
    """``https://host:port`` of a URL.

    Raises:
        InvalidTarget: it is none, or of another kind.
    """
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        raise InvalidTarget(f"{url} is no URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise InvalidTarget(f"{url} is no URL of a node: http:// or https://, and a host")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}"


async def fetch(url: str, max_bytes: int, headers: Mapping[str, str] | None = None) -> Answer:
    """A GET; redirects are not followed, content codings not undone.

    Raises:
        NotFetched: there is no whole answer, or a longer one.
    """
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
    sent = {"accept-encoding": "identity", "user-agent": "wapo-verify"} | dict(headers or {})
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session,
            session.get(URL(url, encoded=True), headers=sent, allow_redirects=False) as response,
        ):
            body = bytearray()
            async for piece in response.content.iter_any():
                body += piece
                if len(body) > max_bytes:
                    raise NotFetched(f"{url} answers with more than {max_bytes} bytes")
            lines = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers)
            return Answer(response.status, lines, bytes(body))
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise NotFetched(f"{url} cannot be fetched: {str(error) or type(error).__name__}") from None


async def fetch_collateral(quote: bytes, service: str = PCS) -> bytes:
    """Intel's collateral for a quote, in the form that it is saved in.

    Raises:
        NotFetched.
    """
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            found = await dcap_qvl.get_collateral(service, quote)
    except (ValueError, RuntimeError, TimeoutError) as error:
        reason = " ".join(str(error).split()) or "no answer in time"
        raise NotFetched(f"no collateral from {service}: {reason}") from None
    text: str = found.to_json()
    return text.encode()
