"""``wapo app``: what an operator sees of the apps of a running node."""

import hashlib
import json
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.support import Result, Running, running, wapo
from tests.cli.test_serve import get
from tests.programs import compile_program
from wapo.cli.admin_client import AdminAccess, AdminClient

ADDRESS = re.compile(r"0x[0-9a-f]{64}")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Path]]:
    """A node that is running, and its data."""
    folder = tmp_path_factory.mktemp("apps")
    with running(
        "serve", "--data-dir", folder, "--port", "0", "--admin-port", "0", "--user-port", "0", "--upstream", "none",
        "--max-instances", "4",
    ) as node:  # fmt: skip
        node.wait_for("apps: wapo app")
        yield node, folder
        assert node.stop(signal.SIGTERM) == 0
        assert not any("Traceback" in line for line in node.lines)


@pytest.fixture
def access(served: tuple[Running, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[AdminAccess]:
    """The node that commands find. It has no apps before and after a test."""
    monkeypatch.setenv("WAPO_DATA_DIR", str(served[1]))
    monkeypatch.delenv("WAPO_ADMIN", raising=False)
    monkeypatch.delenv("WAPO_ADMIN_TOKEN", raising=False)
    found = AdminAccess.read(served[1])
    yield found
    client = AdminClient(found)
    for one in client.call("AppList")["apps"]:
        client.call("AppRemove", address=one["address"])


@pytest.fixture
def program(access: AdminAccess, folder: Path) -> Path:
    """A program's file; commands find the node."""
    path = folder / "tool.wasm"
    path.write_bytes(compile_program("app"))
    return path


@pytest.fixture
def deployed(program: Path) -> str:
    """The address of an app with the label ``tool``."""
    return wapo("app", "deploy", program).out.strip()


def query(which: str, *arguments: str, stdin: bytes = b"") -> Result:
    return wapo("app", "query", which, *arguments, stdin=stdin)


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


class TestDeploying:
    def test_stdout_has_the_address_alone_and_a_note_says_where_http_is(
        self, program: Path, access: AdminAccess
    ) -> None:
        result = wapo("app", "deploy", program)
        assert (result.code, result.out.count("\n")) == (0, 1)
        assert ADDRESS.fullmatch(result.out.strip())
        assert result.err == f"HTTP at {access.user_url}/app/{result.out.strip()}/\n"
        status, body = get(f"{access.user_url}/app/{result.out.strip()}/seen?a=1")
        assert status == 200
        assert body.startswith(b"GET http://")

    def test_json_is_one_value(self, program: Path, access: AdminAccess) -> None:
        result = wapo("app", "deploy", program, "--json")
        value = result.json
        assert (result.code, result.err) == (0, "")
        assert list(value) == ["address", "session", "code_hash", "url"]
        assert value["code_hash"] == "sha256:" + hashlib.sha256(program.read_bytes()).hexdigest()
        assert value["url"] == f"{access.user_url}/app/{value['address']}/"
        assert ADDRESS.fullmatch(value["session"])

    def test_the_label_is_the_files_name_unless_another_is_given(self, program: Path) -> None:
        first, second = (
            wapo("app", "deploy", program, *more).out.strip() for more in ((), ("--label", "another"))
        )  # fmt: skip
        assert first != second
        assert [one["manifest"]["label"] for one in json.loads(wapo("app", "list", "--json").out)] == [
            "tool",
            "another",
        ]

    def test_arguments_and_environment_are_the_programs(self, program: Path) -> None:
        address = wapo(
            "app", "deploy", program, "-e", "A=1=2", "--env", "EMPTY=", "--", "one", "--two", "a b"
        ).out.strip()  # fmt: skip
        assert query("tool", "/args").out.splitlines() == [address[2:], "one", "--two", "a b"]
        assert query("tool", "/env", "A").out == "1=2"
        assert query("tool", "/env", "EMPTY").out == ""
        assert query("tool", "/env", "HOME").out == ""

    def test_blobs_go_with_it(self, program: Path, folder: Path) -> None:
        (folder / "one.txt").write_bytes(b"first")
        (folder / "two.txt").write_bytes(b"second")
        result = wapo("app", "deploy", program, "--blob", "one.txt", "--", "@blob:two.txt")
        names = ["sha256:" + hashlib.sha256(text).hexdigest() for text in (b"first", b"second")]
        assert result.err.splitlines()[0] == f"blob {names[0]}  one.txt"
        assert query("tool", "/args").out.splitlines()[1] == names[1]
        assert [query("tool", "/blob", name).raw for name in names] == [b"\x14first", b"\x18second"]  # SCALE

    def test_what_is_deployed_already_is_not_deployed_twice(self, deployed: str, program: Path) -> None:
        result = wapo("app", "deploy", program)
        assert (result.code, result.error) == (1, "failed to deploy app: app already exists")

    @pytest.mark.parametrize(
        ("content", "part"),
        [
            (None, "program.wasm cannot be read: No such file or directory"),
            (b"", "program.wasm is empty"),
            (b"\x7fELF\xff", "program.wasm is neither a WebAssembly module nor a script in UTF-8"),
            (b"\0asm\1\0\0\0", "failed to deploy app: "),
            (b"\0asm\1\0\0\0\xff", "failed to deploy app: "),
        ],
    )
    def test_a_file_that_is_no_program(
        self, access: AdminAccess, folder: Path, content: bytes | None, part: str
    ) -> None:
        if content is not None:
            (folder / "program.wasm").write_bytes(content)
        result = wapo("app", "deploy", "program.wasm")
        assert result.code == 1
        assert part in result.error
        assert wapo("app", "list", "--json").out == "[]\n"

    @pytest.mark.parametrize(
        ("options", "code", "part"),
        [
            (["--env", "A"], 2, "'A' is not NAME=VALUE"),
            (["--env", "=b"], 2, "'=b' is not NAME=VALUE"),
            (["--max-query-size", "-1"], 2, "'--max-query-size'"),
            (["--max-query-size", "1MB"], 2, "'--max-query-size'"),
            (["--label", "x" * 65], 1, "label"),
            (["--on-demand", "--resizable"], 1, "resizable and on demand at once"),
            (["--blob", "nothing"], 1, "nothing cannot be read: No such file or directory"),
            (["--blob", "."], 1, ". cannot be read: Is a directory"),
            (["@blob:nothing"], 1, "nothing cannot be read: No such file or directory"),
            (["x" * 20_000], 1, "16384"),
            (["trap-at-start"], 0, ""),
        ],
    )
    def test_options_that_make_no_sense(self, program: Path, options: list[str], code: int, part: str) -> None:
        result = wapo("app", "deploy", program, *options)
        assert result.code == code, result.err
        if code:
            assert part in result.error
            assert wapo("app", "list", "--json").out == "[]\n"


class TestLooking:
    def test_nothing_is_deployed(self, access: AdminAccess) -> None:
        assert wapo("app", "list").out == ""
        assert wapo("app", "list").err == "no apps; see wapo app deploy --help\n"
        assert wapo("app", "list", "--json").out == "[]\n"

    def test_a_table_of_apps(self, program: Path) -> None:
        wapo("app", "deploy", program, "--label", "first")
        wapo("app", "deploy", program, "--label", "on\x1b[31mred", "--on-demand", "--fresh")
        header, first, second = wapo("app", "list").out.splitlines()
        assert header.split("  ")[-1] == "LAST QUERY"
        assert re.fullmatch(r"\d+ +first +0x[0-9a-f]{16} +always +1 +0:00:\d\d ago", first)
        assert re.fullmatch(
            r"\d+ +on\\x1b\[31mred +0x[0-9a-f]{16} +on demand, fresh for each query +0 +0:00:\d\d ago", second
        )

    def test_an_app_is_meant_by_label_address_or_its_beginning(self, deployed: str, program: Path) -> None:
        for which in ("tool", deployed, deployed[2:], deployed[:10], deployed[2:8], deployed.upper().replace("X", "x")):
            assert json.loads(wapo("app", "info", which, "--json").out)["address"] == deployed, which

    def test_an_app_that_nobody_knows(self, deployed: str) -> None:
        for which in ("other", "", "0x", "0x" + "0" * 64, "0x" + deployed[2:] + "00"):
            result = wapo("app", "info", which)
            assert (result.code, result.error) == (1, f"no app is {which!r}; deployed: tool")

    def test_a_name_that_is_several_apps(self, program: Path) -> None:
        for word in ("a", "b"):
            wapo("app", "deploy", program, "--label", "same", word)
        assert wapo("app", "stop", "same").error == "'same' is 2 apps; write more of the address"

    def test_what_there_is_to_know_of_one(self, program: Path, access: AdminAccess) -> None:
        address = wapo("app", "deploy", program, "-e", "A=b", "one", "two").out.strip()
        lines = [line.split("  ", 1) for line in wapo("app", "info", "tool").out.splitlines()]
        rows = {name.strip(): value.strip() for name, value in lines}
        assert rows == {
            "address": address, "label": "tool", "code": f"sha256:{hashlib.sha256(program.read_bytes()).hexdigest()}",
            "arguments": "one two", "environment": "A=b", "runs": "always", "instances": "1",
            "max query": "1048576 bytes", "last exit": "-", "HTTP": f"{access.user_url}/app/{address}/",
        }  # fmt: skip

    def test_how_it_ended_is_told(self, deployed: str) -> None:
        assert query("tool", "/exit").code == 0
        until(lambda: "instances    0" in wapo("app", "info", "tool").out, "the program goes on")
        assert re.search(r"last exit +Exited.*code 3", wapo("app", "info", "tool").out)


class TestRunning:
    def test_stop_and_start(self, deployed: str, access: AdminAccess) -> None:
        stopped = wapo("app", "stop", "tool")
        assert (stopped.code, stopped.out, stopped.err) == (0, "", "")
        assert query("tool", "/echo", "a").error == "instance not found"
        assert get(f"{access.user_url}/app/{deployed}/seen")[0] == 404
        assert wapo("app", "stop", "tool").code == 0
        assert wapo("app", "start", "tool").code == 0
        assert query("tool", "/echo", "a").out == "a"
        assert wapo("app", "start", "tool").code == 0

    def test_one_that_runs_on_demand_cannot_be_started_by_hand(self, program: Path) -> None:
        wapo("app", "deploy", program, "--on-demand")
        assert wapo("app", "start", "tool").error == "failed to start app: on-demand app cannot be started directly"
        assert query("tool", "/echo", "a").out == "a"

    def test_resizing_says_how_many_there_are_and_why_not_more(self, program: Path) -> None:
        wapo("app", "deploy", program, "--resizable")
        assert wapo("app", "resize", "tool", "3").out == "3\n"
        most = wapo("app", "resize", "tool", "9")
        assert (most.code, most.out, most.err) == (0, "4\n", "4 of 9: there is no room for more\n")
        assert wapo("app", "resize", "tool", "0").out == "0\n"
        wapo("app", "deploy", program, "--label", "single")
        single = wapo("app", "resize", "single", "2")
        assert (single.out, single.err) == ("1\n", "1 of 2: it was not deployed with --resizable\n")

    @pytest.mark.parametrize("number", ["-1", "x", "1.5", ""])
    def test_a_number_of_instances_that_is_none(self, number: str) -> None:
        result = wapo("app", "resize", "tool", "--", number)
        assert result.code == 2
        assert "NUMBER" in result.error

    def test_removing(self, deployed: str) -> None:
        removed = wapo("app", "remove", "tool")
        assert (removed.code, removed.out, removed.err) == (0, "", "")
        result = wapo("app", "remove", "tool")
        assert (result.code, result.error) == (1, "no app is 'tool'; deployed: none")


class TestQuerying:
    def test_output_is_written_as_it_is(self, deployed: str, folder: Path) -> None:
        everything = bytes(range(256))
        (folder / "payload").write_bytes(everything)
        assert query("tool", "/echo", "0x" + everything.hex()).raw == everything
        assert query("tool", "/echo", "-f", "payload").raw == everything
        assert query("tool", "/echo", "-", stdin=everything).raw == everything
        assert query("tool", "/echo", "0x00FF", "--hex").out == "0x00ff\n"
        assert query("tool", "/echo", "größer").out == "größer"
        assert query("tool", "/echo").raw == b""

    def test_the_app_refuses(self, deployed: str) -> None:
        result = query("tool", "/refuse", "not for you")
        assert (result.code, result.error) == (1, "not for you")
        assert query("tool").error == "no such path"

    def test_the_app_traps_instead_of_answering(self, deployed: str) -> None:
        result = query("tool", "/trap")
        assert result.code == 1
        assert result.error.startswith("failed to receive query response: Trap: ")

    @pytest.mark.parametrize(
        ("arguments", "part"),
        [
            (["/echo", "0x0"], "'0x0' is not an even number of hex digits after 0x"),
            (["/echo", "0xzz"], "'0xzz' is not an even number of hex digits after 0x"),
            (["/echo", "-f", "nothing"], "nothing cannot be read: No such file or directory"),
        ],
    )
    def test_a_payload_that_cannot_be_read(self, deployed: str, arguments: list[str], part: str) -> None:
        result = query("tool", *arguments)
        assert (result.code, result.error) == (2, part)

    def test_a_query_over_the_apps_limit(self, program: Path) -> None:
        wapo("app", "deploy", program, "--max-query-size", "10")
        assert query("tool", "/echo", "12345").out == "12345"
        assert query("tool", "/echo", "123456").code == 1


class TestMetricsAndLogs:
    def test_metrics_of_one_and_of_all(self, program: Path) -> None:
        addresses = [wapo("app", "deploy", program, "--label", name).out.strip() for name in ("a", "b")]
        query("a", "/echo", "x" * 1000)
        text = wapo("app", "metrics", "a").out.splitlines()
        assert text[0] == f"a  {addresses[0]}"
        rows = dict(re.fullmatch(r"  (.{18}) (\d+)", line).groups() for line in text[1:])  # type: ignore[union-attr]
        rows = {name.strip(): int(value) for name, value in rows.items()}
        assert rows["starts"] == 1
        assert rows["gas consumed"] > 0
        values = [json.loads(line) for line in wapo("app", "metrics", "--json").out.splitlines()]
        assert [(one["label"], one["address"]) for one in values] == [("a", addresses[0]), ("b", addresses[1])]
        assert values[0]["gas_consumed"] >= rows["gas consumed"] > values[1]["gas_consumed"]
        assert wapo("app", "metrics", "c").error == "no app is 'c'; deployed: a, b"

    def test_there_is_nothing_to_measure(self, access: AdminAccess) -> None:
        assert wapo("app", "metrics").err == "no apps; see wapo app deploy --help\n"
        nothing = wapo("app", "metrics", "--json")
        assert (nothing.code, nothing.out, nothing.err) == (0, "", "")

    def test_more_apps_than_one_report_has_room_for(self, program: Path) -> None:
        for number in range(65):
            assert wapo("app", "deploy", program, "--on-demand", "--label", f"n{number}").code == 0
        lines = wapo("app", "metrics", "--json").out.splitlines()
        assert [json.loads(line)["label"] for line in lines] == [f"n{number}" for number in range(65)]

    def test_the_log_of_an_app(self, deployed: str) -> None:
        with running("app", "logs", "tool", "--follow") as log:
            log.wait_for("[INFO] started")
            query("tool", "/log", "red \x1b[31m")
            instance = log.wait_for("[INFO] red \\x1b[31m").split(" ")[1]
            wapo("app", "remove", "tool")
            # Other tests' instances of the same program have ended, too.
            log.wait_for(f"{instance} [REPORT] Stopped")
        first = log.lines[0]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \[[0-9a-f]{16}\] \[INFO\] started", first)
        # One that is not deployed any more has its log still, by its whole address.
        lines = [json.loads(line) for line in wapo("app", "logs", deployed, "--json", "-n", "2").out.splitlines()]
        assert [line["message"] for line in lines] == ["red \x1b[31m", "Stopped: stopped"]
        assert list(lines[0]) == ["instance", "level", "message", "created_at"]
        assert wapo("app", "logs", deployed, "-n", "0").out == ""
        assert wapo("app", "logs", "tool").error == "no app is 'tool'; deployed: none"


class TestFindingTheNode:
    def test_no_node_runs_there(self, folder: Path) -> None:
        for command in (["list"], ["info", "x"], ["deploy", "file"], ["query", "x"], ["metrics"], ["stop", "x"]):
            result = wapo("app", *command)
            assert result.code == 1
            assert result.error == (
                "no node with apps runs in node; start one with wapo serve, or say --admin URL"
            )  # fmt: skip
        assert wapo("app", "logs", "x").error == "there is no node in node"
        assert not (folder / "node").exists()

    def test_a_node_elsewhere(self, access: AdminAccess, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("WAPO_DATA_DIR", "nowhere")
        assert wapo("app", "list", "--admin", access.url, "--token", access.token or "").code == 0
        monkeypatch.setenv("WAPO_ADMIN", access.url + "/")
        assert wapo("app", "list").error == "the admin token is missing or wrong"
        monkeypatch.setenv("WAPO_ADMIN_TOKEN", "wrong")
        assert wapo("app", "list").error == "the admin token is missing or wrong"
        monkeypatch.setenv("WAPO_ADMIN_TOKEN", access.token or "")
        assert wapo("app", "list").code == 0

    @pytest.mark.parametrize("url", ["", "localhost:8001", "file:///etc/passwd", "ftp://127.0.0.1"])
    def test_an_address_that_is_none(self, url: str) -> None:
        result = wapo("app", "list", "--admin", url)
        assert result.code == 1
        assert "is no address of an admin RPC" in result.error

    def test_a_token_that_is_none(self) -> None:
        result = wapo("app", "list", "--admin", "http://127.0.0.1:1", "--token", "a\nb")
        assert (result.code, result.error) == (1, "the admin token has characters that no token has")

    def test_nobody_is_there(self) -> None:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{closed.getsockname()[1]}"
            result = wapo("app", "list", "--admin", url)
        assert (result.code, result.error) == (1, f"no node answers at {url}: Connection refused")

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"SSH-2.0-OpenSSH\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
            b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
            b"HTTP/1.1 500 Oh\r\nContent-Length: 6\r\n\r\n<html>",
            b"HTTP/1.1 400 No\r\nContent-Length: 60\r\n\r\n{",
        ],
    )  # fmt: skip
    def test_somebody_else_is_there(self, answer: bytes) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:

            def serve() -> None:
                peer, _ = server.accept()
                with peer:
                    peer.recv(65536)
                    peer.sendall(answer)

            thread = threading.Thread(target=serve)
            thread.start()
            result = wapo("app", "list", "--admin", f"http://127.0.0.1:{server.getsockname()[1]}")
            thread.join(10)
        assert result.code == 1
        assert re.match(
            r"no node answers at |what answers at .* (is no admin RPC|ended in the middle of its answer)|500 Oh|400 No",
            result.error,
        )


class TestHelp:
    @pytest.mark.parametrize(
        "command", ["deploy", "list", "info", "start", "stop", "resize", "query", "metrics", "remove", "logs"]
    )
    def test_each_command_says_what_it_does(self, command: str) -> None:
        overview = wapo("app", "--help").out
        assert f"│ {command} " in overview
        result = wapo("app", command, "--help")
        assert (result.code, result.err) == (0, "")
        assert f"Usage: wapo app {command} [OPTIONS]" in result.out
        assert "--data-dir" in result.out

    def test_no_command_or_a_wrong_one(self) -> None:
        assert wapo("app").code == 2
        assert wapo("app", "fly").error == "No such command 'fly'."
        assert wapo("app", "query").error == "Missing argument 'APP'."
