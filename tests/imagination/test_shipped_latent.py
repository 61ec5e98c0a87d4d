"""The latent model that ships: what it draws is where the boxes are, and a goal differs from the frame."""

import numpy as np
import pytest
import torch

from imagination.imaginer import CRITIC, SHIPPED, Draw, LatentImaginer
from imagination.judge import Reading, load_judge
from imagination.measuring import measure_layout, placed_boxes
from imagination.reading import read_boxes_back
from imagination.stills import Still

QUIET = Draw(500_000, quiet=True)


@pytest.fixture(scope="module")
def imaginer() -> LatentImaginer:
    return LatentImaginer(SHIPPED)


def test_things_are_drawn_where_the_boxes_are(imaginer: LatentImaginer) -> None:
    figures = {
        figure.name: figure.value for figure in measure_layout(imaginer, load_judge(), n=12, seed=500_000, draw=QUIET)
    }
    assert figures["mean overlap"] > 0.55 > 5 * figures["control, boxes of another: mean overlap"]
    assert figures["class right"] > 0.6 > 2 * figures["control, boxes of another: class right"]


def test_a_layout_s_picture_follows_its_colours(imaginer: LatentImaginer, stills: tuple[Still, ...]) -> None:
    boxes = placed_boxes(stills[0])
    seen = Reading(load_judge(), imaginer.layout(boxes, None, QUIET)).things
    assert np.mean([overlap for overlap, _ in read_boxes_back(boxes, seen)]) > 0.4
    assert {thing.colour for thing in seen} & {placed.thing.colour for placed in boxes}


def test_the_critic_is_another_judge_and_reads_real_renders_as_well(stills: tuple[Still, ...]) -> None:
    critic, judge = load_judge(CRITIC), load_judge()
    assert any(not torch.equal(a, b) for a, b in zip(critic.parameters(), judge.parameters(), strict=True))
    right = [
        kind for still in stills for _, kind in read_boxes_back(placed_boxes(still), Reading(critic, still.rgb).things)
    ]
    assert np.mean(right) > 0.8
