"""Reads one line of a plan."""

from typing import NamedTuple, NoReturn

from dialogue.plan import (
    DIRECTIONS,
    MOST_OPTIONS,
    MOST_ROUNDS,
    REGIONS,
    RELATIONS,
    RULES,
    STATES,
    Ask,
    At,
    Beside,
    Close,
    Condition,
    Correct,
    Destination,
    Exists,
    Forget,
    IsState,
    IsWhere,
    It,
    Look,
    Named,
    Open,
    Pick,
    Place,
    Point,
    Push,
    Refuse,
    Remember,
    Return,
    Say,
    Selector,
    Simple,
    Some,
    There,
    Thing,
)
from dialogue.words import BLOCKS, MAX_SPOKEN, VERBS, PlanError, is_name, is_spoken, shown

_LONGEST_FIRST = sorted(RELATIONS, key=len, reverse=True)


class Token(NamedTuple):
    text: str
    column: int


class Line:
    """One line's words. Its methods read what a keyword promises and fail with the column of what does not fit."""

    def __init__(self, text: str, number: int) -> None:
        self.number = number
        self._text = text.strip(" ")
        self._begin = len(text) - len(text.lstrip(" "))
        self.first = self._text.split(" ", 1)[0]

    def fail(self, sentence: str, token: Token | None = None) -> NoReturn:
        raise PlanError(sentence, line=self.number, column=token.column if token else 0)

    def rest(self) -> list[Token]:
        """The words after the first; a comma is a word."""
        tokens, column = list[Token](), self._begin + 1
        for piece in self._text.split(" "):
            bare = piece.removesuffix(",")
            if bare:
                tokens.append(Token(bare, column))
            if piece.endswith(","):
                tokens.append(Token(",", column + len(bare)))
            column += len(piece) + 1
        return tokens[1:]

    def step(self) -> Simple:
        verb, number = self.first, self.number
        if verb not in VERBS:
            self.fail(f"no step begins with {shown(verb)}; there are: {', '.join((*VERBS, *BLOCKS))}")
        match verb:
            case "say":
                return Say(self._spoken(), number)
            case "correct":
                return Correct(self._spoken(), number)
            case "remember":
                return Remember(self._spoken(), number)
            case "forget":
                return Forget(self._spoken(), number)
            case "ask":
                question, *options = self._parts()
                if len(options) > MOST_OPTIONS:
                    self.fail(f"a question offers at most {MOST_OPTIONS} answers")
                return Ask(question, tuple(options), number)
            case "refuse":
                return self._refuse()
            case "look":
                if self.rest():
                    self.fail("`look` stands alone", self.rest()[0])
                return Look(number)
        return self._motion(verb)

    def _motion(self, verb: str) -> Simple:
        words, number = self.rest(), self.number
        match verb:
            case "pick":
                return Pick(self.thing(words), number)
            case "return":
                return Return(self.thing(words), number)
            case "open":
                return Open(self.thing(words), number)
            case "close":
                return Close(self.thing(words), number)
            case "point":
                return Point(self.thing(words), number)
            case "push":
                if len(words) < 2 or words[-1].text not in DIRECTIONS:
                    self.fail(f"say what is pushed, then one of: {', '.join(DIRECTIONS)}", words[-1] if words else None)
                return Push(self.thing(words[:-1]), words[-1].text, number)
        if words and words[-1].text == "there":
            return Place(self.thing(words[:-1]), There(), number)
        split = _last_relation(words)
        if split is None:
            self.fail(f"say where it goes: there, at a region, or {', '.join(RELATIONS)} something")
        return Place(self.thing(words[:split]), self.destination(words[split:]), number)

    def for_each(self) -> Selector:
        words = self.rest()
        if not words or words[0].text != "each":
            self.fail("a loop over things begins with `for each`")
        return self.selector(words[1:])

    def bounded(self) -> tuple[list[Token], int]:
        """The words before `max N`, and N."""
        words = self.rest()
        if len(words) < 3 or words[-2].text != "max":
            self.fail(f"a `while` ends with `max` and a number from 1 to {MOST_ROUNDS}")
        digits = words[-1].text
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 2 and 1 <= int(digits) <= MOST_ROUNDS):
            self.fail(f"the bound must be a number from 1 to {MOST_ROUNDS}", words[-1])
        return words[:-2], int(digits)

    def condition(self, words: list[Token]) -> Condition:
        texts = [word.text for word in words]
        if "is" not in texts:
            if not texts or texts[0] not in ("any", "no"):
                self.fail("a condition is `any ...`, `no ...` or `... is ...`", words[0] if words else None)
            return Exists(self.selector(words[1:]), texts[0] == "any")
        split = texts.index("is")
        thing, after = self.thing(words[:split]), words[split + 1 :]
        wanted = not (after and after[0].text == "not")
        after = after[not wanted :]
        if len(after) == 1 and after[0].text in STATES:
            return IsState(thing, after[0].text, wanted)
        where = self.destination(after)
        if isinstance(where, There) or (isinstance(where, Beside) and where.relation == "out of"):
            self.fail("a condition says where something is, not where it comes from", after[0])
        return IsWhere(thing, where, wanted)

    def destination(self, words: list[Token]) -> Destination:
        """`at` a region, or a relation and a thing."""
        if words and words[0].text == "at":
            region = " ".join(word.text for word in words[1:])
            if region not in REGIONS:
                self.fail(f"there is no part of the table {shown(region)}; there are: {', '.join(REGIONS)}", words[0])
            return At(region)
        relation = relation_at(words, 0)
        if relation is None:
            self.fail(f"here comes one of: {', '.join(RELATIONS)}, at", words[0] if words else None)
        thing = self.thing(words[len(relation.split()) :])
        if isinstance(thing, Some) and thing.selector.relation is not None:
            self.fail("a place cannot itself be told by where it is", words[0])
        return Beside(relation, thing)

    def thing(self, words: list[Token]) -> Thing:
        if len(words) == 1 and words[0].text == "it":
            return It()
        if words and words[0].text == "any":
            return Some(self.selector(words[1:]))
        return Named(self._name(words))

    def selector(self, words: list[Token]) -> Selector:
        texts = [word.text for word in words]
        cut = texts.index("except") if "except" in texts else len(texts)
        excepted = self._names(words[cut + 1 :]) if cut < len(texts) else ()
        head = words[:cut]
        begin = next((i for i, w in enumerate(head) if w.text in ("not", "at") or relation_at(head, i)), None)
        if begin is None:
            return Selector(self._name(head), excepted=excepted)
        negated = head[begin].text == "not"
        where = self.destination(head[begin + negated :])
        words_before = self._name(head[:begin])
        if isinstance(where, At):
            return Selector(words_before, "at", where.region, negated, excepted)
        if not isinstance(where, Beside) or not isinstance(where.thing, Named) or where.relation == "out of":
            self.fail("a property says in, on or beside which named thing something is", head[begin])
        return Selector(words_before, where.relation, where.thing.name, negated, excepted)

    def _names(self, words: list[Token]) -> tuple[str, ...]:
        groups: list[list[Token]] = [[]]
        for word in words:
            if word.text == ",":
                groups.append([])
            else:
                groups[-1].append(word)
        return tuple(self._name(group) for group in groups)

    def _name(self, words: list[Token]) -> str:
        if not words:
            self.fail("here a thing must be named")
        name = " ".join(word.text for word in words)
        if name != "table" and not is_name(name):
            self.fail(f"{shown(name)} cannot be the name of a thing", words[0])
        return name

    def _refuse(self) -> Refuse:
        parts = self._parts()
        if len(parts) != 2 or parts[0] not in RULES:
            self.fail(f"write `refuse RULE | reason`; the rules are: {', '.join(RULES)}")
        return Refuse(parts[0], parts[1], self.number)

    def _spoken(self) -> str:
        parts = self._parts()
        if len(parts) != 1:
            self.fail("`|` is only for `ask` and `refuse`")
        return parts[0]

    def _parts(self) -> list[str]:
        """The free text after the first word, cut at `|`."""
        parts = [part.strip() for part in self._text[len(self.first) :].split("|")]
        for part in parts:
            if not is_spoken(part):
                self.fail(f"what is said is one line of 1 to {MAX_SPOKEN} printable characters, not {shown(part)}")
        return parts


def relation_at(words: list[Token], index: int) -> str | None:
    """The relation whose words begin at `index`, the longest of them: "in front of" before "in"."""
    texts = [word.text for word in words[index : index + 3]]
    return next((r for r in _LONGEST_FIRST if texts[: len(r.split())] == r.split()), None)


def _last_relation(words: list[Token]) -> int | None:
    """Where the last relation or `at` begins: what stands before it may hold one of its own ("any cube in bowl")."""
    found = [i for i, word in enumerate(words) if word.text == "at" or relation_at(words, i)]
    return found[-1] if found else None
