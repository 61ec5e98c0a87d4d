"""The committed meshes are what the recipes give."""

from pathlib import Path

import numpy as np
import pytest

from sim import build_objects, meshes
from sim.kinds import ASSETS
from sim.objects import OBJECTS


def test_building_again_gives_the_same_bytes(tmp_path: Path) -> None:
    build_objects.build(tmp_path)
    built = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    committed = {path.name: path.read_bytes() for path in ASSETS.iterdir()}
    assert sorted(built) == sorted(committed)
    assert [name for name in built if built[name] != committed[name]] == []


@pytest.mark.parametrize("name", OBJECTS)
def test_meshes_are_small_and_the_body_frame_is_the_centre_of_mass(name: str) -> None:
    kind = OBJECTS[name]
    assert sum(len(meshes.read_obj(path).faces) for path in kind.files.values()) <= 420
    pieces = [meshes.read_obj(path) for path in kind.hulls]
    assert all(len(piece.vertices) <= 32 for piece in pieces)
    weighed = [meshes.volume_and_centroid(piece) for piece in pieces]
    centre = sum((volume * point for volume, point in weighed), np.zeros(3)) / sum(volume for volume, _ in weighed)
    np.testing.assert_allclose(centre, 0.0, atol=2e-4)


@pytest.mark.parametrize("name", OBJECTS)
def test_what_is_felt_is_what_is_seen(name: str) -> None:
    kind = OBJECTS[name]
    seen = np.concatenate([meshes.read_obj(path).vertices for path in kind.files.values()])
    body = meshes.read_obj(kind.files["body"]).vertices
    felt = np.concatenate([meshes.read_obj(path).vertices for path in kind.hulls])
    assert seen[:, 2].min() == pytest.approx(felt[:, 2].min(), abs=0.003)
    assert np.all(body.max(axis=0) <= felt.max(axis=0) + 0.006)
    assert np.all(body.min(axis=0) >= felt.min(axis=0) - 0.006)


def test_chord_through_a_box() -> None:
    box = meshes.bevelled_box((0.03, 0.02, 0.01), 1e-5)
    inside, along = np.array((0.0, 0.005, 0.0)), np.array((0.0, 1.0, 0.0))
    span = build_objects.chord(box, inside, along)
    assert span is not None
    np.testing.assert_allclose(span, (-0.025, 0.015), atol=1e-4)
    assert build_objects.chord(box, np.array((0.05, 0.0, 0.0)), along) is None
