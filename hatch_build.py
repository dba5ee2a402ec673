"""The package's build: compiles the guest, so that ``pip install .`` needs no compiler, Node.js or Rust."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

#: The programs of the README's tour, which nobody shall need a compiler for.
EXAMPLES = ("counters.c", "http_app.c")


class GuestBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts ``wapojs.wasm`` where the package expects it, for wheels and for editable installs; and some of the SDK's
    examples beside their sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        sys.path.insert(0, str(Path(self.root) / "guest"))
        from build import build

        build()
        sdk = Path(self.root) / "guest" / "sdk"
        for name in EXAMPLES:
            subprocess.run([sys.executable, str(sdk / "build.py"), str(sdk / "examples" / name)], check=True)
