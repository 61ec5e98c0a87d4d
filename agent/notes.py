"""What is true of one moment at a table, as flat arrays: what a teacher who knows the scene tells a learner."""

from dataclasses import dataclass

from agent.types import FloatArray

RELATIONS = (
    *("in", "on", "stack", "left of", "right of", "in front of", "behind", "push", "lift", "open", "close"),
    *("take out", "move to", "point"),
)
"""What can be asked; "point" asks only where a thing is. A question's relation is an index into these."""
MOST_ENTITIES = 12
MOST_QUESTIONS = 6
ENTITY_COLUMNS = (
    *("kind", "colour", "graspable", "held", "x", "y", "z", "top"),
    *("grasp_x", "grasp_y", "grasp_z", "grasp_yaw"),
)
"""kind, colour: numbers in the catalogue, UNNAMED for what it lacks, -1 where there is no entity.
x y z: middle of its box [m, base frame].  top: height of its highest point [m].  grasp: where and how turned [m, rad]
the tool would take it, NaN for receptacles."""
QUESTION_COLUMNS = (
    *("relation", "subject", "target"),
    *("start_x", "start_y", "start_z", "start_yaw", "end_x", "end_y", "end_z"),
)
"""subject, target: rows of `entities`; ABSENT where the words name what is not there, NONE where they name nothing.
start, end: where the tool begins (grasps, touches) and ends (lets go) what is asked [m, rad, base frame]; NaN where
nothing is to be done."""
ABSENT, NONE = -1, -2
UNNAMED = 999
"""The number of a kind or a colour that the catalogue does not have."""


@dataclass(frozen=True, eq=False)
class SceneNote:
    """entities: float32 (M, len(ENTITY_COLUMNS)).  instructions: Q of them, the first is the one that is acted on.
    questions: float32 (Q, len(QUESTION_COLUMNS)), what each means here."""

    entities: FloatArray
    instructions: tuple[str, ...]
    questions: FloatArray
