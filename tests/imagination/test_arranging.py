"""From words to moves: what is read, what is refused, and that every spot is free when something is put there."""

import numpy as np
import pytest

from agent.errors import SpecError
from imagination.arranging import FINGER, moves, tasks_for, verdict
from imagination.asking import read_request, scene_for
from imagination.patterns import is_clear, item_of
from sim.scene import sample_scene
from sim.spots import read_spot

CUBES = tuple(item_of(f"{colour} cube", "cube", colour, 1.0) for colour in ("red", "green", "blue"))


@pytest.mark.parametrize(
    ("text", "pattern", "kind"),
    [
        ("arrange the cubes in a circle", "circle", "cube"),
        ("put the cans in a row", "line", "can"),
        ("sort the cylinders by color", "sorted", "cylinder"),
        ("line up everything", "line", None),
        ("please lay the table for dinner", "table", None),
        ("make a ring out of the balls", "circle", "ball"),
    ],
)
def test_arrangements_are_read(text: str, pattern: str, kind: str | None) -> None:
    request = read_request(text)
    assert request is not None
    assert (request.pattern, request.kind) == (pattern, kind)


@pytest.mark.parametrize(
    "text", ["put the eggplant in the bowl", "push the red cube left", "", "what is on the table?"]
)
def test_other_instructions_are_left_alone(text: str) -> None:
    assert read_request(text) is None


def test_things_that_do_not_exist_are_named() -> None:
    with pytest.raises(SpecError, match=r"unicorns.*cubes"):
        read_request("arrange the unicorns in a circle")


@pytest.mark.parametrize(
    "text", ["arrange the cubes in a circle", "sort the cubes by colour", "sort the things by colour", "set the table"]
)
def test_a_scene_is_drawn_for_a_request_alike_for_equal_seeds(text: str) -> None:
    request = read_request(text)
    assert request is not None
    task = scene_for(request, 3)
    assert task == scene_for(request, 3)
    scene = sample_scene(task, np.random.default_rng(3))
    assert len(scene.entities) >= 4


def test_every_spot_is_free_when_a_thing_is_put_there_even_when_two_change_places() -> None:
    start = np.array([[0.45, -0.1, 0.0], [0.45, 0.1, 0.0], [0.6, 0.0, 0.0]])
    layout = start[[1, 0, 2]]
    now = start.copy()
    steps = moves(CUBES, start, layout)
    assert len(steps) == 3, "one of the two has to be put aside first"
    for index, pose in steps:
        others = [k for k in range(3) if k != index]
        now[index] = pose
        for other in others:
            assert is_clear([CUBES[index], CUBES[other]], now[[index, other]], margin=FINGER)
    assert np.allclose(now[:, :2], layout[:, :2])


def test_what_stands_right_is_not_moved() -> None:
    start = np.array([[0.45, -0.1, 0.0], [0.45, 0.0, 0.0], [0.45, 0.1, 0.0]])
    assert moves(CUBES, start, start) == []


def test_each_move_is_a_task_with_a_spot() -> None:
    request = read_request("arrange the cubes in a line")
    assert request is not None
    scene = scene_for(request, 0)
    (task,) = tasks_for(request, scene, CUBES, [(1, np.array([0.5, 0.1, 0.3]))])
    assert task.goal is not None
    assert (task.goal.relation, task.goal.subject) == ("at", "green cube")
    assert np.allclose(read_spot(str(task.goal.target)).xy, (0.5, 0.1))
    assert task.scene == scene


def test_the_verdict_says_what_is_wrong() -> None:
    request = read_request("arrange the cubes in a line")
    assert request is not None
    row = np.array([[0.45, -0.1, 0.0], [0.45, 0.0, 0.0], [0.45, 0.1, 0.0]])
    assert verdict(request, CUBES, row) is None
    crooked = row + np.array([[0, 0, 0], [0.1, 0, 0], [0, 0, 0]])
    assert "do not stand as asked" in str(verdict(request, CUBES, crooked))
