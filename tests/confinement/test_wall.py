"""The wall of a process, seen from behind it: in a process of its own, which this machine's kernel confines."""

import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import zoneinfo
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wapo.confinement import landlock, wall
from wapo.confinement.landlock import LEAST_ABI, abi_version
from wapo.confinement.privileges import CAP_NET_BIND_SERVICE
from wapo.confinement.trial import ATTEMPTS, open_ways
from wapo.confinement.wall import Layer, Plan, tried

needs_landlock = pytest.mark.skipif(abi_version() < LEAST_ABI, reason="a kernel without Landlock")


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """``data`` to write, ``shown`` to read; what else is in the folder is nobody's business."""
    for name in ("data", "shown", "hidden"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    return Plan(readable=(tmp_path / "shown",), writable=(tmp_path / "data",))


def behind(plan: Plan, then: Callable[[], Any]) -> Any:
    return tried(plan, then)[1]


def refused(action: Callable[[], object]) -> bool:
    try:
        action()
    except PermissionError:
        return True
    return False


def state_of(layers: list[Layer]) -> dict[str, str]:
    return {layer.name: layer.state for layer in layers}


@needs_landlock
def test_no_way_out_is_open(plan: Plan) -> None:
    assert len(ATTEMPTS) >= 20
    assert behind(plan, open_ways) == []


EACH_BY_ITSELF = """
import os
from wapo.confinement.trial import ATTEMPTS, refused
for name, attempt in ATTEMPTS.items():
    if name == "start a program":
        continue
    child = os.fork()
    if child == 0:
        os._exit(refused(attempt))
    if os.waitpid(child, 0)[1] == 0:
        print(name)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="most need root's rights")
def test_the_ways_are_open_without_a_wall() -> None:
    """An attempt that always fails would show nothing."""
    done = subprocess.run(
        [sys.executable, "-c", EACH_BY_ITSELF], capture_output=True, text=True, check=True, timeout=60
    )
    assert {
        "start a process", "make a user namespace", "read passwords", "list the root directory", "write elsewhere",
        "read another process's environment", "signal another process", "talk to a local service", "listen on a port",
    } <= set(done.stdout.splitlines())  # fmt: skip


def test_the_kernel_says_so_too(plan: Plan) -> None:
    def status() -> dict[str, str]:
        lines = Path("/proc/self/status").read_text().splitlines()
        return {name: value.strip() for name, value in (line.split(":", 1) for line in lines)}

    found = behind(plan, status)
    assert (found["NoNewPrivs"], found["Seccomp"]) == ("1", "2")
    sets = ["CapInh", "CapPrm", "CapEff", "CapAmb"] + (["CapBnd"] if os.geteuid() == 0 else [])
    assert {name: int(found[name], 16) for name in sets} == dict.fromkeys(sets, 0)


@needs_landlock
class TestFiles:
    def test_data_are_written_moved_and_removed(self, plan: Plan) -> None:
        (data,) = plan.writable

        def work() -> str:
            (data / "deep").mkdir()
            (data / "new").write_text("new")
            (data / "new").rename(data / "deep" / "moved")
            (data / "deep" / "linked").hardlink_to(data / "deep" / "moved")
            (data / "file").unlink()
            with (data / "deep" / "moved").open("r+") as file:
                file.truncate(1)
            with tempfile.TemporaryFile(dir=data) as file:
                file.write(b"x")
            return (data / "deep" / "linked").read_text()

        assert behind(plan, work) == "n"

    def test_what_is_shown_is_read_and_not_written(self, plan: Plan) -> None:
        file = plan.readable[0] / "file"
        assert behind(plan, lambda: (file.read_text(), refused(lambda: file.write_text("x")))) == ["shown", True]
        assert file.read_text() == "shown"

    def test_everything_else_is_closed_for_root_too(self, plan: Plan, tmp_path: Path) -> None:
        hidden = tmp_path / "hidden"

        def look() -> list[bool]:
            return [
                refused(lambda: (hidden / "file").read_text()),
                refused(lambda: (hidden / "file").write_text("x")),
                refused(lambda: list(hidden.iterdir())),
                refused(lambda: (hidden / "new").mkdir()),
                refused(lambda: (hidden / "file").unlink()),
                refused(lambda: (hidden / "file").rename(plan.writable[0] / "taken")),
                refused(lambda: (hidden / "file").open("a")),
            ]

        assert behind(plan, look) == [True] * 7

    def test_a_link_to_what_is_closed_is_closed(self, plan: Plan, tmp_path: Path) -> None:
        link = plan.writable[0] / "link"
        link.symlink_to(tmp_path / "hidden" / "file")
        assert behind(plan, lambda: refused(link.read_text))

    def test_what_is_written_is_its_owners_alone(self, plan: Plan) -> None:
        new = plan.writable[0] / "new"
        behind(plan, lambda: new.write_text("x"))
        assert new.stat().st_mode & 0o777 == 0o600


class TestWhatANodeNeeds:
    def test_modules_are_imported_late(self, plan: Plan) -> None:
        def work() -> list[str]:
            for name in ("xml.dom.minidom", "sqlite3", "aiohttp", "brotli"):
                __import__(name)
            return [sys.modules["sqlite3"].__name__]

        assert "xml.dom.minidom" not in sys.modules
        assert behind(plan, work) == ["sqlite3"]

    def test_authorities_time_zones_and_names(self, plan: Plan) -> None:
        def work() -> bool:
            context = ssl.create_default_context()
            context.load_default_certs()
            zoneinfo.ZoneInfo("Europe/Berlin")
            return bool(socket.getaddrinfo("localhost", 80)) and bool(context.get_ca_certs())

        assert behind(plan, work)

    def test_its_own_directory_of_the_kernel(self, plan: Plan) -> None:
        """The memory of machines, and TLS keys that are never on a disk, are read there."""

        def work() -> str:
            descriptor = os.memfd_create("test")
            os.write(descriptor, b"secret")
            Path("/proc/self/statm").read_bytes()
            Path("/proc/meminfo").read_bytes()
            return Path(f"/proc/self/fd/{descriptor}").read_text()

        assert behind(plan, work) == "secret"

    def test_threads_start_and_are_behind_it(self, plan: Plan, tmp_path: Path) -> None:
        def work() -> list[bool]:
            found: list[bool] = []
            thread = threading.Thread(target=lambda: found.append(refused((tmp_path / "hidden" / "file").read_text)))
            thread.start()
            thread.join()
            return found

        assert behind(plan, work) == [True]

    def test_it_may_signal_itself(self, plan: Plan) -> None:
        assert behind(plan, lambda: os.kill(os.getpid(), 0)) is None


@pytest.mark.skipif(abi_version() < landlock.NETWORK_ABI, reason="a kernel that does not handle ports")
class TestPorts:
    def test_it_listens_where_apps_may(self, plan: Plan) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]

        def work() -> list[bool]:
            return [refused(lambda: socket.socket().bind(("127.0.0.1", number))) for number in (port, port - 1, 0)]

        assert behind(Plan(ports=((port, port),)), work) == [False, True, True]

    def test_ports_of_the_privileged_keep_one_capability(self) -> None:
        if os.geteuid() != 0:
            pytest.skip("others have none to keep")
        layers, found = tried(Plan(ports=((443, 443),)), lambda: wall.capabilities("CapEff"))
        assert found == 1 << CAP_NET_BIND_SERVICE
        assert next(layer for layer in layers if layer.name == "capabilities").detail.startswith(
            "none but CAP_NET_BIND"
        )


class TestLayers:
    def test_a_kernel_without_landlock_has_the_rest(self, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(landlock, "abi_version", lambda: 0)
        states = state_of(tried(plan)[0])
        assert [states[name] for name in ("files", "listening", "signals")] == ["none"] * 3
        assert states["system_calls"] == states["capabilities"] == "full"

    @needs_landlock
    @pytest.mark.parametrize(
        ("abi", "expected"),
        [
            (1, ("none", "none", "none")),
            (2, ("partial", "none", "partial")),
            (3, ("full", "none", "partial")),
            (5, ("full", "full", "partial")),
            (6, ("full", "full", "full")),
        ],
    )
    def test_older_kernels_have_less(
        self, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abi: int, expected: tuple[str, ...]
    ) -> None:
        """And what they have holds."""
        if abi > abi_version():
            pytest.skip("this kernel is older")
        monkeypatch.setattr(landlock, "abi_version", lambda: abi)
        layers, closed = tried(plan, lambda: refused((tmp_path / "hidden" / "file").read_text))
        states = state_of(layers)
        assert tuple(states[name] for name in ("files", "listening", "signals")) == expected
        assert closed == (abi >= LEAST_ABI)

    def test_a_processor_that_is_not_known_has_no_filter(self, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(wall, "machine", lambda: None)
        assert state_of(tried(plan)[0])["system_calls"] == "none"

    def test_threads_that_ran_before_are_told_of(self, tmp_path: Path) -> None:
        """The kernel confines the thread that asks."""
        script = (
            "import threading\nfrom wapo.confinement.wall import *\n"
            "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
            "print(*(layer.name for layer in raise_wall(Plan()) if 'ran before' in layer.detail))"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
        assert "capabilities" in done.stdout.split()
