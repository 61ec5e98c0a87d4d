"""Ten ways to make a world differ from the one in training, each in five grades that can be combined.

The seven axes of LIBERO-Plus (camera pose, light, texture and background, layout and distractors, sensor noise, start
pose, wording) and three more: the objects' mass and friction, and the latency of the control loop. A level says how
far, the episode's seed which way, so equal seeds differ from training equally. Level 0 changes nothing.

What is said and what stands on the table belongs to the Task and is changed before the episode (`perturb_task`), so
that it is recorded; the rest is done to the world (`sim.perturbed`).
"""

from dataclasses import dataclass, fields, replace

import numpy as np

from agent.errors import SpecError, unknown_name
from agent.types import Task
from sim.camera import FRONT, CameraView, Light, WristMount
from sim.geometry import Array, Vector3, quaternion_from_vector, rotation_matrix
from sim.objects import HELD_OUT_OBJECTS, parse_name
from sim.scene import TABLE_HIGH, TABLE_LOW, entity_names
from sim.setting import TABLE_COLOUR, Setting
from sim.surfaces import Pattern, PatternKind
from sim.wording import reworded

LEVELS = 5
"""Hardest level of every axis."""


@dataclass(frozen=True)
class Perturbation:
    """How far each axis is from training: 0 (not at all) to 5. Raises SpecError outside of that."""

    camera: int = 0
    light: int = 0
    texture: int = 0
    layout: int = 0
    noise: int = 0
    start: int = 0
    wording: int = 0
    mass: int = 0
    friction: int = 0
    latency: int = 0

    def __post_init__(self) -> None:
        for axis in AXES:
            if not 0 <= self.level(axis) <= LEVELS:
                raise SpecError(f"{axis} must be a level from 0 to {LEVELS}, not {self.level(axis)}")

    def level(self, axis: str) -> int:
        """Return one axis' level; raise SpecError naming the axes."""
        if axis not in AXES:
            raise unknown_name("axis", axis, AXES)
        return int(getattr(self, axis))

    @property
    def moved(self) -> tuple[str, ...]:
        """The axes that are not at level 0."""
        return tuple(axis for axis in AXES if self.level(axis))

    @property
    def name(self) -> str:
        """For example "camera 3" or "camera 3 + light 1"; "none" when nothing is changed."""
        return " + ".join(f"{axis} {self.level(axis)}" for axis in self.moved) or "none"


AXES: tuple[str, ...] = tuple(entry.name for entry in fields(Perturbation))


def at_level(axis: str, level: int) -> Perturbation:
    """Return one axis moved alone; raise SpecError for an unknown axis or level."""
    if axis not in AXES:
        raise unknown_name("axis", axis, AXES)
    return Perturbation(**{axis: level})


@dataclass(frozen=True)
class CameraGrade:
    """angle: of the front camera about what it looks at [degrees].  distance: share by which it is nearer or farther.

    wrist_tilt: of the hand's camera [degrees].
    """

    angle: float
    distance: float
    wrist_tilt: float


CAMERA = (
    CameraGrade(4, 0.03, 1.5),
    CameraGrade(8, 0.06, 3.0),
    CameraGrade(13, 0.09, 5.0),
    CameraGrade(19, 0.13, 7.5),
    CameraGrade(26, 0.17, 10.0),
)


@dataclass(frozen=True)
class LightGrade:
    """turn: of the lamp about the vertical [degrees].  gain: share by which it is brighter or darker.

    tint: share by which the weakest colour of the lamp is less than the strongest.
    """

    turn: float
    gain: float
    tint: float
    shadow: bool


LIGHT = (
    LightGrade(30, 0.12, 0.08, False),
    LightGrade(60, 0.22, 0.16, False),
    LightGrade(100, 0.32, 0.24, True),
    LightGrade(140, 0.42, 0.34, True),
    LightGrade(180, 0.52, 0.45, True),
)


@dataclass(frozen=True)
class TextureGrade:
    """table_shift: how far the table's colour moves towards a drawn one.  contrast: of the pattern on it, in [0, 1].

    kinds: patterns to draw from.  background: whether the background is painted as well.
    """

    table_shift: float
    contrast: float
    kinds: tuple[PatternKind, ...]
    background: bool


TEXTURE = (
    TextureGrade(0.25, 0.0, ("plain",), False),
    TextureGrade(0.4, 0.15, ("grain",), True),
    TextureGrade(0.6, 0.25, ("grain", "stripes"), True),
    TextureGrade(0.8, 0.4, ("stripes", "checks", "patches"), True),
    TextureGrade(1.0, 0.6, ("checks", "patches"), True),
)


@dataclass(frozen=True)
class LayoutGrade:
    """seen: further distractors of kinds that training knows.  unseen: of kinds that it does not."""

    seen: int
    unseen: int


LAYOUT = (LayoutGrade(1, 0), LayoutGrade(1, 1), LayoutGrade(2, 1), LayoutGrade(2, 2), LayoutGrade(3, 2))


@dataclass(frozen=True)
class NoiseGrade:
    """pixel: spread of the pictures' noise in grey levels of 255.  blur: radius as a share of the picture's height.

    position, angle, gripper: spread of the state's noise [m, rad, 1].
    """

    pixel: float
    blur: float
    position: float
    angle: float
    gripper: float


NOISE = (
    NoiseGrade(4, 0.000, 0.001, 0.003, 0.01),
    NoiseGrade(8, 0.003, 0.002, 0.006, 0.02),
    NoiseGrade(14, 0.005, 0.004, 0.012, 0.03),
    NoiseGrade(22, 0.008, 0.007, 0.020, 0.05),
    NoiseGrade(32, 0.012, 0.012, 0.035, 0.08),
)

START = ((0.05, 0.25), (0.08, 0.40), (0.11, 0.60), (0.15, 0.80), (0.19, 1.0))
"""How far the tool starts from where it usually does [m], and how far it is turned at most [rad]."""
MASS = (1.25, 1.5, 1.9, 2.3, 2.8)
"""Objects are so many times heavier, or as often so many times lighter."""
FRICTION = (0.75, 0.55, 0.4, 0.28, 0.2)
"""Share of their friction that objects keep."""
LATENCY = (1, 2, 3, 4, 5)
"""Control ticks (0.2 s) between a command and its beginning."""

_STREAMS = {axis: number for number, axis in enumerate(AXES)}


def stream(axis: str, seed: int) -> np.random.Generator:
    """Return the generator of one axis: it does not depend on which other axes are moved."""
    return np.random.default_rng([seed, 71, _STREAMS[axis]])


def perturb_task(task: Task, perturbation: Perturbation, *, seed: int) -> Task:
    """Return the task with more things on the table and said in other words, as `perturbation` says.

    Raises SpecError when the table has no kinds left to add.
    """
    if perturbation.layout:
        task = _cluttered(task, LAYOUT[perturbation.layout - 1], stream("layout", seed))
    if perturbation.wording:
        task = replace(task, instruction=reworded(task, perturbation.wording, stream("wording", seed)))
    return task


def draw_setting(perturbation: Perturbation, *, seed: int) -> Setting:
    """Draw the setting of one episode; `Setting()` when none of its axes is moved."""
    setting = Setting()
    if perturbation.camera:
        grade, rng = CAMERA[perturbation.camera - 1], stream("camera", seed)
        setting = replace(setting, front=_orbited(FRONT, grade, rng), wrist=_tilted(WristMount(), grade, rng))
    if perturbation.light:
        setting = replace(setting, light=_lamp(LIGHT[perturbation.light - 1], stream("light", seed)))
    if perturbation.texture:
        setting = _papered(setting, TEXTURE[perturbation.texture - 1], stream("texture", seed))
    if perturbation.start:
        distance, turn = START[perturbation.start - 1]
        rng = stream("start", seed)
        offset = distance * _direction(rng)
        yaw = float(rng.choice([-1.0, 1.0])) * float(rng.uniform(0.6, 1.0)) * turn
        setting = replace(setting, start_offset=_vector(offset), start_yaw=yaw)
    if perturbation.mass:
        heavier = bool(stream("mass", seed).random() < 0.5)
        factor = MASS[perturbation.mass - 1]
        setting = replace(setting, mass=factor if heavier else 1 / factor)
    if perturbation.friction:
        setting = replace(setting, friction=FRICTION[perturbation.friction - 1])
    return setting


def _cluttered(task: Task, grade: LayoutGrade, rng: np.random.Generator) -> Task:
    fewest, most = task.distractors
    scene = task.scene or task
    taken = {parse_name(name).kind for name in entity_names(scene)}
    free = [kind for kind in sorted(HELD_OUT_OBJECTS) if kind not in taken]
    if len(free) < grade.unseen:
        raise SpecError(f"there are only {len(free)} further kinds that training does not know, not {grade.unseen}")
    added = tuple(str(kind) for kind in rng.choice(free, size=grade.unseen, replace=False))
    crowd = replace(scene, entities=(*scene.entities, *added), distractors=(fewest + grade.seen, most + grade.seen))
    return crowd if task.scene is None else replace(task, scene=crowd)


def _orbited(view: CameraView, grade: CameraGrade, rng: np.random.Generator) -> CameraView:
    """Turn the camera about its target by the grade's angle in a drawn direction; back off until it sees everything."""
    way = rng.uniform(0, 2 * np.pi)
    eye, target = np.asarray(view.eye), np.asarray(view.target)
    right, up = view.axes[0], view.axes[1]
    axis = np.cos(way) * up + np.sin(way) * right
    turned = rotation_matrix(quaternion_from_vector(np.radians(grade.angle) * axis)) @ (eye - target)
    away = 1 + float(rng.choice([-1.0, 1.0])) * grade.distance
    moved = replace(view, eye=_vector(target + turned * away))
    while not _sees_table(moved):
        away *= 1.02
        moved = replace(view, eye=_vector(target + turned * away))
    return moved


def _sees_table(view: CameraView) -> bool:
    """Say whether every spot where the middle of a thing can be is in a square picture."""
    corners = np.array([(x, y, 0.0) for x in (TABLE_LOW[0], TABLE_HIGH[0]) for y in (TABLE_LOW[1], TABLE_HIGH[1])])
    u, v, _ = view.pixel_of(corners, (1000, 1000)).T
    return bool(np.all((u >= 0) & (u <= 1000) & (v >= 0) & (v <= 1000)))


def _tilted(mount: WristMount, grade: CameraGrade, rng: np.random.Generator) -> WristMount:
    looks = np.subtract(mount.target, mount.eye)
    axis = np.cross(looks, _direction(rng))
    turn = np.radians(grade.wrist_tilt) * axis / np.linalg.norm(axis)
    return replace(mount, target=_vector(np.asarray(mount.eye) + rotation_matrix(quaternion_from_vector(turn)) @ looks))


def _lamp(grade: LightGrade, rng: np.random.Generator) -> Light:
    usual = Light()
    angle = np.radians(grade.turn) * float(rng.choice([-1.0, 1.0])) * float(rng.uniform(0.6, 1.0))
    x, y, z = usual.direction
    direction = (x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle), z)
    # Brighter saturates sooner than darker hides, so it goes only half as far.
    gain = 1 + grade.gain * float(rng.choice([-1.0, 0.5]))
    colour = 1 - grade.tint * rng.permutation([0.0, 0.5, 1.0])
    return replace(
        usual,
        direction=_vector(np.array(direction)),
        colour=_vector(colour),
        ambient=usual.ambient * gain,
        diffuse=usual.diffuse * gain,
        shadow=grade.shadow,
    )


def _papered(setting: Setting, grade: TextureGrade, rng: np.random.Generator) -> Setting:
    base = (1 - grade.table_shift) * np.array(TABLE_COLOUR) + grade.table_shift * rng.uniform(0.15, 0.9, 3)
    other = (1 - grade.contrast) * base + grade.contrast * rng.uniform(0.05, 0.95, 3)
    kind = grade.kinds[int(rng.integers(len(grade.kinds)))]
    size, turn, seed = float(rng.uniform(0.03, 0.07)), float(rng.uniform(0, np.pi)), int(rng.integers(2**31))
    table = Pattern(kind, _vector(base), _vector(other), size, turn, seed)
    if not grade.background:
        return replace(setting, table=table)
    wall = rng.uniform(0.2, 0.95, 3)
    shade = (1 - grade.contrast) * wall + grade.contrast * rng.uniform(0.05, 0.95, 3)
    background = Pattern(kind, _vector(wall), _vector(shade), 0.12, turn, seed + 1)
    return replace(setting, table=table, background=background)


def _direction(rng: np.random.Generator) -> Array:
    """A unit vector in any direction."""
    vector = rng.normal(size=3)
    return np.asarray(vector / np.linalg.norm(vector))


def _vector(values: Array) -> Vector3:
    x, y, z = values
    return (float(x), float(y), float(z))
