"""Bytes to hash or sign that nobody can read in two ways."""

__all__ = ["canonical"]


def canonical(domain: str, *parts: bytes) -> bytes:
    """The domain and each part, in order, each after its length (4 bytes, big-endian).

    Args:
        domain: what the bytes are for, with a version, such as ``wapo-attestation/v1``.
    """
    return b"".join(len(part).to_bytes(4, "big") + part for part in (domain.encode(), *parts))
