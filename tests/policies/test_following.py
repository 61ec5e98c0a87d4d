"""What was meant at one look is found again at the next."""

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch

from policies.backbone import Thought
from policies.following import (
    AFAR,
    FAITH,
    LENGTH,
    NEAR,
    WITHIN_REACH,
    Memory,
    aimed_before,
    checksum,
    follow,
    is_stuck,
    recall,
    remember,
    steady_place,
)
from policies.regions import Regions

HAND, EARLIER = (0.5, 0.1, 0.3, 1.0), (0.5, 0.1, 0.2, 1.0)
AIMS = (0.5, 0.0, 0.1, 0.4, 0.2, 0.05)
PLACE = AIMS[3:5]
CUBE, BLOCK, BOWL = (-0.4, 0.0, 0.0), (0.3, 0.2, 0.0), (0.5, -0.3, 1.0)


def regions(*things: tuple[float, float, float]) -> Regions:
    """One picture with a thing in each row but the last, which is empty."""
    rows = torch.tensor([*things, (0.0, 0.0, 0.0)])
    there = torch.tensor([True] * len(things) + [False])
    return Regions(rows[None, :, :2], rows[None, :, 2], there[None])


def memory(
    subject: tuple[float, float, float],
    target: tuple[float, float, float] | None,
    *,
    tool: tuple[float, float] = (0.0, 0.9),
    held: bool = False,
) -> Memory:
    last = (*tool, float(held), checksum("stack them"), *AIMS, *HAND, *EARLIER, *PLACE, *PLACE)
    return np.array([*subject, *(target or (np.nan, np.nan, np.nan)), *last])


def tool_at(u: float, v: float) -> torch.Tensor:
    return torch.tensor([[u, v]])


def test_without_a_memory_nothing_is_added() -> None:
    seen = regions(CUBE, BLOCK)
    followed, bonus = follow(seen, [None], tool_at(0, 0.9))
    assert not bonus.any()
    assert followed.there.tolist() == [[True, True, False, False, False]]
    assert torch.equal(followed.places[:, :3], seen.places)


def test_what_was_meant_keeps_its_bonus_where_it_is_seen_again() -> None:
    moved = (CUBE[0] + 0.5 * NEAR, CUBE[1], 0.0)
    followed, bonus = follow(regions(BLOCK, moved, BOWL), [memory(CUBE, BOWL)], tool_at(0, 0.9))
    assert bonus.nonzero().tolist() == [[0, 0, 1], [0, 1, 2]]
    assert followed.there[0, 4:].tolist() == [False, False]


def test_what_moved_far_is_left_to_the_reader() -> None:
    moved = (CUBE[0] + 2 * NEAR, CUBE[1], 0.0)
    _, bonus = follow(regions(BLOCK, moved, BOWL), [memory(CUBE, BOWL)], tool_at(0, 0.9))
    assert not bonus[0, 0].any()


def test_a_target_under_the_hand_is_kept_and_one_gone_from_an_open_place_is_not() -> None:
    near = tool_at(BLOCK[0], BLOCK[1] - 0.5 * WITHIN_REACH)
    for tool, faith in ((near, FAITH), (tool_at(-0.9, -0.9), 0.0)):
        followed, bonus = follow(regions(CUBE), [memory(CUBE, BLOCK)], tool)
        row = 3  # two rows of the picture, then the subject's, then the target's
        assert followed.there[0, row] and bonus[0, 1, row] == faith
        assert followed.places[0, row].tolist() == pytest.approx(BLOCK[:2])


def test_what_is_held_goes_with_the_tool_and_does_not_become_the_target() -> None:
    """The held cube is over the block: one peak is left, and it is the cube's."""
    before = memory(CUBE, BLOCK, tool=(CUBE[0], CUBE[1]), held=True)
    over = (BLOCK[0], BLOCK[1] - 0.04, 0.0)
    followed, bonus = follow(regions(over), [before], tool_at(over[0], over[1]))
    assert bonus[0, 0].nonzero().tolist() == [[0]]
    assert bonus[0, 1].nonzero().tolist() == [[3]]
    assert followed.places[0, 3].tolist() == pytest.approx(BLOCK[:2])


def test_a_thing_of_the_other_sort_is_no_match() -> None:
    inside = (BOWL[0], BOWL[1], 0.0)
    _, bonus = follow(regions(inside), [memory(CUBE, BOWL)], tool_at(0, 0.9))
    assert not bonus[0, 1, 0]


def test_no_target_stays_no_target() -> None:
    seen = regions(CUBE, BLOCK)
    _, bonus = follow(seen, [memory(CUBE, None)], tool_at(0, 0.9))
    assert bonus[0, 1].nonzero().tolist() == [[seen.there.shape[1] + 2 + 1]]


def test_pictures_of_a_batch_are_followed_apart() -> None:
    one, two = regions(CUBE, BLOCK), regions(BOWL, BLOCK)
    both = Regions(*(torch.cat(pair) for pair in zip(vars(one).values(), vars(two).values(), strict=True)))
    memories = [memory(CUBE, BLOCK), memory(BLOCK, BOWL)]
    tools = torch.cat([tool_at(0, 0.9), tool_at(0, 0.9)])
    together, bonus = follow(both, memories, tools)
    for number, seen in enumerate((one, two)):
        alone, alone_bonus = follow(seen, [memories[number]], tools[:1])
        assert torch.equal(alone_bonus[0], bonus[number])
        assert torch.equal(alone.places[0], together.places[number])


def test_a_memory_of_other_words_or_of_another_episode_is_forgotten() -> None:
    mine = memory(CUBE, BOWL)
    assert recall(mine, "stack them", first=False) is mine
    assert recall(mine, "stack these", first=False) is None
    assert recall(mine, "stack them", first=True) is None
    assert recall(np.zeros(LENGTH + 1), "stack them", first=False) is None
    assert recall(None, "stack them", first=False) is None


def test_a_memory_that_no_look_can_have_left_is_forgotten() -> None:
    for place, value in ((0, np.nan), (1, np.inf), (3, 9.0), (6, np.nan), (24, np.nan), (27, np.inf)):
        spoiled = memory(CUBE, BOWL)
        spoiled[place] = value
        assert recall(spoiled, "stack them", first=False) is None
    assert recall(memory(CUBE, None), "stack them", first=False) is not None


def test_the_aims_of_the_last_look_come_back() -> None:
    assert aimed_before(memory(CUBE, BOWL)).flatten().tolist() == pytest.approx(AIMS)
    assert torch.isnan(aimed_before(None)).all()


def test_a_hand_that_is_where_it_was_two_looks_ago_is_stuck() -> None:
    mine = memory(CUBE, BOWL)
    assert is_stuck(mine, np.array(EARLIER, np.float32))
    assert not is_stuck(mine, np.array(HAND, np.float32))
    assert not is_stuck(mine, np.array([*EARLIER[:3], 0.5], np.float32))
    assert not is_stuck(None, np.array(EARLIER, np.float32))
    mine[20:] = np.nan
    assert not is_stuck(mine, np.array(EARLIER, np.float32))


def looked(place: tuple[float, float], hand_off: float, before: Memory | None) -> Memory:
    """What is remembered of a look that would let go at `place` (x, y) with the hand `hand_off` m beside it."""
    fine = torch.tensor([[[0.5, 0.0, 0.1], [*place, 0.05]]])
    settled = SimpleNamespace(fine=fine, held=torch.ones(1))
    described = SimpleNamespace(regions=regions(CUBE, BLOCK))
    thought = SimpleNamespace(described=described, chosen=torch.tensor([[0, 1]]), settled=settled)
    hand = np.array([place[0] + hand_off, place[1], 0.2, 0.5], np.float32)
    return remember(cast(Thought, thought), tool_at(0, 0.9), hand, "stack them", before)


def test_the_place_does_not_drift_with_what_hides_it() -> None:
    memory = looked((0.44, 0.1), 0.3, None)
    memory = looked((0.438, 0.1), 0.1, memory)
    for drift in (0.01, 0.02, 0.03):
        memory = looked((0.44 - drift, 0.1), 0.5 * AFAR, memory)
    assert steady_place(memory) == pytest.approx([0.438, 0.1])


def test_a_place_that_looks_from_afar_agree_on_is_followed() -> None:
    memory = looked((0.44, 0.1), 0.3, None)
    memory = looked((0.50, -0.1), 0.2, memory)
    assert steady_place(memory) == pytest.approx([0.50, -0.1])
