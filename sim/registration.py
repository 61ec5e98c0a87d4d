"""Tells Gymnasium which environments there are, without loading the physics engine."""

import gymnasium

from sim.tasks import FAMILIES, NAMED_TASKS


def env_ids() -> dict[str, str]:
    """Return every id with the task it stands for: "aubergine/PutIn-v0" -> "put_in"."""
    return {f"aubergine/{name.title().replace('_', '')}-v0": name for name in (*FAMILIES, *NAMED_TASKS)}


def register_environments() -> None:
    """Register each id once; asking again changes nothing."""
    for env_id, task in env_ids().items():
        if env_id not in gymnasium.registry:
            gymnasium.register(env_id, entry_point="sim.env:TabletopEnv", kwargs={"task": task})
