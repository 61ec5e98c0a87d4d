"""Goal pictures: the change they show is read, said in words, and done by a policy that is told nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from agent.doubles import FixedPolicy
from agent.errors import Refusal
from agent.types import ActionChunk, CameraSpec, Observation
from imagination import goals
from imagination.figures import pairs_from
from imagination.goals import GoalFollower, change_between
from imagination.judge import Judge, JudgeConfig, load_judge
from imagination.pairs import Pair
from sim.objects import RECEPTACLES
from sim.reading import understand
from sim.world import tabletop_embodiment
from tests.imagination.conftest import Faultless, truly_seen

BODY = tabletop_embodiment((CameraSpec("front", 64, 64),))


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    filmed = [(pair, understand(pair.instruction)) for pair in pairs_from(500_200, 14)]
    found = [pair for pair, goal in filmed if goal is not None and goal.relation in ("in", "on")]
    assert len(found) >= 5
    return found


class Listening(FixedPolicy):
    """Keeps what it was shown."""

    def __init__(self) -> None:
        super().__init__(BODY, np.zeros((4, 7), dtype=np.float32))
        self.seen: list[Observation] = []

    def act(self, observation: Observation) -> ActionChunk:
        self.seen.append(observation)
        return super().act(observation)


def test_the_change_that_a_goal_shows_is_the_one_that_was_asked_for(pairs: list[Pair]) -> None:
    right = []
    for pair in pairs:
        change = change_between(truly_seen(pair.before), truly_seen(pair.after))
        if change is None:
            continue  # what lies deep in a pot is not seen
        goal = understand(pair.instruction)
        said = understand(change.said)
        assert goal is not None and said is not None
        right.append(said.subject.endswith(goal.subject.split()[-1]) and said.relation == goal.relation)
    assert len(right) >= len(pairs) - 2 and np.mean(right) > 0.8


def test_nothing_moved_is_no_change(pairs: list[Pair]) -> None:
    before = truly_seen(pairs[0].before)
    assert change_between(before, before) is None
    assert change_between(before, Faultless([])) is None
    bare = Faultless([seen for seen in before.things if seen.kind not in RECEPTACLES])
    assert change_between(bare, truly_seen(pairs[0].after)) is None


def test_the_policy_is_told_the_change_alone(pairs: list[Pair], monkeypatch: pytest.MonkeyPatch) -> None:
    pair = next(pair for pair in pairs if change_between(*map(truly_seen, (pair.before, pair.after))))
    readings = [truly_seen(pair.before), truly_seen(pair.after)]
    monkeypatch.setattr(goals, "Reading", lambda judge, frame: readings.pop(0))
    inner = Listening()
    follower = GoalFollower(inner, lambda frame, text: frame, Judge(JudgeConfig(widths=(8, 8, 16))).eval())
    look = Observation({"front": pair.before.rgb}, np.full(14, 0.4, np.float32), "surprise me", 0.0)
    follower.act(look)
    first = inner.seen[0]
    assert first.instruction.startswith("put the") and first.time > 0
    assert first.memory is not None and np.isfinite(first.memory[:8]).all()
    assert (np.abs(first.memory[:2]) <= 1).all()
    follower.act(replace(look, time=0.2))
    assert inner.seen[1].instruction == first.instruction and inner.seen[1].memory is None


def test_a_goal_like_the_present_is_refused(pairs: list[Pair]) -> None:
    follower = GoalFollower(Listening(), lambda frame, text: frame, load_judge())
    look = Observation({"front": pairs[0].before.rgb}, np.zeros(14, np.float32), "put it away", 0.0)
    with pytest.raises(Refusal, match="shows nothing that was moved"):
        follower.act(look)
