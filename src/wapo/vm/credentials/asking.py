"""What every request is looked at for; the rest is loaded by those that have credentials."""

from typing import Final

__all__ = ["ASK_BY", "CredentialRefused"]

#: The request header by which a guest says which credential it wants. It never leaves the host.
ASK_BY: Final = "wapo-credential"


class CredentialRefused(Exception):
    """A request that would need a credential does not get it, and is not sent."""
