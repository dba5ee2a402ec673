"""Who a process is."""

import os
import pwd
import subprocess
import sys

import pytest

from wapo.confinement.privileges import UnusableUser, user_named

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")

#: Python's modules are loaded before: where they are, the other user need not be able to read.
BECOME = """
import os, pwd, sys
from wapo.confinement.privileges import become, capabilities, drop_capabilities
become(pwd.getpwnam("nobody"), {keep})
print(os.getresuid(), os.getgroups(), capabilities("CapEff"), capabilities("CapAmb"))
try:
    os.setuid(0)
except PermissionError:
    print("no way back")
"""


def became(keep: str) -> list[str]:
    command = [sys.executable, "-c", BECOME.format(keep=keep)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()


@as_root
def test_root_becomes_a_user_for_ever() -> None:
    nobody = pwd.getpwnam("nobody")
    uid, gid = nobody.pw_uid, nobody.pw_gid
    assert became("()") == [f"({uid}, {uid}, {uid}) [{gid}] 0 0", "no way back"]


@as_root
def test_what_ports_of_the_privileged_need_is_kept_for_processes_that_it_starts() -> None:
    assert became("{10}")[0].endswith("1024 1024")


@as_root
def test_who_is_that_user_already_stays_it() -> None:
    assert user_named("nobody").pw_name == "nobody"


def test_an_unknown_user() -> None:
    with pytest.raises(UnusableUser, match="there is no user 'nobody-at-all' on this machine"):
        user_named("nobody-at-all")


def test_root_is_who_it_is_to_get_away_from() -> None:
    with pytest.raises(UnusableUser, match="root is root"):
        user_named("root")


def test_only_root_becomes_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(UnusableUser, match="only root can become nobody; this process is 12345"):
        user_named("nobody")
