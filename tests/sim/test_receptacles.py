"""Receptacles stand still, keep what is dropped into them, and their joints move by force and stay."""

import numpy as np
import pytest

from sim.drawer import CLOSED, OPENED, TRAVEL
from sim.geometry import BodySpec, Box, Part, Pose, rotation_matrix, untransform, yaw_quaternion
from sim.objects import OBJECTS, RECEPTACLES, ReceptacleKind
from sim.physics import Physics

TABLE = BodySpec((Part(Box((0.5, 0.6, 0.05))),), (), 0.0)
FINGERS = BodySpec((Part(Box((0.010, 0.010, 0.020))),), (), 0.0)
SIZES = [(name, scale) for name, kind in RECEPTACLES.items() for scale in sorted(set(kind.size_range))]


@pytest.fixture(scope="module")
def physics() -> Physics:
    return Physics()


def stand(physics: Physics, kind: ReceptacleKind, scale: float) -> int:
    physics.reset()
    physics.add_body(TABLE, Pose((0.5, 0.0, -0.05)))
    lift = 0.0 if kind.body_at_1.mass == 0 else 0.01
    return physics.add_body(kind.body(next(iter(kind.colours)), scale), Pose((0.5, 0.0, lift)))


def inside(kind: ReceptacleKind, scale: float, spot: np.ndarray) -> bool:
    room = kind.interior(scale)
    offset = spot[:2] - np.asarray(room.centre)
    if room.radius is not None:
        return bool(np.hypot(*offset) < room.radius)
    assert room.half_extents is not None
    return bool(np.all(np.abs(offset) < room.half_extents))


@pytest.mark.parametrize(("name", "scale"), SIZES)
def test_stands_still_where_it_was_put(physics: Physics, name: str, scale: float) -> None:
    body = stand(physics, RECEPTACLES[name], scale)
    physics.step(120)
    pose = physics.pose(body)
    assert max(physics.speed(body)) < 0.01
    assert physics.penetration(body) < 0.002
    assert pose.position[2] == pytest.approx(0.0, abs=0.0005)
    np.testing.assert_allclose(pose.position[:2], (0.5, 0.0), atol=0.002)
    assert rotation_matrix(pose.quaternion)[2, 2] > 0.9999


@pytest.mark.parametrize(("name", "scale"), SIZES)
@pytest.mark.parametrize("thing", ["egg", "ball", "eggplant"])
def test_keeps_what_is_dropped_into_it(physics: Physics, name: str, scale: float, thing: str) -> None:
    kind, dropped = RECEPTACLES[name], OBJECTS[thing]
    body = stand(physics, kind, scale)
    room = kind.interior(scale)
    carrier = np.zeros(3)
    if room.link >= 0:
        physics.set_joints(body, [room.link], np.array([TRAVEL]))
        carrier = np.asarray(physics.link_pose(body, room.link).position) - (0.5, 0.0, 0.0)
    off_centre = 0.3 if kind.support == "in" else 0.0
    width = room.radius if room.radius is not None else (room.half_extents or (0.0, 0.0))[0]
    x = 0.5 + room.centre[0] + carrier[0] + off_centre * width
    fallen = physics.add_body(
        dropped.body(next(iter(dropped.colours))),
        Pose((x, room.centre[1], room.rim_z + dropped.rest_height() + 0.01), yaw_quaternion(0.5)),
    )
    physics.step(180)
    spot = untransform(physics.pose(body), np.array(physics.pose(fallen).position)) - carrier
    assert inside(kind, scale, spot)
    assert spot[2] > room.floor_z
    assert physics.penetration(fallen) < 0.002
    assert physics.speed(fallen)[0] < 0.05
    assert np.hypot(physics.pose(body).position[0] - 0.5, physics.pose(body).position[1]) < 0.003


def push(
    physics: Physics, fingers: int, start: tuple[float, float, float], distance: float
) -> tuple[float, float, float]:
    """Move the fingers along x at 8 cm/s."""
    steps = int(abs(distance) / 0.08 * 120)
    x, y, z = start
    for step in range(steps):
        physics.place(fingers, Pose((x + distance * (step + 1) / steps, y, z)))
        physics.step()
    return (x + distance, y, z)


def test_fingers_behind_the_handle_open_and_close_the_drawer(physics: Physics) -> None:
    kind = RECEPTACLES["drawer"]
    assert kind.handle is not None
    physics.reset()
    spot = kind.spots[0]
    body = physics.add_body(kind.body("tan"), Pose((*spot, 0.0)))
    physics.step(60)
    assert physics.joint_positions(body, [0])[0] == pytest.approx(0.0, abs=0.001)
    carrier = physics.link_pose(body, 0).position
    at = (carrier[0] + kind.handle[0], carrier[1], kind.handle[2] + 0.020)
    fingers = physics.add_body(FINGERS, Pose(at))
    at = push(physics, fingers, at, 0.125)
    assert physics.joint_positions(body, [0])[0] > OPENED
    physics.place(fingers, Pose((0.5, 0.0, 1.0)))
    physics.step(240)
    opened = float(physics.joint_positions(body, [0])[0])
    assert OPENED < opened <= TRAVEL + 0.001
    physics.place(fingers, Pose(at))
    push(physics, fingers, at, -0.130)
    physics.place(fingers, Pose((0.5, 0.0, 1.0)))
    physics.step(240)
    assert abs(physics.joint_positions(body, [0])[0]) < CLOSED
    assert physics.pose(body).position == pytest.approx((*spot, 0.0))


def test_the_drawer_stays_within_reach_and_on_its_side() -> None:
    kind = RECEPTACLES["drawer"]
    (middle_x, _), (half_x, half_y) = kind.footprint()
    for x, y in kind.spots:
        assert x + middle_x + half_x < 0.66
        assert abs(y) - half_y > 0.08


def test_the_lid_stands_open_and_can_be_closed(physics: Physics) -> None:
    kind = RECEPTACLES["box"]
    body = stand(physics, kind, 1.0)
    physics.step(240)
    assert abs(physics.joint_positions(body, [0])[0]) < kind.opened
    physics.drive_joints(body, [0], np.array([2.5]), [2.0])
    physics.step(240)
    assert kind.closed < physics.joint_positions(body, [0])[0] < np.radians(121)
    assert max(physics.speed(body)) < 0.01


@pytest.mark.parametrize("name", RECEPTACLES)
def test_interior_scales_with_the_body(name: str) -> None:
    kind = RECEPTACLES[name]
    small, large = kind.interior(1.0), kind.interior(2.0)
    assert large.rim_z == pytest.approx(2 * small.rim_z)
    assert (small.radius is None) != (small.half_extents is None)
    assert small.rim_z >= small.floor_z > 0
    assert kind.support in ("in", "on")
    assert kind.footprint_radius(2.0) == pytest.approx(2 * kind.footprint_radius(1.0))
