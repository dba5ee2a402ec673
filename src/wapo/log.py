"""What the node tells its operator: structured events, through structlog, which is loaded with the first of them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wapo.lazy import library

if TYPE_CHECKING:
    import structlog
else:
    structlog = library("structlog")

__all__ = ["Log", "configure"]

_configure: Callable[[], None] | None = None


def configure(how: Callable[[], None]) -> None:
    """Has structlog configured by ``how`` before its first event."""
    global _configure
    _configure = how


class Log:
    """A logger of that name, with structlog's methods: ``log.warning("something happened", program=...)``."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, level: str) -> Any:
        global _configure
        if _configure is not None:
            how, _configure = _configure, None
            how()
        return getattr(structlog.get_logger(self._name), level)
