"""How often questions about pictures are answered right, from the backbone's regions, against the simulator's truth.

Run as `python -m agent.cli.measure_seeing --scenes 300 --seed 0`. Scenes are moments of episodes: before anything
moved, on the way, after something was dropped, and at the end. Questions are balanced, the absent things nearly there.
What is within reach is asked about further scenes, one a seed, in which one thing stands where the arm does not get to
and another at the edge of where it does.
"""

import json
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from agent.cli.scenes import scenes_parser, share
from agent.errors import SpecError
from dialogue.lessons.far import far_scene
from dialogue.lessons.moments import Moment, Moments
from dialogue.questions import KINDS_OF_QUESTION, Answer, Question, answer, draw_questions
from dialogue.seeing import Eye, Hand, HeldHead, shipped_held_head, things_in


@dataclass
class Tally:
    """Answers of one kind of question. right of asked; for yes and no: true and false positives, false negatives."""

    asked: int = 0
    right: int = 0
    true_yes: int = 0
    false_yes: int = 0
    false_no: int = 0

    def count(self, said: Answer, truth: Answer) -> None:
        self.asked += 1
        self.right += int(said == truth)
        if isinstance(truth, bool):
            self.true_yes += int(bool(said) and truth)
            self.false_yes += int(bool(said) and not truth)
            self.false_no += int(truth and not said)

    @property
    def f1(self) -> float:
        """Of "yes"; for answers that are no yes or no, the share of right ones, which micro-averaged F1 comes to."""
        both = 2 * self.true_yes + self.false_yes + self.false_no
        return 2 * self.true_yes / both if both else self.right / max(self.asked, 1)


Tallies = dict[str, Tally]


def main() -> None:
    """Print F1 and the share of right answers by kind of question, with Wilson intervals."""
    parser = scenes_parser(__doc__, scenes=300)
    parser.add_argument("--state", action="store_true", help="what is held from the gripper's state, not the picture")
    arguments = parser.parse_args()
    tallies = measure(arguments.policy, scenes=arguments.scenes, seed=arguments.seed, state=arguments.state)
    if arguments.json:
        print(json.dumps({name: {**vars(tally), "f1": round(tally.f1, 4)} for name, tally in tallies.items()}))
        return
    for name, tally in tallies.items():
        print(f"{name:12} F1 {tally.f1:.3f}  right {share(tally.right, tally.asked)}")


def measure(policy: str, *, scenes: int, seed: int, state: bool) -> Tallies:
    """Return the tallies by kind of question, and of all together. state: what is held is told by the gripper."""
    from policies.checkpoint import load_trained
    from policies.looking import Looker

    trained = load_trained(policy)
    eye = Looker(trained)
    head = shipped_held_head(eye.space)
    cameras = trained.embodiment.cameras[:1]
    source, further = Moments(cameras), Moments(cameras, restage=far_scene)
    tallies: Tallies = {kind: Tally() for kind in (*KINDS_OF_QUESTION, "all")}
    for number in tqdm(range(seed, seed + scenes), desc="ask", unit="scene", disable=None):
        for make, kinds in ((source.make, KINDS_OF_QUESTION), (further.still, ("reachable",))):
            try:
                moment = make(number)
            except SpecError:  # a crowded scene that found no room
                continue
            rng = np.random.default_rng([number, 6])
            for question, said, truth in asked_of(moment, eye, rng, head=head, state=state):
                for name in (question.kind, "all") if question.kind in kinds else ():
                    tallies[name].count(said, truth)
    source.close()
    further.close()
    return tallies


def asked_of(
    moment: Moment, eye: Eye, rng: np.random.Generator, *, head: HeldHead | None, state: bool
) -> list[tuple[Question, Answer, Answer]]:
    """Return questions about a moment, what is answered, and the truth."""
    look = eye.look(moment.after.images["front"])
    seen = things_in(look, hand=hand_of(moment) if state else None, held_head=head)
    return [(question, answer(question, seen), truth) for question, truth in draw_questions(moment.things(), rng)]


def hand_of(moment: Moment) -> Hand:
    x, y, z = (float(value) for value in moment.state.tool_position)
    return Hand((x, y, z), float(moment.state.gripper_opening))


if __name__ == "__main__":
    main()
