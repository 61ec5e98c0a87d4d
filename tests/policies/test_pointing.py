"""Aims are pointed at in the front picture: the camera that training assumes must be the one that the world uses."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from agent.settings import from_mapping
from policies.model import Pinhole
from policies.samples import shifted
from sim.camera import FRONT

FOLDER = Path(__file__).parents[2] / "configs" / "train"
PLANS = sorted(path for path in FOLDER.glob("*.yaml") if "cameras" in yaml.safe_load(path.read_text()))


@pytest.mark.parametrize("plan", PLANS, ids=lambda path: path.stem)
def test_every_training_plan_places_the_camera_where_the_world_does(plan: Path) -> None:
    camera = from_mapping(Pinhole, yaml.safe_load(plan.read_text())["train"]["camera"], where=str(plan))
    points = np.random.default_rng(0).uniform([0.3, -0.3, 0.0], [0.7, 0.3, 0.2], (50, 3)).astype(np.float32)
    pixels = FRONT.pixel_of(points, (96, 96))[:, :2]
    guessed = (camera.project(points) + 1) * 48
    inside = np.isfinite(guessed).all(axis=1)
    assert inside.sum() > 30
    # The renderer samples pixels half a pixel off their middle: an eighth of a map cell, which the network absorbs.
    assert guessed[inside] == pytest.approx(pixels[inside], abs=0.51)


def test_points_outside_the_picture_are_not_labels() -> None:
    camera = Pinhole(eye=(1.0, 0.0, 0.5), target=(0.5, 0.0, 0.0))
    points = np.array([[0.5, 0.0, 0.0], [0.5, 3.0, 0.0], [2.0, 0.0, 1.0], [np.nan] * 3], dtype=np.float32)
    assert camera.project(points)[0] == pytest.approx([0, 0], abs=1e-6)
    assert np.isnan(camera.project(points)[1:]).all()


def test_shifted_pictures_move_right_and_down() -> None:
    picture = torch.arange(9.0).view(1, 1, 3, 3)
    moved = shifted(picture, torch.tensor([[1, 0]]))[0, 0]
    assert moved.tolist() == [[0, 0, 1], [3, 3, 4], [6, 6, 7]]
    assert shifted(picture, torch.tensor([[0, -1]]))[0, 0].tolist() == [[3, 4, 5], [6, 7, 8], [6, 7, 8]]
