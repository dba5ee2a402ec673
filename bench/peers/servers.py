"""Peers as servers on loopback. Each gets the agent's file, and answers at ``url``."""

import http.client
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import a_server, free_port, publish

from peers import packages
from peers.packages import Absent
from peers.processes import cpu_s, pss_kb

__all__ = ["APART", "BESIDE", "Server", "Start", "again", "many_deno", "many_node", "many_wapo", "many_workerd", "versions", "wapo"]  # fmt: skip


@dataclass(frozen=True)
class Server:
    """One that runs. ``url`` is the agent's, without a slash at its end."""

    url: str
    pid: int

    def cpu_s(self) -> float:
        return cpu_s(self.pid)

    def pss_kb(self) -> int:
        return pss_kb(self.pid)


Start = Callable[[Path], AbstractContextManager[Server]]


@contextmanager
def _started(
    command: list[str], port: int, cwd: Path | None = None, env: dict[str, str] | None = None
) -> Iterator[Server]:
    process = subprocess.Popen(
        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(port, process)
        yield Server(f"http://127.0.0.1:{port}", process.pid)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(port: int, process: subprocess.Popen[Any]) -> None:
    """Until it answers, whatever it says: not every agent likes a bare GET."""
    until = time.monotonic() + 60
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
            return
        except (OSError, http.client.HTTPException):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{process.args[0]} did not start") from None  # type: ignore[index]
            time.sleep(0.005)
        finally:
            connection.close()


def wapo(*options: str) -> Start:
    """``wapo serve``: a machine of its own for each request."""

    @contextmanager
    def start(agent: Path) -> Iterator[Server]:
        with a_server(*options) as (url, pid, folder):
            yield Server(publish(url, folder, agent.read_bytes()), pid)

    return start


@contextmanager
def again(data: Path, path: str = "") -> Iterator[Server]:
    """``wapo serve`` on a data directory that may have been used before, where an agent is at ``path``.

    Python's byte code is kept beside the directory, as an installed package has it.
    """
    port = free_port()
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPYCACHEPREFIX"] = str(data.parent / "byte-code")
    command = [
        sys.executable,
        "-m",
        "wapo",
        "serve",
        "--data-dir",
        str(data),
        "--port",
        str(port),
        "--upstream",
        "none",
    ]
    with _started(command, port, env=env) as server:
        yield Server(server.url + path, server.pid)


@contextmanager
def node(agent: Path) -> Iterator[Server]:
    port = free_port()
    with _started([packages.node(), packages.host("node.mjs"), str(agent), str(port)], port) as server:
        yield server


@contextmanager
def deno(agent: Path) -> Iterator[Server]:
    port = free_port()
    command = [packages.deno(), "serve", "--allow-all", "--no-config", "--host", "127.0.0.1", "--port", str(port)]
    with _started([*command, str(agent)], port) as server:
        yield server


_WORKERD = """using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "internet", network = (allow = ["public", "private", "local"])),
    {services}
  ],
  sockets = [(name = "http", address = "127.0.0.1:{port}", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "agent.js")], compatibilityDate = "2026-01-01",
  globalOutbound = "internet", bindings = [{bindings}],
);
"""


@contextmanager
def _workerd(agent: Path, *options: str, services: str = "", bindings: str = "") -> Iterator[Server]:
    port = free_port()
    executable = packages.workerd()
    with tempfile.TemporaryDirectory(prefix="wapo-bench-") as name:
        folder = Path(name)
        (folder / "agent.js").write_bytes(agent.read_bytes())
        config = _WORKERD.format(port=port, services=services, bindings=bindings)
        (folder / "config.capnp").write_text(config)
        with _started([executable, "serve", *options, "config.capnp"], port, cwd=folder) as server:
            yield server


@contextmanager
def workerd(agent: Path) -> Iterator[Server]:
    with _workerd(agent) as server:
        yield server


@contextmanager
def quickjs_wasi(_agent: Path) -> Iterator[Server]:
    """Answers hello JSON, whatever the agent: there is no ``fetch`` handler in it."""
    packages.version("quickjs-wasi")
    port = free_port()
    with _started([packages.node(), packages.host("snapshots.mjs"), "serve", str(port)], port) as server:
        yield server


@contextmanager
def quickjs_rs(_agent: Path) -> Iterator[Server]:
    """As ``quickjs_wasi``."""
    packages.quickjs_rs()
    port = free_port()
    with _started([sys.executable, packages.host("contexts.py"), "serve", str(port)], port) as server:
        yield server


#: Whoever runs an agent as it is, in the order of tables. One process each but for the second.
BESIDE: Mapping[str, Start] = {
    "wapo": wapo(), "wapo, 2 workers": wapo("--workers", "2"), "workerd": workerd, "node": node, "deno": deno,
}  # fmt: skip
#: Whoever has an engine apart for each request, as we do, and no platform in it: they answer hello JSON only.
APART: Mapping[str, Start] = {"quickjs-wasi": quickjs_wasi, "quickjs-rs": quickjs_rs}


# Many agents on one server: FOLDER/agent7.js answers at url/agent7, in whatever the peer starts for an agent.


@contextmanager
def many_wapo(folder: Path) -> Iterator[tuple[Server, dict[str, str]]]:
    with a_server() as (url, pid, data):
        addresses = {path.stem: publish(url, data, path.read_bytes()) for path in sorted(folder.glob("*.js"))}
        yield Server(url, pid), addresses


def _addresses(server: Server, folder: Path) -> dict[str, str]:
    return {path.stem: f"{server.url}/{path.stem}" for path in sorted(folder.glob("*.js"))}


@contextmanager
def many_workerd(folder: Path) -> Iterator[tuple[Server, dict[str, str]]]:
    """An isolate for each, from the worker loader."""
    services = f'(name = "files", disk = (path = "{folder}")),'
    bindings = '(name = "LOADER", workerLoader = (id = "agents")), (name = "FILES", service = "files")'
    agent = Path(packages.host("many_workerd.js"))
    with _workerd(agent, "--experimental", services=services, bindings=bindings) as server:
        yield server, _addresses(server, folder)


@contextmanager
def many_node(folder: Path) -> Iterator[tuple[Server, dict[str, str]]]:
    """A worker thread for each."""
    port = free_port()
    with _started([packages.node(), packages.host("many_node.mjs"), str(folder), str(port)], port) as server:
        yield server, _addresses(server, folder)


@contextmanager
def many_deno(folder: Path) -> Iterator[tuple[Server, dict[str, str]]]:
    """A web worker for each."""
    port = free_port()
    command = [
        packages.deno(),
        "run",
        "--allow-all",
        "--no-config",
        packages.host("many_deno.js"),
        str(folder),
        str(port),
    ]
    with _started(command, port) as server:
        yield server, _addresses(server, folder)


def versions() -> dict[str, str]:
    """Of all peers; of an absent one, why it is."""
    asked: dict[str, Callable[[], str]] = {
        "workerd": lambda: packages.version("workerd"),
        "node": lambda: _said([packages.node(), "--version"]),
        "deno": lambda: packages.version("deno"),
        "quickjs-wasi": lambda: packages.version("quickjs-wasi"),
        "quickjs-rs": packages.quickjs_rs,
    }
    found = {}
    for name, ask in asked.items():
        try:
            found[name] = ask()
        except Absent as absent:
            found[name] = f"absent: {absent}"
    return found


def _said(command: list[str], **options: Any) -> str:
    text = subprocess.run(command, capture_output=True, text=True, check=True, **options).stdout
    return re.sub(r"^v", "", text.strip())
