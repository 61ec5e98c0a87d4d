"""Fits what tells from a picture alone whether the gripper has a thing: logistic, on the backbone's region tokens.

Run as `python -m agent.cli.fit_held --scenes 600 --seed 1000000`, again after every training of the backbone: the head
reads that backbone's tokens. Writes dialogue/pretrained/held.json.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from tqdm import tqdm

from agent.cli import stage as stages
from agent.cli.measure_seeing import hand_of
from agent.errors import SpecError
from agent.types import FloatArray
from dialogue.lessons.moments import Moments
from dialogue.seeing import HELD_FROM, SHIPPED_HEAD, HeldHead, nearest_to

DECAY = 0.003
"""Of the squared weights, against fitting the few scenes too well."""


def main() -> None:
    """Fit on some scenes and say how often the head is right on their last fifth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policy", default=stages.DEFAULT_POLICY)
    parser.add_argument("--scenes", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1_000_000)
    parser.add_argument("--out", default=str(SHIPPED_HEAD), metavar="FILE.json")
    arguments = parser.parse_args()
    tokens, held, space = regions_of(arguments.policy, scenes=arguments.scenes, seed=arguments.seed)
    kept = int(0.8 * len(held))
    head = fit(tokens[:kept], held[:kept], space)
    told = head.chances(tokens[kept:]) > HELD_FROM
    print(f"held told {(told & held[kept:]).sum()}/{held[kept:].sum()}, wrongly {(told & ~held[kept:]).sum()} times")
    write(fit(tokens, held, space), Path(arguments.out))


def regions_of(policy: str, *, scenes: int, seed: int) -> tuple[FloatArray, NDArray[np.bool_], str]:
    """Return the tokens (N, D) of regions that can be taken, and which of them are held (N,): the simulator tells
    whether something is, the tool's place which region shows it. And the name of the backbone that they are of."""
    from policies.checkpoint import load_trained
    from policies.looking import Looker

    trained = load_trained(policy)
    eye, source = Looker(trained), Moments(trained.embodiment.cameras[:1])
    tokens, held = list[FloatArray](), list[bool]()
    for number in tqdm(range(seed, seed + scenes), desc="fit", unit="scene", disable=None):
        try:
            moment = source.make(number)
        except SpecError:  # a crowded scene that found no room
            continue
        look = eye.look(moment.after.images["front"])
        rows = [row for row in range(len(look)) if not look.holds[row]]
        taken = any(entity.held for entity in moment.state.entities.values())
        which = nearest_to(hand_of(moment), look, rows) if taken else None
        tokens += [look.tokens[row] for row in rows]
        held += [number == which for number in range(len(rows))]
    source.close()
    return np.stack(tokens), np.array(held), eye.space


def fit(tokens: FloatArray, held: NDArray[np.bool_], space: str) -> HeldHead:
    """Logistic regression, both classes of equal weight. tokens (N, D), held (N,), some of them True."""
    sign = np.where(held, 1.0, -1.0)
    weight = np.where(held, 0.5 / held.mean(), 0.5 / (1 - held.mean()))
    rows = np.hstack([tokens, np.ones((len(tokens), 1))]).astype(np.float64)

    def loss(solution: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = sign * (rows @ solution)
        slope = -weight * sign / (1 + np.exp(np.clip(margin, -50, 50)))
        decayed = np.append(solution[:-1], 0.0)
        value = float(np.mean(weight * np.logaddexp(0.0, -margin)) + DECAY * decayed @ decayed)
        return value, rows.T @ slope / len(rows) + 2 * DECAY * decayed

    found = minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B").x
    return HeldHead(found[:-1].astype(np.float32), float(found[-1]), space)


def write(head: HeldHead, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = [round(float(value), 5) for value in head.weights]
    record = {"space": head.space, "weights": weights, "bias": round(head.bias, 5)}
    path.write_text(json.dumps(record) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
