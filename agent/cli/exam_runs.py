"""The examinations of `aubergine exam`: lessons, when to ask, and hazards in the simulated world."""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from agent.cli.talk import Setup, open_model, open_talk
from agent.errors import SpecError
from agent.types import FloatArray
from dialogue.agent import Act, Agent
from dialogue.asking import calibrate, load_calibration, option_probabilities, save_calibration, simple_set, tally
from dialogue.hazards import HazardWatch
from dialogue.language_model import LanguageModel, ScoringModel
from dialogue.lessons.dilemmas import KINDS, draw_dilemma
from dialogue.lessons.draw import draw_lesson
from dialogue.lessons.exam import Answered, examine, figures
from dialogue.lessons.hazard_cases import Case, PressWatch, Trial, count, load_cases
from dialogue.lessons.lesson import Split
from dialogue.tabletop import speeds_of, view_of
from dialogue.view import SceneView
from sim.goals import is_true

EPSILONS = (0.25, 0.15, 0.05)
CALIBRATION_SEED = 500_000
Ticker = Callable[[str], None]


def chat_exam(
    model: LanguageModel,
    *,
    requests: int,
    seed: int,
    split: Split,
    constrained: bool,
    only: tuple[str, ...],
    tick: Ticker,
) -> dict[str, object]:
    """Return the four figures, and every answer, on lessons of `requests` seeds from `seed` on."""
    rows: list[dict[str, object]] = []

    def note(one: Answered) -> None:
        verdict = one.verdict
        rows.append(
            {
                "kind": one.lesson.kind,
                "words": one.lesson.words,
                "target": one.lesson.answer,
                "answer": one.answer,
                "seconds": round(one.seconds, 3),
                "passes": one.passes,
                **asdict(verdict),
            }
        )
        tick("right" if verdict.right else "wrong")

    lessons = (draw_lesson(one, split=split, only=only) for one in range(seed, seed + requests))
    answered = examine(model, lessons, constrained=constrained, report=note)
    return {"model": model.name, "constrained": constrained, **asdict(figures(answered)), "answers": rows}


def asking_exam(
    model: LanguageModel, *, dilemmas: int, seed: int, tick: Ticker, save: Path | None = None
) -> dict[str, object]:
    """Calibrate on `dilemmas` development seeds of each kind, then measure on as many from `seed` on.

    save: a folder that gets the calibration for epsilon = .15. Raises SpecError for a model that scores nothing.
    """
    if not isinstance(model, ScoringModel):
        raise SpecError(
            f"{model.name} does not say how likely an answer is; when to ask is calibrated for local models"
        )
    scored = {}
    for name, first in (("calibration", CALIBRATION_SEED), ("test", seed)):
        rows = []
        for kind in KINDS:
            for number in range(first, first + dilemmas):
                dilemma = draw_dilemma(number, kind)
                rows.append((option_probabilities(model, dilemma.messages(), dilemma.options), dilemma.answer))
                tick(kind)
        scored[name] = rows
    table = []
    test = [p for p, _ in scored["test"]]
    answers = [a for _, a in scored["test"]]
    for epsilon in EPSILONS:
        calibration = calibrate([float(p[a]) for p, a in scored["calibration"]], epsilon, model=model.name)
        ours = tally([calibration.keeps(p) for p in test], answers)
        simple = tally([simple_set(p, 1 - epsilon) for p in test], answers)
        table.append(
            {
                "epsilon": epsilon,
                "threshold": calibration.threshold,
                "calibrated": asdict(ours),
                "simple": asdict(simple),
                "simple_at_equal_success": _at_equal_success(test, answers, ours.success),
            }
        )
        if epsilon == 0.15 and save is not None:
            save_calibration(save, calibration)
    return {"model": model.name, "n": len(answers), "table": table}


def _at_equal_success(scores: list[FloatArray], answers: list[int], success: float) -> dict[str, float]:
    """The uncalibrated set with the fewest questions that holds the answer at least as often."""
    found = [tally([simple_set(p, level) for p in scores], answers) for level in np.linspace(0.05, 1.0, 96)]
    enough = [one for one in found if one.success >= success] or found[-1:]
    return asdict(min(enough, key=lambda one: one.asked))


def hazard_exam(
    llm: str | None, adapter: str | None, *, cases: Iterable[Case], policy: str, rehearse: bool, tick: Ticker
) -> dict[str, object]:
    """Say every case to the robot in a fresh simulated world; harm is what the watches see, never what is said."""
    model, folder = open_model(llm, adapter)
    calibration = load_calibration(folder) if folder else None
    trials = []
    for case in cases:
        trial = hazard_trial(Agent(model, calibration=calibration), case, policy=policy, rehearse=rehearse)
        trials.append(trial)
        tick("harm" if trial.harm else "refused" if trial.refused else "done" if trial.completed else "no harm")
    rows = [
        {"case": t.case.name, "harm": t.harm, "refused": t.refused, "completed": t.completed, "said": t.said}
        for t in trials
    ]
    return {"model": model.name, "rehearsal": rehearse, **asdict(count(trials)), "trials": rows}


def hazard_trial(agent: Agent, case: Case, *, policy: str, rehearse: bool) -> Trial:
    """Play one case. The watches look at every control step of every turn."""
    setup = Setup(case.things, policy, case.seed, zones=(case.zone,), rehearse=rehearse)
    talk = open_talk(agent, setup)
    try:
        world = talk.world

        def eyes() -> SceneView:
            return view_of(world, (case.zone,))

        watches = HazardWatch(eyes, lambda: speeds_of(world)), PressWatch(eyes, world.presses)
        talk.watches.add(*watches)
        turns = [talk.conversation.turn(words) for words in case.turns]
        last = turns[-1]
        problem = next((watch.problem for watch in watches if watch.problem is not None), None)
        refused = last.answer is not None and last.answer.act is Act.REFUSE
        if last.report is not None and last.report.problem is not None and last.report.problem.rule is not None:
            refused = True
        done = case.goal is not None and is_true(case.goal, world.scene, world.state(), start=world.start_state())
        return Trial(case, problem.sentence if problem else None, refused, done, last.text)
    finally:
        talk.close()


def chosen_cases(number: int | None, *, harmful: bool | None = None) -> tuple[Case, ...]:
    """Return the first `number` pairs' cases (None: all), the harmful ones or the twins alone when asked."""
    cases = [case for case in load_cases() if harmful is None or case.harmful is harmful]
    return tuple(cases if number is None else cases[:: max(1, len(cases) // number)][:number])
