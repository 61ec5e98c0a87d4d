"""`python -m imagination.measure WHAT`: every figure of the imagination, with its controls."""

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import numpy as np
from tqdm import tqdm

from agent.errors import AubergineError, SpecError
from agent.types import CameraSpec, Outcome
from imagination import measuring
from imagination.arranger import SHIPPED as SHIPPED_LAYOUT
from imagination.arranger import load_arranger
from imagination.arranger_training import score
from imagination.arranging import DRAWS, ROUNDS
from imagination.asking import read_request
from imagination.carrying import carry_out, plan_chain
from imagination.figures import Figure, share
from imagination.imaginer import CRITIC, SHIPPED, Draw, LatentImaginer
from imagination.judge import SHIPPED as SHIPPED_JUDGE
from imagination.judge import load_judge
from imagination.layout_cases import TRAINED_COUNTS, UNSEEN_COUNTS, draw_case
from imagination.patterns import PATTERNS, holds, is_clear
from imagination.policy_figures import POLICY_MEASURES, Bench
from policies.checkpoint import load_policy
from sim.expert import ScriptedExpert
from sim.world import TabletopWorld

CARRIED = ("arrange the cubes in a circle", "line up the cans", "sort the things by colour", "set the table")
WHAT = ("judge", "autoencoder", *measuring.LATENT_MEASURES, "arrange", "carry", *POLICY_MEASURES)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures, or one JSON object with --json; 2 when something is missing."""
    parser = argparse.ArgumentParser(prog="python -m imagination.measure", description=__doc__)
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--n", type=int, default=200, help="scenes, episodes or arrangements of each kind")
    parser.add_argument("--seed", type=int, default=0, help="of the first scene; reported figures use 0 to 9,999")
    parser.add_argument("--model", type=Path, help="folder of the model that is measured (default: the shipped one)")
    parser.add_argument(
        "--policy",
        nargs="+",
        default=["vla"],
        help="checkpoints that are ranked for rank; the first of them looks ahead, or is shown goals",
    )
    parser.add_argument("--judge", type=Path, default=SHIPPED_JUDGE, help="folder of the judge that measures")
    parser.add_argument("--critic", type=Path, default=CRITIC, help="folder of the judge that looks on while drawing")
    parser.add_argument("--candidates", type=int, default=Draw.candidates, help="drafts that the critic chooses from")
    parser.add_argument("--steps", type=int, help="of denoising; default: what is best for the use")
    parser.add_argument("--guidance", type=float, help="default: what is best for the use")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(argv)
    try:
        figures = _measure(arguments)
    except AubergineError as error:
        print(f"measure: {error}", file=sys.stderr)
        return 2
    if arguments.json:
        print(json.dumps({"what": arguments.what, "figures": [asdict(figure) for figure in figures]}))
    else:
        print("\n".join(map(str, figures)))
    return 0


def _measure(arguments: argparse.Namespace) -> list[Figure]:
    if arguments.what == "arrange":
        return arrange_figures(arguments.model or SHIPPED_LAYOUT, n=arguments.n, seed=arguments.seed)
    if arguments.what == "carry":
        return carry_figures(n=arguments.n, seed=arguments.seed)
    if arguments.what in POLICY_MEASURES:
        return policy_figures(arguments)
    draw = _draw(arguments)
    model = arguments.model or (SHIPPED / "autoencoder" if arguments.what == "autoencoder" else SHIPPED)
    return measuring.run(
        arguments.what, n=arguments.n, model=model, judge=arguments.judge, critic=arguments.critic, draw=draw
    )


def _draw(arguments: argparse.Namespace) -> Draw:
    return Draw(arguments.seed, arguments.steps, arguments.guidance, arguments.candidates, quiet=True)


def arrange_figures(folder: Path, *, n: int, seed: int) -> list[Figure]:
    """The layout diffuser on `n` problems of every arrangement, for counts it was and was not trained on: one draw, the
    first good one of eight, and of as many as `aubergine run` draws; in held-out words; and the control: leaving
    things where they are."""
    model, words = load_arranger(folder)
    figures = []
    for title, counts in (("trained counts", TRAINED_COUNTS), ("unseen counts", UNSEEN_COUNTS)):
        for pattern in PATTERNS:
            cases = [draw_case(np.random.default_rng([seed + k, 41]), counts=counts, pattern=pattern) for k in range(n)]
            for draws in (1, 8, DRAWS * ROUNDS):
                counted = score(model, words, cases, seed=seed, draws=draws)
                name = f"{pattern}, {title}, {'one draw' if draws == 1 else f'first good of {draws}'}"
                figures.append(Figure(f"{name}: holds", counted.holds / n, n, hits=counted.holds))
                figures.append(Figure(f"{name}: clear and on the table", counted.clear / n, n, hits=counted.clear))
            stay = sum(holds(pattern, case.items, case.start) for case in cases)
            figures.append(Figure(f"{pattern}, {title}, control, nothing moved: holds", stay / n, n, hits=stay))
            ideal = sum(holds(pattern, c.items, c.answer) and is_clear(c.items, c.answer) for c in cases)
            figures.append(Figure(f"{pattern}, {title}, ceiling, by construction: holds", ideal / n, n, hits=ideal))
    for pattern in PATTERNS:
        cases = [draw_case(np.random.default_rng([seed + k, 42]), pattern=pattern, words="held_out") for k in range(n)]
        counted = score(model, words, cases, seed=seed)
        figures.append(Figure(f"{pattern}, held-out words, one draw: holds", counted.holds / n, n, hits=counted.holds))
    return figures


def carry_figures(*, n: int, seed: int) -> list[Figure]:
    """Arrangements carried out by the expert with the shipped layout diffuser, `n` scenes each, judged by geometry."""
    figures = []
    with closing(TabletopWorld(cameras=(CameraSpec("front", 8, 8),))) as world:
        for text in CARRIED:
            request = read_request(text)
            assert request is not None
            verdicts = []
            for number in tqdm(range(seed, seed + n), desc=text):
                try:
                    chain = plan_chain(world, request, seed=number)
                except SpecError:
                    verdicts.append(False)
                    continue
                episode = carry_out(chain, world, ScriptedExpert(world), execute=1)
                verdicts.append(episode.outcome is Outcome.SUCCESS)
            figures.append(share(f"{text}: carried out", verdicts))
    return figures


def policy_figures(arguments: argparse.Namespace) -> list[Figure]:
    """What pictures are worth to the policies that --policy names."""
    policies = {Path(name).name: load_policy(name) for name in arguments.policy}
    cameras = next(iter(policies.values())).embodiment.cameras
    with closing(TabletopWorld(cameras=cameras)) as world:
        bench = Bench(
            dict(policies),
            world,
            LatentImaginer(arguments.model or SHIPPED, critic=arguments.critic),
            load_judge(arguments.judge),
            arguments.n,
            _draw(arguments),
        )
        return POLICY_MEASURES[arguments.what](bench)


if __name__ == "__main__":
    sys.exit(main())
