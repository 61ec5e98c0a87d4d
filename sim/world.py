"""The simulated tabletop: builds a scene, carries out actions, judges the goal and renders both cameras."""

from collections.abc import Callable

import numpy as np

from agent.errors import WorldFault, unknown_name
from agent.types import CameraSpec, Control, Embodiment, FloatArray, Observation, Status, Step, Task
from sim.arm import RATE_HZ, PandaArm
from sim.camera import CameraView, Light, wrist_view
from sim.commander import ACTION, HOME_POSITION, STATE
from sim.geometry import Array, BodySpec, Box, Part, Pose, yaw_of
from sim.goals import GoalJudge
from sim.physics import Physics, Picture
from sim.scene import Entity, Scene, sample_scene
from sim.setting import TABLE_COLOUR, Setting
from sim.state import EntityState, SceneState

SETTLE_STEPS = 60
"""Physics steps (0.5 s) that a fresh scene is given before the episode begins."""
START_NOISE = np.array([0.05, 0.08, 0.04])
"""m; the tool starts anywhere within this of its home position."""
EXPLODED_SPEED = 8.0
"""m/s; nothing on a table moves this fast unless the simulation broke."""

DEFAULT_CAMERAS = (CameraSpec("front", 128, 128), CameraSpec("wrist", 128, 128))

TABLE = BodySpec(
    collision=(Part(Box((0.45, 0.60, 0.04))),),
    visual=(Part(Box((0.45, 0.60, 0.04)), colour=TABLE_COLOUR),),
    mass=0.0,
    lateral_friction=0.9,
)
TABLE_POSE = Pose((0.45, 0.0, -0.04))
FLOOR = BodySpec(collision=(Part(Box((5.0, 5.0, 0.25))),), visual=(), mass=0.0, lateral_friction=0.9)
FLOOR_POSE = Pose((0.45, 0.0, -1.0))
"""Its top lies 0.75 m below the table's. Nobody sees it, but without it what is pushed off the table falls until it is
faster than anything that has not exploded, and the world would take the blame for what the policy did."""


def tabletop_embodiment(cameras: tuple[CameraSpec, ...] = DEFAULT_CAMERAS) -> Embodiment:
    """Return the Panda's embodiment with pictures of these sizes."""
    return Embodiment("panda_tabletop", cameras, STATE, ACTION, Control.EE_DELTA, RATE_HZ)


Restage = Callable[[Scene, Task, np.random.Generator], Scene]


class TabletopWorld:
    """A World. Every reset rebuilds the physics, so equal seeds give byte-identical observations."""

    def __init__(
        self,
        cameras: tuple[CameraSpec, ...] = DEFAULT_CAMERAS,
        *,
        light: Light | None = None,
        restage: Restage | None = None,
    ) -> None:
        """restage: changes every scene that was drawn. Raise SpecError when a camera is neither `front` nor `wrist`."""
        self._restage = restage
        self._embodiment = tabletop_embodiment(cameras)
        self._standard = Setting() if light is None else Setting(light=light)
        self._setting = self._standard
        self._physics = Physics()
        for camera in cameras:
            self._check_camera(camera.name)

    @property
    def embodiment(self) -> Embodiment:
        return self._embodiment

    @property
    def scene(self) -> Scene:
        """The scene as it was built; where things are now is in `state()`."""
        return self._scene

    @property
    def task(self) -> Task:
        return self._task

    @property
    def arm(self) -> PandaArm:
        return self._arm

    def reset(self, task: Task, *, seed: int, setting: Setting | None = None) -> Observation:
        """Build the scene as `setting` says; None, for this episode alone, is the world's own."""
        rng = np.random.default_rng(seed)
        self._setting = self._standard if setting is None else setting
        scene = sample_scene(task.scene or task, rng)
        if self._restage is not None:
            scene = self._restage(scene, task, np.random.default_rng([seed, 7]))
        self._build(scene)
        offset = rng.uniform(-START_NOISE, START_NOISE)
        start = self._setting.start_position(HOME_POSITION + offset)
        self._arm.reset(start, yaw=self._setting.start_yaw + float(rng.uniform(-0.3, 0.3)))
        self._physics.step(SETTLE_STEPS)
        return self.assign(task)

    def twin(self, cameras: tuple[CameraSpec, ...] = DEFAULT_CAMERAS) -> "TabletopWorld":
        """Return another world with the same things standing as they do now, at rest, in which to try something out.

        What is held stays held: the fingers are told to go on closing. Speeds are not copied. Close it after use.
        """
        other = TabletopWorld(cameras)
        other._setting = self._setting
        other._build(self._scene)
        other._arm.imitate(self._arm)
        other.assume(self.posture())
        other.assign(self._task)
        return other

    def assign(self, task: Task) -> Observation:
        """Give another task about the scene as it stands now: chains go on without a reset."""
        self._task, self._tick = task, 0
        self._start = self.state()
        self._judge = GoalJudge(task.goal, self._scene, self._start) if task.goal else None
        return self._observe()

    def step(self, action: FloatArray) -> Step:
        executed = self._arm.command(action)
        self._arm.tick()
        self._tick += 1
        status = self.judge()
        return Step(self._observe(), executed, status)

    def judge(self) -> Status:
        """Judge the goal by the state as it is now; each call is one tick to the judge. `step` does it by itself.

        Raises WorldFault when the simulation broke.
        """
        state = self.state()
        self._check_sane(state)
        return self._judge.update(state) if self._judge else Status()

    def presses(self) -> dict[str, float]:
        """Return how hard each entity is pressed upon where it is pressed most, now [N]."""
        return {name: self._physics.hardest_press(body) for name, body in self._bodies.items()}

    def posture(self) -> Array:
        """Return where everything that moves is, as one flat vector: all that a picture depends on."""
        rows = [self._arm.posture()]
        for entity in self._scene.entities:
            body = self._bodies[entity.name]
            pose = self._physics.pose(body)
            joint = self._physics.joint_motion(body, 0)[0] if entity.body.links else 0.0
            rows.append(np.array([*pose.position, *pose.quaternion, joint]))
        return np.concatenate(rows)

    def assume(self, posture: Array) -> None:
        """Put everything where `posture` says, at rest; it must come from a world that was reset in the same way."""
        arm, rest = np.split(posture, [len(self._arm.posture())])
        self._arm.assume(arm)
        for entity, row in zip(self._scene.entities, rest.reshape(-1, 8), strict=True):
            body = self._bodies[entity.name]
            self._physics.place(body, Pose(tuple(row[:3]), tuple(row[3:7])))
            if entity.body.links:
                self._physics.set_joints(body, [0], row[7:])

    def state(self) -> SceneState:
        """Return where everything is: privileged knowledge, for judges, teachers and tests."""
        tool = self._arm.tool_pose()
        return SceneState(
            entities={entity.name: self._entity_state(entity) for entity in self._scene.entities},
            tool_position=np.array(tool.position),
            tool_yaw=yaw_of(tool.quaternion),
            gripper_opening=self._arm.gripper_opening(),
        )

    def start_state(self) -> SceneState:
        """Return the state in which the present task was given."""
        return self._start

    def render(self, camera: str, height: int, width: int) -> Picture:
        """Draw what `camera` sees now, at any size; `Picture.bodies` segments it (see `name_of`)."""
        view = self.view(camera)
        matrices = view.view_matrix(), view.projection_matrix(width / height)
        picture = self._physics.render(*matrices, (height, width), self._setting.light)
        rgb = self._setting.dress(picture.rgb, picture.bodies, view, table=self._table)
        return Picture(rgb, picture.depth, picture.bodies)

    def view(self, camera: str) -> CameraView:
        """Return where `camera` is now."""
        self._check_camera(camera)
        if camera == "front":
            return self._setting.front
        return wrist_view(self._arm.tool_pose(), self._setting.wrist)

    def name_of(self, body: int) -> str | None:
        """Return the name of the entity with this number in `Picture.bodies`, None for table, arm and background."""
        return self._names.get(body)

    def close(self) -> None:
        self._physics.close()

    def _build(self, scene: Scene) -> None:
        """Make the physics anew with this scene, table and arm."""
        self._scene = scene
        self._physics.reset()
        self._table = self._physics.add_body(TABLE, TABLE_POSE)
        self._arm = PandaArm(self._physics)
        self._bodies = {entity.name: self._add(entity) for entity in scene.entities}
        self._physics.add_body(FLOOR, FLOOR_POSE)
        self._names = {body: name for name, body in self._bodies.items()}

    def _add(self, entity: Entity) -> int:
        body = self._physics.add_body(self._setting.weighed(entity), entity.pose)
        if entity.body.links:
            self._physics.set_joints(body, [0], np.array([entity.joint]))
        return body

    def _entity_state(self, entity: Entity) -> EntityState:
        physics, body = self._physics, self._bodies[entity.name]
        low, high = physics.bounds(body)
        speed, _ = physics.speed(body)
        pose = interior_pose = physics.pose(body)
        joint = 0.0
        if entity.body.links:
            joint, joint_speed = physics.joint_motion(body, 0)
            speed += abs(joint_speed)
            link_low, link_high = physics.bounds(body, 0)
            low, high = np.minimum(low, link_low), np.maximum(high, link_high)
            if entity.interior.link == 0:
                interior_pose = physics.link_pose(body, 0)
        contacts = physics.touched_by(body)
        return EntityState(
            pose=pose,
            speed=speed,
            low=low,
            high=high,
            held=self._arm.holding(body),
            touched=self._arm.body in contacts,
            supports=frozenset(self._names[other] for other in contacts if other in self._names),
            interior_pose=interior_pose,
            joint=joint,
        )

    def _observe(self) -> Observation:
        images = {c.name: self.render(c.name, c.height, c.width).rgb for c in self._embodiment.cameras}
        return Observation(images, self._arm.state(), self._task.instruction, self._tick / RATE_HZ)

    def _check_sane(self, state: SceneState) -> None:
        for name, entity in state.entities.items():
            if not np.isfinite(entity.pose.position).all() or entity.speed > EXPLODED_SPEED:
                raise WorldFault(f"the simulation broke: the {name} moves at {entity.speed:.1f} m/s")

    def _check_camera(self, name: str) -> None:
        if name not in ("front", "wrist"):
            raise unknown_name("camera", name, ("front", "wrist"))
