"""Examines a language model on lessons: four figures, each judged by what the answers would do."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from dialogue.answer_grammar import answer_grammar
from dialogue.language_model import LanguageModel, Limits, ModelFault
from dialogue.lessons.judge import Verdict, judge
from dialogue.lessons.lesson import Lesson

LIMITS = Limits(seconds=60.0, tokens=160)


@dataclass(frozen=True)
class Answered:
    """One lesson and what became of it. seconds: of the answer.  passes: of the network."""

    lesson: Lesson
    answer: str
    verdict: Verdict
    seconds: float
    passes: int


@dataclass(frozen=True)
class Figures:
    """Counts over n requests. p95: seconds within which 95 % of the answers came."""

    n: int
    valid: int
    right: int
    executable: int
    valid_but_wrong: int
    median: float
    p95: float
    by_kind: dict[str, tuple[int, int]]


def examine(
    model: LanguageModel,
    lessons: Iterable[Lesson],
    *,
    constrained: bool,
    report: Callable[[Answered], None] = lambda answered: None,
) -> list[Answered]:
    """Let the model answer every lesson; a fault of the model is an answer that is not valid.

    constrained: with the grammar of the lesson's table.
    """
    answered: list[Answered] = []
    for lesson in lessons:
        grammar = answer_grammar(lesson.view, lesson.notes) if constrained else None
        manual = not model.obeys_grammar
        try:
            reply = model.reply(lesson.messages(manual=manual), grammar=grammar, limits=LIMITS)
        except ModelFault as fault:
            one = Answered(lesson, f"({fault})", Verdict(False, False, False), LIMITS.seconds, 0)
        else:
            verdict = judge(reply.text, lesson.plan, lesson.view, lesson.notes, lesson.trail)
            one = Answered(lesson, reply.text, verdict, reply.seconds, reply.passes)
        answered.append(one)
        report(one)
    return answered


def figures(answered: Sequence[Answered]) -> Figures:
    """Count. Raises ValueError for no answers at all."""
    if not answered:
        raise ValueError("no answers to count")
    verdicts = [one.verdict for one in answered]
    seconds = sorted(one.seconds for one in answered)
    asked, right = Counter[str](), Counter[str]()
    for one in answered:
        asked[one.lesson.kind] += 1
        right[one.lesson.kind] += one.verdict.right
    return Figures(
        n=len(verdicts),
        valid=sum(v.valid for v in verdicts),
        right=sum(v.right for v in verdicts),
        executable=sum(v.executable for v in verdicts),
        valid_but_wrong=sum(v.valid_but_wrong for v in verdicts),
        median=seconds[len(seconds) // 2],
        p95=seconds[min(len(seconds) - 1, int(0.95 * len(seconds)))],
        by_kind={kind: (right[kind], asked[kind]) for kind in sorted(asked)},
    )
