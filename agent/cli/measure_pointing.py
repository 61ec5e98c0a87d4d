"""How often the backbone points into the right mask and tells what is not there.

Run as `python -m agent.cli.measure_pointing --scenes 300 --seed 0`.
"""

import json

import numpy as np
from tqdm import tqdm

from agent.cli import stage as stages
from agent.cli.scenes import scenes_parser, share
from dialogue.lessons.moments import LEAST_VISIBLE

Counts = dict[str, list[int]]


def main() -> None:
    """Print the shares with Wilson intervals."""
    arguments = scenes_parser(__doc__, scenes=300).parse_args()
    counts = measure(arguments.policy, scenes=arguments.scenes, seed=arguments.seed)
    if arguments.json:
        print(json.dumps(counts))
        return
    for name, (good, count) in counts.items():
        print(f"{name:24} {share(good, count)}")


def measure(policy: str, *, scenes: int, seed: int) -> Counts:
    """Return (good, of) by question: names of things that are there and visible, and of things that are not."""
    from policies.checkpoint import load_trained
    from policies.pointing import Pointer
    from sim.expert import ScriptedExpert
    from sim.onlooker import Onlooker
    from sim.tasks import FAMILIES
    from sim.world import TabletopWorld

    trained = load_trained(policy)
    pointer, camera = Pointer(trained), trained.embodiment.cameras[0]
    world = TabletopWorld(trained.embodiment.cameras)
    onlooker = Onlooker(world, ScriptedExpert(world), pool=24)
    counts: Counts = {"points in the mask": [0, 0], "there is told as there": [0, 0], "absent told as absent": [0, 0]}
    families = list(FAMILIES)
    for number in tqdm(range(seed, seed + scenes), desc="point", unit="scene", disable=None):
        world.reset(stages.sample(families[number % len(families)], number), seed=number)
        picture = world.render(camera.name, camera.height, camera.width)
        onlooker.begin(np.random.default_rng([number, 5]))
        asked = [question for question in onlooker.drawn if question.goal.relation == "point"]
        if not asked:
            continue
        answers = pointer.point(picture.rgb, [question.text for question in asked])
        for question, answer in zip(asked, answers, strict=True):
            if question.missing:
                _count(counts["absent told as absent"], answer.pixel is None)
                continue
            named = {
                int(body) for body in np.unique(picture.bodies) if world.name_of(int(body)) == question.goal.subject
            }
            mask = np.isin(picture.bodies, list(named))
            if mask.sum() < LEAST_VISIBLE:
                continue
            _count(counts["there is told as there"], answer.pixel is not None)
            _count(counts["points in the mask"], answer.pixel is not None and _inside(mask, answer.pixel))
    world.close()
    return counts


def _count(row: list[int], good: bool) -> None:
    row[0] += int(good)
    row[1] += 1


def _inside(mask: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]", pixel: tuple[float, float]) -> bool:
    height, width = mask.shape
    column, row = (int(np.clip(value, 0, most - 1)) for value, most in zip(pixel, (width, height), strict=True))
    return bool(mask[row, column])


if __name__ == "__main__":
    main()
