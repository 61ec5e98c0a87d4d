"""Any arm that ROS 2 moves by a joint_trajectory_controller, through rosbridge: no ROS is needed on this machine.

State comes from sensor_msgs/msg/JointState; every action becomes one trajectory_msgs/msg/JointTrajectory of a single
point that replaces the one under way. Geometry and limits come from the arm's URDF.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agent.errors import SpecError, WorldFault
from agent.robots.aim import Aim, action_spec, state_of, state_spec
from agent.robots.chain import Array, Chain, Joint, chain_from_urdf
from agent.robots.eye import Eye, EyeSettings
from agent.robots.opencv_eye import OpenCVEye
from agent.robots.ros_link import ROS_DEVICE, Message, RosEye, RosLink
from agent.types import Control, Embodiment, FloatArray, Reading

STATES_TYPE = "sensor_msgs/msg/JointState"
TRAJECTORY_TYPE = "trajectory_msgs/msg/JointTrajectory"
GRIPPER_TYPE = "std_msgs/msg/Float64MultiArray"
CONTROLLERS_TYPE = "controller_manager_msgs/srv/ListControllers"
FIRST_STATE_SECONDS, ANSWER_SECONDS = 3.0, 3.0
_STATES_EVERY_MS = 10
_GRIPPER_STEP = 0.02


@dataclass(frozen=True)
class RosGripper:
    """joint: its name among the joint states.  closed, opened: positions of that joint [rad or m].

    topic: of the position controller that moves it (std_msgs/msg/Float64MultiArray of one number).
    """

    joint: str
    closed: float
    opened: float
    topic: str = "/gripper_controller/commands"

    def __post_init__(self) -> None:
        if self.closed == self.opened:
            raise SpecError("gripper: closed and opened are the same position")


@dataclass(frozen=True)
class RosbridgeConfig:
    """host, port: of the rosbridge server.  urdf: of the arm, plain (no xacro).  tip: its link that is the tool point.

    control: what one action is.  rate_hz: actions a second.  max_speed: of any joint [rad/s].  margin: kept from every
    joint limit of the URDF [rad].  joint_states: topic.  controller: the joint_trajectory_controller's name; it has to
    be active.  manager: of the controllers, which is asked about that; "" where there is none.
    silence_s: without joint states for so long the arm is lost [s].
    cameras: `device: "ros:/camera/image_raw/compressed"` is a topic, anything else is opened by OpenCV.
    """

    host: str = "127.0.0.1"
    port: int = 9090
    urdf: Path = Path("arm.urdf")
    tip: str = "tool0"
    control: Control = Control.EE_DELTA
    rate_hz: float = 5.0
    max_speed: float = 0.6
    margin: float = 0.03
    joint_states: str = "/joint_states"
    controller: str = "joint_trajectory_controller"
    manager: str = "/controller_manager"
    gripper: RosGripper | None = None
    silence_s: float = 0.4
    cameras: tuple[EyeSettings, ...] = ()

    def __post_init__(self) -> None:
        for name in ("rate_hz", "max_speed", "silence_s"):
            if getattr(self, name) <= 0:
                raise SpecError(f"{name} must be above 0, got {getattr(self, name):g}")
        if not 0 < self.port < 65536:
            raise SpecError(f"port must be from 1 to 65535, got {self.port}")


def ros_chain(config: RosbridgeConfig) -> Chain:
    """Return the arm's kinematics, `margin` taken off either end of every joint's range."""
    chain = chain_from_urdf(config.urdf, tip=config.tip)
    joints = []
    for joint in chain.joints:
        low, high = joint.low + config.margin, joint.high - config.margin
        if low >= high:
            raise SpecError(f"the margin of {config.margin:g} rad leaves {joint.name} no way to move")
        joints.append(Joint(joint.name, joint.frame, joint.axis, low, high))
    return Chain(joints, chain.tool)


class Rosbridge:
    """RobotDriver. After a fault nothing moves until it was disconnected and connected again.

    eyes: None for those that the settings name. Raises SpecError when the URDF is missing or has no such tip.
    """

    def __init__(self, config: RosbridgeConfig, *, eyes: Sequence[Eye] | None = None) -> None:
        self._config, self._link = config, RosLink(config.host, config.port)
        self._chain = ros_chain(config)
        self._names = [joint.name for joint in self._chain.joints]
        self._aim = Aim(self._chain, config.control, longest_step=config.max_speed / config.rate_hz)
        self._eyes = tuple(map(self._eye, config.cameras) if eyes is None else eyes)
        self._connected = self._moving = self._asking = False
        self._states: tuple[dict[str, float], float] | None = None
        self._fault: str | None = None
        self._opening: float | None = None

    @property
    def embodiment(self) -> Embodiment:
        frames = [*(joint.frame for joint in self._chain.joints), self._chain.tool]
        return Embodiment(
            name="rosbridge",
            cameras=tuple(eye.spec for eye in self._eyes),
            state=state_spec(self._chain, reach=float(sum(np.linalg.norm(frame[:3, 3]) for frame in frames))),
            action=action_spec(self._chain, self._config.control),
            control=self._config.control,
            rate_hz=self._config.rate_hz,
        )

    def connect(self) -> None:
        if self._connected:
            return
        self._states = self._fault = self._opening = None
        self._asking = False
        self._link.open()
        self._connected = True
        try:
            self._link.hear(self._config.joint_states, STATES_TYPE, self._heed, every_ms=_STATES_EVERY_MS)
            self._await_states()
            if self._config.manager:
                answer = self._link.ask(self._listing, CONTROLLERS_TYPE, seconds=ANSWER_SECONDS)
                if problem := self._controller_problem(answer):
                    raise self._said(problem)
            for eye in self._eyes:
                eye.open()
        except WorldFault:
            self.disconnect()
            raise

    def read(self) -> Reading:
        joints, opening, taken = self._measured()
        return Reading({eye.spec.name: eye.look() for eye in self._eyes}, state_of(self._chain, joints, opening), taken)

    def send(self, action: FloatArray) -> FloatArray:
        """Publish one trajectory; raises ValueError when the action is not legal, WorldFault when the arm is lost."""
        problem = self.embodiment.action.problem(action)
        if problem:
            raise ValueError(f"the action is not legal: {problem}")
        measured, _, _ = self._measured()
        joints, executed = self._aim.at(action, measured)
        self._moving = True
        self._go(joints)
        executed[-1] = self._work_gripper(float(action[-1]))
        self._watch_controller()
        return executed

    def stop(self) -> None:
        self._aim.forget()
        states = self._states
        if not (self._moving and states is not None and self._link.is_open):
            return
        self._moving = False
        try:
            self._go(np.array([states[0][name] for name in self._names]))
        except WorldFault:
            # Whoever cannot be told has stopped listening; the caller meets that fault at the next reading.
            return

    def disconnect(self) -> None:
        self.stop()
        for eye in self._eyes:
            eye.close()
        self._link.close()
        self._connected = self._moving = False

    @property
    def _listing(self) -> str:
        return f"{self._config.manager}/list_controllers"

    def _eye(self, camera: EyeSettings) -> Eye:
        return RosEye(camera, self._link) if camera.device.startswith(ROS_DEVICE) else OpenCVEye(camera)

    def _said(self, what: str) -> WorldFault:
        return WorldFault(f"{self._link.name}: {what}")

    def _heed(self, message: Message) -> None:
        """Keep a joint state. Other nodes may publish other joints there; only one with all of ours is fresh."""
        names, values = message.get("name"), message.get("position")
        if not (isinstance(names, list) and isinstance(values, list) and len(names) == len(values)):
            return
        known = dict(self._states[0]) if self._states is not None else {}
        for name, value in zip(names, values, strict=True):
            known[str(name)] = float(value) if isinstance(value, int | float) else float("nan")
        before = self._states
        ours = before is None or set(self._names) <= set(names)
        self._states = known, time.monotonic() if ours or before is None else before[1]

    def _await_states(self) -> None:
        until = time.monotonic() + FIRST_STATE_SECONDS
        wanted = [*self._names, *([self._config.gripper.joint] if self._config.gripper else [])]
        while True:
            known = self._states[0] if self._states is not None else {}
            missing = [name for name in wanted if name not in known]
            if not missing:
                return
            if time.monotonic() > until:
                what = f"nothing comes on {self._config.joint_states}"
                raise self._said(f"{self._config.joint_states} lacks {', '.join(missing)}" if known else what)
            time.sleep(0.005)

    def _measured(self) -> tuple[Array, float, float]:
        """Return joints (J,) [rad], opening (0..1), and when they came; raise WorldFault when they are no good."""
        if not self._connected:
            raise self._said("it is not connected; call connect first")
        states = self._states
        assert states is not None
        known, came_at = states
        age = time.monotonic() - came_at
        if self._fault is None and not self._link.is_open:
            self._fault = "the connection is gone"
        if self._fault is None and age > self._config.silence_s:
            self._fault = f"no joint states came for {age:.1f} s"
        joints = np.array([known[name] for name in self._names])
        if self._fault is None and not np.isfinite(joints).all():
            self._fault = "the joint states hold what is no number"
        if self._fault is not None:
            raise self._said(self._fault)
        gripper = self._config.gripper
        if gripper is None:
            return joints, 1.0, came_at
        opening = (known[gripper.joint] - gripper.closed) / (gripper.opened - gripper.closed)
        return joints, min(max(float(opening), 0.0), 1.0), came_at

    def _go(self, joints: Array) -> None:
        """Let the arm be at `joints` (J,) [rad] one tick from when the controller gets this."""
        seconds, rest = divmod(1.0 / self._config.rate_hz, 1.0)
        point = {
            "positions": [float(angle) for angle in joints],
            "velocities": [],
            "accelerations": [],
            "effort": [],
            "time_from_start": {"sec": int(seconds), "nanosec": round(1e9 * rest)},
        }
        # A stamp of zero means: from now on.
        header = {"stamp": {"sec": 0, "nanosec": 0}, "frame_id": ""}
        message = {"header": header, "joint_names": self._names, "points": [point]}
        self._link.tell(f"/{self._config.controller}/joint_trajectory", TRAJECTORY_TYPE, message)

    def _work_gripper(self, wanted: float) -> float:
        gripper = self._config.gripper
        if gripper is None:
            return 1.0
        if self._opening is None or abs(wanted - self._opening) > _GRIPPER_STEP:
            position = gripper.closed + wanted * (gripper.opened - gripper.closed)
            layout: Message = {"dim": [], "data_offset": 0}
            self._link.tell(gripper.topic, GRIPPER_TYPE, {"layout": layout, "data": [position]})
            self._opening = wanted
        return self._opening

    def _watch_controller(self) -> None:
        """Ask whether the controller is still active; a trajectory for one that is not is dropped without a word."""
        if not self._config.manager or self._asking:
            return

        def heed(answer: Message) -> None:
            self._asking = False
            self._fault = self._fault or self._controller_problem(answer)

        self._asking = True
        self._link.ask_later(self._listing, CONTROLLERS_TYPE, heed)

    def _controller_problem(self, answer: Message) -> str | None:
        controllers = answer.get("controller", [])
        states = {str(each.get("name")): str(each.get("state")) for each in controllers if isinstance(each, dict)}
        wanted = self._config.controller
        if wanted not in states:
            return f"there is no controller '{wanted}'; there are: {', '.join(sorted(states)) or 'none'}"
        if states[wanted] != "active":
            return f"the controller '{wanted}' is {states[wanted]}, not active"
        return None
