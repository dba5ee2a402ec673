"""Which of the two dialects of the ABI a module speaks (wapo-abi.md 11.3)."""

from collections.abc import Iterable
from enum import Enum

from wapo.engine.module_types import Import

__all__ = ["LEGACY_IMPORTS", "Dialect", "dialect_of"]

LEGACY_IMPORTS = frozenset(("sidevm_ocall", "sidevm_ocall_fast_return"))


class Dialect(Enum):
    """``LEGACY`` is the predecessor's, SideVM."""

    WAPO = "wapo"
    LEGACY = "sidevm"


def dialect_of(imports: Iterable[Import]) -> Dialect:
    """Legacy is what imports the predecessor's calls and nothing from ``wapo``."""
    found = {(item.module, item.name) for item in imports}
    legacy = any(("env", name) in found for name in LEGACY_IMPORTS)
    return Dialect.LEGACY if legacy and not any(module == "wapo" for module, _ in found) else Dialect.WAPO
