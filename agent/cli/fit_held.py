"""Fits what tells from a picture alone whether the gripper has a thing: logistic, on the backbone's region tokens.

Run as `python -m agent.cli.fit_held --episodes 400 --seed 1000000`, again after every training of the backbone: the
head reads that backbone's tokens. Episodes of the teacher are watched from approach to release. How strongly weights
decay, and the chance from which something is held, are chosen on episodes that were left out of the fit in turn.
Writes dialogue/pretrained/held.json.
"""

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from tqdm import tqdm

from agent.cli import stage as stages
from agent.cli.scenes import share
from agent.errors import SpecError
from agent.types import FloatArray
from dialogue.lessons.moments import Moments
from dialogue.seeing import SHIPPED_HEAD, HeldHead, nearest_to

EVERY = 4
"""Control steps between two pictures of an episode."""
DECAYS = (0.0003, 0.001, 0.003)
"""Of the squared weights, against fitting the few episodes too well; the best is kept."""
FOLDS = 4
"""Parts of the episodes, each of which is left out once."""


@dataclass(frozen=True, eq=False)
class Watched:
    """N regions that can be taken. tokens (N, D).  held (N,): whether it is what the gripper has.  picture (N,) and
    episode (N,): numbers of those that it is from.  space: name of the backbone that the tokens are of."""

    tokens: FloatArray
    held: NDArray[np.bool_]
    picture: NDArray[np.int64]
    episode: NDArray[np.int64]
    space: str

    def only(self, rows: NDArray[np.bool_]) -> "Watched":
        """Return the regions where `rows` (N,) is True."""
        return replace(
            self,
            tokens=self.tokens[rows],
            held=self.held[rows],
            picture=self.picture[rows],
            episode=self.episode[rows],
        )


@dataclass(frozen=True)
class Told:
    """How a head does. held, told: pictures with something held, and those in which the right thing was said to be.
    empty, wrong: pictures with nothing held, and those in which something was said to be."""

    held: int
    told: int
    empty: int
    wrong: int

    @property
    def balanced(self) -> float:
        """The mean of both shares that are right."""
        return (self.told / max(self.held, 1) + 1 - self.wrong / max(self.empty, 1)) / 2


def main() -> None:
    """Fit, and say how often the head is right in episodes that it was not fitted on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policy", default=stages.DEFAULT_POLICY)
    parser.add_argument("--episodes", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1_000_000)
    parser.add_argument("--out", default=str(SHIPPED_HEAD), metavar="FILE.json")
    arguments = parser.parse_args()
    watched = watch(arguments.policy, episodes=arguments.episodes, seed=arguments.seed)
    head, told = best(watched)
    print(f"held told {share(told.told, told.held)}, wrongly {share(told.wrong, told.empty)}, from {head.enough:.2f}")
    write(head, Path(arguments.out))


def watch(policy: str, *, episodes: int, seed: int) -> Watched:
    """Return the regions of pictures of so many episodes. The simulator tells whether something is held, the tool's
    place which region shows it."""
    from policies.checkpoint import load_trained
    from policies.looking import Looker

    trained = load_trained(policy)
    eye, source = Looker(trained), Moments(trained.embodiment.cameras[:1])
    tokens, held, numbers, picture = list[FloatArray](), list[bool](), list[tuple[int, int]](), 0
    for episode in tqdm(range(seed, seed + episodes), desc="watch", unit="episode", disable=None):
        try:
            glimpses = source.watch(episode, EVERY)
        except SpecError:  # a crowded scene that found no room
            continue
        for glimpse in glimpses:
            look = eye.look(glimpse.picture)
            rows = [row for row in range(len(look)) if not look.holds[row]]
            which = nearest_to(glimpse.hand, look, rows) if glimpse.holds else None
            tokens += [look.tokens[row] for row in rows]
            held += [number == which for number in range(len(rows))]
            numbers += [(picture, episode)] * len(rows)
            picture += 1
    source.close()
    pictures, of = np.array(numbers, dtype=np.int64).T
    return Watched(np.stack(tokens), np.array(held), pictures, of, eye.space)


def best(watched: Watched) -> tuple[HeldHead, Told]:
    """Return the head with the decay and the threshold that do best on episodes left out, and how it did on those."""
    found: list[tuple[float, float, Told]] = []
    for decay in DECAYS:
        chances = _left_out(watched, decay)
        enough = _threshold(watched, chances)
        found.append((decay, enough, count(watched, chances, enough)))
    decay, enough, told = max(found, key=lambda row: row[2].balanced)
    return replace(fit(watched, decay), enough=enough), told


def _left_out(watched: Watched, decay: float) -> FloatArray:
    """Chances (N,), each by a head that was fitted without the region's episode."""
    fold, chances = watched.episode % FOLDS, np.zeros(len(watched.held), dtype=np.float32)
    for number in range(FOLDS):
        chances[fold == number] = fit(watched.only(fold != number), decay).chances(watched.tokens[fold == number])
    return chances


def _threshold(watched: Watched, chances: FloatArray) -> float:
    """The middle of all thresholds that do best: at the edge of them the next picture falls to the other side."""
    tried = np.linspace(0.02, 0.99, 98)
    balanced = np.array([count(watched, chances, float(enough)).balanced for enough in tried])
    return round(float(tried[balanced >= balanced.max() - 1e-9].mean()), 3)


def count(watched: Watched, chances: FloatArray, enough: float) -> Told:
    """Count pictures: the likeliest region is said to be held when its chance (N,) is more than `enough`."""
    edges = np.flatnonzero(np.diff(watched.picture)) + 1
    held = told = empty = wrong = 0
    for rows in np.split(np.arange(len(chances)), edges):
        said = chances[rows].max() > enough
        if watched.held[rows].any():
            held, told = held + 1, told + int(said and watched.held[rows][chances[rows].argmax()])
        else:
            empty, wrong = empty + 1, wrong + int(said)
    return Told(held, told, empty, wrong)


def fit(watched: Watched, decay: float) -> HeldHead:
    """Logistic regression, both classes of equal weight; some of the regions are held."""
    held = watched.held
    sign = np.where(held, 1.0, -1.0)
    weight = np.where(held, 0.5 / held.mean(), 0.5 / (1 - held.mean()))
    rows = np.hstack([watched.tokens, np.ones((len(held), 1))]).astype(np.float64)

    def loss(solution: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = sign * (rows @ solution)
        slope = -weight * sign / (1 + np.exp(np.clip(margin, -50, 50)))
        decayed = np.append(solution[:-1], 0.0)
        value = float(np.mean(weight * np.logaddexp(0.0, -margin)) + decay * decayed @ decayed)
        return value, rows.T @ slope / len(rows) + 2 * decay * decayed

    found = minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B").x
    return HeldHead(found[:-1].astype(np.float32), float(found[-1]), watched.space)


def write(head: HeldHead, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = [round(float(value), 5) for value in head.weights]
    record = {"space": head.space, "enough": head.enough, "weights": weights, "bias": round(head.bias, 5)}
    path.write_text(json.dumps(record) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
