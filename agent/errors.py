"""Whose fault it is, as a type.

A `PolicyFault` counts as a failed episode, a `WorldFault` is left out of the success rate and shown beside it,
a `SpecError` stops the run before anything moves, and a `Refusal` is a policy that declines and says why.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class AubergineError(Exception):
    """Base of every error this project raises on purpose; its text is one sentence for a person."""


class SpecError(AubergineError):
    """The request itself is wrong: an unknown name, a bad file, two parts that do not fit together."""


class PolicyFault(AubergineError):
    """The policy did something a policy must not do, such as returning an action with NaN."""


class WorldFault(AubergineError):
    """The world broke: physics exploded, a robot stopped answering."""


class Refusal(AubergineError):
    """The policy declines to act and gives its reason."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> SpecError:
    """Return (not raise) the error for a name that does not exist: it lists what does, nearest match first.

    >>> str(unknown_name("camera", "wirst", ["front", "wrist"]))
    "no camera 'wirst'; did you mean 'wrist'? There are: front, wrist."
    """
    names = sorted(known)
    near = get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    hint = f" did you mean '{near[0]}'?" if near else ""
    there_are = f"There are: {', '.join(names)}." if names else "There are none."
    return SpecError(f"no {kind} '{name}';{hint} {there_are}")
