"""Settings are strict: every mistake is one sentence that says where it stands."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

import pytest

from agent.errors import SpecError
from agent.settings import from_mapping, load_settings, save_settings, to_mapping


class Mode(StrEnum):
    FAST = "fast"
    SLOW = "slow"


@dataclass(frozen=True)
class Optimiser:
    rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.99)


@dataclass(frozen=True)
class Plan:
    relation: str
    steps: int = 10
    optimiser: Optimiser = Optimiser()
    others: int | tuple[str, ...] = 2
    parts: tuple[Optimiser, ...] = ()
    resume: bool = False
    kind: Literal["a", "b"] = "a"
    mode: Mode = Mode.FAST
    out: Path | None = None

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, got {self.steps}")


def read(tmp_path: Path, text: str) -> Plan:
    path = tmp_path / "plan.yaml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, Plan)


def test_values_of_every_kind_are_read(tmp_path: Path) -> None:
    plan = read(
        tmp_path,
        "relation: on\nsteps: 3\noptimiser: {rate: 3e-4, betas: [1, .5]}\nothers: [apple, pear]\n"
        "parts:\n  - rate: 2\nresume: true\nkind: b\nmode: slow\nout: runs/x\n",
    )
    assert plan == Plan(
        relation="on",
        steps=3,
        optimiser=Optimiser(3e-4, (1.0, 0.5)),
        others=("apple", "pear"),
        parts=(Optimiser(2.0),),
        resume=True,
        kind="b",
        mode=Mode.SLOW,
        out=Path("runs/x"),
    )


def test_what_is_saved_reads_back_equal(tmp_path: Path) -> None:
    plan = Plan("on", optimiser=Optimiser(1e-7), others=("on", "yes"), parts=(Optimiser(),), out=Path("a/b"))
    save_settings(tmp_path / "saved.yaml", plan)
    assert load_settings(tmp_path / "saved.yaml", Plan) == plan
    assert from_mapping(Plan, to_mapping(plan), where="memory") == plan


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("relation: in\nstepps: 3\n", "plan.yaml:2: no key 'stepps'; did you mean 'steps'?"),
        (
            "relation: in\noptimiser:\n  rat: 3\n",
            "plan.yaml:3: no key 'rat'; did you mean 'rate'? There are: betas, rate.",
        ),
        ("relation: in\nsteps: three\n", "plan.yaml:2: steps must be a whole number, not 'three'"),
        ("relation: in\nsteps: 2.5\n", "steps must be a whole number, not '2.5'"),
        ("relation: in\nsteps: true\n", "steps must be a whole number, not 'True'"),
        ("relation: in\nresume: yes\n", "resume must be true or false, not 'yes'"),
        ("relation: in\nsteps: 0\n", "steps must be at least 1, got 0"),
        ("relation: in\nothers: 1.5\n", "others must be a whole number or a list of text"),
        ("relation: in\nkind: c\n", "kind must be one of a, b, not 'c'"),
        ("relation: in\nmode: slaw\n", "did you mean 'slow'?"),
        ("relation: in\noptimiser: {betas: [1]}\n", "optimiser.betas must hold 2 values, not 1"),
        ("relation: in\nparts:\n  - rate: 1\n  - rate: x\n", "plan.yaml:4: parts.1.rate must be a number, not 'x'"),
        ("relation: in\nrelation: on\n", "plan.yaml:2: 'relation' is given twice"),
        ("steps: 3\n", "'relation' is missing"),
        ("", "'relation' is missing"),
        ("- 1\n", "must hold keys and values, not a list"),
        ("relation: [\n", "is not YAML"),
    ],
)
def test_every_mistake_is_one_sentence_with_its_place(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(SpecError) as caught:
        read(tmp_path, text)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_or_binary_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"cannot read .*absent.yaml"):
        load_settings(tmp_path / "absent.yaml", Plan)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match=r"binary\.yaml is not text"):
        load_settings(tmp_path / "binary.yaml", Plan)
