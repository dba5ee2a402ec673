"""``Wapod.toml``, the original worker's configuration file (node-and-gateway 6.3), and its environment variables.

Precedence: what is built in, the file, ``WAPOD_ADMIN_<KEY>`` and ``WAPOD_USER_<KEY>``, the command line. Keys of the
original's web framework that have no meaning here (``workers``, ``max_blocking``, ``temp_dir``, ``log_level``) are
accepted and passed over; others are an error, because a typing mistake must not open a port.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wapo.cli.values import parse_size
from wapo.errors import CallerError
from wapo.lazy import library

if TYPE_CHECKING:
    import tomllib
else:
    tomllib = library("tomllib")

__all__ = ["InvalidConfig", "ListenerConfig", "WapodConfig"]

FILE_NAME: Final = "Wapod.toml"
_PASSED_OVER: Final = frozenset(("workers", "max_blocking", "temp_dir", "log_level", "keep_alive", "cli_colors"))


class InvalidConfig(CallerError):
    """A configuration file, or a variable of the environment, that makes no sense."""

    code = "invalid_config"


@dataclass(frozen=True, slots=True)
class ListenerConfig:
    """One listener. ``limits`` are bytes by RPC method or content kind."""

    address: str | None = None
    port: int | None = None
    ident: str = "Wapod"
    limits: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WapodConfig:
    """What the file and the environment say; ``denied`` is None where the file has no blacklist."""

    admin: ListenerConfig = ListenerConfig()
    user: ListenerConfig = ListenerConfig()
    denied: tuple[str, ...] | None = None

    @classmethod
    def load(cls, file: Path | None, environment: Mapping[str, str] = os.environ) -> "WapodConfig":
        """From that file, or from ``Wapod.toml`` in the working directory if there is one.

        Raises:
            InvalidConfig: says which key is wrong, and what is allowed.
        """
        path = file or Path(FILE_NAME)
        tables: dict[str, Any] = {}
        if file is not None or path.is_file():
            try:
                tables = tomllib.loads(path.read_text())
            except OSError as error:
                raise InvalidConfig(f"{path} cannot be read: {error.strerror}") from None
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise InvalidConfig(f"{path} is not TOML: {error}") from None
        unknown = set(tables) - {"default", "admin", "user", "runtime"}
        if unknown:
            raise InvalidConfig(f"{path}: there is no section {sorted(unknown)[0]!r}")
        common = _listener(ListenerConfig(), tables.get("default", {}), f"{path}: [default]")
        listeners = {
            name: _from_environment(
                _listener(common, tables.get(name, {}), f"{path}: [{name}]"), name.upper(), environment
            )
            for name in ("admin", "user")
        }
        runtime = tables.get("runtime", {})
        if not isinstance(runtime, dict) or set(runtime) - {"tcp_connect_blacklist"}:
            raise InvalidConfig(f"{path}: [runtime] is a table with one key, tcp_connect_blacklist")
        denied = runtime.get("tcp_connect_blacklist")
        if denied is not None and not (isinstance(denied, list) and all(isinstance(entry, str) for entry in denied)):
            raise InvalidConfig(f"{path}: runtime.tcp_connect_blacklist must be a list of strings")
        return cls(**listeners, denied=None if denied is None else tuple(denied))


def _listener(base: ListenerConfig, table: Any, where: str) -> ListenerConfig:
    if not isinstance(table, dict):
        raise InvalidConfig(f"{where} must be a table")
    for key, value in table.items():
        base = _with(base, key, value, f"{where} {key}")
    return base


def _with(base: ListenerConfig, key: str, value: Any, where: str) -> ListenerConfig:
    match key:
        case "address" if isinstance(value, str) and value:
            return replace(base, address=value)
        case "ident" if isinstance(value, str) and value and value.isascii() and value.isprintable():
            return replace(base, ident=value)
        case "port" if isinstance(value, int) and 0 <= value <= 65535 and not isinstance(value, bool):
            return replace(base, port=value)
        case "limits" if isinstance(value, dict):
            sizes = {name: _size(size, f"{where}.{name}") for name, size in value.items()}
            return replace(base, limits={**base.limits, **sizes})
        case _ if key in _PASSED_OVER:
            return base
        case "address" | "ident" | "port" | "limits":
            raise InvalidConfig(f"{where}: {value!r} makes no sense")
    raise InvalidConfig(f"{where}: there is no such key; there are address, port, ident and limits")


def _size(value: Any, where: str) -> int:
    try:
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        return parse_size(str(value))
    except ValueError as error:
        raise InvalidConfig(f"{where}: {error}") from None


def _from_environment(base: ListenerConfig, name: str, environment: Mapping[str, str]) -> ListenerConfig:
    prefix = f"WAPOD_{name}_"
    for key in ("address", "port", "ident"):
        text = environment.get(prefix + key.upper())
        if text is not None:
            value: Any = int(text) if key == "port" and text.isascii() and text.isdigit() else text
            base = _with(base, key, value, prefix + key.upper())
    return base
