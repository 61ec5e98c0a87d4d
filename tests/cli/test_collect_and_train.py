"""`aubergine collect` with the real world, and how `train` goes through its rounds."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agent.cli import main, training
from agent.cli.classroom import ClassroomFactory, Share
from agent.errors import SpecError
from agent.recording.reader import DatasetReader
from agent.settings import load_settings

TINY = Path(__file__).resolve().parents[2] / "configs" / "train" / "tiny.yaml"


def test_collect_writes_a_dataset_and_goes_on_where_it_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "data"
    words = ["collect", "--family", "eggplant_in_bowl", "--workers", "1", "--out", str(out), "--json"]
    assert main([*words, "--episodes", "1"]) == 0
    assert main([*words, "--episodes", "2"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["stored"], second["already_there"]) == (1, 1)
    reader = DatasetReader(out)
    assert len(reader) == second["stored"]
    assert reader.cameras == ("front", "wrist")


def test_collect_refuses_an_unknown_family(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["collect", "--family", "putin", "--out", str(tmp_path / "data")]) == 2
    assert "no family or task 'putin'; did you mean 'put_in'?" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_a_mix_is_practised_in_its_proportions() -> None:
    factory = ClassroomFactory((Share("eggplant_in_bowl", 3.0), Share("carrot_on_plate", 1.0)))
    names = [factory.task_for(seed).name for seed in range(1_000_000, 1_000_400)]
    assert names == [factory.task_for(seed).name for seed in range(1_000_000, 1_000_400)]
    assert 0.7 < names.count("eggplant_in_bowl") / len(names) < 0.8


def test_a_share_may_ask_for_one_kind_of_target() -> None:
    factory = ClassroomFactory((Share("put_in", target="bowl"),))
    tasks = [factory.task_for(seed) for seed in range(1_000_000, 1_000_020)]
    assert all(task.goal and str(task.goal.target).endswith("bowl") for task in tasks)
    assert len({task.goal for task in tasks}) > 10
    with pytest.raises(SpecError, match="has the target 'plate'"):
        ClassroomFactory((Share("put_in", target="plate"),)).task_for(1_000_000)


def test_what_failed_most_is_practised_most(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    results.write_text(json.dumps({"tasks": {"put_in": {"rate": 1.0}, "stack": {"rate": 0.25}}}))
    tasks = (Share("put_in", 2.0), Share("stack", 1.0), Share("lift", 0.6), Share("push", 0.7))
    weights = [share.weight for share in training.practised(tasks, results)]
    assert weights == [1.0, 2.0, 0.6, 0.7]


class FakeRounds:
    """Stands for collecting, training and judging: each round's checkpoint says its number, and scores its rate."""

    def __init__(self, rates: Sequence[float], *, interrupted_in: int | None = None) -> None:
        self.rates, self.interrupted_in = rates, interrupted_in
        self.asked: list[tuple[int, range, int]] = []

    def __call__(self, plan: training.Plan, out: Path, number: int, *, seeds: range, steps: int) -> bool:
        self.asked.append((number, seeds, steps))
        if number == self.interrupted_in:
            return False
        folder = out / f"round-{number}"
        (folder / "checkpoint").mkdir(parents=True)
        (folder / "checkpoint" / "number").write_text(str(number))
        (folder / "results.json").write_text(json.dumps({"overall": {"rate": self.rates[number]}}))
        return True


def three_rounds() -> training.Plan:
    plan = load_settings(TINY, training.Plan)
    return replace(plan, stills=0, rounds=(training.Round(4, 20), training.Round(5, 30)))


def follow(plan: training.Plan, out: Path, *, resume: bool = False) -> training.Outcome:
    return training.follow(plan, out, resume=resume, say=lambda _: None)


def test_training_keeps_the_best_round_and_never_uses_a_seed_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = FakeRounds([0.2, 0.8, 0.5])
    monkeypatch.setattr(training, "_one_round", rounds)
    outcome = follow(three_rounds(), tmp_path)
    assert outcome == training.Outcome(tmp_path / "best", (0.2, 0.8, 0.5), finished=True)
    assert (tmp_path / "best" / "number").read_text() == "1"
    start = 1_000_000
    assert rounds.asked == [
        (0, range(start, start + 8), 40),
        (1, range(start + 8, start + 12), 20),
        (2, range(start + 12, start + 17), 30),
    ]


def test_training_resumes_with_the_round_that_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_one_round", FakeRounds([0.2, 0.8, 0.5], interrupted_in=1))
    assert not follow(three_rounds(), tmp_path).finished
    again = FakeRounds([0.2, 0.8, 0.5])
    monkeypatch.setattr(training, "_one_round", again)
    with pytest.raises(SpecError, match="already holds a training run; add --resume"):
        follow(three_rounds(), tmp_path)
    assert follow(three_rounds(), tmp_path, resume=True).rates == (0.2, 0.8, 0.5)
    assert [number for number, _, _ in again.asked] == [1, 2]


def test_training_seeds_may_not_reach_into_those_of_reports() -> None:
    with pytest.raises(ValueError, match="training seeds start at 1000000"):
        replace(three_rounds(), first_seed=500)
