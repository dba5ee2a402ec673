"""What a Python process reads long after it has started: modules that are imported late, libraries that these load, the
network's configuration, certificate authorities, time zones, and what the kernel tells."""

import os
import re
import ssl
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["readable_paths"]

#: Public by convention: a distribution puts no secrets there.
_LIBRARIES: Final = (
    "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share", "/usr/local/share",
)  # fmt: skip

#: Of /etc: as root, whose the secrets there are, no more than this. Others have no more than everybody has.
_CONFIGURATION: Final = (
    "ca-certificates", "crypto-policies", "gai.conf", "host.conf", "hosts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d",
    "localtime", "mime.types", "nsswitch.conf", "pki/ca-trust", "pki/tls/cert.pem", "pki/tls/certs",
    "pki/tls/openssl.cnf", "protocols", "resolv.conf", "services", "ssl/ca-bundle.pem", "ssl/cert.pem", "ssl/certs",
    "ssl/openssl.cnf", "timezone",
)  # fmt: skip

#: Where resolv.conf is a link to. It is replaced there, so the directory is what counts.
_RESOLVERS: Final = ("/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager", "/run/netconfig")

#: The kernel protects what is another process's. Of /proc itself, for a process's own directory comes and goes with the
#: kernel's caches, and a rule for it would go with it.
_KERNEL: Final = ("/proc", "/sys/fs/cgroup", "/sys/devices/system/cpu", "/dev/urandom", "/dev/random", "/dev/zero")


_LIBRARY: Final = re.compile(r"\.so(\.[0-9]+)*$")


def readable_paths() -> list[Path]:
    """Files, and directories with all that is in them. Some may not exist."""
    found = [*_python(), *map(Path, (*_LIBRARIES, *_RESOLVERS, *_KERNEL)), *_configuration(), *_roots()]
    return [path for path in dict.fromkeys(found) if path != Path("/")]


def _python() -> Iterator[Path]:
    yield Path(__file__).resolve().parents[1]  # this package
    for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix):
        if prefix not in ("/usr", "/usr/local"):  # whose libraries are listed, and who has more than Python
            yield Path(prefix)
    yield from map(Path, map(sysconfig.get_path, ("stdlib", "platstdlib", "purelib", "platlib")))
    # The first entry is the program's directory, or the working directory, whatever is in it.
    entries = sys.path if sys.flags.safe_path else sys.path[1:]
    # A home directory, or what is above it, is not code, wherever Python looks for modules.
    home = Path("~").expanduser()
    yield from (path for path in map(Path, entries) if path.is_absolute() and path not in (home, *home.parents))
    with Path("/proc/self/maps").open() as maps:
        names = {line.split(maxsplit=5)[-1].rstrip("\n") for line in maps}
    # Themselves, wherever they lie: what else is beside them may be anything.
    yield from map(Path, sorted(name for name in names if name.startswith("/") and _LIBRARY.search(name)))


def _configuration() -> Iterator[Path]:
    etc = Path("/etc")
    if os.geteuid() != 0:
        yield etc
        return
    for name in _CONFIGURATION:
        yield etc / name


def _roots() -> Iterator[Path]:
    places = ssl.get_default_verify_paths()
    for place in (places.cafile, places.capath, places.openssl_cafile, places.openssl_capath):
        if place:
            yield Path(place)
    settings = os.environ.get("OPENSSL_CONF")
    if settings:
        yield Path(settings)
