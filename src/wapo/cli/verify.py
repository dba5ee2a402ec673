"""``wapo verify``: whether a node, an answer, a quote is what it claims to be; for people and for programs."""

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from wapo.cli.main import checked, run_async
from wapo.cli.options import Json
from wapo.cli.output import fail, print_json, printable, working
from wapo.gateway.verification_page import page as verification_page
from wapo.trust.attestation.report_data import parse_nonce
from wapo.verify.fetch import PCS
from wapo.verify.policy import Policy
from wapo.verify.steps import EXIT_CODES, Step
from wapo.verify.targets import Demands, Found, verify_files, verify_node

__all__ = ["verify"]


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time such as 2026-01-31T12:00:00Z") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _service(text: str) -> str:
    if text != "none" and not text.startswith(("http://", "https://")):
        raise typer.BadParameter(f"{text!r} is neither a URL nor none")
    return text


def verify(
    targets: Annotated[
        list[str] | None, typer.Argument(help="URL of a node or of an agent on it, or what was saved before.", metavar="URL|FILE...", show_default=False)
    ] = None,
    policy: Annotated[
        Path | None, typer.Option("--policy", help="What must hold, in TOML (docs/trust.md).", metavar="FILE")
    ] = None,
    collateral: Annotated[
        Path | None, typer.Option("--collateral", help="Saved collateral, instead of asking for it.", metavar="FILE")
    ] = None,
    collateral_from: Annotated[
        str,
        typer.Option(
            "--collateral-from", parser=_service, metavar="URL",
            help="Intel's service, or a cache of it (PCCS), to ask for collateral; none asks nobody.",
        ),
    ] = PCS,
    nonce: Annotated[
        str | None, typer.Option("--nonce", help="With files: what was asked with, in hex.", metavar="HEX")
    ] = None,
    at: Annotated[
        Any, typer.Option("--at", parser=_time, help="When it must be right; now if not given.", metavar="TIME")
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option("--save", help="Keep what was found, to verify it again without anybody.", metavar="DIR"),
    ] = None,
    page: Annotated[
        bool,
        typer.Option("--page", help="Print a page that verifies in a browser, as far as one can, and end.", metavar=""),
    ] = False,
    json: Json = False,
) -> None:  # fmt: skip
    """Verify a node, or what it has said, step by step.

    A node is asked with a fresh nonce; its quote is checked up to Intel's root, what was measured against the policy.
    Where the URL is an agent's, /ipfs/<cid>, the agent is asked, and its response checked against the receipt and the
    code's hash.
    Exit code 0: all of it is proven; 1: something is wrong; 3: nothing is wrong, but something is not proven.
    """
    if page:
        sys.stdout.buffer.write(verification_page())
        return
    if not targets:
        raise fail("what is to be verified? A node's URL, or files", 2)
    demands = Demands(
        policy=checked(lambda: Policy.load(policy)) if policy is not None else Policy(),
        collateral=_content(collateral),
        service=None if collateral_from == "none" else collateral_from,
        at=at,
    )
    asked = checked(lambda: parse_nonce(nonce)) if nonce is not None else None
    urls = [target for target in targets if "://" in target]
    if urls and (len(targets) > 1 or asked is not None):
        raise fail("one URL alone, or files: a node is asked with a nonce of its own", 2)

    async def work() -> int:
        with working("Verifying"):
            if urls:
                found = await verify_node(urls[0], demands)
            else:
                found = await verify_files([Path(target) for target in targets], asked, demands)
        if save is not None:
            _save(save, found)
        if json:
            print_json(found.verdict.as_json())
        else:
            _show(found)
        return EXIT_CODES[found.verdict.outcome]

    run_async(work)


def _content(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise fail(f"the collateral {path} cannot be read: {error.strerror}", 2) from None


def _save(folder: Path, found: Found) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in found.saved.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise fail(f"{folder} cannot be written: {error.strerror}") from None


_WORDS: Final = {"ok": ("OK", 32), "open": ("OPEN", 33), "failed": ("FAIL", 31)}


def _show(found: Found) -> None:
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def painted(text: str, colour: int) -> str:
        return f"\033[{colour}m{text}\033[0m" if coloured else text

    for step in found.verdict.steps:
        _show_step(step, painted)
    outcome = {"proven": "ok", "open": "open", "refused": "failed"}[found.verdict.outcome]
    typer.echo(painted(printable(found.verdict.sentence), _WORDS[outcome][1]))


def _show_step(step: Step, painted: Callable[[str, int], str]) -> None:
    word, colour = _WORDS[step.state]
    typer.echo(f"{painted(f'{word:4}', colour)}  {step.name:10} {printable(step.text)}")
    for name, value in step.evidence.items():
        shown = ", ".join(map(str, value)) or "none" if isinstance(value, list) else value
        typer.echo(f"{'':17}{name}: {printable(str(shown))}")
