"""Databases over sockets: `pg`, `redis` and `ioredis` against real servers, which do here what they do in Node.

The servers are started here, on ports of the loopback that the system chooses, if they are installed.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.conftest import Site
from tests.gateway.support import until
from tests.guest.test_node_modules import in_guest, in_node
from tests.npm_packages import environment, node, workspace
from tests.vm.conftest import Authority
from tests.vm.conftest import authority as authority  # a fixture
from wapo.agents.profile import JavaScriptProfile

pytestmark = pytest.mark.npm

_PASSWORD = "secret"


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of tests/interop/databases, bundled."""
    folder = workspace(Path(__file__).parent / "databases", tmp_path_factory.mktemp("databases") / "src")
    done = subprocess.run(
        [node(), "build.mjs"], cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "dist"


def _program(name: str, package: str) -> str:
    """The path of a server's program; Debian keeps PostgreSQL's beside the path."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = shutil.which(name) or (str(installed[-1]) if installed else None)
    if found is None:
        pytest.skip(f"{name} is not installed (apt-get install {package})")
    return found


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def _running(command: Sequence[str], user: str | None, folder: str) -> Iterator[None]:
    """A server, from when it says that it is ready until it has ended."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, user=user, cwd=folder,
        env={**os.environ, "LC_ALL": "C"},
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            said: list[str] = []
            for line in process.stdout:
                said.append(line)
                if "ready to accept connections" in line.lower():
                    break
            else:
                pytest.fail("".join(said))
            # What it says from now on is read, so that it can go on.
            reader = threading.Thread(target=process.stdout.read)
            reader.start()
            try:
                yield
            finally:
                process.send_signal(signal.SIGINT)
                reader.join()
        finally:
            process.send_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def postgres(authority: Authority) -> Iterator[dict[str, str]]:
    """The environment that tells a program of the database. Its TLS has a certificate for `localhost`."""
    initdb, server = _program("initdb", "postgresql"), _program("postgres", "postgresql")
    user = None
    if os.getuid() == 0:  # it refuses to run as root
        try:
            user = pwd.getpwnam("postgres").pw_name
        except KeyError:
            pytest.skip("PostgreSQL refuses to run as root, and there is no user postgres")
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="wapo-postgres-"))
        files = dict(zip(("server.crt", "server.key"), authority.issue("localhost"), strict=True))
        files["password"] = _PASSWORD
        for name, text in files.items():
            path = Path(folder, name)
            path.write_text(text)
            path.chmod(0o600)
        if user is not None:
            for path in (Path(folder), *Path(folder).iterdir()):
                shutil.chown(path, user)
        made = subprocess.run(
            [
                initdb, "--pgdata", f"{folder}/data", "--username", "wapo", "--pwfile", f"{folder}/password",
                "--auth", "scram-sha-256", "--no-sync", "--encoding", "UTF8", "--locale", "C",
            ],
            user=user, cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        with Path(folder, "data", "pg_hba.conf").open("a") as rules:
            rules.write("host all all 127.0.0.0/8 scram-sha-256\n")
        port = _free_port()
        settings = {
            "listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": folder, "fsync": "off",
            "shared_buffers": "16MB", "ssl": "on", "ssl_cert_file": f"{folder}/server.crt",
            "ssl_key_file": f"{folder}/server.key",
        }  # fmt: skip
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [server, "-D", f"{folder}/data", *options]
        stack.enter_context(_running(command, user, folder))
        subprocess.run(
            [_program("createdb", "postgresql"), "-h", "127.0.0.1", "-p", str(port), "-U", "wapo", "wapo"],
            env={**os.environ, "PGPASSWORD": _PASSWORD}, check=True,
        )  # fmt: skip
        yield {"PGHOST": "127.0.0.1", "PGPORT": str(port)}


@pytest.fixture(scope="module")
def redis(authority: Authority) -> Iterator[dict[str, str]]:
    """The environment that tells a program of the server. Its TLS has a certificate for `localhost`."""
    server = _program("redis-server", "redis-server")
    with tempfile.TemporaryDirectory(prefix="wapo-redis-") as folder:
        for name, text in zip(("certificate", "key"), authority.issue("localhost"), strict=True):
            Path(folder, name).write_text(text)
        port, tls_port = _free_port(), _free_port()
        options = {
            "port": str(port), "bind": "127.0.0.1", "dir": folder, "requirepass": _PASSWORD, "save": "",
            "tls-port": str(tls_port), "tls-cert-file": f"{folder}/certificate", "tls-key-file": f"{folder}/key",
            "tls-ca-cert-file": str(authority.file), "tls-auth-clients": "no",
        }  # fmt: skip
        command = [server, *(word for name, value in options.items() for word in (f"--{name}", value))]
        with _running(command, None, folder):
            yield {
                "REDIS": f"127.0.0.1:{port}", "REDIS_TLS_PORT": str(tls_port),
                "NODE_EXTRA_CA_CERTS": str(authority.file),
            }  # fmt: skip


@pytest.fixture
def closed() -> Iterator[dict[str, str]]:
    """A port that nobody listens on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield {"CLOSED": str(bound.getsockname()[1])}


async def test_postgresql(
    profile: JavaScriptProfile, programs: Path, postgres: dict[str, str], closed: dict[str, str]
) -> None:
    """Queries with parameters, types, prepared statements, transactions, errors, notifications, a pool."""
    variables = {**postgres, **closed}
    said = await in_guest(profile, programs / "pg.mjs", variables)
    assert len(said) == 18
    assert said == await in_node(programs / "pg.mjs", variables)


async def test_postgresql_over_tls(
    profile: JavaScriptProfile, programs: Path, postgres: dict[str, str], authority: Authority
) -> None:
    """TLS begins on a connection that is there; the node verifies the server, whatever the program says."""
    said = await in_guest(profile, programs / "pg-tls.mjs", postgres, extra_roots=(str(authority.file),))
    assert said[0] == '[[{"ssl":true,"version":"TLSv1.3"}],true]'
    assert said[1] == "[300000]"
    assert said[2].startswith('[["ERR_TLS_CERT_ALTNAME_INVALID","IP address mismatch')
    assert "tls: rejectUnauthorized: false is not available in Wapo: the node verifies servers itself" in said[3]
    assert said[4:] == ['[[{"one":1}]]']


@pytest.mark.parametrize(("name", "lines"), [("redis", 19), ("ioredis", 20)])
async def test_redis(
    profile: JavaScriptProfile, programs: Path, redis: dict[str, str], closed: dict[str, str], name: str, lines: int
) -> None:
    """Values of all kinds, pipelines, transactions, scripts, publishing and subscribing, errors."""
    variables = {**redis, **closed}
    roots = (redis["NODE_EXTRA_CA_CERTS"],)
    said = await in_guest(profile, programs / f"{name}.mjs", variables, extra_roots=roots)
    assert len(said) == lines
    assert said == await in_node(programs / f"{name}.mjs", variables)


async def test_an_agent_with_databases(
    site: Site, programs: Path, postgres: dict[str, str], redis: dict[str, str]
) -> None:
    """A request is answered from both, and leaves no connection behind."""
    path = await site.publish((programs / "agent.mjs").read_bytes())
    query = f"?pg={postgres['PGPORT']}&redis={redis['REDIS']}"
    for seen in (1, 2):
        response = await site.client.get(f"{path}/there{query}")
        assert response.status_code == 200, await site.log(path)
        assert response.json() == {"seen": seen, "path": "there", "twice": 42}
    response = await site.client.get(f"{path}/pool{query}")
    assert response.json() == [{"text": "x"}], await site.log(path)
    await until(lambda: site.node.sockets.taken == 0)
