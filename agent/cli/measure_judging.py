"""How often "did it work?" is judged right from pictures and the gripper's state, against the simulator's own judge.

Run as `python -m agent.cli.measure_judging --scenes 400 --seed 0`. Episodes end in success, on the way, with what was
held let fall, or with something else done than what was asked for; families take turns, or `--family drawer` alone.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tqdm import tqdm

from agent.cli.scenes import scenes_parser
from agent.errors import SpecError
from agent.evaluation.statistics import wilson
from agent.types import Task
from dialogue.judging import PictureJudge
from dialogue.lessons.moments import Moment, Moments
from dialogue.ports import SuccessJudge
from sim.tasks import FAMILIES, FAMILY_OF_RELATION


@dataclass
class Verdicts:
    """Judgements against the truth: how many successes were told as such, and how many failures wrongly were."""

    successes: int = 0
    told: int = 0
    failures: int = 0
    false: int = 0

    def count(self, said: bool, truth: bool) -> None:
        if truth:
            self.successes, self.told = self.successes + 1, self.told + said
        else:
            self.failures, self.false = self.failures + 1, self.false + said

    @property
    def balanced(self) -> float:
        """The mean of the shares of successes and of failures that are told right."""
        return (self.told / max(self.successes, 1) + 1 - self.false / max(self.failures, 1)) / 2


def main() -> None:
    """Print balanced accuracy and false successes, of all and by family, with Wilson intervals."""
    parser = scenes_parser(__doc__, scenes=400)
    parser.add_argument("--family", action="append", choices=list(FAMILIES), help="only these, may be given again")
    arguments = parser.parse_args()
    families = tuple(arguments.family or FAMILIES)
    verdicts = measure(arguments.policy, scenes=arguments.scenes, seed=arguments.seed, families=families)
    if arguments.json:
        print(json.dumps({name: {**vars(row), "balanced": round(row.balanced, 4)} for name, row in verdicts.items()}))
        return
    for name, row in verdicts.items():
        told, false = wilson(row.told, row.successes), wilson(row.false, row.failures)
        print(
            f"{name:15} balanced {100 * row.balanced:.1f} %  successes told {row.told}/{row.successes} {told.percent()}"
            f"  false success {row.false}/{row.failures} {false.percent()}"
        )


def measure(policy: str, *, scenes: int, seed: int, families: Sequence[str] = tuple(FAMILIES)) -> dict[str, Verdicts]:
    """Return the verdicts by family, and of all together. families: whose scenes are taken, in turn; what is done
    there instead of what was asked for may belong to another."""
    from policies.checkpoint import load_trained
    from policies.looking import Looker

    trained = load_trained(policy)
    judge = PictureJudge(Looker(trained), trained.embodiment.state)
    source = Moments(trained.embodiment.cameras[:1])
    verdicts = {name: Verdicts() for name in (*FAMILIES, "all")}
    for number in tqdm(range(seed, seed + scenes), desc="judge", unit="scene", disable=None):
        try:
            moment = source.make(number, family=families[number % len(families)])
        except SpecError:  # a crowded scene that found no room
            continue
        for family, said, truth in judged(moment, judge):
            for name in (family, "all"):
                verdicts[name].count(said, truth)
    source.close()
    return {name: row for name, row in verdicts.items() if row.successes + row.failures}


def judged(moment: Moment, judge: SuccessJudge) -> list[tuple[str, bool, bool]]:
    """Return family, judgement and truth of what was asked for and, where it is another, of what was done."""
    goals = dict.fromkeys((moment.goal, moment.done))
    return [
        (
            FAMILY_OF_RELATION[goal.relation],
            judge.judge(Task("judged", moment.before.instruction, goal, 1), moment.before, moment.after).success,
            moment.holds(goal),
        )
        for goal in goals
    ]


if __name__ == "__main__":
    main()
