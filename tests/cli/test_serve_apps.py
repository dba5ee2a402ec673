"""A node with apps: how it begins, how it ends, and what several workers do with them."""

import json
import os
import signal
import socket
import time
import urllib.request
from pathlib import Path

import pytest

from tests.cli.support import Running, running, wapo
from tests.cli.test_serve import get
from tests.cli.workers import alive, app_worker, children, until
from tests.programs import compile_program
from wapo.cli.admin_client import AdminAccess, AdminClient, AdminUnreachable

PORTS = ("--port", "0", "--admin-port", "0", "--user-port", "0", "--upstream", "none")


@pytest.fixture
def program(folder: Path) -> Path:
    path = folder / "tool.wasm"
    path.write_bytes(compile_program("app"))
    return path


def ends_well(node: Running, number: int) -> None:
    assert node.stop(number) == 0
    assert not any("Traceback" in line or "rror" in line for line in node.lines), node.lines


class TestStopping:
    def test_an_interrupt_right_after_the_greeting_is_a_clean_stop(self, data: Path) -> None:
        """It once ended the process with 130, in the moment before the server heard signals."""
        with running("serve", *PORTS) as node:
            node.wait_for("wapo is listening")
            ends_well(node, signal.SIGINT)
        assert not (data / "admin.json").exists()

    def test_a_signal_during_the_start_is_a_clean_stop(self, data: Path) -> None:
        with running("serve", *PORTS) as node:
            until(lambda: (data / "node.key").exists(), "it does not start")
            ends_well(node, signal.SIGTERM)

    def test_apps_are_stopped_and_come_back(self, data: Path, program: Path) -> None:
        with running("serve", *PORTS) as node:
            node.wait_for("apps: wapo app")
            address = wapo("app", "deploy", program).out.strip()
            wapo("app", "deploy", program, "--label", "resting")
            wapo("app", "stop", "resting")
            ends_well(node, signal.SIGINT)
        log = [json.loads(line)["message"] for line in wapo("app", "logs", address, "--json").out.splitlines()]
        assert log == ["started", "Stopped: stopped"]
        assert wapo("app", "list").error.startswith("no node with apps runs in node")
        with running("serve", *PORTS) as node:
            node.wait_for("apps: wapo app")
            apps = {one["manifest"]["label"]: one["instances"] for one in json.loads(wapo("app", "list", "--json").out)}
            assert apps == {"tool": 1, "resting": 0}
            assert wapo("app", "query", "tool", "/echo", "again").out == "again"
            until(lambda: '"starts":2' in wapo("app", "metrics", "tool", "--json").out, "its first life is forgotten")
            ends_well(node, signal.SIGTERM)

    def test_a_second_interrupt_does_not_wait_for_who_is_being_served(self, data: Path, program: Path) -> None:
        with running("serve", *PORTS) as node:
            node.wait_for("apps: wapo app")
            address = wapo("app", "deploy", program).out.strip()
            access = AdminAccess.read(data)
            user = access.user_url.removeprefix("http://").split(":")
            with socket.create_connection((user[0], int(user[1]))) as client:
                client.sendall(f"GET /app/{address}/flood HTTP/1.1\r\nHost: h\r\n\r\n".encode())
                assert client.recv(12) == b"HTTP/1.1 200"
                began = time.monotonic()
                node.process.send_signal(signal.SIGINT)
                until(lambda: not _accepts(access), "it goes on")
                assert node.process.poll() is None
                assert node.stop(signal.SIGINT) == 0
                assert time.monotonic() - began < 8  # its grace is 10
            assert not any("Traceback" in line for line in node.lines), node.lines

    def test_worker_exit_is_answered_and_ends_the_node_which_its_file_describes(
        self, data: Path, folder: Path, program: Path
    ) -> None:
        (folder / "Wapod.toml").write_text('[default]\nport = 0\n[user]\nident = "me"\nlimits = {"User.Query" = 99}')
        with running("serve", "--port", "0", "--upstream", "none", "--insecure-admin") as node:
            node.wait_for("apps: wapo app")
            wapo("app", "deploy", program)
            access = AdminAccess.read(data)
            assert access.token is None
            with urllib.request.urlopen(f"{access.user_url}/prpc/User.Info", timeout=30) as response:
                assert response.headers["server"] == "me"
            assert get(f"{access.user_url}/prpc/User.Query?json", b" " * 100)[0] == 413
            assert AdminClient(access).call("WorkerExit") == {}
            assert node.end() == 0
            assert not any("Traceback" in line for line in node.lines), node.lines
        with pytest.raises(AdminUnreachable):
            AdminClient(access).call("Info")


def _accepts(access: AdminAccess) -> bool:
    host, port = access.url.removeprefix("http://").split(":")
    try:
        socket.create_connection((host, int(port))).close()
    except OSError:
        return False
    return True


class TestSeveralWorkers:
    def test_apps_live_in_the_first_and_move_when_it_dies(self, data: Path, program: Path) -> None:
        with running("serve", *PORTS, "--workers", "2") as node:
            url = node.wait_for("with 2 workers").split(" on ")[1].split()[0]
            # Commands may come at once: they wait at an open socket.
            deployed = wapo("app", "deploy", program, "--json").json
            workers = children(node.process.pid)
            first = app_worker(data, workers)
            assert len(workers) == 2
            assert all(os.getpgid(worker) != os.getpgid(node.process.pid) for worker in workers)
            for _ in range(8):
                assert get(f"{deployed['url']}seen")[0] == 200
                assert get(f"{url}/healthz")[0] == 200
            assert wapo("app", "list", "--json").out.count('"instances":1') == 1
            os.kill(first, signal.SIGKILL)
            until(lambda: not alive(first), "it does not die")
            assert wapo("app", "query", "tool", "/echo", "moved").out == "moved"
            assert get(f"{deployed['url']}seen")[0] == 200
            second = app_worker(data, children(node.process.pid))
            assert second != first
            assert any("a worker ended with -9; starting another" in line for line in node.lines)
            left = children(node.process.pid)
            AdminClient(AdminAccess.read(data)).call("WorkerExit")
            assert node.end() == 0
            assert not any(map(alive, left))
            assert not any("Traceback" in line for line in node.lines), node.lines
        assert not (data / "admin.json").exists()

    def test_an_interrupt_right_after_the_greeting_is_a_clean_stop(self, data: Path) -> None:
        """As Ctrl-C in a terminal: everyone in the foreground hears of it."""
        with running("serve", *PORTS, "--workers", "2", process_group=0) as node:
            node.wait_for("with 2 workers")
            os.killpg(node.process.pid, signal.SIGINT)
            assert node.end() == 0
            assert not any("Traceback" in line or "rror" in line for line in node.lines), node.lines
