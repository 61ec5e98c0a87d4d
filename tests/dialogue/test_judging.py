"""Whether a step worked, from where things are seen before and after and from the gripper."""

import numpy as np
import pytest

from agent.errors import SpecError
from agent.types import Goal, ImageArray, Observation, Task, VectorSpec
from dialogue.judging import PictureJudge
from policies.looking import Look
from tests.dialogue.test_seeing import BOWL, CUBE, Shown, half, seen

STATE = VectorSpec(("x", "y", "z", "gripper"), ("m", "m", "m", "1"), (-1, -1, -1, 0), (1, 1, 1, 1))
HOME = (0.4, -0.25, 0.3, 1.0)
BLUE_BOWL: Shown = ("bowl", "blue", 0.6, 0.1, BOWL)
WHITE_BOWL: Shown = ("bowl", "white", 0.6, -0.1, BOWL)


def cube(x: float, y: float, z: float = CUBE, colour: str = "red") -> Shown:
    return ("cube", colour, x, y, z)


class Frames:
    """An eye that sees what it is told, picture by picture."""

    def __init__(self, *frames: tuple[Shown, ...]) -> None:
        self._frames = frames

    def look(self, picture: ImageArray) -> Look:
        return seen(*self._frames[int(picture[0, 0, 0])])


def judged(
    goal: Goal, before: tuple[Shown, ...], after: tuple[Shown, ...], hand: tuple[float, ...] = HOME
) -> tuple[bool, str]:
    first, last = (
        Observation({"front": np.full((2, 2, 3), number, np.uint8)}, np.array(state, np.float32), "", 0.0)
        for number, state in enumerate((HOME, hand))
    )
    judgement = PictureJudge(Frames(before, after), STATE).judge(Task("x", "x", goal, 1), first, last)
    return judgement.success, judgement.reason


IN_BLUE = cube(0.6, 0.1, 0.007 + CUBE)
START = (cube(0.4, 0.0), BLUE_BOWL, WHITE_BOWL)


@pytest.mark.parametrize(
    ("goal", "after", "worked", "reason"),
    [
        (Goal("in", "red cube", "blue bowl"), IN_BLUE, True, "is where it should be"),
        (Goal("in", "cube", "white bowl"), IN_BLUE, False, "is not in the white bowl"),
        (Goal("in", "red cube", "blue bowl"), cube(0.5, 0.1), False, "is not in the blue bowl"),
        (Goal("left of", "red cube", "blue bowl"), cube(0.6, -0.02), True, "is where"),
        (Goal("right of", "red cube", "blue bowl"), cube(0.6, -0.02), False, "is not right of the blue bowl"),
        (Goal("left of", "red cube", "blue bowl"), IN_BLUE, False, "does not stand on the table"),
        (Goal("push", "red cube", "right"), cube(0.41, 0.09), True, "is where"),
        (Goal("push", "red cube", "right"), cube(0.41, 0.04), False, "moved 4 cm right"),
        (Goal("push", "red cube", "left"), cube(0.41, 0.09), False, "moved -9 cm left"),
        (Goal("move to", "red cube", "middle"), cube(0.5, 0.02), True, "is where"),
        (Goal("move to", "red cube", "front"), cube(0.5, 0.02), False, "is not at the front"),
        (Goal("in", "green cube", "blue bowl"), IN_BLUE, False, "I did not see the green cube when it began"),
    ],
)
def test_goals_are_looked_at(goal: Goal, after: Shown, worked: bool, reason: str) -> None:
    success, said = judged(goal, START, (after, BLUE_BOWL, WHITE_BOWL))
    assert success is worked and reason in said


def test_what_is_gone_or_still_held_did_not_work() -> None:
    goal = Goal("in", "red cube", "blue bowl")
    assert judged(goal, START, (BLUE_BOWL, WHITE_BOWL)) == (False, "I do not see the red cube any more")
    held = judged(goal, START, (IN_BLUE, BLUE_BOWL, WHITE_BOWL), (0.6, 0.1, 0.03, 0.5))
    assert held[0] is False


def test_lifting_is_having_it_high_in_the_hand() -> None:
    goal, up = Goal("lift", "red cube"), (cube(0.4, 0.0, 0.2), BLUE_BOWL)
    assert judged(goal, START, up, (0.4, 0.0, 0.2, 0.5))[0] is True
    assert judged(goal, START, up, (0.4, 0.0, 0.2, 0.0))[0] is False
    assert judged(goal, START, START, (0.4, 0.0, 0.02, 0.5)) == (False, "the red cube is not lifted")


def test_taking_out_ends_on_the_table() -> None:
    goal, inside = Goal("take out", "red cube", "blue bowl"), (IN_BLUE, BLUE_BOWL)
    assert judged(goal, inside, (cube(0.4, 0.0), BLUE_BOWL))[0] is True
    assert judged(goal, inside, inside)[0] is False


def test_what_was_hidden_in_a_vessel_is_seen_once_it_is_out() -> None:
    goal, lemon = Goal("take out", "red cube", "blue bowl"), ("lemon", "yellow", 0.45, 0.2, CUBE)
    assert judged(goal, (BLUE_BOWL, lemon), (cube(0.4, 0.0), BLUE_BOWL, lemon)) == (
        True,
        "the red cube is where it should be",
    )
    assert judged(goal, (BLUE_BOWL, lemon), (BLUE_BOWL, lemon)) == (False, "I do not see that the red cube came out")
    assert judged(goal, (BLUE_BOWL,), (IN_BLUE, BLUE_BOWL))[0] is False


def test_what_is_still_in_an_open_box_was_not_taken_out() -> None:
    goal, box = Goal("take out", "red cube", "blue box"), ("box", "blue", 0.5, 0.0, half("box"))
    inside, beside = cube(0.53, 0.0, 0.006 + CUBE), cube(0.4, 0.2)
    assert judged(goal, (inside, box), (inside, box))[0] is False
    assert judged(goal, (inside, box), (beside, box))[0] is True


@pytest.mark.parametrize(("slid", "worked"), [(0.0, False), (0.06, False), (0.07, False), (0.09, True), (0.125, True)])
def test_a_drawer_slides_as_far_as_counts(slid: float, worked: bool) -> None:
    """Its box shows the middle of cabinet and drawer, which moves half as far as the front."""
    shut, out = (("drawer", "tan", 0.41 + way / 2, 0.19, half("drawer")) for way in (0.0, slid))
    assert judged(Goal("open", "drawer"), (shut,), (out,))[0] is worked
    assert judged(Goal("close", "drawer"), (out,), (shut,))[0] is worked
    assert judged(Goal("close", "drawer"), (shut,), (out,))[0] is False
    at_handle = judged(Goal("open", "drawer"), (shut,), (out,), (0.55, 0.19, 0.07, 0.0))
    assert at_handle[0] is False and ("still at the drawer" in at_handle[1]) is worked


def test_of_two_alike_the_one_that_was_named_is_followed() -> None:
    left, right = cube(0.4, -0.15), cube(0.4, 0.15)
    before, goal = (left, right, BLUE_BOWL), Goal("in", "left cube", "blue bowl")
    assert judged(goal, before, (right, IN_BLUE, BLUE_BOWL))[0] is True
    assert judged(goal, before, (left, IN_BLUE, BLUE_BOWL))[0] is False


def test_a_stack_is_on_what_was_named() -> None:
    base = cube(0.5, 0.0, CUBE, "blue")
    goal, before = Goal("stack", "red cube", "blue cube"), (cube(0.4, -0.2), base)
    assert judged(goal, before, (cube(0.5, 0.0, 3 * CUBE), base))[0] is True
    assert judged(goal, before, (cube(0.42, 0.0), base))[0] is False


def test_a_body_that_does_not_tell_its_gripper_is_refused() -> None:
    with pytest.raises(SpecError, match="needs gripper in the state; it has: x, y, z"):
        PictureJudge(Frames(), VectorSpec(("x", "y", "z"), ("m",) * 3, (0,) * 3, (1,) * 3))
