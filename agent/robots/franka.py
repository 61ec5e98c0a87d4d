"""Franka Research 3 (and Panda) by franky-control: `ee_delta` at 5 Hz as joint motions that replace one another.

Joint targets come from the same inverse kinematics as in simulation, so the arm takes the postures that policies know.
What libfranka does not say, such as a camera's pictures, comes from eyes that are handed in.
"""

import importlib.util
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from agent.errors import SpecError, WorldFault
from agent.robots.eye import Eye
from agent.robots.franka_link import ArmLink, FrankaSettings, HandLink, Joints
from agent.robots.opencv_eye import eyes_for
from agent.types import Control, Embodiment, FloatArray, Reading, VectorSpec

RATE_HZ = 5.0
GRIPPER_STEP = 0.02
"""A change of the wanted opening below this is no new order to the hand: its orders take a tenth of a second."""


class Commander(Protocol):
    """The arm's geometry: where a commanded pose lies, and which joints take it (sim.commander.PandaCommander)."""

    @property
    def state(self) -> VectorSpec:
        """Tool position and rotation vector, gripper, 7 joints."""
        ...

    @property
    def action(self) -> VectorSpec:
        """`ee_delta`."""
        ...

    @property
    def joints(self) -> Joints:
        """Joint angles (7,) of the commanded pose [rad]."""
        ...

    def begin_at(self, joints: Joints, *, opening: float) -> None:
        """Take the arm as it stands at `joints` (7,) [rad] for what was commanded."""
        ...

    def command(self, action: FloatArray) -> FloatArray:
        """Move the commanded pose by an action (7,); return what was really commanded (7,). ValueError: not legal."""
        ...

    def tool_vector(self, joints: Joints) -> Joints:
        """Return the tool's position and rotation vector (6,) in the base frame at `joints` (7,) [rad]."""
        ...


class Peer(Protocol):
    """What has to run before there is anything to connect to: an emulated cell (sim.cell.client.EmulatedCell)."""

    def start(self) -> str:
        """Start, unless it runs, and return its address; raise WorldFault when it cannot."""
        ...


class FrankaDriver:
    """A RobotDriver. After a fault nothing moves until `recover` was called, by a person who looked."""

    def __init__(
        self,
        settings: FrankaSettings,
        *,
        commander: Commander,
        eyes: Sequence[Eye] | None = None,
        peer: Peer | None = None,
    ) -> None:
        """eyes: None for OpenCV's, as the settings name them. Raises SpecError when a camera names no device.

        peer: started when connecting; its address is used instead of the settings'. It is not ended here.
        """
        self._settings, self._commander, self._peer = settings, commander, peer
        self._eyes = eyes_for(settings.cameras, eyes)
        cameras = tuple(eye.spec for eye in self._eyes)
        self._embodiment = Embodiment("franka", cameras, commander.state, commander.action, Control.EE_DELTA, RATE_HZ)
        self._arm: ArmLink | None = None
        self._hand: HandLink | None = None
        self._opening = 1.0
        self._following = False

    @property
    def embodiment(self) -> Embodiment:
        return self._embodiment

    def connect(self) -> None:
        if self._arm is not None:
            return
        self._open()
        try:
            self._links()[0].state()
        except WorldFault:
            self.disconnect()
            raise

    def read(self) -> Reading:
        arm, hand = self._links()
        try:
            now, opening = arm.state(), hand.opening()
            taken = time.monotonic()
            images = {eye.spec.name: eye.look() for eye in self._eyes}
        except WorldFault:
            self.stop()
            raise
        pose = self._commander.tool_vector(now.joints)
        state = np.array([*pose, opening, *now.joints], dtype=np.float32)
        problem = self._embodiment.state.problem(state)
        if problem:
            self.stop()
            raise WorldFault(f"the Franka stands where no policy knows it: {problem}")
        return Reading(images, state, taken)

    def send(self, action: FloatArray) -> FloatArray:
        """Command one action; raises ValueError when it is not legal, WorldFault when the arm does not take it."""
        arm, hand = self._links()
        problem = self._embodiment.action.problem(action)
        if problem:
            raise ValueError(f"the action is not legal: {problem}")
        try:
            now = arm.state()
            if not self._following:
                self._opening = hand.opening()
                self._commander.begin_at(now.aims, opening=self._opening)
                self._following = True
            executed = self._commander.command(action)
            arm.aim(self._commander.joints)
        except WorldFault:
            self.stop()
            raise
        wanted = float(action[6])
        if abs(wanted - self._opening) > GRIPPER_STEP:
            self._opening = wanted
            hand.go(wanted)
        executed[6] = self._opening
        return self._embodiment.action.clip(executed)

    def stop(self) -> None:
        self._following = False
        if self._arm is not None:
            self._arm.halt()

    def disconnect(self) -> None:
        self.stop()
        arm, hand, self._arm, self._hand = self._arm, self._hand, None, None
        if hand is not None:
            hand.close()
        if arm is not None:
            arm.close()
        for eye in self._eyes:
            eye.close()

    def recover(self) -> None:
        """Acknowledge the fault and connect afresh; the arm stays where it is. Raise WorldFault when it persists.

        Only for a person who has seen why the arm stopped.
        """
        self.disconnect()
        self._open(recover=True)
        self.disconnect()
        self.connect()

    def robot_time(self) -> float:
        """Return the controller's own clock [s]; an emulator under load lets it run slower than the wall's."""
        return self._links()[0].state().robot_time

    def _open(self, *, recover: bool = False) -> None:
        if importlib.util.find_spec("franky") is None:
            raise SpecError("the Franka driver needs franky-control; install it with: pip install 'aubergine[franka]'")
        settings = self._settings
        if self._peer is not None:
            settings = replace(settings, address=self._peer.start())
        self._arm = ArmLink(settings, recover=recover)
        try:
            self._hand = HandLink(settings)
            self._arm.excuse()
            for eye in self._eyes:
                eye.open()
        except WorldFault:
            self.disconnect()
            raise

    def _links(self) -> tuple[ArmLink, HandLink]:
        if self._arm is None or self._hand is None:
            raise WorldFault("the Franka is not connected; call connect first")
        return self._arm, self._hand
