"""The camera that the backbone assumes is the one that the world uses, and its two ways are inverse."""

import numpy as np
import pytest
import torch

from policies.camera import Pinhole
from policies.regions import Regions, find, heat_targets
from policies.tower import grid
from sim.camera import FRONT


def test_the_backbone_places_the_camera_where_the_world_does() -> None:
    points = np.random.default_rng(0).uniform([0.3, -0.3, 0.0], [0.7, 0.3, 0.2], (50, 3)).astype(np.float32)
    pixels = FRONT.pixel_of(points, (160, 160))[:, :2]
    guessed = (Pinhole().project(torch.from_numpy(points)).numpy() + 1) * 80
    # The renderer samples pixels half a pixel off their middle: an eighth of a map cell, which the network absorbs.
    assert guessed == pytest.approx(pixels, abs=0.51)


def test_a_point_on_a_plane_is_seen_where_it_was_taken_from() -> None:
    places = torch.rand(40, 2) * 2 - 1
    points = Pinhole().on_plane(places, 0.03)
    assert points[:, 2] == pytest.approx(0.03, abs=1e-5)
    assert Pinhole().project(points).numpy() == pytest.approx(places.numpy(), abs=1e-4)


def test_peaks_are_found_where_targets_put_them() -> None:
    cells = grid(40, 40)
    rng = np.random.default_rng(1)
    spots = rng.choice(81, size=6, replace=False)
    places = torch.tensor([[s % 9 - 4, s // 9 - 4] for s in spots], dtype=torch.float32)[None] * 0.2
    places = places + torch.from_numpy(rng.uniform(-0.02, 0.02, (1, 6, 2))).float()
    sort = torch.tensor([[0.0, 0, 0, 1, 1, 0]])
    there = torch.tensor([[True, True, True, True, True, False]])
    heat, index, offset = heat_targets(Regions(places, sort, there), 40, 40)
    offsets = torch.zeros(1, 4, 1600)
    for row in range(5):
        first = 2 * int(sort[0, row])
        offsets[0, first : first + 2, index[0, row]] = offset[0, row]
    found = find(torch.logit(heat, eps=1e-4), offsets.view(1, 4, 40, 40), cells)
    for kind in (0.0, 1.0):
        got = found.places[found.there & (found.sort == kind)]
        true = places[there & (sort == kind)]
        assert len(got) == len(true)
        assert torch.cdist(true, got).min(dim=1).values.max() < 1e-4
