"""A frozen picture of where everything on the table is: what goals are judged by and what the expert plans from."""

from dataclasses import dataclass

from sim.geometry import Array, Pose


@dataclass(frozen=True, eq=False)
class EntityState:
    """One entity at one tick, in the base frame.

    low, high: corners (3,) of its axis-aligned box [m], links included.  speed: of it and its joint [m/s].
    """

    pose: Pose
    speed: float
    low: Array
    high: Array
    held: bool
    """Both fingers touch it."""
    touched: bool
    """Some part of the arm touches it."""
    supports: frozenset[str]
    """Names of the entities that it rests against."""
    interior_pose: Pose
    """Frame of what its interior is given in: the body, or the drawer that slides in it."""
    joint: float = 0.0
    """Position of its joint [m | rad]; 0 for things without one."""


@dataclass(frozen=True, eq=False)
class SceneState:
    """All entities by name, and the tool: position [m], yaw [rad], gripper opening [0 closed, 1 open]."""

    entities: dict[str, EntityState]
    tool_position: Array
    tool_yaw: float
    gripper_opening: float
