"""When to ask: prediction sets with a guarantee, as in KnowNo (Ren et al. 2023, arXiv:2307.01928).

A model scores the plans that a request could mean. Split conformal prediction turns the scores into a set that holds
the meant plan with probability at least 1 - epsilon, however bad the model is: calibrated on n dilemmas with known
answers, the threshold is the ceil((n + 1)(1 - epsilon))-th smallest of 1 - p(answer). One plan in the set: act.
Several: ask, with exactly those. A worse model asks more; it is not wrong more often.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from agent.errors import SpecError
from agent.types import FloatArray
from dialogue.language_model import Message, ScoringModel
from dialogue.plan import Beside, Named, Pick, Place, Plan, Point, Push, Step
from dialogue.reading_back import with_choice
from dialogue.view import Item, SceneView
from dialogue.writing import render_plan

MOST_OPTIONS = 5
FILE = "asking.json"


@dataclass(frozen=True)
class Calibration:
    """threshold: options are kept when 1 - p <= threshold.  epsilon: how often the meant one may be left out.

    n: dilemmas it was calibrated on.  model: whose scores.
    """

    threshold: float
    epsilon: float
    n: int
    model: str = ""

    def keeps(self, probabilities: FloatArray) -> tuple[int, ...]:
        """Return the indices of the prediction set, likeliest first; never empty: someone must be asked about."""
        order = np.argsort(-probabilities, kind="stable")
        kept = tuple(int(i) for i in order if 1.0 - float(probabilities[i]) <= self.threshold)
        return kept or (int(order[0]),)


def calibrate(answers: Sequence[float], epsilon: float, *, model: str = "") -> Calibration:
    """Return the threshold for the probabilities (n,) that a model gave to the right options.

    With too few of them for so small an epsilon the threshold is 1: everything is kept. Raises ValueError for none.
    """
    if not 0.0 < epsilon < 1.0 or not len(answers):
        raise ValueError(f"calibration needs answers and an epsilon between 0 and 1, got {len(answers)} and {epsilon}")
    scores = np.sort(1.0 - np.asarray(answers, dtype=np.float64))
    rank = math.ceil((len(scores) + 1) * (1.0 - epsilon))
    threshold = 1.0 if rank > len(scores) else float(scores[rank - 1])
    return Calibration(threshold, epsilon, len(scores), model)


def simple_set(probabilities: FloatArray, level: float) -> tuple[int, ...]:
    """Return the uncalibrated set: the likeliest options until their probabilities add up to `level`."""
    order = np.argsort(-probabilities, kind="stable")
    sums = np.cumsum(probabilities[order])
    count = int(np.searchsorted(sums, level - 1e-9)) + 1
    return tuple(int(i) for i in order[:count])


def option_probabilities(model: ScoringModel, messages: Sequence[Message], options: Sequence[str]) -> FloatArray:
    """Return the probabilities (n,) of these plan texts among one another."""
    logs = np.asarray(model.log_probabilities(messages, options), dtype=np.float64)
    shares = np.exp(logs - logs.max())
    return np.asarray(shares / shares.sum(), dtype=np.float32)


@dataclass(frozen=True)
class Tally:
    """Over n dilemmas: how often the set held the meant option, how often there was a question, how large sets were."""

    n: int
    success: float
    asked: float
    size: float


def tally(sets: Sequence[tuple[int, ...]], answers: Sequence[int]) -> Tally:
    """Count. A set of one is acted on; a larger one asks, and succeeds when it offers the meant option."""
    held = [answer in kept for kept, answer in zip(sets, answers, strict=True)]
    sizes = [len(kept) for kept in sets]
    return Tally(len(sets), float(np.mean(held)), float(np.mean([s > 1 for s in sizes])), float(np.mean(sizes)))


def alternatives(plan: Plan, view: SceneView) -> tuple[tuple[Plan, str], ...]:
    """Return the plan and those like it about other things of the same kind, each with the name that tells it apart.

    Only plans of one motion have any; the others say what they mean by more than one name.
    """
    if len(plan.steps) != 1:
        return ((plan, ""),)
    step = plan.steps[0]
    found: list[tuple[Plan, str]] = []
    if isinstance(step, Pick | Place | Push | Point) and isinstance(step.thing, Named):
        for item in _alike(step.thing.name, view):
            found.append((Plan((replace(step, thing=Named(item.name)),)), item.name))
    if (
        len(found) < 2
        and isinstance(step, Place)
        and isinstance(step.where, Beside)
        and isinstance(step.where.thing, Named)
    ):
        found = [(Plan((_to(step, item),)), item.name) for item in _alike(step.where.thing.name, view)]
    return tuple(found[:MOST_OPTIONS]) if len(found) > 1 else ((plan, ""),)


def choose(
    model: ScoringModel, messages: Sequence[Message], plan: Plan, view: SceneView, calibration: Calibration
) -> tuple[str, ...]:
    """Return the names among which the person must choose; empty when it is clear enough what is meant."""
    options = alternatives(plan, view)
    if len(options) < 2:
        return ()
    texts = [render_plan(option, indent=0) for option, _ in options]
    kept = calibration.keeps(option_probabilities(model, messages, texts))
    if len(kept) > 1:
        return tuple(options[i][1] for i in kept)
    return ()


def narrowed(
    model: ScoringModel,
    messages: Sequence[Message],
    plan: Plan,
    view: SceneView,
    offers: Sequence[str],
    calibration: Calibration,
) -> tuple[tuple[Plan, str], ...]:
    """Return the plans that a request for one of several things could mean, likeliest first, each with its thing.

    offers: names of the things that fit what was said. One plan: act on it. Several: ask, with exactly those.
    """
    items = [item for name in offers if (item := view.find(name)) is not None][:MOST_OPTIONS]
    options = [(Plan(tuple(with_choice(step, item, items, view) for step in plan.steps)), item.name) for item in items]
    if len(options) < 2 or any(option == plan for option, _ in options):
        return ()
    texts = [render_plan(option, indent=0) for option, _ in options]
    kept = calibration.keeps(option_probabilities(model, messages, texts))
    return tuple(options[i] for i in kept)


def save_calibration(folder: Path, calibration: Calibration) -> None:
    text = json.dumps(
        {
            "threshold": calibration.threshold,
            "epsilon": calibration.epsilon,
            "n": calibration.n,
            "model": calibration.model,
        },
        indent=1,
    )
    (folder / FILE).write_text(text + "\n", encoding="utf-8")


def load_calibration(folder: Path) -> Calibration | None:
    """Return what was calibrated for the model in `folder`; None where nothing was. Raises SpecError for a bad file."""
    file = folder / FILE
    if not file.exists():
        return None
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
        return Calibration(float(read["threshold"]), float(read["epsilon"]), int(read["n"]), str(read["model"]))
    except (ValueError, KeyError, TypeError) as error:
        raise SpecError(f"{file} is no calibration: {error}") from error


def _alike(name: str, view: SceneView) -> tuple[Item, ...]:
    """The things of this one's kind, itself first."""
    item = view.find(name)
    if item is None:
        return ()
    return (item, *(other for other in view.items if other.kind == item.kind and other.name != name))


def _to(step: Place, item: Item) -> Step:
    assert isinstance(step.where, Beside)
    return replace(step, where=Beside(step.where.relation, Named(item.name)))
