"""``python -m tests.web_platform``: makes docs/web-platform.md true. Notes are kept; new rows want one."""

import asyncio
import sys

from tests.web_platform.machine import probe
from tests.web_platform.table import DOCUMENT, differences, updated
from wapo.agents.profile import JAVASCRIPT, JavaScriptProfile
from wapo.engine.engine import Engine
from wapo.engine.modules import ModuleCache
from wapo.node.settings import default_cache_dir


async def main() -> None:
    with Engine(JAVASCRIPT).opened() as engine:
        profile = JavaScriptProfile(engine, ModuleCache(default_cache_dir() / "modules"))
        try:
            found = await probe(profile)
        finally:
            profile.close()
    text = DOCUMENT.read_text()
    true = updated(text, found)
    DOCUMENT.write_text(true)
    sys.stdout.write("\n".join(differences(text, true)) + "\n" if text != true else "the page is true\n")


asyncio.run(main())
