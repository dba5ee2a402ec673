"""What the content room raises: who is to blame, and what they can do about it.

Bytes that match their hash but make no sense are the *caller's* error: whoever published that CID published that.
Bytes that do not match their hash are the *upstream's*. A store that cannot read or write is *ours*.
"""

from collections.abc import Iterable

from wapo.errors import CallerError, HostError, UpstreamError

__all__ = [
    "BlockStoreFailed",
    "BlockTooLarge",
    "ContentNotFound",
    "ContentTooComplex",
    "ContentTooDeep",
    "ContentTooLarge",
    "HashMismatch",
    "InvalidCid",
    "InvalidTrustlessRequest",
    "InvalidUpstream",
    "IsADirectory",
    "MalformedCar",
    "MalformedContent",
    "NotPublishable",
    "SizeMismatch",
    "TooManyLookups",
    "UnsupportedContent",
    "UpstreamUnreachable",
]

NAMES_SHOWN = 20


class InvalidCid(CallerError):
    """A text or bytes that are not an identifier of content, or one of a kind that Wapo does not read."""

    code = "invalid_cid"


class InvalidUpstream(CallerError):
    """A configured upstream is no address of a gateway."""

    code = "invalid_upstream"


class InvalidTrustlessRequest(CallerError):
    """A peer asks for blocks or archives in a form that does not exist."""

    code = "invalid_trustless_request"


class ContentNotFound(CallerError):
    """Nobody who was asked has it."""

    code = "content_not_found"
    status = 404


class IsADirectory(CallerError):
    """The path ends at a directory, and a directory cannot be run. ``names``: what is in it, as far as was looked."""

    code = "is_a_directory"
    status = 404

    def __init__(self, path: str, names: Iterable[str], *, missing: str | None = None) -> None:
        """``missing``: the next step of the path, of which nothing is there."""
        self.names = tuple(names)
        shown = ", ".join(repr(name[:100]) for name in self.names[:NAMES_SHOWN]) or "nothing"
        more = len(self.names) - NAMES_SHOWN
        lack = "" if missing is None else f" without an entry {missing[:100]!r}"
        super().__init__(f"{path} is a directory{lack}. It holds {shown}{f' and {more} more' if more > 0 else ''}.")


class UnsupportedContent(CallerError):
    """Sound content of a kind that is not a program: a symlink, a UnixFS metadata node, an unknown hash of names."""

    code = "unsupported_content"
    status = 422


class MalformedContent(CallerError):
    """A block has the right hash, and yet is no sound DAG-PB or UnixFS node."""

    code = "malformed_content"
    status = 422


class SizeMismatch(MalformedContent):
    """A file declares another size than its parts have."""

    code = "content_size_mismatch"


class ContentTooLarge(CallerError):
    """More bytes than the limit allows, declared or counted."""

    code = "content_too_large"
    status = 413


class BlockTooLarge(ContentTooLarge):
    """One block over the limit. 2 MiB is what the ecosystem's peers exchange."""

    code = "block_too_large"


class ContentTooComplex(CallerError):
    """More blocks than the limit allows, for however few bytes."""

    code = "content_too_complex"
    status = 413


class ContentTooDeep(ContentTooComplex):
    """More levels than the limit allows."""

    code = "content_too_deep"


class NotPublishable(CallerError):
    """Something on the local disk that cannot be published: a symlink, a device, a name that is not UTF-8."""

    code = "not_publishable"


class HashMismatch(UpstreamError):
    """Bytes that are not what their hash says. The message names who sent them."""

    code = "hash_mismatch"


class MalformedCar(UpstreamError):
    """An archive that is cut short or makes no sense."""

    code = "malformed_car"


class UpstreamUnreachable(UpstreamError):
    """No upstream gave a usable answer, and at least one did not say that the content does not exist."""

    code = "upstream_unreachable"


class TooManyLookups(UpstreamError):
    """As much is being looked for at upstreams as may be at once. What is in the local store is not concerned."""

    code = "too_many_lookups"
    status = 503


class BlockStoreFailed(HostError):
    """The block store could not read or write: disk full, permissions, a broken medium."""

    code = "block_store_failed"
    status = 503
