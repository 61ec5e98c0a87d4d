"""Reads what people say into plan text by rule: requests, groups, references to earlier turns, notes, small talk.

It knows the phrasebook of the simulator and a closed set of sentences round it, and says so when it understands
nothing. It only proposes: which things are meant, whether that can be done and whether it may be done are decided by
the grounding and the verifier, as with every other model.
"""

import re

from agent.types import Goal
from dialogue.finding import described
from dialogue.plan import SIDES, Named
from dialogue.reader_names import courteous, flattened, without_article
from dialogue.reader_patterns import (
    AGAIN,
    ALL_GO,
    ANY_PLACE,
    ASIDE,
    BACK,
    DENIED,
    EMPTY,
    GROUP,
    HOMEWARD,
    IF_AFTER,
    IF_STATE,
    IF_THERE,
    IN,
    INTO,
    NO,
    PUT,
    THERE,
    A,
)
from dialogue.reader_speech import ALWAYS, Speech
from dialogue.reading_back import Move, answered, last_move
from dialogue.syntax import PlanError, parse_plan
from sim.reading import understand

DEEPEST = 4
"""How often one sentence is split into parts."""
UNREAD = "say I did not understand that; tell me what to do, such as: put the apple in the bowl"
"""The plan for words that no rule reads."""


class Reader(Speech):
    """Reads sentences about one table into plan text."""

    def read(self, words: str) -> str:
        """Return plan text; an apology in `say` when nothing is understood."""
        plain = flattened(words)
        said = self._reply(plain) or self.note(plain) or self.refusal(plain) or self.talk(plain)
        if said:
            return said
        return (
            self._there_or_back(plain)
            or self._request(courteous(DENIED.sub(" ", plain)), DEEPEST)
            or self._later(plain)
            or UNREAD
        )

    def _reply(self, plain: str) -> str | None:
        """The request before the robot's question, with what was chosen filled in."""
        if not self.history:
            return None
        before = Reader(self.view, self.notes, self.history[:-1])
        return answered(
            self.history[-1], without_article(courteous(plain)), self.view, lambda words: before.read(words)
        )

    def _there_or_back(self, plain: str) -> str | None:
        plain, move = courteous(plain), last_move(self.history)
        back = BACK.fullmatch(plain)
        if back and (back["thing"] in (None, "it", "that")) and move:
            return f"return {move.thing}"
        if back and back["thing"] is not None:
            return f"return {self.named(back['thing'])}"
        there = THERE.fullmatch(plain)
        if there:
            return f"place {self.named(there['thing'] or there['other'])} there"
        return None

    def _later(self, plain: str) -> str | None:
        """What leans on the last thing done: corrections, "the other one", "the same with the lemon"."""
        move = last_move(self.history)
        if move is None:
            return None
        core = NO.sub("", plain) if NO.match(plain) else None
        while core and NO.match(core):
            core = NO.sub("", core, count=1)
        if core:
            return self._corrected(without_article(core.removesuffix(" instead").removesuffix(" please")), move)
        again = AGAIN.fullmatch(plain) or AGAIN.fullmatch(courteous(plain))
        if again and move.place:
            thing = self.other(again["thing"] or again["other"] or "", move.thing)
            return f"place {thing} {move.place}" if thing else None
        return None

    def _corrected(self, words: str, move: Move) -> str | None:
        """ "The other bowl" and "in the basket" change the place, "the lemon" the thing."""
        target = move.target
        inside = re.fullmatch(rf"(?P<relation>{IN}|{'|'.join(SIDES)}|next to) (?P<target>.+)", words)
        if inside and move.place:
            place = self.named(inside["target"])
            return f"place {move.thing} {self.relation(inside['relation'], place)} {place}"
        kind_of_target = self.view[target].kind if target and self.view.find(target) else None
        words = words.removesuffix(" one") if words != "other one" else f"other {kind_of_target or 'one'}"
        name = self.other(words, target or move.thing)
        item = self.view.find(name or "")
        if kind_of_target and name and (item is None or item.holds):
            if item is None and not described(name, self.view):
                name = f"{name} {kind_of_target}"
            return f"place {move.thing} {self.relation(move.relation, name)} {name}"
        if name is None:
            return None
        if move.place:
            return f"return {move.thing}\nplace {name} {move.place}"
        return f"{move.verb} {name}{move.rest}"

    def _request(self, text: str, deeper: int) -> str | None:
        """Whole sentences first, then their parts."""
        text = courteous(ASIDE.sub("", self.spelt_out(text)))
        found = self._condition(text, deeper) or self._home(text) or self._clause(text) or self._group(text)
        if found or deeper == 0:
            return found
        for joint in (
            ". after that, ",
            ". ",
            "; ",
            ", and then ",
            " and then ",
            ", then ",
            ", and ",
            ", ",
            " and ",
            " then ",
        ):
            first, separator, rest = text.partition(joint)
            while separator:
                one = self._request(courteous(first), 0)
                two = one and self._request(pronouns(courteous(rest), one), deeper - 1)
                if one and two:
                    return f"{one}\n{two}"
                more, separator, rest = rest.partition(joint)
                first = f"{first}{joint}{more}"
        return None

    def _clause(self, text: str) -> str | None:
        table = re.fullmatch(rf"{PUT} ({A}) (?:down )?on(?:to)? the table", text)
        if table and (name := self.named(table[1])):
            return f"place {name} on table"
        point = re.fullmatch(rf"(?:point (?:at|to)|show me|indicate) ({A})", text)
        point = point or re.fullmatch(rf"where is ({A})[., ]+point at it", text)
        if point:
            return f"point {self.named(point[1])}"
        beside = re.fullmatch(rf"{PUT} ({A}) (?:next to|beside|close to|near) ({A})", text)
        if beside:
            return f"place {self.named(beside[1])} next to {self.named(beside[2])}"
        away = re.fullmatch(rf"(?:put|lay|set) ({A}) (?:down|aside)", text)
        if away:
            return f"place {self.named(away[1])} on table"
        take = re.fullmatch(rf"(?:take|grab|pick) ({A})", text)
        if take and self.thing(take[1]):
            return f"pick {self.named(take[1])}"
        some = ANY_PLACE.fullmatch(text)
        if some and described(some["target"], self.view) and (some["some"] not in ("a", "an") or some["out"]):
            left_out = f" except {self.named(some['out'])}" if some["out"] else ""
            relation = self.relation(some["relation"], some["target"])
            return f"place {self.named(some['thing'])} {relation} any {some['target']}{left_out}"
        goal = understand(text)
        if goal:
            return step_text(goal)
        into = INTO.fullmatch(text)
        if into and self.thing(into["thing"]) and into["relation"] not in ("at", "to"):
            return f"place {self.named(into['thing'])} {self.place(into['relation'], into['target'])}"
        return None

    def _group(self, text: str) -> str | None:
        empty = EMPTY.fullmatch(text)
        if empty:
            return f"for each object in {self.named(empty['target'])}\nplace it on table\nend"
        match = GROUP.fullmatch(text) or ALL_GO.fullmatch(text)
        if match is None or not described(without_article(match["group"]), self.view):
            return None
        if match["which"] == "the" and not match["group"].endswith("s"):
            return None
        group, place = without_article(match["group"]), self.place(match["relation"], match["target"])
        out = match.groupdict().get("out")
        left_out = f" except {self.named(out)}" if out else ""
        if match["which"] in ("any", "some", "one of the"):
            return f"place any {group}{left_out} {place}"
        return f"for each {group}{left_out}\nplace it {place}\nend"

    def _condition(self, text: str, deeper: int) -> str | None:
        late = IF_AFTER.fullmatch(text) if not text.startswith("if ") else None
        if late and "it is" in late["condition"]:
            thing = late["then"].split(" ", 1)[-1]
            text = f"{late['condition'].replace('it is', f'{thing} is')}, {late['then']}"
        elif late:
            text = f"{late['condition']}, {late['then']}"
        there, state = IF_THERE.fullmatch(text), IF_STATE.fullmatch(text)
        if there and deeper:
            then = self._request(there["then"], 0)
            otherwise = self._request(there["otherwise"], 0) if there["otherwise"] else None
            if then and (otherwise or not there["otherwise"]):
                return (
                    f"if any {without_article(there['thing'])}\n{then}\n"
                    + (f"else\n{otherwise}\n" if otherwise else "")
                    + "end"
                )
        if state and deeper:
            thing = self.named(state["thing"])
            then = self._request(pronouns(state["then"], f"open {thing}"), 0)
            return f"if {thing} is {state['state']}\n{then}\nend" if then else None
        return None

    def _home(self, text: str) -> str | None:
        match = HOMEWARD.fullmatch(text)
        if match is None:
            return None
        name = self.named(match["thing"])
        for note in reversed(self.notes):
            thing, separator, place = note.partition(f" {ALWAYS} ")
            if separator and thing == name:
                return f"place {name} {place}"
        return f"say you have not told me where the {name} belongs"


def step_text(goal: Goal) -> str:
    """Return the step whose goal this is."""
    match goal.relation:
        case "lift":
            return f"pick {goal.subject}"
        case "open" | "close":
            return f"{goal.relation} {goal.subject}"
        case "push":
            return f"push {goal.subject} {goal.target}"
        case "move to":
            return f"place {goal.subject} at {goal.target}"
        case "stack":
            return f"place {goal.subject} on {goal.target}"
        case "take out":
            return f"place {goal.subject} out of {goal.target}"
    return f"place {goal.subject} {goal.relation} {goal.target}"


def pronouns(text: str, plan: str) -> str:
    """ "It" in the second part of a sentence is what the first was about."""
    try:
        steps = parse_plan(plan).steps
    except PlanError:
        return text
    thing = getattr(steps[-1], "thing", None)
    return re.sub(r"\bit\b", f"the {thing.name}", text) if isinstance(thing, Named) else text


def readable(text: str) -> bool:
    """Say whether this is plan text."""
    try:
        return bool(parse_plan(text).steps)
    except PlanError:
        return False
