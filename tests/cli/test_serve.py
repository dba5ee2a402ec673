"""``wapo serve``: a node as its operator runs it, and what keeps it from starting."""

import json
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.support import Running, running, wapo, wapo_process

ENDLESS = "export default { fetch() { for (;;); } };"


def get(url: str, data: bytes | None = None, token: str | None = None) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def logged(cid: str, text: str) -> str:
    """The program's log, as soon as that text is in it: the node writes it in the background."""
    deadline = time.monotonic() + 30
    while text not in (log := wapo("logs", cid).out):
        assert time.monotonic() < deadline, log
    return log


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, str, Path]]:
    """A node that is running, its URL, and its data."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "local.js").write_text("export default { fetch: () => new Response('local') };")
    with running(
        "serve", "--data-dir", folder / "node", "--port", "0", "--upstream", "none", "--local", folder / "local.js",
        "--max-burst", "200ms", "--max-memory", "64MB",
    ) as node:  # fmt: skip
        yield node, node.wait_for("listening").split(" on ")[1], folder / "node"
        assert node.stop(signal.SIGTERM) == 0
        assert not any("Traceback" in line for line in node.lines)


@pytest.fixture
def node(served: tuple[Running, str, Path], monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of the node that other commands find too."""
    _, url, data = served
    monkeypatch.setenv("WAPO_DATA_DIR", str(data))
    monkeypatch.setenv("WAPO_URL", url)
    return url


class TestRunning:
    def test_it_says_where_it_is_and_where_its_data_are(self, served: tuple[Running, str, Path]) -> None:
        process, url, data = served
        assert process.wait_for("data in") == f"data in {data}; the operator's token is in {data / 'operator.token'}"
        assert process.wait_for("local.js") == f"{data.parent / 'local.js'} answers at {url}/local"
        assert get(f"{url}/healthz")[0] == 200

    def test_what_is_published_beside_it_answers_at_once(self, node: str, agent: Path) -> None:
        address = wapo("publish", agent).out.strip()
        assert address.startswith(f"{node}/ipfs/Qm")
        assert get(address) == (200, b'{"secret":null}')

    def test_a_secret_that_is_stored_beside_it_is_delivered(self, node: str, agent: Path) -> None:
        cid = wapo("publish", agent, "--json").json["cid"]
        stored = wapo("secret", "set", cid, "name=value", "--json").json
        assert get(stored["url"]) == (200, b'{"secret":"value"}')

    def test_what_an_agent_says_is_in_the_log(self, node: str, folder: Path) -> None:
        (folder / "talker.js").write_text(
            "export default { fetch() { console.log('said'); throw new Error('boom'); } };"
        )
        cid = wapo("publish", "talker.js", "--json").json["cid"]
        with running("logs", cid, "-f") as log:
            status, body = get(f"{node}/ipfs/{cid}?key2=1")
            assert status == 500
            assert b"boom" not in body
            log.wait_for("END Request")
        texts = [line.split("] ", 1)[1] for line in log.lines if not line.startswith("   ")]
        assert texts[0] == f"[REPORT] START Request: GET /ipfs/{cid}?key2=1"
        assert texts[1] == "[INFO] said"
        assert texts[2].startswith("[ERROR] Error: boom\\n    at fetch (agent.js:1:")
        assert logged(cid, "END").count("\n") == 4

    def test_its_limits_hold(self, node: str, folder: Path) -> None:
        (folder / "endless.js").write_text(ENDLESS)
        address = wapo("publish", "endless.js").out.strip()
        assert get(address)[0] == 500
        cid = address.rsplit("/", 1)[1]
        logged(cid, "more than 0.2 s of CPU between two waits")

    def test_limits_of_a_program_that_are_set_beside_it_hold(self, node: str, folder: Path) -> None:
        (folder / "waiter.js").write_text("export default { fetch: () => new Promise((r) => setTimeout(r, 1e6)) };")
        cid = wapo("publish", "waiter.js", "--max-time", "100ms", "--json").json["cid"]
        assert get(f"{node}/ipfs/{cid}")[0] == 504

    def test_the_local_file_answers(self, node: str) -> None:
        assert get(f"{node}/local") == (200, b"local")

    def test_the_operators_token_is_in_its_file_and_nobody_else_reads_it(
        self, served: tuple[Running, str, Path], node: str
    ) -> None:
        path = served[2] / "operator.token"
        assert path.stat().st_mode & 0o777 == 0o600
        token = path.read_text().strip()
        assert get(f"{node}/metrics", token=token)[0] == 200
        assert get(f"{node}/metrics", token="00" * 32)[0] == 401
        status, body = get(f"{node}/ipfs", b"export default { fetch: () => new Response('published') };", token)
        assert status == 200
        assert get(f"{node}/ipfs/{json.loads(body)['cid']}")[1] == b"published"


class TestNotStarting:
    @pytest.fixture(autouse=True)
    def never_serving(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A test in which the node starts after all fails, instead of going on for ever."""
        monkeypatch.setattr("wapo.cli.serve.run_async", lambda _work: pytest.fail("the node was about to start"))

    @pytest.fixture
    def taken(self) -> Iterator[int]:
        """A port that somebody else listens on."""
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            yield other.getsockname()[1]

    def test_a_port_in_use(self, taken: int) -> None:
        result = wapo("serve", "--port", str(taken))
        assert (result.code, result.error) == (1, f"cannot listen on 127.0.0.1:{taken}: Address already in use")

    @pytest.mark.parametrize(
        ("host", "part"),
        [
            ("nowhere.invalid", "cannot listen on nowhere.invalid:0: "),
            ("192.0.2.1", "cannot listen on 192.0.2.1:0: Cannot assign requested address"),
            ("2001:db8::1", "cannot listen on [2001:db8::1]:0: "),
            ("a..b", "cannot listen on a..b:0: "),
        ],
    )
    def test_an_address_that_is_not_ours(self, host: str, part: str) -> None:
        result = wapo("serve", "--host", host, "--port", "0")
        assert result.code == 1
        assert result.error.startswith(part)

    @pytest.mark.parametrize(
        ("options", "part"),
        [
            (["--port", "70000"], "'--port'"),
            (["--port", "http"], "'--port'"),
            (["--workers", "0"], "'--workers'"),
            (["--max-memory", "1"], "memory of 1 bytes is not possible; allowed are 8 MiB to 4 GiB"),
            (["--max-time", "0"], "'--max-time': '0' is no time at all"),
            (["--max-burst", "x"], "'--max-burst': 'x' is not a time"),
            (["--max-request", "-1"], "'--max-request': '-1' is not a size"),
            (["--max-response", "0"], "'--max-response': '0' is too small for a size"),
            (["--max-program", ""], "'--max-program': '' is not a size"),
            (["--max-content", "1TB"], "'--max-content': '1TB' is not a size"),
            (["--max-machines", "0"], "'--max-machines'"),
            (["--max-concurrency", "0"], "'--max-concurrency'"),
            (["--allow", "///"], "'///' is not a rule"),
            (["--deny", "a b"], "'a b' is not a rule"),
            (["--local", "nothing.js"], "nothing.js cannot be read: No such file or directory"),
            (["--local", "."], ". cannot be read: Is a directory"),
            (["--local", "agent.ts"], "agent.ts is TypeScript: serve what 'esbuild --bundle"),
            (["extra"], "extra"),
        ],
    )  # fmt: skip
    def test_a_command_line_that_makes_no_sense(self, data: Path, options: list[str], part: str) -> None:
        result = wapo("serve", "--port", "0", *options)
        assert result.code == 2
        assert part in result.error
        assert not data.exists()

    def test_what_the_node_cannot_use_is_told_once_and_not_by_each_worker(self, agent: Path) -> None:
        result = wapo_process("serve", "--port", "0", "--workers", "2", "--ca-file", agent)
        assert (result.code, result.error) == (1, f"{agent} has no certificate in PEM form")


def test_an_interrupt_ends_it_well_and_a_new_key_gets_a_new_token(data: Path) -> None:
    """The token follows from the key that is there now."""
    data.mkdir()
    (data / "operator.token").write_text("that of a key that was replaced\n")
    with running("serve", "--port", "0", "--upstream", "none") as node:
        url = node.wait_for("listening").split(" on ")[1].split()[0]
        assert get(f"{url}/healthz")[0] == 200
        token = (data / "operator.token").read_text()
        assert len(token) == 65
        assert node.stop(signal.SIGINT) == 0
        assert not any("Traceback" in line or "error" in line for line in node.lines)


def test_one_process_cannot_reload_and_ends_well_when_it_is_told_to(data: Path) -> None:
    """SIGHUP once cut it off where it was."""
    with running("serve", "--port", "0", "--upstream", "none") as node:
        node.wait_for("listening")
        assert node.stop(signal.SIGHUP) == 0
        assert not any("Traceback" in line or "error" in line for line in node.lines)


def test_under_nohup_a_hangup_is_nothing(data: Path) -> None:
    with running("serve", "--port", "0", "--upstream", "none", preexec_fn=ignore_hangups) as node:
        url = node.wait_for("listening").split(" on ")[1].split()[0]
        node.process.send_signal(signal.SIGHUP)
        assert get(f"{url}/healthz")[0] == 200
        assert node.stop(signal.SIGTERM) == 0


def ignore_hangups() -> None:
    """As nohup(1) does."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
