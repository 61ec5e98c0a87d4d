"""Which things words mean, for the reader: names, descriptions, remembered names, and "it"."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dialogue.finding import described
from dialogue.notes import compile_notes
from dialogue.plan import REGIONS, SIDES
from dialogue.prompt import Said
from dialogue.reading_back import last_move
from dialogue.view import Item, SceneView
from sim.nouns import UNDERSTOOD_CLOSINGS, UNDERSTOOD_OPENINGS
from sim.reading import entities_mentioned


@dataclass(frozen=True)
class Names:
    """A table and what was said about it. view: what stands where, in symbols.  notes: what was remembered, as text."""

    view: SceneView
    notes: tuple[str, ...] = ()
    history: Sequence[Said] = ()
    aliases: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "aliases", compile_notes(self.notes).aliases)

    def spelt_out(self, text: str) -> str:
        """The text with remembered names and "it" replaced by what they mean."""
        text = re.sub(r"^(my [a-z]+) is where (.+) goes$", r"put \2 in \1", text)
        for alias, meaning in self.aliases.items():
            text = re.sub(rf"\b{re.escape(alias)}\b", f"the {meaning}", text)
        move = last_move(self.history)
        return (
            re.sub(r"\b(?:it|that)\b(?! is| has| was| belongs| goes| always)", f"the {move.thing}", text)
            if move
            else text
        )

    def named(self, words: str) -> str:
        """The name of what is meant, where exactly one thing fits; otherwise the words, for the verifier to judge."""
        bare = without_article(self.spelt_out(words))
        exact = self.view.find(bare)
        found = (exact,) if exact else described(bare, self.view)
        if not found:
            known = entities_mentioned(bare)
            bare = known[0] if len(known) == 1 else bare
            exact = self.view.find(bare)
            found = (exact,) if exact else described(bare, self.view)
        return found[0].name if len(found) == 1 else bare

    def thing(self, words: str) -> Item | None:
        found = described(self.named(words), self.view)
        return self.view.find(self.named(words)) or (found[0] if len(found) == 1 else None)

    def place(self, relation: str, target: str) -> str:
        bare = without_article(target).removesuffix(" of the table")
        bare = f"{bare} side" if f"{bare} side" in REGIONS else {"centre": "middle", "center": "middle"}.get(bare, bare)
        if bare in REGIONS:
            return f"at {bare}"
        name = self.named(target)
        return f"{self.relation(relation, name)} {name}"

    def relation(self, said: str, target: str) -> str:
        """How that thing takes others; as it was said where it is not known."""
        if said in (*SIDES, "next to"):
            return said
        found = described(target, self.view)
        if found and found[0].holds:
            return str(found[0].holds)
        return "on" if said.startswith("on") else "in"

    def other(self, words: str, than: str) -> str | None:
        """The name that "the other cube" or "the lemon" means, the thing `than` being known."""
        bare = without_article(words)
        if not bare.startswith("other"):
            return self.named(bare) if bare else None
        known = self.view.find(than)
        noun = bare.removeprefix("other").strip().removesuffix("one").strip() or (known.kind if known else "")
        found = [item.name for item in described(noun, self.view) if item.name != than]
        return found[0] if len(found) == 1 else (noun or None)


def flattened(words: str) -> str:
    text = words.lower().replace("’", "'").strip(" .!?")
    return " ".join(re.sub(r"[^a-z0-9',;. -]", " ", text).split())


def courteous(text: str) -> str:
    """The text without polite openings and closings."""
    text, before = text.strip(" ,."), ""
    while text != before:
        before = text
        for opening in UNDERSTOOD_OPENINGS:
            text = re.sub(rf"^{opening}[ ,:]+", "", text)
        for closing in UNDERSTOOD_CLOSINGS:
            text = re.sub(rf"[ ,]+{closing}$", "", text)
    return text


def without_article(words: str) -> str:
    return re.sub(r"^(?:the|a|an|this|that|your|all|of) ", "", words.strip(" ,")).strip()
