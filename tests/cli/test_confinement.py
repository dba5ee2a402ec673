"""``wapo serve`` behind its second wall, and ``wapo doctor``, which looks at it."""

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.cli.support import Running, running, wapo, wapo_process
from tests.vm.conftest import make_authority
from wapo.confinement.landlock import SCOPES_ABI, abi_version

SOURCE = Path(__file__).parents[2] / "src"
SERVE = ("serve", "--port", "0", "--admin-port", "0", "--user-port", "0", "--upstream", "none")

complete = pytest.mark.skipif(abi_version() < SCOPES_ABI, reason="a kernel that does not offer all of it")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

#: A hole in the engine, as far as it can be acted: what an agent logs as ``hole: <path>`` runs an attacker's code in
#: the host. Python runs this at its start, in each worker, too.
HOLE = """
import json, sys
if "serve" in sys.argv:
    from pathlib import Path
    from wapo.confinement.trial import open_ways
    from wapo.engine.image import can_reset
    from wapo.node.node import AgentServices

    logged = AgentServices.log

    def log(self, guest, level, text):
        if text.startswith("hole: "):
            found = open_ways()
            try:
                Path(text.removeprefix("hole: ")).read_text()
                found.append("read the file")
            except PermissionError:
                pass
            if not can_reset():
                found.append("nothing, but resets do not work")
            text = "open: " + json.dumps(found)
        logged(self, guest, level, text)

    AgentServices.log = log
"""
ATTACKER = "export default { async fetch(request) { console.log('hole: ' + await request.text()); return new Response('ok'); } };"


def get(url: str, data: bytes | None = None) -> bytes:
    with urllib.request.urlopen(url, data, timeout=30) as response:
        found: bytes = response.read()
        return found


def url_of(node: Running) -> str:
    return node.wait_for("listening").split(" on ")[1].split()[0]


def checks(*arguments: str | Path) -> dict[str, dict[str, str]]:
    return {check["name"]: check for check in wapo("doctor", "--json", *arguments).json["checks"]}


def seen(count: int, *arguments: str | Path) -> list[dict[str, str]]:
    """What the doctor says of each process, once there are so many."""
    deadline = time.monotonic() + 30
    while True:
        found = [check for name, check in checks(*arguments).items() if name.startswith("process ")]
        if len(found) == count:
            return found
        assert time.monotonic() < deadline, found


@pytest.fixture
def leaky(folder: Path) -> dict[str, str]:
    """The environment of a node with a hole."""
    (folder / "hole").mkdir()
    (folder / "hole" / "sitecustomize.py").write_text(HOLE)
    return os.environ | {"PYTHONPATH": f"{folder / 'hole'}:{SOURCE}"}


@complete
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_hole_in_the_engine_is_none_in_the_machine(folder: Path, leaky: dict[str, str], workers: str) -> None:
    secret = folder / "secret.txt"
    secret.write_text("of another program")
    (folder / "attacker.js").write_text(ATTACKER)
    with running(*SERVE, "--workers", workers, env=leaky) as node:
        address = wapo("publish", "attacker.js", "--url", url_of(node)).out.strip()
        for _ in range(8):  # whichever worker it is
            assert get(address, str(secret).encode()) == b"ok"
        with running("logs", address.rsplit("/", 1)[1], "-f") as log:
            assert log.wait_for("open: ").endswith("open: []")
            log.wait_for("END Request")
        assert node.stop(signal.SIGTERM) == 0
        assert not any("open: [" in line and "open: []" not in line for line in log.lines)


class TestWhatWorksBehindIt:
    def test_fetch_over_tls(self, folder: Path) -> None:
        """Authorities are read from files that the operator names, at the first use."""
        authority = make_authority(folder)
        certificate, key = authority.issue("127.0.0.1")
        (folder / "server.pem").write_text(certificate + key)
        (folder / "caller.js").write_text(
            "export default { fetch: async (request) => fetch(new URL(request.url).searchParams.get('u')) };"
        )
        with (
            tls_server(folder / "server.pem") as target,
            running(*SERVE, "--allow-private", "--ca-file", authority.file) as node,
        ):
            address = wapo("publish", "caller.js", "--url", url_of(node)).out.strip()
            assert get(f"{address}?u={target}") == b"from afar"

    def test_large_forms_go_to_temporary_files(self, folder: Path) -> None:
        """In the node's own directory: what is in the system's belongs to others."""
        with running(*SERVE) as node:
            url = url_of(node)
            program = b"export default { fetch: () => new Response('large') };//" + b"x" * (3 << 20)
            body = (
                b'--bb\r\nContent-Disposition: form-data; name="file"; filename="a.js"\r\n\r\n'
                + program
                + b"\r\n--bb--\r\n"
            )
            token = (folder / "node" / "operator.token").read_text().strip()
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "multipart/form-data; boundary=bb"}
            with urllib.request.urlopen(urllib.request.Request(f"{url}/ipfs", body, headers), timeout=30) as response:
                cid = json.load(response)["cid"]
            assert get(f"{url}/ipfs/{cid}") == b"large"
        assert (folder / "node" / "tmp").is_dir()

    def test_a_local_file_that_an_editor_replaces(self, folder: Path) -> None:
        (folder / "work").mkdir()
        file = folder / "work" / "local.js"
        file.write_text("export default { fetch: () => new Response('old') };")
        with running(*SERVE, "--local", file) as node:
            url = url_of(node)
            assert get(f"{url}/local") == b"old"
            (folder / "work" / "new.js").write_text("export default { fetch: () => new Response('new') };")
            (folder / "work" / "new.js").rename(file)
            assert get(f"{url}/local") == b"new"


@contextmanager
def tls_server(identity: Path) -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "9")
            self.end_headers()
            self.wfile.write(b"from afar")

        def log_message(self, *_arguments: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity)
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


class TestOptions:
    @as_root
    def test_what_is_demanded_and_cannot_be_had_stops_the_start(self, data: Path) -> None:
        """Root is such a thing; it is told once, not by each worker."""
        for workers in ("1", "2"):
            result = wapo_process(*SERVE, "--require-confinement", "--workers", workers)
            assert result.code == 1
            assert result.error.startswith("--require-confinement: user: root")

    def test_without_it_there_is_a_warning(self, data: Path) -> None:
        with running(*SERVE, "--no-confinement") as node:
            url_of(node)
            node.wait_for("warning: --no-confinement: a hole in the engine would be a hole in this machine")
            found = checks()[f"process {node.process.pid}"]
            assert (found["state"], found["text"]) == ("warn", "has no wall around it")

    @as_root
    def test_others_data_want_their_owner(self, data: Path) -> None:
        """Root behind the wall has no right to them, and is told so in time."""
        data.mkdir()
        shutil.chown(data, "nobody")
        result = wapo_process(*SERVE)
        assert (result.code, result.error) == (1, "node is nobody's: start the node with --user nobody")

    @as_root
    def test_data_that_are_not_the_users(self, data: Path) -> None:
        data.mkdir()
        result = wapo_process(*SERVE, "--user", "nobody")
        assert result.code == 1
        assert result.error == "node is root's, and the node is to be nobody: 'chown -R nobody node', if that is right"

    def test_a_user_that_there_is_not(self) -> None:
        result = wapo("serve", "--port", "0", "--user", "nobody-at-all")
        assert (result.code, result.error) == (2, "there is no user 'nobody-at-all' on this machine")

    @as_root
    @pytest.mark.parametrize("workers", ["1", "2"])
    def test_a_node_becomes_its_user(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, workers: str) -> None:
        """And passes what is demanded then."""
        environment = everybodys_python(monkeypatch)
        with tempfile.TemporaryDirectory(prefix="wapo-test-") as name:
            folder = Path(name)
            folder.chmod(0o755)  # the test's own folders are root's alone
            options = ("--workers", workers, "--data-dir", folder / "node", "--user", "nobody")
            demand = ("--require-confinement",) if abi_version() >= SCOPES_ABI else ()
            with running(*SERVE, *options, *demand, cwd="/", env=environment) as node:
                url = url_of(node)
                (tmp_path / "agent.js").write_text("export default { fetch: () => new Response('nobody') };")
                token = (folder / "node" / "operator.token").read_text().strip()
                request = urllib.request.Request(
                    f"{url}/ipfs", (tmp_path / "agent.js").read_bytes(), {"Authorization": f"Bearer {token}"}
                )
                with urllib.request.urlopen(request, timeout=30) as response:
                    cid = json.load(response)["cid"]
                for _ in range(8):
                    assert get(f"{url}/ipfs/{cid}") == b"nobody"
                processes = seen(int(workers), "--data-dir", folder / "node")
                if demand:
                    assert {check["text"] for check in processes} == {"all 9 layers are in force"}
                assert {path.owner() for path in (folder / "node").rglob("*")} == {"nobody"}
                assert node.stop(signal.SIGTERM) == 0
                assert not any("Traceback" in line for line in node.lines), node.lines


def everybodys_python(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment for an interpreter that another user can run, too: this one, or the system's of its version."""
    environment = os.environ | {"PYTHONPATH": f"{SOURCE}:{sysconfig.get_path('purelib')}", "HOME": "/"}
    for program in (sys.executable, "/usr/bin/python3"):
        command = [program, "-c", "import wapo.cli.serve"]
        try:
            done = subprocess.run(
                command, user="nobody", group="nogroup", cwd="/", env=environment, capture_output=True, timeout=60,
                check=False,
            )  # fmt: skip
        except OSError:
            continue
        if done.returncode == 0:
            monkeypatch.setattr(sys, "executable", program)
            return environment
    pytest.skip("no Python here is another user's to run, too")


class TestDoctor:
    @complete
    def test_it_tries_the_wall_and_finds_it_closed(self) -> None:
        found = checks()
        assert found["wall"]["text"].endswith("ways out were tried behind it, and none is open")
        assert {found[name]["state"] for name in ("files", "capabilities", "system_calls", "no_new_privs")} == {"ok"}

    def test_a_person_gets_a_line_for_each_thing_and_advice(self, data: Path) -> None:
        result = wapo("doctor")
        assert result.code == 0
        words = {line.split()[0] for line in result.out.splitlines() if not line.startswith(" ")}
        assert words <= {"OK", "WARN"}
        assert "Linux" in result.out
        assert not data.exists()

    @pytest.mark.parametrize("workers", ["1", "2"])
    def test_it_shows_each_process_of_a_running_node(self, workers: str) -> None:
        with running(*SERVE, "--workers", workers) as node:
            get(f"{url_of(node)}/healthz")
            for check in seen(int(workers)):
                assert check["state"] in ("ok", "warn")
                assert "layers are in force" in check["text"]
            assert node.stop(signal.SIGTERM) == 0
        assert not any(name.startswith("process ") for name in checks())

    def test_a_process_that_says_more_than_the_kernel(self, data: Path) -> None:
        with running(*SERVE, "--no-confinement") as node:
            url_of(node)
            file = data / "processes" / f"{node.process.pid}.json"
            about = json.loads(file.read_bytes())
            layers = [{"name": name, "state": "full", "detail": ""} for name in ("no_new_privs", "system_calls")]
            file.write_text(json.dumps(about | {"layers": layers}))
            found = checks()[f"process {node.process.pid}"]
            assert found["state"] == "fail"
            assert found["text"] == "says that no_new_privs, system_calls holds; the kernel does not"
            assert wapo("doctor").code == 1

    def test_a_key_that_others_can_read_is_a_failure(self, data: Path) -> None:
        data.mkdir(mode=0o700)
        (data / "node.key").write_bytes(bytes(32))
        (data / "node.key").chmod(0o644)
        result = wapo("doctor")
        assert result.code == 1
        assert f"Run 'chmod 600 {data.relative_to(data.parent)}/node.key'." in result.out
