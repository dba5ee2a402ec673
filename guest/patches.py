"""Changes to third-party sources, made when they have been unpacked: a passage that is there once becomes another.

As few as can be: what the port needs and the library has no interface for. A new version of the library in which a
passage has changed fails the build, so that somebody looks.
"""

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PATCHES", "Patch", "patched"]


@dataclass(frozen=True)
class Patch:
    """In ``file`` of source ``name``, ``old`` becomes ``new``."""

    name: str
    file: str
    old: str
    new: str


PATCHES = (
    # AsyncLocalStorage: reactions run in the context that they were attached in (wapojs/c/async_context.c). The
    # engine's promise hooks are not called for reactions and awaits.
    Patch(
        "quickjs-ng",
        "quickjs.c",
        "        rd->handler = js_dup(handler);\n",
        "        rd->handler = wapojs_bind_context(ctx, handler);\n",
    ),
    Patch(
        "quickjs-ng",
        "quickjs.c",
        "        args[2] = then;\n"
        "        JS_EnqueueJob(ctx, js_promise_resolve_thenable_job, 3, args);\n"
        "        JS_FreeValue(ctx, then);\n",
        "        JSValue bound = wapojs_bind_context(ctx, then);\n"
        "        args[2] = bound;\n"
        "        JS_EnqueueJob(ctx, js_promise_resolve_thenable_job, 3, args);\n"
        "        JS_FreeValue(ctx, bound);\n"
        "        JS_FreeValue(ctx, then);\n",
    ),
    Patch(
        "quickjs-ng",
        "quickjs.c",
        "static int js_create_resolving_functions(JSContext *ctx, JSValue *args,\n"
        "                                         JSValueConst promise);\n",
        "static int js_create_resolving_functions(JSContext *ctx, JSValue *args,\n"
        "                                         JSValueConst promise);\n"
        "JSValue wapojs_bind_context(JSContext *ctx, JSValueConst function);\n",
    ),
    # /a-b/v and /a&&b/v: what a class of the v flag must escape is plain text outside of one (ECMA-262 22.2.1,
    # ClassSetSyntaxCharacter). URLPattern's regular expressions have that flag.
    Patch(
        "quickjs-ng",
        "libregexp.c",
        "        if (s->unicode_sets && p[1] == c) {\n",
        "        if (s->unicode_sets && inclass && p[1] == c) {\n",
    ),
    Patch(
        "quickjs-ng",
        "libregexp.c",
        "    case '|':\n        if (s->unicode_sets) {\n",
        "    case '|':\n        if (s->unicode_sets && inclass) {\n",
    ),
)


def patched(name: str, folder: Path, cache: Path) -> Path:
    """A copy of the source folder with its patches, kept beside it; the folder itself if there are none.

    Raises:
        SystemExit: a passage is not there exactly once.
    """
    patches = [patch for patch in PATCHES if patch.name == name]
    if not patches:
        return folder
    key = hashlib.sha256(repr((folder.as_posix(), patches)).encode()).hexdigest()[:16]
    target = cache / f"{name}-patched-{key}"
    if target.exists():
        return target
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        copy = Path(scratch) / "copy"
        shutil.copytree(folder, copy)
        for patch in patches:
            text = (copy / patch.file).read_text()
            if text.count(patch.old) != 1:
                raise SystemExit(f"{patch.file} of {name} has changed, and a patch does not fit: {patch.old[:60]!r}")
            (copy / patch.file).write_text(text.replace(patch.old, patch.new))
        try:
            copy.rename(target)
        except OSError:  # another build was first
            if not target.exists():
                raise
    return target
