"""The provider for dstack: its guest agent's socket, or its simulator, through ``dstack-sdk``.

The SDK brings an HTTP client, pydantic and Ethereum's libraries, and takes a third of a second to load; and a process
behind the wall may not connect to a Unix socket. So ``wapo serve`` has this provider in a process of its own
(:mod:`wapo.trust.attestation.helper`).
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from wapo.trust.attestation.provider import ROOT_BYTES, Evidence, QuoteFailed, check_report_data

__all__ = ["SIMULATOR", "SOCKETS", "Dstack", "endpoint"]

SIMULATOR: Final = "DSTACK_SIMULATOR_ENDPOINT"
#: Where the guest agent listens (dstack-sdk 0.5, get_endpoint).
SOCKETS: Final = (
    "/var/run/dstack.sock", "/run/dstack.sock", "/var/run/dstack/dstack.sock", "/run/dstack/dstack.sock",
)  # fmt: skip
_KEY_PATH: Final = "wapo/node-root"
_KEY_PURPOSE: Final = "wapo/v1"
_LEAST_KEY_BYTES: Final = 32
_TIMEOUT_S: Final = 10.0


def endpoint() -> str | None:
    """Where the guest agent, or the simulator, of this machine is; None: there is none."""
    simulator = os.environ.get(SIMULATOR)
    return simulator or next((path for path in SOCKETS if Path(path).exists()), None)


class Dstack:
    """Args:
    endpoint: a socket's path, or a URL; None: where it usually is.
    """

    kind: Final = "dstack"
    writable: Final[Sequence[Path]] = ()

    def __init__(self, endpoint: str | None = None) -> None:
        self._endpoint = endpoint
        self._client: Any = None

    def prepare(self) -> None:
        """Loads the SDK."""
        if self._client is not None:
            return
        try:
            import dstack_sdk
        except ImportError:
            raise QuoteFailed(
                "dstack attests through dstack-sdk, which is not installed: pip install wapo[dstack]"
            ) from None
        try:
            self._client = dstack_sdk.DstackClient(self._endpoint, timeout=_TIMEOUT_S)
            self._client.__enter__()  # connections live until close()
        except OSError as error:
            raise QuoteFailed(f"dstack's guest agent is not there: {error}") from None

    def evidence(self, report_data: bytes) -> Evidence:
        """Of the CVM that this container is in."""
        check_report_data(report_data)
        answer = self._ask("a quote", lambda client: client.get_quote(report_data))
        try:
            return Evidence(answer.decode_quote(), answer.event_log or None)
        except ValueError:
            raise QuoteFailed("dstack's guest agent has answered with something that is no quote") from None

    def quote(self, report_data: bytes) -> bytes:
        """The quote alone."""
        return self.evidence(report_data).quote

    def root_key(self) -> bytes:
        """From the key that dstack's key service gives to this app, by its id, on whichever machine it runs."""
        answer = self._ask("a key", lambda client: client.get_key(_KEY_PATH, _KEY_PURPOSE))
        try:
            key: bytes = answer.decode_key()
        except ValueError:
            key = b""
        if len(key) < _LEAST_KEY_BYTES or key == bytes(len(key)):
            raise QuoteFailed("dstack's key service has answered with something that is no key")
        info = b"wapo/node-root/dstack/HKDF-SHA512/v1"
        return HKDF(algorithm=SHA512(), length=ROOT_BYTES, salt=hashlib.sha512(info).digest(), info=info).derive(key)

    def close(self) -> None:
        """Closes connections."""
        if self._client is not None:
            self._client.__exit__(None, None, None)
            self._client = None

    def _ask(self, what: str, call: Any) -> Any:
        self.prepare()
        try:
            return call(self._client)
        except Exception as error:
            # Of httpx, of pydantic, or the SDK's own RuntimeError.
            raise QuoteFailed(f"{what} could not be had from dstack's guest agent: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
