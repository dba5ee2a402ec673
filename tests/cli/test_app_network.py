"""Apps of a real node that are reached past it: on ports of their own, and under names on the shared TLS port."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.support import running, wapo
from tests.sdk.support import EXAMPLES, built
from tests.vm.conftest import Authority, authority  # noqa: F401 - a fixture


@dataclass
class Ports:
    """Those of the node: of apps, first and last, and the shared one."""

    first: int
    last: int
    tls: int


def free_ports() -> Ports:
    """Two in a row, and another."""
    for _ in range(100):
        with socket.create_server(("127.0.0.1", 0)) as one, socket.socket() as next_one:
            port = one.getsockname()[1]
            try:
                next_one.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            with socket.create_server(("127.0.0.1", 0)) as other:
                return Ports(port, port + 1, other.getsockname()[1])
    pytest.fail("no two free ports in a row")


@pytest.fixture(scope="module")
def ports(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority  # noqa: F811
) -> Iterator[tuple[Ports, Path]]:  # fmt: skip
    folder, ports = tmp_path_factory.mktemp("network"), free_ports()
    with running(
        "serve", "--data-dir", folder, "--port", "0", "--admin-port", "0", "--user-port", "0", "--upstream", "none",
        "--tcp-listen-port-range", f"{ports.first}..{ports.last}", "--tls-port", str(ports.tls), "--ca-file",
        authority.file,
    ) as node:  # fmt: skip
        node.wait_for("apps: wapo app")
        node.wait_for(f"apps have names of their own on 127.0.0.1:{ports.tls}, with TLS")
        node.wait_for(f"apps may listen on ports {ports.first} to {ports.last}")
        yield ports, folder
        assert node.stop(signal.SIGTERM) == 0
        assert not any("Traceback" in line for line in node.lines)


@pytest.fixture
def opened(ports: tuple[Ports, Path], monkeypatch: pytest.MonkeyPatch) -> Ports:
    """The ports of the node that commands find."""
    monkeypatch.setenv("WAPO_DATA_DIR", str(ports[1]))
    return ports[0]


def deploy(folder: Path, example: str, *options: str, label: str) -> None:
    (folder / "program.wasm").write_bytes(built(EXAMPLES / f"{example}.c"))
    result = wapo("app", "deploy", "program.wasm", "--label", label, *options)
    assert result.code == 0, result.err


def logged(label: str, text: str) -> None:
    deadline = time.monotonic() + 30
    while text not in (log := wapo("app", "logs", label).out):
        assert time.monotonic() < deadline, log
        time.sleep(0.02)


def tool(name: str, *arguments: str, stdin: bytes = b"") -> bytes:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    done = subprocess.run([path, *arguments], input=stdin, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curl_reaches_an_app_on_its_port_until_it_is_stopped(opened: Ports, folder: Path) -> None:
    deploy(folder, "http_server", "--", "--address", "127.0.0.1", "--port", str(opened.last), label="http")
    url = f"http://127.0.0.1:{opened.last}/"
    options = ("-sS", "--noproxy", "*", "--retry", "20", "--retry-connrefused", "--retry-delay", "0")
    assert tool("curl", *options, url) == b"Hello from Wapo\n"
    body = b"x" * 300_000
    assert tool("curl", *options, "--data-binary", "@-", f"{url}shout", stdin=body) == body.upper()
    wapo("app", "stop", "http")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", opened.last))
    wapo("app", "start", "http")
    assert tool("curl", *options, url) == b"Hello from Wapo\n"


def test_a_port_outside_of_the_range_is_not_opened(opened: Ports, folder: Path) -> None:
    deploy(folder, "echo", "--", "--port", str(opened.last + 1), label="outside")
    logged("outside", "Exited(1)")
    assert "the port is not open to programs" in wapo("app", "logs", "outside").out


def test_openssl_reaches_an_app_under_its_name_and_no_second_app_takes_it(
    opened: Ports, folder: Path, authority: Authority  # noqa: F811
) -> None:  # fmt: skip
    certificate, key = authority.issue("chat.example")
    environment = ("-e", f"CERTIFICATE={certificate}", "-e", f"KEY={key}")
    deploy(folder, "sni_server", *environment, "--", "--name", "chat.example", label="chat")
    logged("chat", "listening for chat.example")
    deploy(folder, "sni_server", *environment, "--", "--name", "chat.example", "--idle-ms", "1000", label="second")
    logged("second", "cannot listen for chat.example")
    output = tool(
        "openssl", "s_client", "-quiet", "-verify_return_error", "-CAfile", str(authority.file), "-servername",
        "chat.example", "-verify_hostname", "chat.example", "-connect", f"127.0.0.1:{opened.tls}",
        stdin=b"hello from openssl\n",
    )  # fmt: skip
    assert output.endswith(b" said: hello from openssl\n")
    certificate, key = authority.issue("other.example")
    deploy(
        folder, "sni_server", "-e", f"CERTIFICATE={certificate}", "-e", f"KEY={key}", "--", "--name", "third.example",
        label="third",
    )  # fmt: skip
    logged("third", "cannot listen for third.example: an argument is not valid")
