"""Which tests a checkout of web-platform-tests has, and what their META comments say.

https://web-platform-tests.org/writing-tests/testharness.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["InvalidCheckout", "Test", "discover"]

_META = re.compile(r"//\s*META:\s*(\w+)=(.*)")
_SUFFIX = ".any.js"

#: The scopes that an agent's global object comes nearest to. A test that names none of them is for pages only.
_SCOPES = frozenset({"window", "worker", "dedicatedworker", "shadowrealm", "dedicatedworker-module"})
_DEFAULT_SCOPES = frozenset({"window", "dedicatedworker"})


class InvalidCheckout(Exception):
    """The directory has no testharness.js, or a test asks for a script that is not there."""


@dataclass(frozen=True, slots=True)
class Test:
    """One run: a file and one of its variants.

    Attributes:
        path: from the checkout's root, with slashes.
        variant: a query or fragment with its mark, or nothing.
        scripts: paths of what is loaded before it.
        long: whether it may take six times as long.
    """

    path: str
    variant: str
    scripts: tuple[str, ...]
    title: str
    long: bool
    __test__ = False  # not one of pytest's

    @property
    def id(self) -> str:
        """What it is called in reports and expectations."""
        return self.path + self.variant


def discover(checkout: Path, prefix: str = "") -> Iterator[Test]:
    """The tests under a path (a folder, a file, or the beginning of one), in order.

    Raises:
        InvalidCheckout: see there.
    """
    if not (checkout / "resources" / "testharness.js").is_file():
        raise InvalidCheckout(f"{checkout} has no resources/testharness.js: it is no checkout of web-platform-tests")
    prefix = prefix.removeprefix("/")
    folder = checkout / (prefix if (checkout / prefix).is_dir() else prefix.rpartition("/")[0])
    for file in sorted(folder.rglob(f"*{_SUFFIX}")):
        path = file.relative_to(checkout).as_posix()
        if path.startswith(prefix):
            yield from _variants(checkout, path, file.read_text("utf-8", "replace"))


def _variants(checkout: Path, path: str, source: str) -> Iterator[Test]:
    variants, scripts, scopes = [], [], set()
    title, long = path, False
    for key, value in _meta(source):
        if key == "variant":
            variants.append(value)
        elif key == "script":
            scripts.append(_resolve(checkout, path, value))
        elif key == "global":
            scopes.update(part.strip() for part in value.split(","))
        elif key == "title":
            title = value
        elif key == "timeout":
            long = value == "long"
    if not _SCOPES & (scopes or _DEFAULT_SCOPES):
        return
    for variant in variants or [""]:
        yield Test(path, variant, tuple(scripts), title, long)


def _meta(source: str) -> Iterator[tuple[str, str]]:
    """The comments at the beginning; the first other line ends them."""
    for line in source.splitlines():
        if match := _META.match(line):
            yield match[1], match[2].strip()
        elif line.strip() and not line.startswith("//"):
            return


def _resolve(checkout: Path, path: str, script: str) -> str:
    found = Path(script.removeprefix("/")) if script.startswith("/") else Path(path).parent / script
    whole = (checkout / found).resolve()
    if not whole.is_relative_to(checkout.resolve()):
        raise InvalidCheckout(f"{path} asks for {script}, outside the checkout")
    return whole.relative_to(checkout.resolve()).as_posix()
