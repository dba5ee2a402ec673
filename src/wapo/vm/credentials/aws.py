"""AWS Signature Version 4 of a request, in the ``Authorization`` header.

Source: "Create a signed AWS API request" of the IAM user guide; its names are used here. Amazon S3 differs in two ways:
a path is encoded once, and a body may go unsigned.
"""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, unquote

from yarl import URL

from wapo.vm.credentials.credential import AwsKey

__all__ = ["UNSIGNED_PAYLOAD", "sign"]

UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"
_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_UNRESERVED: Final = "-_.~"


def sign(
    key: AwsKey, method: str, url: URL, headers: list[tuple[str, str]], payload_hash: str, now: datetime
) -> tuple[list[tuple[str, str]], str]:
    """The headers to be added to ``headers`` (names in lower case, without ``host``), and the signature, 64 hex digits.

    Args:
        payload_hash: SHA-256 of the body in hex, or ``UNSIGNED_PAYLOAD``.
        now: with a time zone.
    """
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    added = [("x-amz-date", stamp)]
    if key.service == "s3":
        added.append(("x-amz-content-sha256", payload_hash))
    if key.token is not None:
        added.append(("x-amz-security-token", key.token))
    signed: dict[str, list[str]] = {"host": [url.host_port_subcomponent or ""]}
    for name, value in (*headers, *added):
        if name == "content-type" or name.startswith("x-amz-"):
            signed.setdefault(name, []).append(" ".join(value.split()))
    names = ";".join(sorted(signed))
    lines = [f"{name}:{','.join(signed[name])}" for name in sorted(signed)]
    request = "\n".join((method, _path(url, key.service), _query(url), *lines, "", names, payload_hash))
    scope = f"{stamp[:8]}/{key.region}/{key.service}/aws4_request"
    text = "\n".join((_ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()))
    derived = f"AWS4{key.secret}".encode()
    for part in scope.split("/"):
        derived = hmac.digest(derived, part.encode(), "sha256")
    signature = hmac.digest(derived, text.encode(), "sha256").hex()
    value = f"{_ALGORITHM} Credential={key.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return [*added, ("authorization", value)], signature


def _path(url: URL, service: str) -> str:
    path = url.raw_path or "/"
    return quote(unquote(path), safe="/" + _UNRESERVED) if service == "s3" else quote(path, safe="/" + _UNRESERVED)


def _query(url: URL) -> str:
    pairs = []
    for part in filter(None, url.raw_query_string.split("&")):
        name, _, value = part.partition("=")
        pairs.append((quote(unquote(name), safe=_UNRESERVED), quote(unquote(value), safe=_UNRESERVED)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))
