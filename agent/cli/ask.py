"""`aubergine ask`: a question about a picture of the table, answered from what the policy's backbone finds in it."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.command import Command, add_policy_argument
from agent.cli.point import read_picture
from agent.errors import SpecError

if TYPE_CHECKING:
    from dialogue.questions import Answer, Question, Seen


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", metavar="IMAGE", help="a picture of the table from the front camera")
    parser.add_argument("question", metavar="QUESTION", help="such as 'how many cubes are there?'")
    add_policy_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the answer; 0 when it was given, whatever it is."""
    from dialogue.questions import answer, parse_question
    from dialogue.seeing import shipped_held_head, things_in
    from policies.checkpoint import load_trained
    from policies.looking import Looker

    question = parse_question(arguments.question)
    picture = read_picture(Path(arguments.image))
    trained = load_trained(arguments.policy, force=arguments.force)
    eye = Looker(trained)
    head = shipped_held_head(eye.space)
    if head is None and question.kind == "held":
        raise SpecError(
            f"'{arguments.policy}' cannot tell from a picture what is held; python -m agent.cli.fit_held teaches it"
        )
    seen = things_in(eye.look(picture), held_head=head)
    said = answer(question, seen)
    if arguments.json:
        print(json.dumps({"question": str(question), "answer": said, "seen": [_record(thing) for thing in seen]}))
    else:
        print(spoken(question, said, seen))
    return 0


def spoken(question: "Question", said: "Answer", seen: "tuple[Seen, ...]") -> str:
    """Return the answer in words."""
    from dialogue.answers import listed
    from dialogue.questions import SURE, What, meant

    if question.kind == "count":
        return str(said)
    if question.kind == "colour":
        return str(said) if said != "none" else f"I see no {question.what}"
    if said:
        return "yes"
    if meant(question.what, seen):
        return "no"
    # Peaks that hardly look like anything would only puzzle the reader.
    sure = [thing for thing in seen if What(thing.kind, thing.colour).chance(thing) >= SURE]
    return f"no; I see no {question.what}, I see {listed([f'{thing.colour} {thing.kind}' for thing in sure])}"


def _record(thing: "Seen") -> dict[str, object]:
    record = {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(thing).items()}
    record["maybe"] = [[kind, colour, round(chance, 4)] for kind, colour, chance in thing.maybe[:3]]
    return record


COMMAND = Command(
    name="ask",
    summary="answer a question about a picture of the table",
    description=(
        "Answer a question about a picture of the table from what the policy's backbone finds in it: is there one, "
        "what colour, how many, where to one another, is it held, is it within reach. --json also lists what is seen: "
        "kind, colour, x and y in the base frame [m], what it lies in or on (a number in the same list), whether it is "
        "held, and how sure that is. Exit code: 0 an answer was given, 2 the request was wrong."
    ),
    example="aubergine ask table.png 'how many cubes are there?'",
    add_arguments=add_arguments,
    run=run,
)
