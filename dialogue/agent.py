"""One turn of the conversation: words in, one act out. The model proposes; plan text, verifier and guards decide.

Every answer is one of five acts: a plan for the world, a question, a correction of a false premise, a refusal with its
rule, or plain speech. What the model says is read as plan text or not at all, so it cannot do anything else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from dialogue.answer_grammar import answer_grammar
from dialogue.answers import listed, not_there
from dialogue.asking import Calibration, choose, narrowed
from dialogue.deeds import Trail
from dialogue.hearing import heard, instead_of, missing_things, touches
from dialogue.language_model import LanguageModel, Limits, Message, ModelFault, ReadsAhead, ScoringModel
from dialogue.notes import Notes, compile_notes
from dialogue.plan import Ask, Correct, ForEach, If, Plan, Refuse, Say, Step
from dialogue.problem import Problem
from dialogue.prompt import Said, conversation
from dialogue.syntax import PlanError, parse_plan
from dialogue.verifier import check_plan
from dialogue.view import SceneView
from dialogue.words import MAX_SPOKEN
from dialogue.writing import render_plan

LIMITS = Limits(seconds=20.0, tokens=160)


class Act(StrEnum):
    """What an answer is."""

    ACT = "act"
    ASK = "ask"
    CORRECT = "correct"
    REFUSE = "refuse"
    SAY = "say"


@dataclass(frozen=True)
class Answer:
    """What comes of one turn.

    plan: what the executor is to carry out; for words it only speaks.  text: for the person.  options: of a question.
    rule: of a refusal.  problem: the verifier's reason, where it overruled the model.  proposed: what the model said.
    """

    act: Act
    plan: Plan
    text: str
    options: tuple[str, ...] = ()
    rule: str | None = None
    problem: Problem | None = None
    proposed: str = ""


class Agent:
    """Answers turns; remembers the conversation, and nothing of the table: it is told how things stand each time.

    calibration: decides when to ask between things of a kind; without one the model's own questions are all there are.
    """

    def __init__(
        self, model: LanguageModel, *, calibration: Calibration | None = None, limits: Limits = LIMITS
    ) -> None:
        self._model, self._calibration, self._limits = model, calibration, limits
        self._history: list[Said] = []

    @property
    def history(self) -> tuple[Said, ...]:
        return tuple(self._history)

    def resume(self, history: Sequence[Said]) -> None:
        """Go on with an earlier conversation."""
        self._history = list(history)

    def prepare(self, view: SceneView, *, notes: Sequence[str] = ()) -> None:
        """Let the model read, before words come, all that is known of the turn they begin."""
        if isinstance(self._model, ReadsAhead):
            manual = not self._model.obeys_grammar
            self._model.prepare(conversation("", view, notes=notes, history=self._history, manual=manual)[:-1])

    def answer(self, words: str, view: SceneView, *, notes: Sequence[str] = (), trail: Trail | None = None) -> Answer:
        """Return what to do about these words. notes: what was remembered, as text.  trail: of what was moved before.

        Nothing moves here. Raises ModelFault when the model gives no usable answer; nothing may move then.
        """
        clean, objection = heard(words)
        if objection is not None:
            # Not kept in the history either: the next turn must not be read in its light.
            return _spoken(Say(objection))
        compiled = compile_notes(notes)
        messages = conversation(clean, view, notes=notes, history=self._history, manual=not self._model.obeys_grammar)
        plan, proposed = self._propose(messages, view, notes)
        answer = self._decide(clean, plan, view, compiled, trail, messages)
        # Lines are numbered as the plan is shown, whatever blanks the model wrote between them.
        shown = parse_plan(render_plan(answer.plan, indent=0))
        answer = Answer(answer.act, shown, answer.text, answer.options, answer.rule, answer.problem, proposed)
        self._history.append(Said(clean, render_plan(answer.plan, indent=0)))
        return answer

    def _propose(self, messages: list[Message], view: SceneView, notes: Sequence[str]) -> tuple[Plan, str]:
        """Ask the model for a plan; what no grammar binds gets one more try, with what was wrong."""
        if self._model.obeys_grammar:
            reply = self._model.reply(messages, grammar=answer_grammar(view, notes), limits=self._limits)
            return _read(reply.text, self._model.name), reply.text
        reply = self._model.reply(messages, limits=self._limits)
        try:
            return parse_plan(_bare(reply.text)), reply.text
        except PlanError as error:
            again = [
                *messages,
                Message("assistant", reply.text[:500]),
                Message("user", f"{error}. Answer with a plan."),
            ]
        reply = self._model.reply(again, limits=self._limits)
        return _read(_bare(reply.text), self._model.name), reply.text

    def _decide(
        self, words: str, plan: Plan, view: SceneView, notes: Notes, trail: Trail | None, messages: list[Message]
    ) -> Answer:
        verdict = check_plan(plan, view, notes, trail)
        moving = touches(verdict.deeds) or verdict.problem is not None
        if moving and not _asks_the_table(plan.steps):
            missing = missing_things(words, view, notes)
            if missing:
                return _spoken(Correct(_short(not_there(missing[0], instead_of(missing[0], view)))))
        if verdict.problem is not None:
            chosen = self._chosen(verdict.problem, plan, view, messages)
            if chosen is None:
                return _declined(verdict.problem)
            if len(chosen) > 1:
                names = tuple(name for _, name in chosen)
                return _spoken(Ask(f"which one do you mean, {listed(names)}?", names))
            plan = chosen[0][0]
            verdict = check_plan(plan, view, notes, trail)
            if verdict.problem is not None:
                return _declined(verdict.problem)
            return Answer(Act.ACT, plan, "; ".join(str(deed) for deed in verdict.deeds if not deed.already))
        if moving and self._calibration is not None and isinstance(self._model, ScoringModel):
            names = choose(self._model, messages, plan, view, self._calibration)
            if names:
                return _spoken(Ask(f"which one do you mean, {listed(names)}?", names))
        if touches(verdict.deeds):
            return Answer(Act.ACT, plan, "; ".join(str(deed) for deed in verdict.deeds if not deed.already))
        if verdict.deeds and len(verdict.deeds) == len(verdict.turns):
            return _spoken(Say("it is so already"))
        words_of = [step for step in plan.steps if isinstance(step, Say | Ask | Correct | Refuse)]
        return _spoken(words_of[0]) if len(plan.steps) == 1 and words_of else _quiet(plan, words_of)

    def _chosen(
        self, problem: Problem, plan: Plan, view: SceneView, messages: list[Message]
    ) -> tuple[tuple[Plan, str], ...] | None:
        """What is likely enough to be meant where several things fit; None without a calibration to go by."""
        if problem.kind != "ambiguous" or self._calibration is None or not isinstance(self._model, ScoringModel):
            return None
        return narrowed(self._model, messages, plan, view, problem.offers, self._calibration) or None


def _quiet(plan: Plan, spoken: list[Say | Ask | Correct | Refuse]) -> Answer:
    """A plan that moves nothing: it speaks, looks or remembers."""
    text = " ".join(step.text for step in spoken) or "I will keep that in mind"
    return Answer(Act.SAY, plan, text)


def _spoken(step: Say | Ask | Correct | Refuse) -> Answer:
    act = {Say: Act.SAY, Ask: Act.ASK, Correct: Act.CORRECT, Refuse: Act.REFUSE}[type(step)]
    options = step.options if isinstance(step, Ask) else ()
    rule = step.rule if isinstance(step, Refuse) else None
    return Answer(act, Plan((step,)), step.text, options, rule)


def _declined(problem: Problem) -> Answer:
    """Turn the verifier's reason into words: a refusal names its rule and offers what is possible."""
    offer = f"; I can: {'; '.join(problem.offers)}" if problem.offers and problem.kind != "ambiguous" else ""
    text = _short(problem.sentence + offer)
    if problem.rule is not None:
        answer = _spoken(Refuse(problem.rule, text))
    elif problem.kind == "ambiguous":
        answer = _spoken(Ask(_short(problem.sentence), problem.offers))
    elif problem.kind in ("absent", "type"):
        answer = _spoken(Correct(text))
    else:
        answer = _spoken(Say(text))
    return Answer(answer.act, answer.plan, answer.text, answer.options, answer.rule, problem)


def _asks_the_table(steps: tuple[Step, ...]) -> bool:
    """Whether the plan itself looks if a thing is there; then naming an absent one is no false premise."""
    return any(isinstance(step, If) or (isinstance(step, ForEach) and step.selector.excepted) for step in steps)


def _read(text: str, name: str) -> Plan:
    try:
        return parse_plan(text)
    except PlanError as error:
        raise ModelFault(f"{name} did not answer with a plan ({error})") from error


def _bare(text: str) -> str:
    """What stands inside a code fence, where a model wrote one."""
    lines = [line.strip() for line in text.strip().splitlines()]
    if lines and lines[0].startswith("```"):
        lines = [line for line in lines[1:] if not line.startswith("```")]
    return "\n".join(lines)


def _short(text: str) -> str:
    """What may be said in a plan: one line, not too long, without the bar that separates options."""
    plain = " ".join(text.replace("|", "/").split())
    return plain if len(plain) <= MAX_SPOKEN else plain[: MAX_SPOKEN - 3] + "..."
