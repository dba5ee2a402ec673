"""A running node's admin RPC, for commands: where it is, and calls in JSON."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from wapo.cli.data import NoNode
from wapo.errors import CallerError, HostError
from wapo.lazy import library

if TYPE_CHECKING:
    import http.client as http_client
    import urllib.error as urllib_error
    import urllib.request as urllib_request
else:
    urllib_error = library("urllib.error")
    urllib_request = library("urllib.request")
    http_client = library("http.client")

__all__ = ["AdminAccess", "AdminClient", "AdminUnreachable", "CallFailed", "InvalidAdmin"]

_TIMEOUT_S: Final = 600.0


class AdminUnreachable(HostError):
    """Nobody answers where the node's admin RPC should be."""

    code = "admin_unreachable"


class InvalidAdmin(CallerError):
    """What was given as the admin RPC's address or token cannot be one."""

    code = "invalid_admin"


class CallFailed(CallerError):
    """The node refused; the message is its own."""

    code = "call_failed"


@dataclass(frozen=True, slots=True)
class AdminAccess:
    """How a node's apps are reached; the node writes it where commands find it. ``token`` None: none is asked for."""

    url: str
    token: str | None
    user_url: str

    def write(self, data_dir: Path) -> None:
        """Readable by the owner only, because of the token.

        Raises:
            OSError: it cannot be written; nothing is left of it.
        """
        path = data_dir / _FILE
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(descriptor, "w") as file:
                json.dump({"url": self.url, "token": self.token, "user_url": self.user_url}, file)
            temporary.replace(path)
        except OSError:  # the disk is full
            temporary.unlink(missing_ok=True)
            raise

    def withdraw(self, data_dir: Path) -> None:
        """The node has stopped: the token is not to be told to whoever listens there next."""
        with contextlib.suppress(NoNode, OSError):
            if AdminAccess.read(data_dir) == self:
                (data_dir / _FILE).unlink()

    @classmethod
    def read(cls, data_dir: Path) -> AdminAccess:
        """Raises :class:`NoNode` if no node has written it there."""
        try:
            found = json.loads((data_dir / _FILE).read_text())
            return cls(found["url"], found["token"], found["user_url"])
        except (OSError, ValueError, KeyError, TypeError):
            raise NoNode(
                f"no node with apps runs in {data_dir}; start one with wapo serve, or say --admin URL"
            ) from None


_FILE: Final = "admin.json"


class _Fields(dict[str, Any]):
    """A message's fields. A node writes all of them; who leaves one out is none."""

    def __init__(self, stranger: AdminUnreachable, fields: dict[str, Any]) -> None:
        super().__init__(fields)
        self._stranger = stranger

    def __missing__(self, name: str) -> Any:
        raise self._stranger


class AdminClient:
    """Calls methods of ``Operation``.

    Raises:
        InvalidAdmin.
        AdminUnreachable, CallFailed: every call.
    """

    def __init__(self, access: AdminAccess) -> None:
        if not access.url.startswith(("http://", "https://")):
            raise InvalidAdmin(f"{access.url!r} is no address of an admin RPC; one looks like http://127.0.0.1:8001")
        if access.token is not None and not all("!" <= character <= "~" for character in access.token):
            raise InvalidAdmin("the admin token has characters that no token has")
        self.access = access

    def call(self, method: str, **argument: Any) -> dict[str, Any]:
        """The result's fields; none, if the method has no result. Bytes are ``0x`` and hex, as everywhere in this RPC."""
        body = msgspec.json.encode(argument)
        answer = self._post(f"/prpc/Operation.{method}?json", body, "application/json")
        stranger = _stranger(self.access.url)
        try:
            value = msgspec.json.decode(answer, type=dict[str, Any] | None)
        except msgspec.DecodeError:
            raise stranger from None
        return _Fields(stranger, value or {})

    def upload(self, content: bytes) -> str:
        """Stores a blob; its full name."""
        return self._post("/blob/sha256:", content, "application/octet-stream").decode("utf-8", "replace")

    def _post(self, path: str, body: bytes, content_type: str) -> bytes:
        headers = {"Content-Type": content_type}
        if self.access.token is not None:
            headers["Authorization"] = f"Bearer {self.access.token}"
        request = urllib_request.Request(self.access.url + path, body, headers, method="POST")
        # No proxy: what is on loopback is nobody else's to fetch.
        opener = urllib_request.build_opener(urllib_request.ProxyHandler({}))
        with _failures(self.access.url), opener.open(request, timeout=_TIMEOUT_S) as response:
            answer: bytes = response.read()
            return answer


def _stranger(url: str) -> AdminUnreachable:
    return AdminUnreachable(f"what answers at {url} is no admin RPC")


@contextlib.contextmanager
def _failures(url: str) -> Iterator[None]:
    try:
        yield
    except urllib_error.HTTPError as error:
        with error:
            message = _message(error)
        raise CallFailed(message) from None
    except (OSError, ValueError) as error:  # also http.client's for a connection that ends without an answer
        reason = getattr(error, "reason", error)
        raise AdminUnreachable(f"no node answers at {url}: {getattr(reason, 'strerror', None) or reason}") from None
    except http_client.IncompleteRead:
        raise AdminUnreachable(f"what answers at {url} ended in the middle of its answer") from None
    except http_client.HTTPException:
        raise _stranger(url) from None


def _message(error: urllib_error.HTTPError) -> str:
    """The node's words. Of a chain of causes, as the original writes them, the last says most."""
    try:
        body = error.read().decode("utf-8", "replace")
    except (OSError, http_client.HTTPException):
        body = ""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        text: str = json.loads(body)["error"]
        outer, _, cause = text.partition("\n\nCaused by:\n")
        return f"{outer}: {cause.strip()}" if cause else text
    if error.code == 401:
        return "the admin token is missing or wrong"
    return body.strip() if 0 < len(body) < 500 and "<" not in body else f"{error.code} {error.reason}"
