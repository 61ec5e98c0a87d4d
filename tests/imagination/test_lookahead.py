"""Looking ahead: the best variant is taken, the policy's own one where none is better, and all are legal."""

from collections.abc import Sequence

import numpy as np
import pytest

from agent.doubles import FixedPolicy
from agent.errors import SpecError
from agent.types import CameraSpec, Goal, ImageArray, Observation
from imagination.hands import Motion
from imagination.judge import Judge, JudgeConfig
from imagination.lookahead import Lookahead, filled, small, worth_by
from sim.world import tabletop_embodiment

BODY = tabletop_embodiment((CameraSpec("front", 96, 96),))
OWN = np.array([[0.04, 0, 0, 0, 0, 0, 1]] * 4, dtype=np.float32)


def seen(instruction: str = "put the carrot on the plate") -> Observation:
    picture = np.zeros((96, 96, 3), dtype=np.uint8)
    return Observation({"front": picture}, np.zeros(14, dtype=np.float32), instruction, 0.0)


def told(frame: ImageArray, motions: Sequence[Motion]) -> ImageArray:
    """Stands for the model: the "frame" is the sum of the motion, so that `worth` can look at it."""
    return np.stack([motion.actions.sum(axis=0) for motion in motions])


def test_the_best_variant_is_taken_and_all_are_legal() -> None:
    worths: list[float] = []

    def leftward(frame: ImageArray, goal: Goal) -> float:
        assert goal == Goal("on", "carrot", "plate")
        worths.append(-float(frame[1]))
        return worths[-1]

    policy = Lookahead(FixedPolicy(BODY, OWN), told, leftward)
    policy.reset(seed=1)
    chunk = policy.act(seen()).actions
    assert len(worths) == 8 and worths[0] == 0
    assert -chunk.sum(0)[1] == pytest.approx(max(worths), abs=1e-5)
    assert all(BODY.action.problem(row) is None for row in chunk)
    assert np.array_equal(chunk[:, -1], OWN[:, -1]), "the gripper is never changed"
    policy.reset(seed=1)
    assert np.array_equal(policy.act(seen()).actions, chunk)


def test_the_own_chunk_stays_when_none_is_better_or_the_words_are_no_goal() -> None:
    policy = Lookahead(FixedPolicy(BODY, OWN), told, lambda frame, goal: 0.0)
    assert np.array_equal(policy.act(seen()).actions, OWN)
    eager = Lookahead(FixedPolicy(BODY, OWN), told, lambda frame, goal: float(frame[0]))
    assert np.array_equal(eager.act(seen("sing a song")).actions, OWN)


def test_short_chunks_hold_still_with_the_last_grip() -> None:
    long = filled(OWN[None])
    assert long.shape == (1, 8, 7)
    assert np.array_equal(long[0, :4], OWN) and not long[0, 4:, :6].any() and (long[0, 4:, 6] == 1).all()
    assert filled(np.repeat(OWN[None], 3, axis=1)).shape == (1, 8, 7)


def test_a_worth_is_a_number_even_where_nothing_is_seen() -> None:
    worth = worth_by(Judge(JudgeConfig(widths=(8, 8, 16))).eval())
    assert np.isfinite(worth(small(seen().images["front"]), Goal("on", "carrot", "plate")))


def test_there_must_be_something_to_choose_from_and_a_front_camera() -> None:
    with pytest.raises(SpecError, match="at least 2 variants"):
        Lookahead(FixedPolicy(BODY, OWN), told, lambda frame, goal: 0.0, count=1)
    blind = tabletop_embodiment((CameraSpec("wrist", 64, 64),))
    with pytest.raises(SpecError, match="no camera 'front'"):
        Lookahead(FixedPolicy(blind, OWN), told, lambda frame, goal: 0.0)
