"""``wapo app``: WebAssembly apps on a running node."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from wapo.cli.admin_client import AdminAccess, AdminClient
from wapo.cli.data import existing, open_records
from wapo.cli.main import checked, run_async
from wapo.cli.options import DataDir, Json, settings_of
from wapo.cli.output import note, print_json, printable, working
from wapo.errors import CallerError, HostError

__all__ = ["app"]

_NO_APPS: Final = "no apps; see wapo app deploy --help"
_POLL_S: Final = 0.5
_MAX_QUERY: Final = 1 << 20

app = typer.Typer(
    help="WebAssembly programs that live on a node: deploy, query, watch, remove.", no_args_is_help=True, add_completion=False,
    rich_markup_mode="rich", context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip

Admin = Annotated[
    str | None,
    typer.Option(
        "--admin", envvar="WAPO_ADMIN", help="The node's admin RPC.", metavar="URL",
        show_default="that of the node in --data-dir",
    ),
]  # fmt: skip
Token = Annotated[
    str | None,
    typer.Option(
        "--token", envvar="WAPO_ADMIN_TOKEN", help="The admin RPC's token.", metavar="TOKEN",
        show_default="that of the node in --data-dir",
    ),
]  # fmt: skip
Which = Annotated[
    str, typer.Argument(help="An app's address, the beginning of it, or its label.", metavar="APP", show_default=False)
]


class NoSuchApp(CallerError):
    """No app, or more than one, is what was meant."""

    code = "no_such_app"


class UnsignedMetrics(HostError):
    """Metrics that are not signed by the node that they are from."""

    code = "unsigned_metrics"


class CannotDeploy(CallerError):
    """What was given cannot be deployed."""

    code = "cannot_deploy"


def _client(data_dir: Path | None, admin: str | None, token: str | None) -> AdminClient:
    if admin is not None:
        return AdminClient(AdminAccess(admin.rstrip("/"), token, ""))
    access = AdminAccess.read(settings_of(data_dir).data_dir)
    return AdminClient(access if token is None else AdminAccess(access.url, token, access.user_url))


def _find(client: AdminClient, which: str) -> dict[str, Any]:
    """The app that is meant."""
    apps: list[dict[str, Any]] = client.call("AppList")["apps"]
    wanted = which.lower()
    if not wanted.startswith("0x"):
        wanted = "0x" + wanted
    found = [one for one in apps if one["manifest"]["label"] == which] or [
        one for one in apps if len(wanted) > 3 and one["address"].startswith(wanted)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise NoSuchApp(f"{which!r} is {len(found)} apps; write more of the address")
    known = ", ".join(sorted(one["manifest"]["label"] or one["address"][:12] for one in apps)) or "none"
    raise NoSuchApp(f"no app is {which!r}; deployed: {known}")


@app.command("deploy")
def deploy(
    program: Annotated[
        Path, typer.Argument(help="A WebAssembly module, or a script.", metavar="FILE", show_default=False)
    ],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            help="Its arguments. Write -- before those that begin with a dash.", metavar="ARGUMENT", show_default=False
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            "--label", help="A name for people; part of the address.", metavar="TEXT", show_default="the file's name"
        ),
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option("--env", "-e", help="A variable of its environment; may be repeated.", metavar="NAME=VALUE"),
    ] = None,
    on_demand: Annotated[
        bool, typer.Option("--on-demand", help="Run it only while it is asked something.", metavar="")
    ] = False,
    resizable: Annotated[
        bool, typer.Option("--resizable", help="Let it have several instances; see wapo app resize.", metavar="")
    ] = False,
    reuse: Annotated[
        bool,
        typer.Option(
            "--reuse/--fresh", help="One instance for all queries and requests, or a fresh one for each.", metavar=""
        ),
    ] = True,
    max_query_size: Annotated[
        int,
        typer.Option(
            help="Most bytes that a query may have, path and payload.", min=0, max=(1 << 32) - 1, metavar="BYTES"
        ),
    ] = _MAX_QUERY,
    blob: Annotated[
        list[Path] | None,
        typer.Option("--blob", help="A file to upload, which it reads by its hash; may be repeated.", metavar="FILE"),
    ] = None,
    data_dir: DataDir = None,
    admin: Admin = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Put a program onto a node and start it; print its address and where it answers HTTP.

    An argument @blob:FILE uploads that file, and becomes its hash, sha256:..., by which the program reads it. A script
    is deployed as the JavaScript engine with the script as a blob; arguments are its scriptArgs.

    Programs that end by themselves are started again if they had run for more than ten seconds.
    """
    variables = checked(lambda: [_pair(text) for text in env or ()])

    def work() -> None:
        client = _client(data_dir, admin, token)
        with working("Deploying"):
            from wapo.agents.profile import guest_module

            content = _read(program)
            is_script = _is_script(program, content)
            script = client.upload(content) if is_script else None
            code = client.upload(guest_module() if is_script else content)
            for path in blob or ():
                note(f"blob {client.upload(_read(path))}  {path}")
            words = [_argument(client, word) for word in arguments or ()]
            if script is not None:
                words = ["--code-hash", script, *(("--", *words) if words else ())]
            if client.call("Info")["session"] == "0x":
                client.call("WorkerInit", recipient="")
            manifest = {
                "version": 1, "code_hash": code, "args": words, "env_vars": variables, "on_demand": on_demand,
                "resizable": resizable, "max_query_size": max_query_size,
                "label": program.stem if label is None else label, "required_blobs": [],
            }  # fmt: skip
            made = client.call("AppDeploy", manifest=manifest, reuse_instances=reuse)
            deployed = [one for one in client.call("AppList")["apps"] if one["address"] == made["address"]]
        url = f"{client.access.user_url}/app/{made['address']}/" if client.access.user_url else None
        if json:
            print_json({"address": made["address"], "session": made["session"], "code_hash": code, "url": url})
            return
        typer.echo(made["address"])
        if url is not None:
            note(f"HTTP at {url}")
        if not on_demand and any(one["instances"] == 0 and not one["last_exit"] for one in deployed):
            note("it does not run yet: the node has no place for another instance; make one, then wapo app start")

    _run(work)


def _run(work: Any) -> None:
    async def run() -> None:
        work()

    run_async(run)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise CannotDeploy(f"{text!r} is not NAME=VALUE")
    return name, value


def _is_script(path: Path, content: bytes) -> bool:
    """Whether it is JavaScript rather than WebAssembly."""
    if content.startswith(b"\0asm"):
        return False
    try:
        content.decode()
    except UnicodeDecodeError:
        raise CannotDeploy(f"{path} is neither a WebAssembly module nor a script in UTF-8") from None
    return True


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CannotDeploy(f"{path} cannot be read: {error.strerror}") from None
    if not content:
        raise CannotDeploy(f"{path} is empty")
    return content


def _argument(client: AdminClient, word: str) -> str:
    return client.upload(_read(Path(word.removeprefix("@blob:")))) if word.startswith("@blob:") else word


@app.command("list")
def list_(data_dir: DataDir = None, admin: Admin = None, token: Token = None, json: Json = False) -> None:
    """List the apps of a node."""

    def work() -> None:
        apps = _client(data_dir, admin, token).call("AppList")["apps"]
        if json:
            print_json(apps)
            return
        if not apps:
            note(_NO_APPS)
            return
        rows = [("", "LABEL", "ADDRESS", "RUNS", "INSTANCES", "LAST QUERY")]
        rows += [
            (
                str(one["sn"]), printable(one["manifest"]["label"]), one["address"][:18], _mode(one),
                str(one["instances"]), f"{timedelta(seconds=one['last_query_elapsed'])} ago",
            )
            for one in apps
        ]  # fmt: skip
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for row in rows:
            typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

    _run(work)


def _mode(one: dict[str, Any]) -> str:
    manifest = one["manifest"]
    words = ["on demand" if manifest["on_demand"] else "always"]
    words += ["resizable"] * manifest["resizable"]
    words += ["fresh for each query"] * (not one["reuse_instances"])
    return ", ".join(words)


@app.command("info")
def info(which: Which, data_dir: DataDir = None, admin: Admin = None, token: Token = None, json: Json = False) -> None:
    """Show one app: its manifest, its instances, how it ended the last time."""

    def work() -> None:
        client = _client(data_dir, admin, token)
        one = _find(client, which)
        if json:
            print_json(one)
            return
        manifest = one["manifest"]
        rows: list[tuple[str, str]] = [
            ("address", one["address"]),
            ("label", manifest["label"]),
            ("code", manifest["code_hash"]),
            ("arguments", " ".join(manifest["args"])),
            *(("environment", f"{pair['key']}={pair['value']}") for pair in manifest["env_vars"]),
            ("runs", _mode(one)),
            ("instances", str(one["instances"])),
            ("max query", f"{manifest['max_query_size']} bytes"),
            ("last exit", one["last_exit"] or "-"),
        ]
        if client.access.user_url:
            rows.append(("HTTP", f"{client.access.user_url}/app/{one['address']}/"))
        for name, value in rows:
            typer.echo(f"{name:11}  {printable(value)}")

    _run(work)


def _act(method: str, which: str, data_dir: Path | None, admin: str | None, token: str | None, **more: Any) -> Any:
    client = _client(data_dir, admin, token)
    return client.call(method, address=_find(client, which)["address"], **more)


@app.command("start")
def start(which: Which, data_dir: DataDir = None, admin: Admin = None, token: Token = None) -> None:
    """Start an app that is stopped."""
    _run(lambda: _act("AppStart", which, data_dir, admin, token))


@app.command("stop")
def stop(which: Which, data_dir: DataDir = None, admin: Admin = None, token: Token = None) -> None:
    """End an app's instances; it stays deployed.

    It stays stopped, over restarts of the node too, until wapo app start. One on demand starts when it is asked again.
    """
    _run(lambda: _act("AppStop", which, data_dir, admin, token))


@app.command("resize")
def resize(
    which: Which,
    instances: Annotated[int, typer.Argument(help="How many.", min=0, metavar="NUMBER", show_default=False)],
    data_dir: DataDir = None,
    admin: Admin = None,
    token: Token = None,
) -> None:
    """Have an app run so many instances; print how many it has then."""

    def work() -> None:
        client = _client(data_dir, admin, token)
        one = _find(client, which)
        running = client.call("AppResize", address=one["address"], instances=instances)["value"]
        typer.echo(running)
        if running < instances:
            why = (
                "there is no room for more" if one["manifest"]["resizable"] else "it was not deployed with --resizable"
            )
            note(f"{running} of {instances}: {why}")

    _run(work)


@app.command("remove")
def remove(which: Which, data_dir: DataDir = None, admin: Admin = None, token: Token = None) -> None:
    """Forget an app and its metrics; its boot data and blobs stay."""
    _run(lambda: _act("AppRemove", which, data_dir, admin, token))


@app.command("query")
def query(
    which: Which,
    path: Annotated[str, typer.Argument(help="The query's path.", metavar="PATH", show_default=False)] = "/",
    payload: Annotated[
        str | None,
        typer.Argument(help="Its payload; 0x and hex for bytes, - for stdin.", metavar="PAYLOAD", show_default=False),
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="A file with the payload.", metavar="FILE")] = None,
    show_hex: Annotated[bool, typer.Option("--hex", help="Print the output as 0x and hex.", metavar="")] = False,
    data_dir: DataDir = None,
    admin: Admin = None,
    token: Token = None,
) -> None:
    """Ask an app; its output goes to stdout as it is."""

    def work() -> None:
        data = checked(lambda: _payload(payload, file))
        output = _act("AppQuery", which, data_dir, admin, token, path=path, payload="0x" + data.hex())["output"]
        if show_hex:
            typer.echo(output)
            return
        sys.stdout.buffer.write(bytes.fromhex(output[2:]))
        sys.stdout.buffer.flush()
        if sys.stdout.isatty():
            typer.echo()

    _run(work)


class InvalidPayload(CallerError):
    """A query's payload cannot be read."""

    code = "invalid_payload"


def _payload(text: str | None, file: Path | None) -> bytes:
    if file is not None:
        try:
            return file.read_bytes()
        except OSError as error:
            raise InvalidPayload(f"{file} cannot be read: {error.strerror}") from None
    if text is None:
        return b""
    if text == "-":
        return sys.stdin.buffer.read()
    if not text.startswith("0x"):
        return text.encode("utf-8", "surrogateescape")
    try:
        return bytes.fromhex(text[2:])
    except ValueError:
        raise InvalidPayload(f"{text!r} is not an even number of hex digits after 0x") from None


@app.command("metrics")
def metrics(
    which: Annotated[
        str | None, typer.Argument(help="An app; all, if none is named.", metavar="APP", show_default=False)
    ] = None,
    data_dir: DataDir = None,
    admin: Admin = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Show what apps have used since they were deployed; the node's signature is verified.

    With --json, a JSON value a line and app.
    """

    def work() -> None:
        from dataclasses import asdict

        from wapo.abi.metrics import MAX_APPS, AppMetrics, VersionedAppsMetrics
        from wapo.scale.primitives import Reader
        from wapo.trust.domains import ContentType, verify_signature

        client = _client(data_dir, admin, token)
        apps = {one["address"]: one["manifest"]["label"] for one in client.call("AppList")["apps"]}
        addresses = [_find(client, which)["address"]] if which is not None else list(apps)
        if not addresses and not json:
            note(_NO_APPS)
        key = bytes.fromhex(client.call("Info")["pubkey"][2:])
        reported: list[AppMetrics] = []
        for first in range(0, len(addresses), MAX_APPS):
            answer = client.call("AppMetrics", addresses=addresses[first : first + MAX_APPS])
            encoded, signature = (bytes.fromhex(answer[name][2:]) for name in ("encoded_metrics", "signature"))
            if not verify_signature(key, ContentType.METRICS, encoded, signature):
                raise UnsignedMetrics("the metrics are not signed by the node's key")
            reported += VersionedAppsMetrics.read(Reader(encoded)).apps
        for one in reported:
            values = asdict(one) | {"address": "0x" + one.address.hex(), "session": "0x" + one.session.hex()}
            label = apps.get(values["address"], "")
            if json:
                print_json({"label": label} | values)
                continue
            typer.echo(f"{printable(label)}  {values['address']}")
            for name, value in values.items():
                if name not in ("address", "session"):
                    typer.echo(f"  {name.replace('_', ' '):18} {value}")

    _run(work)


@app.command("logs")
def logs(
    which: Which,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on, as lines are written.", metavar="")] = False,
    limit: Annotated[
        int,
        typer.Option("--limit", "-n", help="How many of the newest lines.", min=0, max=10_000, metavar="NUMBER"),
    ] = 100,
    data_dir: DataDir = None,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON value a line, for programs.", metavar="")] = False,
) -> None:
    """Print an app's log, the oldest line first: of the node in --data-dir."""
    from wapo.gateway.logs import iso_time, text_line
    from wapo.node.logs import LogRecord, read_records, records_since

    def show(record: LogRecord) -> None:
        if json:
            value = {"instance": record.request_id, "level": record.level, "message": record.message}
            print_json(value | {"created_at": iso_time(record.time_ms)})
        else:
            typer.echo(printable(text_line(record)))

    async def work() -> None:
        settings = existing(settings_of(data_dir, upstreams=["none"]))
        address = which.removeprefix("0x").lower()
        if len(address) != 64:
            address = _find(_client(data_dir, None, None), which)["address"][2:]
        async with open_records(settings) as (database, _, _):
            program = f"app/{address}"
            position = await records_since(database, program, None)
            for record in reversed(await read_records(database, program, limit=limit, up_to=position)):
                show(record)
            while follow:
                await asyncio.sleep(_POLL_S)
                position = await records_since(database, program, position, show)

    run_async(work)
