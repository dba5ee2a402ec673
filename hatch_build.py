"""The package's build: compiles the guest, so that ``pip install .`` needs no compiler, Node.js or Rust."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class GuestBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts ``wapojs.wasm`` where the package expects it, for wheels and for editable installs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        sys.path.insert(0, str(Path(self.root) / "guest"))
        from build import build

        build()
