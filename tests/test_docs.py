"""What the documents tell people to type or to open exists."""

import re
import shlex
from pathlib import Path

import pytest

from agent.cli.program import COMMANDS, make_parser

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = (
    "README.md",
    "ARCHITECTURE.md",
    "CONVENTIONS.md",
    "RESULTS.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md")),
)


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def commands_in(document: str) -> list[str]:
    """Return every `aubergine ...` command that stands in an indented block of the document."""
    lines = [line.strip().split("  #")[0].strip() for line in text_of(document).splitlines() if line.startswith("    ")]
    return [line.split("aubergine ", 1)[1] for line in lines if re.match(r"(\.venv/bin/)?aubergine ", line)]


def python_in(document: str) -> list[str]:
    """Return the Python blocks of the document."""
    return re.findall(r"```python\n(.*?)```", text_of(document), flags=re.DOTALL)


def test_the_blocks_of_the_robots_page_run_as_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    blocks = python_in("docs/robots.md")
    assert len(blocks) >= 5
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "docs/robots.md", "exec"), names)


def test_every_python_block_is_run_by_a_test() -> None:
    """docs/new_robot.md is run by tests/robots/test_new_robot.py, docs/robots.md above."""
    assert {document for document in DOCUMENTS if python_in(document)} <= {"docs/new_robot.md", "docs/robots.md"}


def make_targets_in(document: str) -> set[str]:
    return set(re.findall(r"(?:`|^ {4})make (?:[A-Z]+=\S+ )*([a-z]+)", text_of(document), flags=re.MULTILINE))


COMMANDS_IN_DOCUMENTS = [(document, command) for document in DOCUMENTS for command in commands_in(document)]
EXAMPLES = [("the help", command.example.removeprefix("aubergine ")) for command in COMMANDS]


def test_the_readme_shows_every_command() -> None:
    shown = {shlex.split(command)[0] for command in commands_in("README.md")}
    assert shown == {command.name for command in COMMANDS}


@pytest.mark.parametrize(("document", "command"), COMMANDS_IN_DOCUMENTS + EXAMPLES)
def test_every_command_parses_and_names_files_that_exist(document: str, command: str) -> None:
    words = shlex.split(command)
    make_parser().parse_args(words)
    for word in words:
        if word.startswith("configs/"):
            assert (ROOT / word).is_file(), f"{document} names {word}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_to_a_file(document: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", text_of(document))
    missing = [link for link in links if "://" not in link and not ((ROOT / document).parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md"])
def test_every_source_path_in_the_text_exists(document: str) -> None:
    named = re.findall(
        r"\b((?:agent|sim|policies|configs|tests)/[\w/.-]*\w\.(?:py|yaml|txt|toml))\b", text_of(document)
    )
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_exists(document: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert make_targets_in(document) - targets == set()


def test_the_suites_page_names_every_suite_and_axis() -> None:
    from agent.evaluation.suite import suite_names
    from sim.perturb import AXES

    text = text_of("docs/suites.md")
    assert [name for name in suite_names() if f"| `{name}` |" not in text] == []
    assert [axis for axis in AXES if f"\n| {axis} |" not in text] == []


def test_the_lock_file_names_exact_versions_and_no_machine() -> None:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.!+-]+", line)] == []
