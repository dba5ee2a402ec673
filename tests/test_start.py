"""What a command may not load before it does its work: each of these takes longer than an answer.

Whoever imports one of them where everything is loaded moves it behind ``wapo.lazy.library``, or finds a reason to take
it off this list.
"""

import subprocess
import sys

import pytest

#: By what is loaded first: what must not have come along.
LIBRARIES = (
    "aiohttp", "Crypto", "cffi", "coincurve", "cryptography.x509", "h11", "prometheus_client",
    "python_socks", "rich", "sqlite3", "sqlalchemy.ext.asyncio", "sqlalchemy.orm", "structlog", "tomllib", "urllib.request", "wasmtime",
)  # fmt: skip
LATER = (
    "pyhpke", "wapo.gateway.admin", "wapo.gateway.oblivious", "wapo.gateway.rpc", "wapo.gateway.user",
    "wapo.node.apps.worker", "wapo.vm.credentials.credential", "wapo.vm.credentials.outgoing", "wapo.vm.crypto.operations",
    "wapo.vm.http_session",
)  # fmt: skip
NODE = ("sqlalchemy", "uvicorn", "starlette", "google.protobuf", "cryptography", "wapo.node", "wapo.vm", "wapo.engine")
COMMANDS = {
    "wapo.cli.serve": LIBRARIES + LATER,
    "wapo.cli.run": (*LIBRARIES, *LATER, "wapo.gateway"),
    "wapo.cli.main": LIBRARIES + LATER + NODE,
}


def loaded_with(module: str) -> set[str]:
    """What a process has loaded when it has loaded that."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, {module}; print(*sys.modules)"], check=True, capture_output=True, text=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("module", COMMANDS)
def test_a_command_does_not_load_what_it_may_never_need(module: str) -> None:
    loaded = loaded_with(module)
    assert module in loaded
    assert sorted(loaded.intersection(COMMANDS[module])) == []


def test_the_list_names_what_there_is() -> None:
    """Else a name that is spelled wrong would forbid nothing."""
    names = sorted({name for names in COMMANDS.values() for name in names})
    code = f"import importlib.util; print([n for n in {names!r} if importlib.util.find_spec(n) is None])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
