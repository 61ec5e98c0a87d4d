"""Every escape is stopped within two seconds, touches nothing, and leaves the process alive."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import TypedDict

import pytest

from dialogue.notes import Notes
from dialogue.syntax import parse_plan
from dialogue.verifier import check_plan
from tests.dialogue.escapes import CORPUS, INERT, SPEAKING
from tests.dialogue.mind import table

ROOT = Path(__file__).resolve().parents[2]
MEMORY_BYTES = 2_000_000_000
"""Address space of the process; a text that grows without bound would hit it."""


class Row(TypedDict):
    text: str
    ended: str
    heard: list[str]
    goals: list[str]
    seconds: float
    touched: list[str]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """One process for all: were one text to kill it, the rest would be missing."""
    file = tmp_path_factory.mktemp("escapes") / "memory.db"
    limits = f"import resource as r; r.setrlimit(r.RLIMIT_AS, ({MEMORY_BYTES}, {MEMORY_BYTES}))"
    code = f"{limits}; import runpy; runpy.run_module('tests.dialogue.run_escapes', run_name='__main__')"
    result = subprocess.run(
        [sys.executable, "-c", code, str(file)], capture_output=True, text=True, cwd=ROOT, timeout=240, check=False
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_corpus_is_large_and_has_no_doubles() -> None:
    assert len(CORPUS) >= 150 and len(set(CORPUS)) == len(CORPUS)


def test_the_process_lives_through_all_of_them(rows: list[Row]) -> None:
    assert [row["text"] for row in rows] == list(CORPUS)
    assert not Path("/tmp/escaped").exists()


def test_each_is_stopped_within_two_seconds(rows: list[Row]) -> None:
    slow = [(row["text"][:60], row["seconds"]) for row in rows if row["seconds"] > 2.0]
    assert slow == []


def test_none_touches_a_file_a_process_a_socket_or_runs_code(rows: list[Row]) -> None:
    assert [(row["text"][:60], row["touched"]) for row in rows if row["touched"]] == []


def test_nothing_moves_but_what_a_bounded_plan_may_move(rows: list[Row]) -> None:
    """An escape ends unreadable, unfit or refused, or only says and keeps words; no goal reaches the world."""
    wrong = [
        (row["text"][:60], row["ended"], row["goals"])
        for row in rows
        if row["goals"] or row["ended"] not in ("unreadable", "unfit", "refused", "asked", "done")
    ]
    assert wrong == []
    spoke = [row["text"] for row in rows if row["ended"] in ("done", "asked")]
    assert 0 < len(spoke) < len(rows) / 4 and all(text.startswith(SPEAKING) for text in spoke)


def test_what_is_said_is_said_to_the_letter(rows: list[Row]) -> None:
    """Nothing in a text is filled in, looked up or evaluated."""
    by_text = {row["text"]: row for row in rows}
    checked = 0
    for text in INERT:
        verb, _, words = text.partition(" ")
        if by_text[text]["ended"] == "done" and verb in ("say", "remember"):
            assert by_text[text]["heard"] == [words]
            checked += 1
    assert checked >= 8


def test_the_watch_sees_what_it_is_for(tmp_path: Path) -> None:
    """The control: an open file, code that runs and a process are all noticed."""
    code = (
        "import sys; from tests.dialogue import run_escapes as r; sys.addaudithook(r.watch); r.watching = True\n"
        "open('/dev/null').close(); eval('1'); __import__('subprocess').run(['true'])\n"
        "r.watching = False; print(' '.join(sorted({t.split()[0] for t in r.touched})))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert {"open", "exec", "compile", "subprocess.Popen"} <= set(result.stdout.split())


def test_the_same_words_without_the_trick_are_a_plan() -> None:
    """The control: it is the trick that is stopped, not the plan."""
    for text in ("pick red cube", "while no banana max 20\nlook\nend", "if no banana\nlook\nend", "say a"):
        assert check_plan(parse_plan(text), table(), Notes()).problem is None


def reached_from(*modules: str) -> set[Path]:
    """The files of the dialogue that these modules import, and theirs."""
    found, queue = set[Path](), [ROOT / (name.replace(".", "/") + ".py") for name in modules]
    while queue:
        path = queue.pop()
        if path in found or not path.exists():
            continue
        found.add(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dialogue"):
                queue.append(ROOT / (str(node.module).replace(".", "/") + ".py"))
    return found


def test_no_module_that_plan_text_reaches_runs_text() -> None:
    """No eval, exec, compile, getattr by a computed name, import by name, format of foreign text, pickle or shell."""
    forbidden = {"eval", "exec", "compile", "__import__", "globals", "locals", "vars", "setattr", "delattr", "input"}
    modules = {"pickle", "marshal", "shelve", "subprocess", "importlib", "runpy", "code", "ctypes", "socket"}
    sources = reached_from("dialogue.syntax", "dialogue.executor", "dialogue.memory.store", "dialogue.tabletop")
    assert len(sources) > 20
    for path in sorted(sources):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{path.name}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in forbidden, where
                assert node.func.id != "getattr" or isinstance(node.args[1], ast.Constant), where
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert node.func.attr not in ("format", "format_map", "system", "popen"), where
            if isinstance(node, ast.Import):
                assert not modules & {alias.name.split(".")[0] for alias in node.names}, where
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in modules, where
