"""What a verification has found, step by step, and what that comes to."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from wapo.errors import WapoError

__all__ = ["EXIT_CODES", "State", "Step", "Verdict", "step_of"]

State = Literal["ok", "open", "failed"]
Outcome = Literal["proven", "open", "refused"]

#: For machines; 2 is a command line that is wrong.
EXIT_CODES: Final[dict[Outcome, int]] = {"proven": 0, "refused": 1, "open": 3}


@dataclass(frozen=True)
class Step:
    """One thing that was looked at.

    Attributes:
        state: ``ok``: it holds; ``failed``: it does not, and nothing else counts; ``open``: nobody has said, so whoever
            depends on it depends on somebody's word.
        text: what was found, a sentence for a person.
        evidence: the values that it was found in.
    """

    name: str
    state: State
    text: str
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass
class Verdict:
    """All steps, in their order.

    Attributes:
        claim: what is proven if every step holds; a sentence.
    """

    steps: list[Step] = field(default_factory=list)
    claim: str = "Every step holds."

    @property
    def outcome(self) -> Outcome:
        """``refused`` if anything failed, ``open`` if something is not proven, ``proven`` otherwise."""
        states = {step.state for step in self.steps}
        if "failed" in states or not states:
            return "refused"
        return "open" if "open" in states else "proven"

    @property
    def proven(self) -> bool:
        """Whether everything that was asked is proven."""
        return self.outcome == "proven"

    @property
    def sentence(self) -> str:
        """The verdict for a person."""
        named = {state: [step.name for step in self.steps if step.state == state] for state in ("failed", "open")}
        match self.outcome:
            case "refused":
                return f"REFUSED: wrong is {', '.join(named['failed']) or 'everything'}. Do not rely on any of this."
            case "open":
                return f"NOT PROVEN: what was looked at holds, but nothing proves: {', '.join(named['open'])}."
            case "proven":
                return f"PROVEN: {self.claim}"

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {"outcome": self.outcome, "verdict": self.sentence, "steps": [asdict(step) for step in self.steps]}

    def add(self, *steps: Step) -> None:
        """More of them."""
        self.steps += steps

    def extend(self, steps: Iterable[Step]) -> bool:
        """More of them; whether all of these hold, or are open."""
        added = list(steps)
        self.steps += added
        return all(step.state != "failed" for step in added)


def step_of(name: str, check: Callable[[], Step | str]) -> Step:
    """A step from what does the checking: what it returns, or the error that it raises."""
    try:
        found = check()
    except WapoError as error:
        return Step(name, "failed", str(error))
    return found if isinstance(found, Step) else Step(name, "ok", found)
