"""``wapo fetch``: a request to an agent that only the agent's node can read."""

import sys
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote, urlsplit

import typer

from wapo.cli.main import checked, run_async
from wapo.cli.output import note, printable, working
from wapo.client import EncryptedClient, InvalidOrigin
from wapo.errors import CallerError
from wapo.trust.oblivious.binary_http import is_field
from wapo.verify.document import read_attestation
from wapo.verify.policy import Policy
from wapo.verify.targets import Demands, verify_node

__all__ = ["fetch"]

_KEY_BYTES: Final = 32
_FAILED_FROM: Final = 400
#: Characters of a URL that stay as they are (RFC 3986), the percent sign of what is encoded already among them.
_URL_CHARACTERS: Final = "%/:@!$&'()*+,;=-._~?[]"


class NotAttested(CallerError):
    """A node does not prove what the policy demands: nothing is sent to it."""

    code = "not_attested"


class InvalidFetch(CallerError):
    """A request cannot be made of what was given."""

    code = "invalid_fetch"


def _method(text: str) -> str:
    if not text.isascii() or not text.isalpha():
        raise typer.BadParameter(f"{text!r} is no method such as GET or POST")
    return text.upper()


def _key(text: str) -> bytes:
    try:
        found = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        found = b""
    if len(found) != _KEY_BYTES:
        raise typer.BadParameter(f"a node's key has {2 * _KEY_BYTES} hex digits")
    return found


def _header(text: str) -> tuple[bytes, bytes]:
    name, colon, value = text.partition(":")
    field = name.strip().lower().encode("latin-1", "replace"), value.strip().encode("latin-1", "replace")
    if not colon or not is_field(*field):
        raise typer.BadParameter("a header is 'Name: value'")  # it may be a secret: it is not repeated
    return field


def fetch(
    url: Annotated[
        str, typer.Argument(help="The agent's address: https://NODE/ipfs/CID, with a path if need be.", metavar="URL", show_default=False)
    ],
    method: Annotated[
        str | None,
        typer.Option("--method", "-X", parser=_method, help="GET, or POST where there is data.", metavar="METHOD"),
    ] = None,
    header: Annotated[
        list[Any] | None,
        typer.Option("--header", "-H", parser=_header, help="May be repeated.", metavar="'NAME: VALUE'"),
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", "-d", help="The content: a text, @FILE, or @- for stdin.", metavar="DATA")
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option("--policy", help="Verify the node first, as 'wapo verify' does, and send nothing if it fails.", metavar="FILE"),
    ] = None,
    collateral: Annotated[
        Path | None, typer.Option("--collateral", help="For --policy: saved collateral.", metavar="FILE")
    ] = None,
    key: Annotated[
        Any, typer.Option("--key", parser=_key, help="The node's key, 'encrypt_to' of 'wapo verify'.", metavar="HEX")
    ] = None,
    relay: Annotated[
        str | None, typer.Option("--relay", help="Send it through this relay, which hides who asks.", metavar="URL")
    ] = None,
    include: Annotated[bool, typer.Option("--include", "-i", help="Print the status and headers, too.")] = False,
) -> None:  # fmt: skip
    """Send a request that only the agent's node can read, and print the response.

    It is encrypted to the node's key (Oblivious HTTP, RFC 9458), and so is the response: who ends TLS in front of the
    node sees neither. Whose key that is, an attestation says: give a --policy, or the --key that 'wapo verify' printed.
    Without either, the key is taken as the address tells it.

    Exit code 0: the agent has answered; 1: with a status of 400 or more, or not at all.
    """
    origin, target = checked(lambda: _parts(url))
    checked(lambda: EncryptedClient(origin, relay=relay))
    content = checked(lambda: _content(data)) if data is not None else b""
    demands = None
    if policy is not None:
        demands = Demands(checked(lambda: Policy.load(policy)), checked(lambda: _read(collateral)))

    async def work() -> int:
        known: bytes | None = key
        if demands is not None:
            known = await _attested(origin, demands, known)
        elif known is None:
            note("the key is the one that the address tells: give --policy or --key to know whose it is")
        async with (
            EncryptedClient(origin, key=known, relay=relay) as client,
            await client.request(
                method or ("GET" if data is None else "POST"), target, header or (), content
            ) as answer,
        ):
            if include:
                lines = [
                    f"{answer.status}",
                    *(f"{name.decode('latin-1')}: {value.decode('latin-1')}" for name, value in answer.headers),
                ]
                typer.echo("\n".join(map(printable, lines)) + "\n")
            async for piece in answer:
                sys.stdout.buffer.write(piece)
                sys.stdout.buffer.flush()
        if answer.status >= _FAILED_FROM:
            note(f"the status is {answer.status}")
            return 1
        return 0

    run_async(work)


def _parts(url: str) -> tuple[str, str]:
    """Origin and target. Whatever of the target cannot be sent as it is, is encoded."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise InvalidOrigin(f"{url!r} is no URL") from None
    query = f"?{quote(parts.query, safe=_URL_CHARACTERS)}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}", quote(parts.path or "/", safe=_URL_CHARACTERS) + query


def _content(data: str) -> bytes:
    if data == "@-":
        return sys.stdin.buffer.read()
    return _read(Path(data[1:])) or b"" if data.startswith("@") else data.encode()


def _read(path: Path | None) -> bytes | None:
    try:
        return path.read_bytes() if path is not None else None
    except OSError as error:
        raise InvalidFetch(f"{path} cannot be read: {error.strerror}") from None


async def _attested(origin: str, demands: Demands, known: bytes | None) -> bytes:
    """The key of a node that proves what is demanded.

    Raises:
        NotAttested: it does not, or its key is not the one that is ``known``.
    """
    with working("Verifying"):
        found = await verify_node(origin, demands)
    if not found.verdict.proven:
        raise NotAttested(f"nothing was sent: {found.verdict.sentence} 'wapo verify {origin}' says more.")
    attested = read_attestation(found.saved["attestation.json"]).bound.agreement_public
    if known is not None and known != attested:
        raise NotAttested(f"nothing was sent: the node's key is {attested.hex()}, and not the one that was given")
    return attested
