"""Sentences that ask for words or notes instead of motion: what to remember, small talk, questions, refusals."""

import re

from dialogue.answers import REFUSALS, listed
from dialogue.answers import TALK as SMALL_TALK
from dialogue.finding import described
from dialogue.notes import Alias, Constraint, read_note
from dialogue.reader_names import Names, without_article
from dialogue.reader_patterns import DENIED, HARM, HOME, MINE, TALK, WHAT_IS_THERE, A

ALWAYS = "always goes"
"""How a note says where a thing belongs: "lemon always goes in basket"."""


class Speech(Names):
    """Reads such sentences; every method returns plan text, or None for what is none of them."""

    def note(self, plain: str) -> str | None:
        text = re.sub(r"^(?:please )?(?:remember|note|keep in mind)(?: that)? ", "", plain)
        asked = text != plain
        text = re.sub(r"^from now on,? ", "", text)
        text = re.sub(r"^nothing (?:ever )?goes ", "never put anything ", text)
        text = re.sub(r"\b(?:into|inside)\b", "in", re.sub(r"\b(?:onto|on top of)\b", "on", text))
        text = re.sub(
            r"^(?:i never want|please see that) .*?(anything|nothing) (?:is ever put )?", "never put anything ", text
        )
        text = (
            re.sub(r"^(?:do not|don't) (?:ever )?(.+?)(?: ever)?$", r"never \1", text)
            if asked or " ever" in text
            else text
        )
        if text.startswith("never "):
            note = read_note(text)
            return f"remember {self._constraint(text, note)}" if isinstance(note, Constraint) else f"remember {text}"
        home = HOME.fullmatch(text)
        if home:
            name, target = self.named(home["thing"]), self.named(home["target"])
            return f"remember {name} {ALWAYS} {self.relation(home['relation'], target)} {target}"
        mine = MINE.fullmatch(text)
        if mine:
            return f"remember my {mine['name']} is {self.named(mine['thing'])}"
        if (
            text.startswith(("my ", "by my "))
            and " is where " not in text
            and isinstance(note := read_note(text.removeprefix("by ")), Alias)
        ):
            return f"remember {note.name} is {self.named(note.meaning)}"
        forget = re.fullmatch(
            r"(?:you may|you can) (?:now )?(?:put (?:things|anything) (?:in|on)|touch) (.+?)(?: again)?", plain
        )
        if forget:
            return f"forget never {without_article(forget[1])}"
        forget = re.fullmatch(r"forget (?:what i said about |about |that rule about )?(.+)", plain)
        if forget and not re.search(r"\b(?:rules?|safety|limits?|instructions|zones?)\b", plain):
            return f"forget {without_article(forget[1])}"
        return f"remember {text}" if asked else None

    def _constraint(self, text: str, note: Constraint) -> str:
        """The constraint with the names of the things that it is about."""
        subject = self.named(note.subject) if note.subject else "anything"
        if note.relation is None or note.target is None:
            return f"never {note.verb} {subject}"
        return f"never {note.verb} {subject} {note.relation} {self.named(note.target)}"

    def refusal(self, plain: str) -> str | None:
        text = DENIED.sub(" ", f" {plain} ")
        rule = next((rule for pattern, rule in HARM if re.search(pattern, text)), None)
        return f"refuse {rule} | {REFUSALS[rule]}" if rule else None

    def talk(self, plain: str) -> str | None:
        kind = next((kind for pattern, kind in TALK if re.fullmatch(pattern, plain)), None)
        if kind:
            return f"say {SMALL_TALK[kind]}"
        if re.fullmatch(WHAT_IS_THERE, plain):
            return f"say I see {listed(self.view.names)}"
        where = re.fullmatch(rf"(?:where is|do you know where|tell me where) ({A}?)(?: is)?", plain)
        if where and (item := self.thing(where[1])) is not None:
            held = "in my gripper" if item.held else "on the table"
            place = f"{self.view[item.support].holds or 'on'} the {item.support}" if item.support else held
            return f"say the {item.name} is {place}"
        many = re.fullmatch(r"how many (.+?)(?: are there| do you see)?(?: on the table)?", plain)
        there = re.fullmatch(
            r"(?:is there|are there|do you see|can you see)(?: an?| any| some)? (.+?)(?: on the table)?", plain
        )
        if many:
            return f"say there are {len(described(many[1], self.view))}"
        if there:
            found = described(without_article(there[1]), self.view)
            return (
                f"say yes, there is {listed([i.name for i in found])}"
                if found
                else f"say no, there is no {without_article(there[1])}"
            )
        return None
