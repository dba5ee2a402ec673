"""The page that verifies in a browser: one file, which loads nothing but what is to be verified."""

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

__all__ = ["content_security_policy", "page"]

_PLACE: Final = '<script type="module"></script>'
_IMPORT: Final = "import { verdict, verify } from './verify.js';\n"


@cache
def _script() -> str:
    folder = files(__name__)
    library, ui = ((folder / name).read_text("utf-8") for name in ("verify.js", "ui.js"))
    assert _IMPORT in ui
    return "\n" + library.replace("\nexport ", "\n") + ui.replace(_IMPORT, "")


@cache
def page() -> bytes:
    """HTML, UTF-8."""
    html = (files(__name__) / "index.html").read_text("utf-8")
    assert _PLACE in html
    return html.replace(_PLACE, f'<script type="module">{_script()}</script>').encode()


@cache
def content_security_policy() -> str:
    """No other script than its own, and connections to whatever node it is to verify."""
    digest = base64.b64encode(hashlib.sha256(_script().encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; connect-src *; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
