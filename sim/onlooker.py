"""Tells what is true of the table now: where everything is, and what could be asked of it and what that would mean."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from agent.notes import ABSENT, MOST_ENTITIES, NONE, RELATIONS, UNNAMED, SceneNote
from agent.types import FloatArray, Goal
from sim.casting import BASES, STACKABLE, fits
from sim.curio_words import ODD_COLOURS, ODD_NOUNS
from sim.curios import Curio, is_odd
from sim.draws import pick
from sim.expert import ScriptedExpert
from sim.grammar import called, nouns_of, phrase, plural
from sim.naming import descriptions_for
from sim.objects import (
    COLOURS,
    KINDS,
    Description,
    ObjectKind,
    ReceptacleKind,
    is_held_out,
    pair_is_held_out,
)
from sim.practice import every_noun, jumbled, named, practised, sort_of
from sim.scene import Entity, Scene
from sim.tasks import DIRECTIONS, REGIONS, SIDES
from sim.world import TabletopWorld

_Draw = Callable[[Scene, np.random.Generator], Goal | None]
KIND_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}
COLOUR_NUMBERS = {colour: number for number, colour in enumerate(COLOURS)}
ABSENT_SHARE = 0.25
"""How often a question names something that is not there."""
HARD_SHARE = 0.5
"""How often what is not there is a thing of the scene in another colour."""
PAIR_SHARE = 0.4
"""How often one of two of a kind is called the left one, or the one on the left, after both were spoken of."""
ODD_SHARE = 0.2
"""How often its noun or its colour is one that no catalogue has."""
PRACTICE_SHARE = 0.6
"""How often a question is asked, and its things are named, in words that only training hears."""
SORT_SHARE = 0.1
"""How often the one fruit of a scene is called the fruit."""
JUMBLED_SHARE = 0.04
"""How often the words come in an order that says nothing, so that nothing is meant."""
ODD_FIRST = 0.3
"""How often it is an oddity that is asked about where there is one."""
_MISSING = {"put": 0.5, "stack": 0.4, "beside": 0.4}
"""How often it is the target that is not there, where a question has one."""


@dataclass(frozen=True)
class _Stranger:
    """Something that is not there: the words for it, and its kind."""

    words: str
    kind: str


@dataclass(frozen=True)
class Question:
    """An instruction about a scene and the goal it means.

    missing: "subject" or "target" where the words name another thing there, one that the scene lacks; "" when not.
    """

    text: str
    goal: Goal
    missing: str = ""


class Onlooker:
    """Draws questions when an episode begins and tells, at any moment, what they mean."""

    def __init__(self, world: TabletopWorld, expert: ScriptedExpert, *, pool: int = 10, rewords: bool = False) -> None:
        """pool: questions drawn for an episode, besides its own instruction.  rewords: whether that one, too, is put in
        the words that only training hears; without, it is noted as it was said, unless it is about an oddity."""
        self._world, self._expert, self._size, self._rewords = world, expert, pool, rewords
        self.drawn: list[Question] = []
        """The questions of the present episode."""
        self.own = ""
        """The instruction that is acted on, in words that mean one thing."""

    def begin(self, rng: np.random.Generator) -> None:
        """Draw the questions of the episode that has just been reset."""
        drawn = [self._draw(rng) for _ in range(self._size)]
        self.drawn = [question for question in drawn if question is not None]
        self.own = self._own(rng)

    def note(self, rng: np.random.Generator, count: int) -> SceneNote:
        """Return what is true now, with the task's own instruction and up to `count` of the episode's questions."""
        task = self._world.task
        chosen = [] if task.goal is None else [Question(self.own, task.goal)]
        order = rng.permutation(len(self.drawn))[:count]
        chosen += [self.drawn[number] for number in order]
        return SceneNote(
            entities=self._entities(),
            instructions=tuple(question.text for question in chosen),
            questions=np.array([self._meaning(question) for question in chosen], np.float32).reshape(len(chosen), -1),
        )

    def _entities(self) -> FloatArray:
        state, rows = self._world.state(), []
        for entity in self._world.scene.entities[:MOST_ENTITIES]:
            now = state.entities[entity.name]
            middle = (now.low + now.high) / 2
            grasp = [np.nan] * 4
            if entity.graspable:
                pose = self._expert.grasp(entity.name, state)
                grasp = [*pose.position, pose.yaw]
            number = COLOUR_NUMBERS.get(entity.colour, UNNAMED)
            kind = KIND_NUMBERS.get(entity.kind.name, UNNAMED)
            rows.append([kind, number, entity.graspable, now.held, *middle, now.high[2], *grasp])
        return np.array(rows, dtype=np.float32)

    def _meaning(self, question: Question) -> list[float]:
        names = [entity.name for entity in self._world.scene.entities]
        goal = question.goal
        if question.missing == "subject":
            return [RELATIONS.index(goal.relation), ABSENT, NONE, *[np.nan] * 7]
        subject = names.index(goal.subject)
        if goal.relation == "point":
            return [RELATIONS.index("point"), subject, NONE, *[np.nan] * 7]
        if question.missing == "target":
            return [RELATIONS.index(goal.relation), subject, ABSENT, *[np.nan] * 7]
        target = names.index(goal.target) if goal.target in names else NONE
        start, end = np.split(self._expert.aims_for(goal), 2)
        yaw = self._expert.start_yaw_for(goal)
        return [RELATIONS.index(goal.relation), subject, target, *start, yaw, *end]

    def _draw(self, rng: np.random.Generator) -> Question | None:
        """Draw one question; None where the scene has nothing for what was drawn, or training must not see it."""
        kinds = list(_DRAWN)
        weights = np.array([weight for weight, _ in _DRAWN.values()])
        kind = kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))]
        scene, draw = self._world.scene, _DRAWN[kind][1]
        goal = draw(scene, rng)
        if rng.random() < ODD_FIRST and any(is_odd(entity) for entity in scene.entities):
            others = [draw(scene, rng) for _ in range(6)]
            goal = next((other for other in others if other and is_odd(scene[other.subject])), goal)
        return None if goal is None else self._asked(goal, kind, rng)

    def _asked(self, goal: Goal, kind: str, rng: np.random.Generator) -> Question | None:
        """Put a goal into words, or into words about something that is not there."""
        scene, missing = self._world.scene, ""
        if rng.random() < ABSENT_SHARE:
            missing = "target" if rng.random() < _MISSING.get(kind, 0.0) else "subject"
        words, kinds = {}, {}
        for part, name in (("subject", goal.subject), ("target", goal.target)):
            entity = scene.find(name) if name else None
            if name is None or entity is None:
                continue
            stranger = self._stranger(entity, rng) if part == missing else None
            said = stranger.words if stranger else self._said(entity, rng)
            if said is None or (part == missing and stranger is None):
                return None
            words[name], kinds[part] = said, stranger.kind if stranger else entity.kind.name
        opening = ""
        if not missing and rng.random() < PAIR_SHARE and (pair := self._of_two(scene[goal.subject], rng)):
            opening, words[goal.subject] = pair
        if kind == "put" and pair_is_held_out(Description(kinds["subject"]), Description(kinds["target"])):
            return None
        text = self._worded(goal, words, rng)
        if not missing and rng.random() < JUMBLED_SHARE and (mixed := jumbled(text, rng)):
            return Question(mixed, goal, "subject")
        return Question(opening + text[0].lower() + text[1:] if opening else text, goal, missing)

    def _said(self, entity: Entity, rng: np.random.Generator) -> str | None:
        """Words that mean this entity and nothing else there; None where there are none."""
        if isinstance(entity.kind, Curio):
            return f"the {entity.kind.name}"
        options = descriptions_for(entity, self._world.scene)
        if options and rng.random() < SORT_SHARE and (sort := sort_of(entity, self._world.scene, rng)):
            return sort
        nouns = nouns_of(entity.kind.name, self._there())[0]
        return _described(pick(options, rng), rng, nouns) if options else None

    def _of_two(self, entity: Entity, rng: np.random.Generator) -> tuple[str, str] | None:
        """An opening and words for one of just two of a kind, "there are two cubes, " and "the left one"."""
        scene, kind = self._world.scene, entity.kind.name
        placed = [d for d in descriptions_for(entity, scene) if d.position and not d.colour]
        if not placed or sum(other.kind.name == kind for other in scene.entities) != 2:
            return None
        noun = plural(pick(nouns_of(kind, self._there())[0], rng))
        opening = pick((f"there are two {noun}, ", f"there are two {noun}; ", f"I see two {noun}, ", ""), rng)
        one = called(Description(kind, None, pick(placed, rng).position), rng, ("one",))
        return (opening, one) if opening else (opening, f"{one} of the two {noun}")

    def _there(self) -> frozenset[str]:
        """The kinds that stand in the scene, which decide what a noun can mean."""
        return frozenset(entity.kind.name for entity in self._world.scene.entities)

    def _worded(self, goal: Goal, words: dict[str, str], rng: np.random.Generator) -> str:
        if goal.relation != "point":
            wide = rng.random() < PRACTICE_SHARE
            return practised(goal, rng, words) if wide else phrase(goal, rng, split="seen", words=words)
        said = words[goal.subject]
        return said if rng.random() < 0.7 else said.removeprefix("the ")

    def _own(self, rng: np.random.Generator) -> str:
        """The words of the task that is acted on, or others that mean it; always others where it is about an oddity."""
        task, scene = self._world.task, self._world.scene
        goal = task.goal
        found = [scene.find(name) for name in (goal.subject, goal.target) if name] if goal else []
        meant = [entity for entity in found if entity]
        words = {entity.name: said for entity in meant if (said := self._said(entity, rng))}
        odd = any(is_odd(entity) for entity in meant)
        if goal is None or len(words) < len(meant) or not (odd or (self._rewords and rng.random() < PRACTICE_SHARE)):
            return task.instruction
        return self._worded(goal, words, rng)

    def _stranger(self, instead: Entity, rng: np.random.Generator) -> "_Stranger | None":
        """Return something of the same sort that no word for it could mean a thing of the scene."""
        scene = self._world.scene
        kind = instead.kind
        there = self._there()
        if not isinstance(kind, Curio) and rng.random() < HARD_SHARE:
            worn = {entity.colour for entity in scene.entities if entity.kind.name == kind.name}
            free = [c for c in kind.colours if c not in worn and not is_held_out(Description(kind.name, c))]
            if len(kind.colours) > 1 and rng.random() < ODD_SHARE:
                free = [colour for colour in ODD_COLOURS if colour not in worn]
            if free:
                description = Description(kind.name, pick(free, rng))
                return _Stranger(_described(description, rng, nouns_of(kind.name, there)[0]), kind.name)
        if (
            instead.graspable
            and rng.random() < ODD_SHARE
            and not any(isinstance(e.kind, Curio) for e in scene.entities)
        ):
            noun = pick(ODD_NOUNS, rng)
            return _Stranger(f"the {noun}", noun)
        taken = {word for name in there for group in (*nouns_of(name, there), every_noun(name)) for word in group}
        pool = [
            name
            for name, other in KINDS.items()
            if not other.held_out
            and _support(other) == _support(kind)
            and name != "drawer"
            and not taken & {word for group in (nouns_of(name)[1], every_noun(name)) for word in group}
        ]
        if not pool:
            return None
        name = pick(pool, rng)
        colours = [c for c in KINDS[name].colours if not is_held_out(Description(name, c))]
        colour = pick(colours, rng) if len(colours) > 1 and rng.random() < 0.4 else None
        return _Stranger(_described(Description(name, colour), rng, nouns_of(name)[0]), name)


def _described(described: Description, rng: np.random.Generator, nouns: tuple[str, ...]) -> str:
    """Words for an entity by one of these nouns, or as only training hears them."""
    return (named if rng.random() < PRACTICE_SHARE else called)(described, rng, nouns)


def _support(kind: ObjectKind | ReceptacleKind) -> str | None:
    """How things are put to it: "in", "on", or None where nothing is."""
    return kind.support if isinstance(kind, ReceptacleKind) else None


def _movable(scene: Scene) -> list[Entity]:
    return [entity for entity in scene.entities if entity.graspable]


def _furniture(scene: Scene) -> list[Entity]:
    return [entity for entity in scene.entities if not entity.graspable]


def _point(scene: Scene, rng: np.random.Generator) -> Goal:
    return Goal("point", pick(scene.entities, rng).name)


def _put(scene: Scene, rng: np.random.Generator) -> Goal | None:
    furniture = _furniture(scene)
    if not furniture:
        return None
    target = pick(furniture, rng)
    assert isinstance(target.kind, ReceptacleKind)
    able = [
        entity
        for entity in _movable(scene)
        if isinstance(entity.kind, Curio) or fits(entity.kind.name, target.kind.name)
    ]
    return Goal(target.kind.support, pick(able, rng).name, target.name) if able else None


def _stack(scene: Scene, rng: np.random.Generator) -> Goal | None:
    bases = [entity for entity in scene.entities if entity.kind.name in BASES]
    base = pick(bases, rng) if bases else None
    tops = [entity for entity in scene.entities if entity.kind.name in STACKABLE and entity is not base]
    return Goal("stack", pick(tops, rng).name, base.name) if base and tops else None


def _beside(scene: Scene, rng: np.random.Generator) -> Goal | None:
    movable = _movable(scene)
    if not movable:
        return None
    subject = pick(movable, rng)
    landmarks = [entity for entity in scene.entities if entity is not subject and entity.kind.name != "drawer"]
    return Goal(pick(SIDES, rng), subject.name, pick(landmarks, rng).name) if landmarks else None


def _alone(relation: str, targets: Sequence[str | None]) -> _Draw:
    """A goal without a second thing."""

    def draw(scene: Scene, rng: np.random.Generator) -> Goal | None:
        movable = _movable(scene)
        return Goal(relation, pick(movable, rng).name, pick(targets, rng)) if movable else None

    return draw


def _drawer(scene: Scene, rng: np.random.Generator) -> Goal | None:
    drawers = [entity for entity in _furniture(scene) if entity.kind.name == "drawer"]
    return Goal(pick(("open", "close"), rng), drawers[0].name) if drawers else None


_DRAWN: dict[str, tuple[float, _Draw]] = {
    "point": (0.14, _point),
    "put": (0.32, _put),
    "stack": (0.09, _stack),
    "beside": (0.12, _beside),
    "push": (0.08, _alone("push", DIRECTIONS)),
    "lift": (0.09, _alone("lift", (None,))),
    "move to": (0.08, _alone("move to", tuple(REGIONS))),
    "drawer": (0.08, _drawer),
}
"""What is asked: how often, and how a goal of that sort is drawn."""
