"""Where things shall be before they are drawn: boxes as the simulator shows them, relations kept, ends of goals."""

from contextlib import closing

import numpy as np
import pytest

from agent.errors import SpecError
from imagination.captions import Caption, draw_caption
from imagination.collecting import draw_task
from imagination.figures import pairs_from
from imagination.pairs import Pair, play_pairs
from imagination.reading import Box, box_overlap, matches
from imagination.staging import box_at, stage_caption, stage_goal
from imagination.stills import Still, small_world
from sim.expert import ScriptedExpert
from sim.objects import Description
from tests.imagination.conftest import Faultless, truly_seen


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    return list(pairs_from(500_100, 8))


def test_boxes_are_where_the_simulator_shows_things(stills: tuple[Still, ...]) -> None:
    overlaps = [
        max(
            box_overlap(thing.box, box_at(thing.kind, np.array([*thing.xy, 0.0]), yaw=yaw))
            for yaw in np.linspace(0, np.pi, 7)
        )
        for still in stills
        for thing in still.things
        if thing.box is not None and thing.inside is None
    ]
    assert len(overlaps) > 50 and np.mean(overlaps) > 0.75


def test_a_staged_caption_says_what_its_boxes_show(stills: tuple[Still, ...]) -> None:
    rng = np.random.default_rng(0)
    for still in stills:
        caption = draw_caption(still.things, rng)
        boxes = stage_caption(caption, rng)
        assert all(placed.thing.kind == thing.kind for placed, thing in zip(boxes, caption.things, strict=True))
        assert all(placed.thing.colour is not None for placed in boxes)
        for subject, relation, target in caption.relations:
            a, b = boxes[subject].box, boxes[target].box
            assert is_seen_so(relation, a, b), (relation, a, b)


def is_seen_so(relation: str, a: Box, b: Box) -> bool:
    """Whether box a stands so to box b in a picture whose left is the table's left and whose bottom is its front."""
    ax, bx = ((box[0] + box[2]) / 2 for box in (a, b))
    ay = (a[1] + a[3]) / 2
    return {
        "left of": ax < bx,
        "right of": ax > bx,
        "in front of": a[3] > b[3],
        "behind": a[3] < b[3],
        "in": b[0] <= ax <= b[2] and b[1] - 0.1 <= ay <= b[3],
        "on": b[0] <= ax <= b[2] and b[1] - 0.1 <= ay <= b[3],
    }[relation]


def test_equal_seeds_stage_equally_and_a_crowd_is_refused() -> None:
    caption = Caption((Description("carrot"), Description("bowl", "red")), ((0, "left of", 1),))
    first, again = (stage_caption(caption, np.random.default_rng(3)) for _ in range(2))
    assert first == again
    crowd = tuple(Description("tray", colour) for colour in ("red", "green", "blue", "yellow", "white", "black"))
    with pytest.raises(SpecError, match="no room"):
        stage_caption(Caption(crowd), np.random.default_rng(0))


def test_a_goals_box_is_where_its_object_really_ends(pairs: list[Pair]) -> None:
    off = []
    for pair in pairs:
        placed = stage_goal(pair.instruction, truly_seen(pair.before))
        assert placed is not None, pair.instruction
        subject = pair.after.things[pair.subject]
        assert placed.thing.kind == subject.kind
        if subject.box is not None:
            middles = [((box[0] + box[2]) / 2, (box[1] + box[3]) / 2) for box in (placed.box, subject.box)]
            off.append(np.hypot(*np.subtract(*middles)))
    assert len(off) >= 5 and np.median(off) < 0.05


@pytest.mark.parametrize("kind", ["box", "drawer"])
def test_what_goes_behind_a_lid_or_into_a_drawer_ends_there(kind: str) -> None:
    goals = {seed: draw_task(seed).goal for seed in range(500_000, 500_400)}
    seeds = [seed for seed, goal in goals.items() if goal and goal.relation == "in" and str(goal.target).endswith(kind)]
    with closing(small_world()) as world:
        expert = ScriptedExpert(world)
        pairs = [pair for seed in seeds[:4] for pair in play_pairs(world, expert, seed, poses=1)]
    assert len(pairs) >= 3
    for pair in pairs:
        placed, box = stage_goal(pair.instruction, truly_seen(pair.before)), pair.after.things[pair.subject].box
        assert placed is not None
        if box is not None:
            assert abs(placed.box[0] + placed.box[2] - box[0] - box[2]) / 2 < 0.06
            assert abs(placed.box[1] + placed.box[3] - box[1] - box[3]) / 2 < 0.06


def test_nothing_is_said_of_a_goal_whose_things_are_not_seen(pairs: list[Pair]) -> None:
    pair = pairs[0]
    subject = pair.before.things[pair.subject]
    meant = Description(subject.kind, subject.colour)
    rest = Faultless([seen for seen in truly_seen(pair.before).things if not matches(meant, seen)])
    assert stage_goal(pair.instruction, rest) is None
    assert stage_goal("sing a song", truly_seen(pair.before)) is None
