"""The page that verifies, in a browser: with its policy, and what the node allows to pages of others (CORS)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.chromium import Browser, browser, needs_chromium
from tests.cli.support import wapo
from tests.conftest import Site, opened_site
from tests.trust.attestation.platform import Hardware, Platform, needs_quotes

pytestmark = needs_chromium

AGENT = """
export default { fetch: () => new Response('hello', { status: 201, headers: { 'x-a': '1', 'content-type': 'text/plain' } }) };
""" + "//" + "x" * 700_000  # fmt: skip
VERIFIED = """
  const form = document.querySelector('form'), output = document.querySelector('output');
  if (url) form.elements.url.value = url;
  const done = new Promise((resolve) => new MutationObserver(() => {
    if (output.className) resolve();
  }).observe(output, { attributes: true, attributeFilter: ['class'] }));
  form.requestSubmit();
  await done;
  return {
    verdict: output.textContent, state: output.className,
    steps: Object.fromEntries([...document.querySelectorAll('li')].map((item) => [
      item.querySelector('.name').textContent, item.querySelector('b').className])),
    text: document.querySelector('ol').textContent,
  };
"""


async def verified(page: Browser, url: str) -> Any:
    """What the page shows when somebody asks it to verify an address. Empty: the one that it has by itself."""
    return await page.ran(f"const url = {url!r}; {VERIFIED}")


@pytest_asyncio.fixture
async def attested(tmp_path: Path) -> AsyncIterator[Site]:
    async with opened_site(tmp_path / "attested", attestation=Hardware(Platform())) as opened:
        yield opened


async def test_a_node_without_a_tee_is_told_to_be_one(site: Site, tmp_path: Path) -> None:
    async with browser(tmp_path / "profile") as page:
        await page.go_to(f"{site.url}/verify")
        shown = await verified(page, "")
        assert shown["steps"] == {"fresh": "ok", "node key": "ok", "TEE": "open"}
        assert (shown["state"], shown["verdict"][:11]) == ("open", "NOT PROVEN:")
        assert not page.complaints


@needs_quotes
@pytest.mark.parametrize("saved", [False, True], ids=["from the node", "from one's own disk"])
async def test_an_answer_is_verified_and_its_code(attested: Site, tmp_path: Path, saved: bool) -> None:
    path = await attested.publish(AGENT)
    (tmp_path / "verify.html").write_bytes(wapo("verify", "--page").raw)
    async with browser(tmp_path / "profile") as page:
        await page.go_to((tmp_path / "verify.html").as_uri() if saved else f"{attested.url}/verify")
        shown = await verified(page, f"{attested.url}{path}/a%20b?c=d")
        # What the agent sends to other sites' pages, which one from a disk is, is for the agent to say.
        assert shown["steps"] == {
            "fresh": "ok", "node key": "ok", "binding": "ok", "hardware": "failed", "platform": "open",
            "software": "open", "receipt": "ok", "headers": "open" if saved else "ok", "code": "ok",
        }, shown  # fmt: skip
        assert "do not lead to Intel's root" in shown["text"]
        assert shown["verdict"].startswith("REFUSED:")
        assert not page.complaints


async def test_one_that_is_not_there_is_told(site: Site, tmp_path: Path) -> None:
    async with browser(tmp_path / "profile") as page:
        await page.go_to(f"{site.url}/verify?url=http://127.0.0.1:1/")
        shown = await verified(page, "")
        assert (shown["state"], shown["verdict"][:23]) == ("failed", "It cannot be verified: ")


async def test_its_policy_lets_no_other_script_in(site: Site, tmp_path: Path) -> None:
    async with browser(tmp_path / "profile") as page:
        await page.go_to(f"{site.url}/verify")
        blocked = await page.ran("""
          const violated = new Promise((resolve) => document.addEventListener('securitypolicyviolation', resolve));
          const script = document.createElement('script');
          script.textContent = 'globalThis.stranger = true';
          document.body.append(script);
          return [(await violated).effectiveDirective, globalThis.stranger === undefined];
        """)
        assert blocked == ["script-src-elem", True]
