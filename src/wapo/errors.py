"""What every room raises on purpose, and who is to blame.

``code`` is stable: it goes to logs, JSON and docs. ``status`` is a hint that only the gateway reads.
A room subclasses these; ``tests/test_errors.py`` holds the codes unique and documented.
"""

from typing import ClassVar

__all__ = ["CallerError", "GuestError", "HostError", "UpstreamError", "WapoError"]


class WapoError(Exception):
    """Anything that Wapo raises on purpose. The message is one clean sentence for a person.

    Attributes:
        retry_after_s: where the status says "later": when, in seconds.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    retry_after_s: int = 1


class CallerError(WapoError):
    """The request or the command was wrong."""

    code = "bad_request"
    status = 400


class GuestError(WapoError):
    """The program that was run was wrong, or met one of its limits."""

    code = "guest_failed"
    status = 500


class UpstreamError(WapoError):
    """Somebody that we depend on over the network did not answer, or answered wrongly."""

    code = "upstream_failed"
    status = 502


class HostError(WapoError):
    """We were wrong, or the machine is out of something."""

    code = "host_failed"
    status = 500
