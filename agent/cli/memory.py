"""`aubergine memory`: what the robot remembers, read, searched and forgotten."""

import argparse
import json
import os
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.command import Command, add_policy_argument, positive
from agent.errors import SpecError
from dialogue.memory.entries import Entry, EntryKind, Hit

if TYPE_CHECKING:
    from dialogue.memory.embedding import SentenceEmbedder
    from dialogue.memory.store import Memory

FILE = "memory.db"


def default_file() -> Path:
    """Where memory is kept: the user's data folder (XDG_DATA_HOME, else ~/.local/share)."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "aubergine" / FILE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "search", "forget"), help="what to do")
    parser.add_argument("what", nargs="*", help="search: words; forget: numbers as `list` shows them")
    parser.add_argument("--memory", metavar="FILE", help="the memory's file (default: memory.db in your data folder)")
    parser.add_argument("--kind", choices=tuple(kind.value for kind in EntryKind), help="of this kind only")
    parser.add_argument("--limit", type=positive, default=20, metavar="N", help="at most so many (default: 20)")
    parser.add_argument("--meaning", action="store_true", help="search by meaning, too (loads the sentence encoder)")
    parser.add_argument(
        "--like", metavar="IMAGE", help="list: what was tried when the table looked most like this front picture"
    )
    add_policy_argument(parser)
    parser.add_argument("--all", action="store_true", help="forget everything (of --kind)")


def run(arguments: argparse.Namespace) -> int:
    """List, search or forget; 0 when something was found or forgotten, 1 when nothing was."""
    from dialogue.memory.store import Memory

    path = Path(arguments.memory) if arguments.memory else default_file()
    if not path.exists():
        raise SpecError(f"there is no memory yet at {path}; `aubergine chat` makes one, --memory names another")
    kind = EntryKind(arguments.kind) if arguments.kind else None
    if arguments.like and (arguments.action != "list" or arguments.what):
        raise SpecError("--like goes with `list` and no words, such as: aubergine memory list --like table.png")
    with Memory(path, embed=_embedder() if arguments.meaning else None) as memory:
        if arguments.like:
            return _show_hits(_alike(memory, arguments), as_json=arguments.json)
        if arguments.action == "forget":
            return _forget(memory, arguments, kind)
        if arguments.action == "search":
            if not arguments.what:
                raise SpecError("say what to search for, such as: aubergine memory search blue bowl")
            hits = memory.search(" ".join(arguments.what), kind=kind, limit=arguments.limit)
            return _show(tuple(hit.entry for hit in hits), as_json=arguments.json)
        if arguments.what:
            raise SpecError("`list` takes no words; did you mean: aubergine memory search " + " ".join(arguments.what))
        return _show(memory.entries(kind, limit=arguments.limit), as_json=arguments.json)


def _forget(memory: "Memory", arguments: argparse.Namespace, kind: EntryKind | None) -> int:
    if bool(arguments.what) == arguments.all:
        raise SpecError("say which memories to forget by their numbers (aubergine memory list), or --all")
    wrong = [word for word in arguments.what if not (word.isascii() and word.isdigit() and len(word) < 16)]
    if wrong:
        raise SpecError(f"memories are forgotten by number, not '{wrong[0]}'; `aubergine memory search` finds numbers")
    if arguments.all:
        numbers = [entry.id for entry in memory.entries(kind, limit=None)]
    else:
        numbers = [int(word) for word in arguments.what]
    count = memory.forget_entries(numbers) if numbers else 0
    print(json.dumps({"forgotten": count}) if arguments.json else f"forgotten: {count}")
    return 0 if count else 1


def _alike(memory: "Memory", arguments: argparse.Namespace) -> tuple[Hit, ...]:
    """What was tried, by what the table looked like; only what was seen with the same backbone can be compared."""
    from agent.cli.point import read_picture
    from dialogue.memory.pictures import picture_vector
    from policies.checkpoint import load_trained
    from policies.looking import Looker

    picture = read_picture(Path(arguments.like))
    eye = Looker(load_trained(arguments.policy, force=arguments.force))
    return memory.search_vector(
        eye.space, picture_vector(eye.look(picture)), kind=EntryKind.EPISODE, limit=arguments.limit
    )


def _show_hits(hits: tuple[Hit, ...], *, as_json: bool) -> int:
    if as_json:
        print(json.dumps([asdict(hit.entry) | {"score": round(hit.score, 4)} for hit in hits], ensure_ascii=False))
        return 0 if hits else 1
    for hit in hits:
        print(f"{hit.score:.3f}", end="  ")
        _show((hit.entry,), as_json=False)
    return 0 if hits else _show((), as_json=False)


def _show(entries: tuple[Entry, ...], *, as_json: bool) -> int:
    if as_json:
        print(json.dumps([asdict(entry) for entry in entries], ensure_ascii=False))
    elif not entries:
        print("nothing")
    for entry in entries if not as_json else ():
        when = datetime.fromtimestamp(entry.at)
        detail = f" ({entry.detail})" if entry.detail else ""
        origin = entry.source + (f", from {entry.because_of}" if entry.because_of else "")
        print(f"{entry.id:>5}  {when:%Y-%m-%d %H:%M}  {entry.kind.value:<7}  {entry.text}{detail}  [{origin}]")
    return 0 if entries else 1


def _embedder() -> "SentenceEmbedder":
    from dialogue.memory.embedding import SentenceEmbedder
    from policies.text import make_text_encoder

    return SentenceEmbedder(make_text_encoder("minilm"), "minilm")


COMMAND = Command(
    name="memory",
    summary="list, search or forget what the robot remembers",
    description=(
        "What was said, what is to be gone by, and what was tried, with where each comes from. `forget` takes along "
        "what was drawn from an entry and leaves no trace of it in the file. "
        "Exit code: 0 something was found or forgotten, 1 nothing was, 2 the request was wrong."
    ),
    example='aubergine memory search "my bowl"',
    add_arguments=add_arguments,
    run=run,
)
