"""The film's projection, in the real world: what is projected lies on what is pictured."""

import numpy as np

from agent.cli.stage import FILM_CAMERA, FILM_SIZE, make_stage, task_for
from agent.safety.world import SafeWorld
from sim.world import TabletopWorld


def test_projected_things_lie_on_their_pixels() -> None:
    stage = make_stage("hold")
    assert isinstance(stage.world, SafeWorld)
    assert stage.project is not None
    world = stage.world.inner
    assert isinstance(world, TabletopWorld)
    world.reset(task_for("put the eggplant in the bowl"), seed=500_003)
    picture = world.render(FILM_CAMERA, FILM_SIZE, FILM_SIZE)
    hits = []
    for name, entity in world.state().entities.items():
        middle = (entity.low + entity.high) / 2
        u, v, depth = stage.project(middle[None].astype(np.float32))[0]
        assert depth > 0
        hits.append(world.name_of(int(picture.bodies[int(v), int(u)])) == name)
    stage.world.close()
    # A ring or a hook has no body in its middle, and the arm may stand before one.
    assert sum(hits) >= len(hits) - 2 >= 2
