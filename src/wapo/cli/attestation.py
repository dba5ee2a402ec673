"""What is to attest a node: the option of ``wapo serve``, and what comes of it."""

from typing import Annotated, Any, Final

import typer

from wapo.trust.attestation.detection import CHOICES, Choice, choose, provider_of
from wapo.trust.attestation.helper import InHelper
from wapo.trust.attestation.provider import AttestationProvider

__all__ = ["Attestation", "provider_for_serving"]

_LIST: Final = ", ".join(CHOICES)


def _choice(text: str) -> str:
    if text not in CHOICES:
        raise typer.BadParameter(f"{text!r} is none of {_LIST}")
    return text


Attestation = Annotated[
    Any,
    typer.Option(
        "--attestation", parser=_choice, metavar="KIND", show_default="auto", rich_help_panel="Confinement",
        help=f"What vouches for this node: {_LIST}. auto takes what the machine has, and says so where it has nothing.",
    ),
]  # fmt: skip


def provider_for_serving(choice: Choice) -> AttestationProvider:
    """The provider for a node that is to be behind its wall, where it can connect to no Unix socket.

    Raises:
        TeeNotFound: what the operator wants is not there.
    """
    kind = choose(choice)
    return InHelper(kind) if kind == "dstack" else provider_of(kind)
