"""The body of an emulated arm in the physics engine: joints with motors of limited torque, rods with weight between.

The rods go from joint to joint of the arm's own kinematics, so that lengths are the maker's; what hangs on them is
rounded. Nothing stands around the arm and its links do not touch one another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

import numpy as np

from agent.robots.chain import Array, Chain
from sim.geometry import Pose
from sim.physics import TIME_STEP, Physics

GAIN = 0.6
"""Share of a joint's error that its motor tries to remove in a physics step, as the simulated Panda's."""
THINNEST = 0.01
"""m; no rod is shorter."""


@dataclass(frozen=True)
class Rod:
    """What one joint turns. mass [kg], radius [m].  torque: most that the joint's motor gives [N m]."""

    mass: float
    radius: float
    torque: float


FOOT = Rod(1.0, 0.05, 0.0)
"""What is bolted down."""


class ArmBody:
    """An arm bolted to the base frame's origin; every step of the physics is asked for."""

    def __init__(self, chain: Chain, rods: Sequence[Rod], standing: Array) -> None:
        """standing: joint angles (J,) [rad] that it begins in, at rest."""
        self._physics = Physics()
        with TemporaryDirectory() as folder:
            path = Path(folder) / "arm.urdf"
            path.write_text(urdf_of(chain, rods), encoding="utf-8")
            self._body = self._physics.load_urdf(path, Pose())
        self._joints = list(range(len(rods)))
        self._torques = np.array([rod.torque for rod in rods])
        self._owed = 0.0
        self.put(np.asarray(standing, dtype=np.float64))

    def due(self, passed: float) -> int:
        """Return how many steps of TIME_STEP are to be made now that `passed` more seconds are over."""
        self._owed += passed
        steps = int(self._owed / TIME_STEP + 1e-9)
        self._owed -= steps * TIME_STEP
        return steps

    def step(self, targets: Array, speeds: Array, *, friction: Array | None = None) -> None:
        """Make one physics step. targets (J,) [rad]: where the joints should be now.  speeds (J,) [rad/s]: how fast
        they should go on.  friction (J,) [N m]: of joints whose motor is off, NaN: it is on."""
        off = np.zeros(len(self._joints), dtype=bool) if friction is None else np.isfinite(friction)
        forces = self._torques if friction is None else np.where(off, friction, self._torques)
        self._physics.drive_joints(
            self._body,
            self._joints,
            targets,
            forces.tolist(),
            velocities=np.where(off, 0.0, speeds),
            gains=np.where(off, 0.0, GAIN).tolist(),
        )
        self._physics.step()

    def measure(self) -> tuple[Array, Array]:
        """Return joint angles (J,) [rad] and speeds (J,) [rad/s]."""
        motion = np.array([self._physics.joint_motion(self._body, joint) for joint in self._joints])
        return motion[:, 0], motion[:, 1]

    def put(self, angles: Array) -> None:
        """Set the joints there at once, at rest, as a hand that holds the arm would."""
        self._physics.set_joints(self._body, self._joints, angles)

    def close(self) -> None:
        """Free the engine."""
        self._physics.close()


def urdf_of(chain: Chain, rods: Sequence[Rod]) -> str:
    """Return the arm as a URDF: for each joint a rod that leads to the next one, the last to the tool."""
    robot = ElementTree.Element("robot", name="emulated")
    _add_rod(ElementTree.SubElement(robot, "link", name="base"), FOOT, chain.joints[0].frame[:3, 3])
    ends = [*(joint.frame[:3, 3] for joint in chain.joints[1:]), chain.tool[:3, 3]]
    parent = "base"
    for joint, rod, end in zip(chain.joints, rods, ends, strict=True):
        link = f"{joint.name} link"
        _add_rod(ElementTree.SubElement(robot, "link", name=link), rod, end)
        element = ElementTree.SubElement(robot, "joint", name=joint.name, type="revolute")
        ElementTree.SubElement(element, "parent", link=parent)
        ElementTree.SubElement(element, "child", link=link)
        angles = _words(_roll_pitch_yaw(joint.frame[:3, :3]))
        ElementTree.SubElement(element, "origin", xyz=_words(joint.frame[:3, 3]), rpy=angles)
        ElementTree.SubElement(element, "axis", xyz=_words(joint.axis))
        limits = {"lower": str(joint.low), "upper": str(joint.high), "effort": str(rod.torque), "velocity": "10"}
        ElementTree.SubElement(element, "limit", limits)
        parent = link
    return ElementTree.tostring(robot, encoding="unicode")


def _add_rod(link: ElementTree.Element, rod: Rod, end: Array) -> None:
    """Give the link the shape and the inertia of a solid cylinder from its origin to `end` (3,) [m]."""
    length = max(float(np.linalg.norm(end)), THINNEST)
    tilt, turn = np.arctan2(np.hypot(end[0], end[1]), end[2]), np.arctan2(end[1], end[0])
    place = {"xyz": _words(end / 2), "rpy": _words((0.0, float(tilt), float(turn)))}
    inertial = ElementTree.SubElement(link, "inertial")
    ElementTree.SubElement(inertial, "origin", place)
    ElementTree.SubElement(inertial, "mass", value=str(rod.mass))
    across, along = rod.mass * (3 * rod.radius**2 + length**2) / 12, rod.mass * rod.radius**2 / 2
    diagonal = {"ixx": str(across), "iyy": str(across), "izz": str(along), "ixy": "0", "ixz": "0", "iyz": "0"}
    ElementTree.SubElement(inertial, "inertia", diagonal)
    collision = ElementTree.SubElement(link, "collision")
    ElementTree.SubElement(collision, "origin", place)
    geometry = ElementTree.SubElement(collision, "geometry")
    ElementTree.SubElement(geometry, "cylinder", radius=str(rod.radius), length=str(length))


def _roll_pitch_yaw(rotation: Array) -> tuple[float, float, float]:
    """Return a URDF's angles [rad] of a rotation (3, 3) that does not pitch by a quarter turn."""
    roll = np.arctan2(rotation[2, 1], rotation[2, 2])
    pitch = np.arctan2(-rotation[2, 0], np.hypot(rotation[0, 0], rotation[1, 0]))
    return float(roll), float(pitch), float(np.arctan2(rotation[1, 0], rotation[0, 0]))


def _words(numbers: Sequence[float] | Array) -> str:
    return " ".join(repr(float(number)) for number in numbers)
