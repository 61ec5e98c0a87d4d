"""`aubergine run`: exit codes, what it prints, what it leaves."""

import json
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from agent.cli import main, stage
from agent.doubles import PointWorld
from agent.recording.explain import PANEL
from agent.types import ActionChunk, Explanation, Observation, Step

pytestmark = pytest.mark.usefixtures("point_cli")
TO_RED = "move the dot to the red square"


def pictures_in(film: Path) -> int:
    with av.open(str(film)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_success_exits_0_and_leaves_film_pictures_and_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", TO_RED, "--seed", "3", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("success: done after ")
    assert str(tmp_path / "episode.mp4") in said.out
    steps = (tmp_path / "steps.jsonl").read_text().splitlines()
    # The scene before the first step, and one picture after each.
    assert pictures_in(tmp_path / "episode.mp4") == len(steps) + 1
    assert json.loads((tmp_path / "episode.json").read_text())["outcome"] == "success"
    assert np.asarray(Image.open(tmp_path / "contact_sheet.png")).std() > 0


def test_json_prints_exactly_one_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", TO_RED, "--seed", "3", "--out", str(tmp_path), "--json"]) == 0
    said = capsys.readouterr()
    answer = json.loads(said.out)
    assert said.out.count("\n") == 1
    assert said.err == ""
    expected = {"outcome": "success", "instruction": TO_RED, "policy": "vla", "seed": 3, "out": str(tmp_path)}
    assert expected.items() <= answer.items()
    assert answer["steps"] == len((tmp_path / "steps.jsonl").read_text().splitlines())
    assert answer["seconds"] > 0


def test_a_failed_episode_exits_1_and_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", TO_RED, "--policy", "hold", "--max-steps", "4", "--seed", "1", "--out", str(tmp_path)]
    assert main(words) == 1
    assert capsys.readouterr().out.startswith("timeout: never reached the dot in 4 steps")


def test_a_refusal_exits_1_with_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", TO_RED, "--policy", "reluctant", "--out", str(tmp_path), "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["outcome"], answer["detail"]) == ("refused", "there is no such square")


def test_an_instruction_that_no_task_matches_still_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "wave hello", "--policy", "hold", "--out", str(tmp_path)]) == 1
    assert "no known task matches the instruction" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["run", ""], "the instruction is empty"),
        (["run", "   "], "the instruction is empty"),
        (["run"], "the instruction is empty"),
        (["run", TO_RED, "--policy", "exprt"], "no policy 'exprt'; did you mean 'expert'? There are: "),
        (["run", "move the unicorn"], "no object 'unicorn'"),
    ],
)
def test_a_wrong_request_exits_2_with_one_sentence(
    words: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--out", str(tmp_path / "new")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("aubergine: ")
    assert sentence in said.err
    assert said.err.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_a_wrong_request_with_json_prints_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "", "--json"]) == 2
    assert "the instruction is empty" in json.loads(capsys.readouterr().out)["error"]


def test_ctrl_c_leaves_readable_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Interrupted(PointWorld):
        def step(self, action: np.ndarray) -> Step:
            step = super().step(action)
            if step.observation.time > 0.5:
                raise KeyboardInterrupt
            return step

        def reset(self, task: object, *, seed: int) -> Observation:
            return super().reset(task, seed=seed)  # type: ignore[arg-type]

    made = stage.make_stage("hold")
    world = Interrupted(cameras=made.world.embodiment.cameras)
    monkeypatch.setattr(
        stage,
        "make_stage",
        lambda _, **__: stage.Stage(world, made.policy, "hold", 1, lambda: world.render("front", 96, 96)),
    )
    assert main(["run", TO_RED, "--out", str(tmp_path)]) == 130
    assert "interrupted" in capsys.readouterr().err
    steps = [json.loads(line) for line in (tmp_path / "steps.jsonl").read_text().splitlines()]
    assert len(steps) == 2
    assert pictures_in(tmp_path / "episode.mp4") == 3
    Image.open(tmp_path / "contact_sheet.png").verify()


def test_explain_widens_the_film_and_draws_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = stage.make_stage("vla")

    class Telling:
        """The stage's policy, and a path to the picture's middle."""

        acted = False

        def __init__(self) -> None:
            self.embodiment = made.policy.embodiment

        def reset(self, *, seed: int) -> None:
            made.policy.reset(seed=seed)

        def act(self, observation: Observation) -> ActionChunk:
            self.acted = True
            return made.policy.act(observation)

        def explain(self) -> Explanation | None:
            path = np.array([[0, 0, 1], [96, 96, 1]], dtype=np.float32)
            return Explanation((), np.full((2, 7), 0.5, np.float32), path, np.ones(2)) if self.acted else None

    telling = replace(made, policy=Telling(), project=lambda points: points)
    monkeypatch.setattr(stage, "make_stage", lambda *_, **__: telling)
    sizes, first_looks = {}, []
    for name, words in (("plain", []), ("explained", ["--explain"])):
        assert main(["run", TO_RED, "--seed", "3", "--out", str(tmp_path / name), *words]) == 0
        with av.open(str(tmp_path / name / "episode.mp4")) as container:
            pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        sizes[name] = {picture.shape for picture in pictures}
        first_looks.append(pictures[1][:90, :90].astype(int))
    assert [len(shapes) for shapes in sizes.values()] == [1, 1]
    assert sizes["explained"].pop()[1] == sizes["plain"].pop()[1] + PANEL
    drawn = np.abs(first_looks[1] - first_looks[0]).sum(axis=2)
    assert np.diagonal(drawn).mean() > 5 * np.diagonal(drawn[:, ::-1]).mean()


def test_a_policy_that_cannot_explain_itself_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", TO_RED, "--policy", "hold", "--explain", "--out", str(tmp_path / "new")]) == 2
    assert "the policy 'hold' does not explain itself; those that do: vla" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
