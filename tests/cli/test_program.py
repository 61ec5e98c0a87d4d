"""The command line as a whole: help, wrong commands, start-up."""

import gc
import subprocess
import sys
import time

import pytest

from agent.cli import main
from agent.cli.command import large_imports
from agent.cli.program import COMMANDS


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_the_help_of_every_command_shows_an_example(command, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SystemExit) as ended:
        main([command.name, "--help"])
    assert ended.value.code == 0
    assert f"example: aubergine {command.name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["rnu"],
            "no command 'rnu'; did you mean 'run'? There are: run, chat, console, collect, train, point, ask, imagine,",
        ),
        (["eval", "--suite", "bowl", "--episodes", "0"], "argument --episodes: must be at least 1, got 0"),
        (["run", "x", "--seed", "-1"], "argument --seed: must be at least 0, got -1"),
        (["run", "x", "--seed", "many"], "argument --seed: must be a whole number, got 'many'"),
        (["eval"], "the following arguments are required: --suite"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


@pytest.mark.slow
def test_help_comes_at_once() -> None:
    """The fastest of three, so that a busy machine does not decide; the aim is half a second."""
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "agent.cli", "--help"], check=True, capture_output=True)
        seconds.append(time.perf_counter() - began)
    assert min(seconds) < 1.0


def test_garbage_is_looked_for_again_after_large_imports_even_when_one_fails() -> None:
    with pytest.raises(ImportError), large_imports():
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled()
