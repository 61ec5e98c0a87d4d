"""Reads what people say while the arm moves: a small closed set of corrections, read by rule and never guessed.

stop / wait / go on / never mind            a bit to the left, slightly higher, closer
no, the other bowl / the red one            no, in the basket / not there, to the left of the plate / push it right
"""

import re
from dataclasses import dataclass, replace
from typing import TypeAlias

from dialogue.deeds import Deed, Trail
from dialogue.finding import described
from dialogue.grounding import ground
from dialogue.interrupts import is_stop
from dialogue.notes import Notes
from dialogue.plan import DIRECTIONS, REGIONS, SIDES, At, Beside, Close, Motion, Named, Open, Pick, Place, Point, Push
from dialogue.problem import Problem, Unfit
from dialogue.view import Item, SceneView

NUDGE = 0.03
"""m; "a bit"."""
_WAYS: dict[str, tuple[float, float, float]] = {
    "left": (0.0, -1.0, 0.0),
    "right": (0.0, 1.0, 0.0),
    "forward": (1.0, 0.0, 0.0),
    "forwards": (1.0, 0.0, 0.0),
    "front": (1.0, 0.0, 0.0),
    "closer": (1.0, 0.0, 0.0),
    "closer to me": (1.0, 0.0, 0.0),
    "nearer": (1.0, 0.0, 0.0),
    "towards me": (1.0, 0.0, 0.0),
    "back": (-1.0, 0.0, 0.0),
    "backward": (-1.0, 0.0, 0.0),
    "backwards": (-1.0, 0.0, 0.0),
    "away": (-1.0, 0.0, 0.0),
    "away from me": (-1.0, 0.0, 0.0),
    "up": (0.0, 0.0, 1.0),
    "higher": (0.0, 0.0, 1.0),
    "down": (0.0, 0.0, -1.0),
    "lower": (0.0, 0.0, -1.0),
}
"""As the person sees it -> x, y, z in the base frame."""
_A_BIT = (
    r"(?:just |only )?(?:a (?:little |tiny )?(?:bit|little|touch|smidge)|slightly|a few (?:cm|centimeters|centimetres))"
)
_WAY = "|".join(sorted((re.escape(way) for way in _WAYS), key=len, reverse=True))
_NUDGE = re.compile(
    rf"(?P<before>{_A_BIT} )?(?:move (?:it )?|go |put it )?(?P<middle>{_A_BIT} )?(?:more |further |farther )?"
    rf"(?:to (?:the |your |my )?|towards (?:the )?)?(?P<way>{_WAY})(?P<after> (?:{_A_BIT}|some|more))?"
)
_PAUSE = re.compile(r"(?:wait|hold on|hang on|pause|one moment|just a (?:second|moment))(?: a (?:second|moment|bit))?")
_RESUME = re.compile(r"(?:ok |okay |yes )?(?:go on|continue|carry on|resume|go ahead|keep going|proceed)")
_CANCEL = re.compile(
    r"(?:never ?mind|cancel(?: that| it)?|forget (?:it|that)|leave (?:it|that)|skip (?:it|that|this)(?: one)?)"
)
_FINE = re.compile(r"(?:(?:yes|ok|okay|good|great|perfect|exactly|thanks|thank you|well done|like that)(?: |$))+")
_OPENINGS = re.compile(
    r"^(?:(?:no|nope|not that one|not that|not this one|not there|wrong one|sorry|actually|oops|wait"
    r"|i (?:meant|mean|said|want)|use|take|make it|put it|push it|rather|please|but) )+"
)
_CLOSINGS = re.compile(r"(?: (?:instead|please|rather|i meant|not that one|not this one))+$")
_ARTICLES = re.compile(r"\b(?:the|a|an|your|that|this)\b ")
_DESTINATION = re.compile(r"(?:in|into|on|onto|on top of|at|to|next to|beside|to the left of|to the right of) .+")
_RELATIONS = (
    ("on top of ", "on"),
    ("into ", "in"),
    ("onto ", "on"),
    ("in front of ", "in front of"),
    ("to left of ", "left of"),
    ("to right of ", "right of"),
    ("on left of ", "left of"),
    ("on right of ", "right of"),
    ("left of ", "left of"),
    ("right of ", "right of"),
    ("behind ", "behind"),
    ("next to ", "next to"),
    ("beside ", "next to"),
    ("in ", "in"),
    ("on ", "on"),
)


@dataclass(frozen=True)
class Stop:
    pass


@dataclass(frozen=True)
class Pause:
    pass


@dataclass(frozen=True)
class Resume:
    """Nothing is to be changed."""


@dataclass(frozen=True)
class Cancel:
    """Leave this step."""


@dataclass(frozen=True)
class Nudge:
    """Shift by this much in the base frame [m]."""

    offset: tuple[float, float, float]


@dataclass(frozen=True)
class Instead:
    """Do this deed in place of the present one."""

    deed: Deed


@dataclass(frozen=True)
class Unclear:
    """It was a correction, but it cannot be followed as it is; the problem may offer what to choose from."""

    problem: Problem


@dataclass(frozen=True)
class Unread:
    """None of the common corrections."""

    text: str


Correction: TypeAlias = Stop | Pause | Resume | Cancel | Nudge | Instead | Unclear | Unread


def read_correction(text: str, deed: Deed, view: SceneView, notes: Notes) -> Correction:
    """Return what `text` asks for while `deed` is under way in `view`."""
    if is_stop(text):
        return Stop()
    plain = _plain(text)
    for pattern, meaning in ((_PAUSE, Pause()), (_CANCEL, Cancel()), (_RESUME, Resume()), (_FINE, Resume())):
        if pattern.fullmatch(plain):
            return meaning
    nudge = _nudge(plain, deed)
    if nudge is not None:
        return nudge
    words = _ARTICLES.sub("", _core(plain) + " ").strip()
    step = _changed(words, deed, view)
    if isinstance(step, Problem):
        return Unclear(step)
    if step is None:
        return Unread(text)
    held = view.held
    if held is not None and getattr(step.thing, "name", None) != held.name:
        # It will be put down first.
        view = view.with_item(replace(held, held=False))
    try:
        other = ground(step, view, notes, Trail())
    except Unfit as unfit:
        return Unclear(unfit.problem)
    return Resume() if (other.verb, other.item, other.goal) == (deed.verb, deed.item, deed.goal) else Instead(other)


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^a-z0-9' -]+", " ", text.lower().replace("’", "'")).split())


def _core(plain: str) -> str:
    return _CLOSINGS.sub("", _OPENINGS.sub("", f"{plain} ").strip())


def _nudge(plain: str, deed: Deed) -> Nudge | None:
    for words in (plain, _core(plain)):
        match = _NUDGE.fullmatch(words)
        if match is None:
            continue
        small = any(match[part] for part in ("before", "middle", "after"))
        # "no, left" says of a push where to, and "put it back" is no nudge either.
        if (deed.verb == "push" or words.startswith("put it")) and not small:
            return None
        x, y, z = _WAYS[match["way"]]
        return Nudge((NUDGE * x, NUDGE * y, NUDGE * z))
    return None


def _changed(words: str, deed: Deed, view: SceneView) -> Motion | Problem | None:
    """The step that the words turn the deed into; a problem when several things fit, None when nothing is read."""
    if deed.verb == "push":
        way = words.removeprefix("to ").removeprefix("it ").removesuffix("s")
        if way in DIRECTIONS:
            return Push(Named(deed.item), way)
    region = re.sub(r"^(?:at|to|on|in) ", "", words)
    region = f"{region} side" if f"{region} side" in REGIONS and deed.verb == "put" else region
    # A bare "back" is no place: "put it back".
    if region in REGIONS and deed.verb in ("put", "pick") and (region != words or region not in ("front", "back")):
        return Place(Named(deed.item), At(region))
    relation = next(((said, meant) for said, meant in _RELATIONS if words.startswith(said)), None)
    if relation is not None and deed.verb in ("put", "pick"):
        target = _other(words.removeprefix(relation[0]), deed, view, slots=("place",))
        if target is None or isinstance(target, Problem):
            return target
        return Place(Named(deed.item), Beside(relation[1], Named(target[1].name)))
    found = _other(words, deed, view, slots=_slots(deed, view))
    if found is None or isinstance(found, Problem):
        return found
    slot, item = found
    return _with_target(deed, item) if slot == "target" else _with_subject(deed, item)


def _slots(deed: Deed, view: SceneView) -> tuple[str, ...]:
    """What "the other one" can mean: what is not yet decided by the hand comes first."""
    target = view.find(deed.target) if deed.target else None
    if target is None:
        return ("subject",)
    return ("target", "subject") if view[deed.item].held else ("subject", "target")


def _other(words: str, deed: Deed, view: SceneView, *, slots: tuple[str, ...]) -> tuple[str, Item] | Problem | None:
    """The slot that the words change and the thing that they put there."""
    other = words.startswith(("other ", "another ", "different "))
    words = re.sub(r"^(?:other|another|different) ", "", words)
    target = view.find(deed.target) if deed.target else None
    current = {"subject": view[deed.item], "target": target, "place": target}
    tries = list[tuple[str, tuple[Item, ...]]]()
    for slot in slots:
        now = current[slot]
        phrase = words
        if words == "one" or words.endswith(" one"):
            if now is None:
                continue
            phrase = f"{words.removesuffix('one').strip()} {now.kind}".strip()
        found = tuple(item for item in described(phrase, view) if item.name != (now.name if now else None))
        if not other and not found and now is not None and now in described(phrase, view):
            found = (now,)
        suited = tuple(item for item in found if _suits(slot, item, now))
        if suited:
            tries.append((slot, suited))
    # "No, the red one" about the red cube and the blue bowl means a red bowl: what changes something comes first.
    tries = [entry for entry in tries if current[entry[0]] not in entry[1]] or tries
    if not tries:
        return None
    alike = [entry for entry in tries if current[entry[0]] is not None and _same(entry[1], current[entry[0]])]
    slot, suited = (alike or tries)[0]
    if len(suited) > 1:
        names = tuple(item.name for item in suited)
        return Problem("ambiguous", f"which {words}? There are: {', '.join(names)}", deed.line, offers=names)
    return slot, suited[0]


def _same(items: tuple[Item, ...], now: Item | None) -> bool:
    return now is not None and all(item.kind == now.kind for item in items)


def _suits(slot: str, item: Item, now: Item | None) -> bool:
    if slot == "place":
        return True
    if slot == "target":
        return now is None or item.holds is not None or now.holds is None
    return item.movable or (now is not None and item.openable and now.openable)


def _with_subject(deed: Deed, item: Item) -> Motion | None:
    thing = Named(item.name)
    match deed.verb:
        case "pick":
            return Pick(thing)
        case "point":
            return Point(thing)
        case "open":
            return Open(thing)
        case "close":
            return Close(thing)
        case "push":
            return Push(thing, str(deed.target))
    return Place(thing, _where(deed))


def _with_target(deed: Deed, item: Item) -> Motion | None:
    where = _where(deed)
    if deed.verb != "put" or isinstance(where, At):
        return None
    relation = (item.holds or "on") if where.relation in ("in", "on") else where.relation
    return Place(Named(deed.item), Beside(relation, Named(item.name)))


def _where(deed: Deed) -> Beside | At:
    assert deed.goal is not None and deed.goal.target is not None
    match deed.goal.relation:
        case "move to":
            return At(deed.goal.target)
        case "take out":
            return Beside("out of", Named(deed.goal.target))
        case "stack":
            return Beside("on", Named(deed.goal.target))
        case relation if relation in (*SIDES, "in", "on"):
            return Beside(relation, Named(deed.goal.target))
    raise ValueError(f"a {deed.verb} has no place to change")
