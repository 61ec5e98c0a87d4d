"""A UR e-series arm's settings, geometry, and whether its controller may be driven at all."""

import socket
from dataclasses import dataclass

import numpy as np

from agent.errors import SpecError, WorldFault, unknown_name
from agent.robots.chain import Chain, chain_from_dh, frame_of, matrix_from_vector
from agent.robots.eye import EyeSettings
from agent.types import Control

QUARTER = float(np.pi / 2)
JOINTS = ("shoulder_pan", "shoulder_lift", "elbow", "wrist_1", "wrist_2", "wrist_3")
DH = {
    name: ((0.0, d1, QUARTER), (a2, 0.0, 0.0), (a3, 0.0, 0.0), (0.0, d4, QUARTER), (0.0, d5, -QUARTER), (0.0, d6, 0.0))
    for name, d1, a2, a3, d4, d5, d6 in (
        ("ur3e", 0.15185, -0.24355, -0.2132, 0.13105, 0.08535, 0.0921),
        ("ur5e", 0.1625, -0.425, -0.3922, 0.1333, 0.0997, 0.0996),
        ("ur10e", 0.1807, -0.6127, -0.57155, 0.17415, 0.11985, 0.11655),
    )
}
"""Model -> rows a [m], d [m], alpha [rad] (Universal Robots, "DH parameters for calculations of
kinematics and dynamics")."""


@dataclass(frozen=True)
class URConfig:
    """host: the controller's address.  model: ur3e, ur5e or ur10e.  control: what one action is.

    rate_hz: actions a second.  max_speed: of any joint [rad/s].  tcp: tool in the flange, x y z [m] and rotation vector
    [rad], as set at the controller; connecting checks it.  base_yaw: how far the arm's own x axis is turned from
    forward [rad].  gripper_output: digital output 0-7 that works the gripper, or none.  gripper_opens_at: the level
    that opens it.  watchdog_hz: the controller stops the arm by itself without so many signs of life a second.
    silence_s: a controller that was not heard for so long [s] is lost; it speaks every 8 ms.
    """

    host: str = "192.168.0.10"
    model: str = "ur5e"
    control: Control = Control.EE_DELTA
    rate_hz: float = 5.0
    max_speed: float = 0.6
    tcp: tuple[float, float, float, float, float, float] = (0.0, 0.0, 0.12, 0.0, 0.0, 0.0)
    base_yaw: float = 0.0
    gripper_output: int | None = None
    gripper_opens_at: bool = False
    watchdog_hz: float = 4.0
    silence_s: float = 0.4
    cameras: tuple[EyeSettings, ...] = ()

    def __post_init__(self) -> None:
        if self.model not in DH:
            raise unknown_name("UR model", self.model, DH)
        for name in ("rate_hz", "max_speed", "watchdog_hz", "silence_s"):
            if getattr(self, name) <= 0:
                raise SpecError(f"{name} must be above 0, got {getattr(self, name):g}")
        if self.gripper_output is not None and not 0 <= self.gripper_output <= 7:
            raise SpecError(f"gripper_output must be a digital output from 0 to 7, got {self.gripper_output}")


def ur_chain(config: URConfig) -> Chain:
    """Return the arm's kinematics in our base and with our tool: z away from the approach."""
    tcp = frame_of(config.tcp[:3])
    tcp[:3, :3] = matrix_from_vector(np.array(config.tcp[3:]))
    away = frame_of((0.0, 0.0, 0.0), (np.pi, 0.0, 0.0))
    return chain_from_dh(DH[config.model], JOINTS, frame_of((0.0, 0.0, 0.0), (0.0, 0.0, config.base_yaw)), tcp @ away)


def ur_chain_as_controller(config: URConfig) -> Chain:
    """Return the kinematics in the controller's own words: its base, its tool."""
    tcp = frame_of(config.tcp[:3])
    tcp[:3, :3] = matrix_from_vector(np.array(config.tcp[3:]))
    return chain_from_dh(DH[config.model], JOINTS, np.eye(4), tcp)


def check_controller(host: str, *, timeout: float = 1.5) -> None:
    """Ask the dashboard whether the arm may be driven; raise WorldFault in one sentence when not.

    The library waits for ever for a peer that accepts and is silent, so this asks first, with a limit.
    """
    try:
        with (
            socket.create_connection((host, 29999), timeout=timeout) as line,
            line.makefile("rw", newline="\n") as talk,
        ):
            if "Dashboard" not in talk.readline():
                raise WorldFault(f"what answers at {host} port 29999 is not a UR dashboard")

            def ask(question: str) -> str:
                talk.write(question + "\n")
                talk.flush()
                return talk.readline().strip()

            if ask("is in remote control") == "false":
                raise WorldFault(f"the UR at {host} is in local control; switch it to remote control at the pendant")
            mode = ask("robotmode").removeprefix("Robotmode: ")
            if mode != "RUNNING":
                raise WorldFault(f"the UR at {host} is in {mode}; power it on and release its brakes")
            safety = ask("safetystatus").removeprefix("Safetystatus: ")
            if safety not in ("NORMAL", "REDUCED"):
                raise WorldFault(f"the UR at {host} is in {safety}; clear it at the pendant")
        socket.create_connection((host, 30004), timeout=timeout).close()
    except OSError as error:
        raise WorldFault(f"no UR controller answers at {host}: {error.strerror or 'timed out'}") from error
