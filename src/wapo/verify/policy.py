"""What a verifier demands: a file in TOML, of which docs/trust.md has an example.

Hardware says what it has measured; whether that is what one wants to talk to, only the one who asks can know. So what a
policy does not name is not proven, and a verdict says so.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from wapo.errors import CallerError
from wapo.trust.attestation.measurements import ParsedQuote
from wapo.verify.steps import Step

__all__ = ["Policy", "UnusablePolicy"]

#: Names of measured values, by TEE, with their length in bytes.
_MEASURED: Final[dict[str, dict[str, int]]] = {
    "tdx": {
        "tee_tcb_svn": 16, "tee_tcb_svn2": 16, "mr_seam": 48, "mr_signer_seam": 48, "seam_attributes": 8,
        "td_attributes": 8, "xfam": 8, "mr_td": 48, "mr_config_id": 48, "mr_owner": 48, "mr_owner_config": 48,
        "rt_mr0": 48, "rt_mr1": 48, "rt_mr2": 48, "rt_mr3": 48, "mr_service_td": 48,
    },
    "sgx": {"cpu_svn": 16, "attributes": 16, "mr_enclave": 32, "mr_signer": 32},
}  # fmt: skip
_NUMBERS: Final = ("isv_prod_id", "min_isv_svn")
_STATUSES: Final = (
    "UpToDate", "SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded", "OutOfDate",
    "OutOfDateConfigurationNeeded",
)  # fmt: skip
_ADVISORY: Final = re.compile(r"INTEL-[A-Z]+-[0-9]+")
_MOST_BYTES: Final = 1 << 20

#: What makes the software of a trust domain: firmware, kernel, initial file system with the command line, and the app.
_TDX_SOFTWARE: Final = ("mr_td", "rt_mr1", "rt_mr2")


class UnusablePolicy(CallerError):
    """A policy file cannot be read, or says something that no verifier understands."""

    code = "unusable_policy"


@dataclass(frozen=True)
class Policy:
    """What must hold. Lists are alternatives; what is empty, or None, is not demanded.

    Attributes:
        tcb_statuses: of the platform, as Intel calls them.
        allowed_advisories: advisories that apply to the platform, and are put up with; others are not.
        min_tcb_evaluation: number of Intel's evaluation that the collateral must at least be of.
        measured: values in hex, by TEE and name.
        numbers: ``isv_prod_id`` and ``min_isv_svn`` of an enclave.
        events: payloads in hex, by the name of an event of dstack.
        key_ids, programs: of the node.
    """

    tees: tuple[str, ...] = ()
    tcb_statuses: tuple[str, ...] = ("UpToDate",)
    allowed_advisories: tuple[str, ...] = ()
    min_tcb_evaluation: int = 0
    measured: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)
    events: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    key_ids: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()

    @classmethod
    def load(cls, path: Path) -> "Policy":
        """The policy in that file.

        Raises:
            UnusablePolicy.
        """
        try:
            with path.open("rb") as file:
                data = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise UnusablePolicy(f"the policy {path} cannot be read: {error.strerror}") from None
        if len(data) > _MOST_BYTES:
            raise UnusablePolicy(f"the policy {path} has more than {_MOST_BYTES} bytes")
        try:
            return cls.parse(data.decode())
        except UnicodeDecodeError:
            raise UnusablePolicy(f"the policy {path} is not UTF-8") from None
        except UnusablePolicy as error:
            raise UnusablePolicy(f"{path}: {error}") from None

    @classmethod
    def parse(cls, text: str) -> "Policy":
        """The policy in that TOML.

        Raises:
            UnusablePolicy: it is none, or has a name in it that is not known: a demand with a typing error in it would
                demand nothing.
        """
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise UnusablePolicy(f"not TOML: {error}") from None
        top = {name: value for name, value in tables.items() if not isinstance(value, dict)}
        _known("the policy", top, ("tees", "tcb_statuses", "allowed_advisories", "min_tcb_evaluation"))
        _known("the policy", {name: 0 for name in tables if name not in top}, ("tdx", "sgx", "dstack", "node"))
        node = tables.get("node", {})
        _known("[node]", node, ("key_ids", "programs"))
        sgx = tables.get("sgx", {})
        advisories = _texts("allowed_advisories", top.get("allowed_advisories", []))
        for one in advisories:
            if not _ADVISORY.fullmatch(one):
                raise UnusablePolicy(f"allowed_advisories: {one!r} is no advisory such as INTEL-SA-00615")
        return cls(
            tees=_chosen("tees", top.get("tees", []), ("tdx", "sgx")),
            tcb_statuses=_chosen("tcb_statuses", top.get("tcb_statuses", ["UpToDate"]), _STATUSES),
            allowed_advisories=advisories,
            min_tcb_evaluation=_number("min_tcb_evaluation", top.get("min_tcb_evaluation", 0)),
            measured={tee: _measured(tee, tables.get(tee, {})) for tee in _MEASURED},
            numbers={name: _number(name, sgx[name]) for name in _NUMBERS if name in sgx},
            events={name.replace("_", "-"): _hexes(name, value) for name, value in tables.get("dstack", {}).items()},
            key_ids=_texts("key_ids", node.get("key_ids", [])),
            programs=_texts("programs", node.get("programs", [])),
        )

    def check_software(self, quote: ParsedQuote, events: Mapping[str, str]) -> list[Step]:
        """What was measured, against this.

        Args:
            events: of dstack's log, payloads in hex; verified ones.
        """
        steps = []
        if self.tees and quote.tee not in self.tees:
            steps.append(Step("TEE", "failed", f"the quote is of {quote.tee}; wanted is {' or '.join(self.tees)}"))
        wanted = self.measured.get(quote.tee, {})
        different = [name for name, values in wanted.items() if quote.measured.get(name) not in values]
        steps += [
            Step(name, "failed", f"{name} is another than the policy's", {name: quote.measured.get(name)})
            for name in different
        ]
        if quote.tee == "sgx":
            steps += self._check_enclave(quote)
        steps += [
            Step(f"event {name}", "failed", f"the event {name} is another than the policy's", {name: events.get(name)})
            for name, values in self.events.items()
            if events.get(name) not in values
        ]
        if steps:
            return steps
        evidence = {name: quote.measured[name] for name in wanted} | {name: events[name] for name in self.events}
        missing = self._not_named(quote)
        if missing:
            text = f"the hardware says what it runs, but no policy names {', '.join(missing)}: see the evidence"
            return [Step("software", "open", text, dict(quote.measured))]
        return [Step("software", "ok", f"what runs is what the policy names: {', '.join(evidence)}", evidence)]

    def _check_enclave(self, quote: ParsedQuote) -> list[Step]:
        found = []
        product, version = self.numbers.get("isv_prod_id"), self.numbers.get("min_isv_svn", 0)
        if product is not None and quote.isv_prod_id != product:
            text = f"the enclave is product {quote.isv_prod_id}; the policy's is {product}"
            found.append(Step("isv_prod_id", "failed", text))
        if (quote.isv_svn or 0) < version:
            text = f"the enclave's security version is {quote.isv_svn}; at least {version} is demanded"
            found.append(Step("isv_svn", "failed", text))
        return found

    def _not_named(self, quote: ParsedQuote) -> list[str]:
        """What a policy must name so that it names the software."""
        wanted = self.measured.get(quote.tee, {})
        if quote.tee == "sgx":
            named = "mr_enclave" in wanted or ("mr_signer" in wanted and "isv_prod_id" in self.numbers)
            return [] if named else ["mr_enclave (or mr_signer with isv_prod_id)"]
        missing = [name for name in _TDX_SOFTWARE if name not in wanted]
        if "rt_mr3" not in wanted and "compose-hash" not in self.events:
            missing.append("rt_mr3 (or, with dstack, compose_hash)")
        return missing


def _known(where: str, table: Any, names: tuple[str, ...]) -> None:
    if not isinstance(table, dict):
        raise UnusablePolicy(f"{where} is no table")
    for name in table:
        if name not in names:
            raise UnusablePolicy(f"{where} has {name!r}, which is none of {', '.join(names)}")


def _measured(tee: str, table: Any) -> dict[str, tuple[str, ...]]:
    lengths = _MEASURED[tee]
    _known(f"[{tee}]", table, (*lengths, *(_NUMBERS if tee == "sgx" else ())))
    return {name: _hexes(name, value, lengths[name]) for name, value in table.items() if name in lengths}


def _hexes(name: str, value: Any, length: int | None = None) -> tuple[str, ...]:
    found = _texts(name, value)
    if not found:
        raise UnusablePolicy(f"{name} is an empty list, which nothing can be in")
    for text in found:
        try:
            data = bytes.fromhex(text)
        except ValueError:
            raise UnusablePolicy(f"{name}: {text[:100]!r} is not hex") from None
        if length is not None and len(data) != length:
            raise UnusablePolicy(f"{name} has {length} bytes, not {len(data)}")
    return tuple(text.lower() for text in found)


def _texts(name: str, value: Any) -> tuple[str, ...]:
    """A text, or a list of them."""
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise UnusablePolicy(f"{name} is a text, or a list of texts")
    return tuple(found)


def _chosen(name: str, value: Any, allowed: tuple[str, ...]) -> tuple[str, ...]:
    found = _texts(name, value)
    for text in found:
        if text not in allowed:
            raise UnusablePolicy(f"{name}: {text!r} is none of {', '.join(allowed)}")
    return found


def _number(name: str, value: Any) -> int:
    if type(value) is not int or value < 0:
        raise UnusablePolicy(f"{name} is a whole number from 0")
    return value
