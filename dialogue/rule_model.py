"""A LanguageModel without a network: reads plain requests by rule, and weighs options by meaning.

It answers in milliseconds, needs no training, and is the honest yardstick for the models that do. Its words are few:
what it does not know it says it did not understand.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from agent.errors import SpecError
from agent.types import FloatArray
from dialogue.language_model import Limits, Message, Reply
from dialogue.lessons.tables import make_item
from dialogue.plan import Beside, ForEach, If, Named, Place, Plan, Step, While
from dialogue.prompt import Said
from dialogue.reader import UNREAD, Reader, readable
from dialogue.syntax import parse_plan
from dialogue.view import Item, SceneView
from dialogue.writing import render_plan, render_step
from sim.objects import parse_name

NAME = "rules"
SHARPNESS = 25.0
"""Inverse temperature of the cosines between a request and its options; chosen on development seeds."""
CUES: dict[str, tuple[str, ...]] = {
    "left of": ("left", "leftwards"),
    "right of": ("right", "rightwards"),
    "in front of": ("my side", "where i stand", "near side", "front", "closer", "nearer"),
    "behind": ("far side", "robot's side", "your side", "behind", "back", "further"),
    "two": ("two", "couple", "pair", "both"),
    "three": ("three",),
    "four": ("four", "almost all", "most"),
    "red": ("blood", "cherries"),
    "green": ("grass", "leaves"),
    "blue": ("sky", "sea"),
    "yellow": ("sun", "bananas"),
    "orange": ("carrot", "tangerines"),
    "white": ("snow", "milk"),
    "black": ("coal", "night"),
    "pink": ("pig", "flamingo"),
    "purple": ("plums", "violets"),
}
"""What an option says -> words of a request that speak for it, where it is the only one among the options."""
CUE_WEIGHT = 3.0
"""Added to the log-probability of an option that a cue speaks for."""
COUNTS = ("none", "one", "two", "three", "four", "five")
Embed = Callable[[Sequence[str]], FloatArray]
"""Texts -> unit rows (n, E)."""


class RuleModel:
    """A ScoringModel. make_embed: loads the sentence encoder when options are weighed for the first time."""

    name = NAME
    obeys_grammar = False
    """No grammar is needed: what `Reader` writes is plan text."""

    def __init__(self, make_embed: Callable[[], Embed] | None = None) -> None:
        self._make_embed = make_embed
        self._embed: Embed | None = None

    def reply(self, messages: Sequence[Message], *, grammar: str | None = None, limits: Limits | None = None) -> Reply:
        began = time.monotonic()
        view, notes = table_of(messages[0].text)
        turns = messages[1:-1]
        history = [Said(u.text, a.text) for u, a in zip(turns[::2], turns[1::2], strict=False)]
        text = Reader(view, notes, history).read(messages[-1].text)
        # A sentence that reads as a step about something unnameable is none that was understood.
        text = text if readable(text) else UNREAD
        return Reply(text, len(text.split()), time.monotonic() - began)

    def log_probabilities(self, messages: Sequence[Message], answers: Sequence[str]) -> list[float]:
        """Weigh answers by how near their meaning is to the request's; one that is alone has probability 1."""
        if self._make_embed is None:
            raise SpecError("this model was made without a sentence encoder and cannot weigh answers")
        self._embed = self._embed or self._make_embed()
        request, options = messages[-1].text, [in_words(parse_plan(answer)) for answer in answers]
        rows = self._embed([request, *options])
        scores = SHARPNESS * (rows[1:] @ rows[0]).astype(np.float64)
        scores += CUE_WEIGHT * np.array(cued(request, options), dtype=np.float64)
        scores -= scores.max()
        return [float(value) for value in scores - np.log(np.exp(scores).sum())]


def cued(request: str, options: Sequence[str]) -> list[bool]:
    """Say for each option whether some cue in the request speaks for it and not for all of them."""
    text = request.lower()
    said = [what for what, cues in CUES.items() if any(re.search(rf"\b{re.escape(cue)}\b", text) for cue in cues)]
    telling = [what for what in said if not all(what in option for option in options)]
    return [any(what in option for what in telling) for option in options]


def in_words(plan: Plan) -> str:
    """Return a plan as a person would ask for it, how many things it moves included."""
    steps = [_words_of(step) for step in plan.steps]
    places = [step for step in plan.steps if isinstance(step, Place) and isinstance(step.where, Beside)]
    if len(steps) > 1 and len(places) == len(steps):
        first = places[0].where
        assert isinstance(first, Beside)
        number = COUNTS[len(steps)] if len(steps) < len(COUNTS) else str(len(steps))
        target = f" {first.relation} the {first.thing.name}" if isinstance(first.thing, Named) else ""
        return f"put {number} of them{target}"
    return ", then ".join(steps)


def table_of(text: str) -> tuple[SceneView, tuple[str, ...]]:
    """Read back what `dialogue.prompt.describe` told: the table in symbols, without places, and the notes."""
    lines = text.split("\n")
    begin = max((i for i, line in enumerate(lines) if line.startswith("table:")), default=0)
    items: dict[str, Item] = {}
    notes: tuple[str, ...] = ()
    for line in lines[begin:]:
        head, separator, rest = line.partition(": ")
        names = [name for name in rest.split(", ") if name]
        if head == "notes":
            notes = tuple(rest.split("; "))
        elif head == "table":
            items |= dict(map(_item, names))
        elif head.startswith(("in ", "on ")):
            support = head.split(" ", 1)[1]
            items |= {name: replace(item, support=support) for name, item in map(_item, names)}
        elif head == "held":
            items |= {name: replace(item, held=True) for name, item in map(_item, names)}
        elif head == "fragile":
            items |= {name: replace(items[name], fragile=True) for name in names if name in items}
        elif not separator and line.endswith((" is open", " is closed")):
            name, _, state = line.rpartition(" is ")
            if name in items:
                items[name] = replace(items[name], openable=True, open=state == "open")
    known = {name: item if item.support in items else replace(item, support=None) for name, item in items.items()}
    return SceneView(tuple(known.values())), notes


def _item(told: str) -> tuple[str, Item]:
    """The thing that is told of as "name" or "name (colour)"; what no catalogue has is still a thing."""
    name, _, colour = told.removesuffix(")").partition(" (")
    try:
        kind = parse_name(name)
    except SpecError:
        return name, Item(name, (name.split()[-1],), 0.0, 0.0, 0.03, colour=colour or None)
    item = make_item(name, kind.kind, colour or kind.colour or "", 0.0, 0.0)
    return name, replace(item, colour=colour or kind.colour)


def _words_of(step: Step) -> str:
    if isinstance(step, ForEach | If | While):
        return render_plan(Plan((step,)))
    words = render_step(step).replace("place ", "put the ", 1)
    for relation in ("in front of", "left of", "right of", "behind", "next to", "in", "on"):
        head, separator, target = words.partition(f" {relation} ")
        if separator:
            return f"{head} {relation} the {target}"
    return words
