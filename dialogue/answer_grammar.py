"""The grammar of all plans about one table, rebuilt every turn: no other thing can be named, no rule be made up.

It is narrower than `dialogue.syntax`: only movable things are picked, only what opens is opened, `it` stands inside a
`for each` only, a question offers names of things, and a refusal says what its rule says.
"""

import json
from collections.abc import Iterable, Sequence

from dialogue.answers import REFUSALS
from dialogue.notes import compile_notes
from dialogue.plan import DIRECTIONS, REGIONS, SIDES
from dialogue.view import SceneView
from sim.objects import KINDS

MOST_STEPS = 8
FREE_TEXT = r"/[A-Za-z0-9][A-Za-z0-9 ,.;:'?!()-]{0,199}/"
"""What is said or remembered; plan text allows more, but no one needs it."""
CONDITION_OF_A_THING = 'name " is " ("not ")? ("held" | "there")'
QUESTION = r"/[A-Za-z0-9][A-Za-z0-9 ,.']{0,99}\?/"


def answer_grammar(view: SceneView, notes: Sequence[str] = ()) -> str:
    """Return the grammar in llguidance's Lark-like notation. Every text of it is a plan that `parse_plan` reads."""
    aliases = sorted(compile_notes(notes).aliases)
    movable = [item.name for item in view.items if item.movable]
    holders = {"in": [], "on": ["table"]}  # type: dict[str, list[str]]
    for item in view.items:
        if item.holds:
            holders[item.holds].append(item.name)
        elif item.flat:
            holders["on"].append(item.name)
    kinds = _kinds(view)
    rules = {
        "start": f'line ("\\n" line){{0,{MOST_STEPS - 1}}}',
        "line": "step | words | foreach | iff",
        "step": _step(movable, view, loop=False),
        "loopstep": _step(movable, view, loop=True),
        "foreach": '"for each " group ("\\n" loopstep){1,3} "\\nend"',
        "iff": '"if " condition ("\\n" step){1,3} ("\\nelse" ("\\n" step){1,3})? "\\nend"',
        "condition": _choice(_conditions(view), ['"any " kind', '"no " kind', CONDITION_OF_A_THING]),
        "group": 'kind (" not"? " " placed)? excepted?',
        "holder": "kind excepted?",
        "excepted": '" except " name (", " name){0,3}',
        "placed": _placed(holders),
        "where": _where(holders, bool(aliases)),
        "words": '("say " | "correct " | "remember " | "forget ") text | question | refusal',
        "question": '"ask " QUESTION (" | " name){0,8}',
        "refusal": _choice(f"refuse {rule} | {reason}" for rule, reason in REFUSALS.items()),
        "name": _choice([*view.names, *aliases]),
        "movable": _choice([*movable, *aliases]),
        "kind": _choice(kinds),
        "text": "TEXT",
    }
    return "\n".join(
        [*(f"{name}: {body}" for name, body in rules.items()), f"TEXT: {FREE_TEXT}", f"QUESTION: {QUESTION}", ""]
    )


def _step(movable: Sequence[str], view: SceneView, *, loop: bool) -> str:
    thing = '(movable | "it" | "any " group)' if loop else '(movable | "any " group)'
    if not movable:
        # An empty table still has words.
        return '"look"'
    options = [
        f'"pick " {thing}',
        f'"place " {thing} " " where',
        f'"push " {thing} " " ({_choice(DIRECTIONS)})',
        f'"return " {"(movable | " + chr(34) + "it" + chr(34) + ")" if loop else "movable"}',
        f'"point " {"(name | " + chr(34) + "it" + chr(34) + ")" if loop else "name"}',
        '"look"',
    ]
    able = [item.name for item in view.items if item.openable]
    if able:
        options.append(f'("open " | "close ") ({_choice(able)})')
    return " | ".join(options)


def _where(holders: dict[str, list[str]], aliases: bool) -> str:
    options = [f'"{relation} " ({_choice(names)} | "any " holder)' for relation, names in holders.items() if names]
    inside = holders["in"]
    if inside:
        options.append(f'"out of " ({_choice(inside)})')
    if aliases:
        options.append('("in " | "on ") name')
    sides = _choice([f"{side} " for side in (*SIDES, "next to")])
    return " | ".join([*options, f"({sides}) name", f'"at " ({_choice(REGIONS)})', '"there"'])


def _placed(holders: dict[str, list[str]]) -> str:
    options = [f'"{relation} " ({_choice(names)})' for relation, names in holders.items() if names]
    return " | ".join([*options, f'"at " ({_choice(REGIONS)})', f"({_choice([f'{side} ' for side in SIDES])}) name"])


def _conditions(view: SceneView) -> Iterable[str]:
    for item in view.items:
        if item.openable:
            yield from (f"{item.name} is open", f"{item.name} is closed", f"{item.name} is not open")


def _kinds(view: SceneView) -> list[str]:
    """Words for groups, those of the table first; others may be asked after ("if any lemon")."""
    words = ["object"]
    for item in view.items:
        words += [*item.categories, item.kind]
        if item.colour:
            words += [f"{item.colour} object", f"{item.colour} {item.kind}"]
    return list(dict.fromkeys([*words, *KINDS]))


def _choice(texts: Iterable[str], more: Sequence[str] = ()) -> str:
    """Quoted alternatives, then others as they are."""
    return " | ".join([*(json.dumps(text) for text in texts), *more])
