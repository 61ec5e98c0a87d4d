"""Plans as text and back: one step a line, blocks closed by `end`, nothing that needs quoting.

    for each vegetable not in basket except carrot      while any cube on table max 5
      place it in basket                                  place any cube in bowl
    end                                                 end
    if drawer is not open                               ask which cube? | red cube | blue cube
      open drawer                                       refuse person | I keep away from your hand
    end                                                 remember my bowl is blue bowl

Structure is lower-case ASCII words. Only what is said or remembered is free text: one line of printable characters.
Indentation means nothing. Every limit below is checked before a tree exists, so text of any kind costs little.
"""

from dialogue.line import Line, Token
from dialogue.plan import (
    Beside,
    Condition,
    ForEach,
    If,
    IsState,
    IsWhere,
    It,
    Plan,
    Step,
    Thing,
    While,
)
from dialogue.words import BLOCKS, MAX_CHARACTERS, MAX_DEPTH, MAX_LINES, VERBS, PlanError
from dialogue.writing import render_plan, render_step

__all__ = ["PlanError", "parse_plan", "render_plan", "render_step"]


def parse_plan(text: str) -> Plan:
    """Read a plan. Raises PlanError, with the position, for anything that is not one."""
    if len(text) > MAX_CHARACTERS:
        raise PlanError(f"a plan has at most {MAX_CHARACTERS} characters, this one has {len(text)}", line=1)
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        raise PlanError(f"a plan has at most {MAX_LINES} lines, this one has {len(lines)}", line=MAX_LINES + 1)
    steps = _Reader(lines).block(0)
    if not steps:
        raise PlanError(f"the plan is empty; a step begins with one of: {', '.join((*VERBS, *BLOCKS))}", line=1)
    return Plan(steps)


class _Reader:
    """Reads lines from the top; `block` is the only recursion, no deeper than MAX_DEPTH."""

    def __init__(self, lines: list[str]) -> None:
        self._lines, self._next = lines, 0
        self._loops = 0

    def block(self, depth: int) -> tuple[Step, ...]:
        """Read steps up to `end` or `else` (left unread), or at depth 0 to the end of the text."""
        steps: list[Step] = []
        while self._next < len(self._lines):
            line = Line(self._lines[self._next], self._next + 1)
            if line.first in ("end", "else"):
                if depth == 0:
                    line.fail(f"`{line.first}` closes nothing")
                break
            self._next += 1
            if line.first:
                steps.append(self._block(line, depth) if line.first in BLOCKS else self._simple(line))
        else:
            if depth:
                raise PlanError("a block is not closed; write `end`", line=len(self._lines))
        return tuple(steps)

    def _block(self, line: "Line", depth: int) -> Step:
        if depth == MAX_DEPTH:
            line.fail(f"blocks are nested more than {MAX_DEPTH} deep")
        match line.first:
            case "for":
                selector = line.for_each()
                self._loops += 1
                body = self._body(line, depth)
                self._loops -= 1
                self._end(("end",))
                return ForEach(selector, body, line.number)
            case "while":
                words, most = line.bounded()
                condition = self._condition(line, words)
                body = self._body(line, depth)
                self._end(("end",))
                return While(condition, most, body, line.number)
            case _:
                condition = self._condition(line, line.rest())
                then, otherwise = self._body(line, depth), tuple[Step, ...]()
                if self._end(("end", "else")) == "else":
                    otherwise = self._body(line, depth)
                    self._end(("end",))
                return If(condition, then, otherwise, line.number)

    def _body(self, line: "Line", depth: int) -> tuple[Step, ...]:
        body = self.block(depth + 1)
        if not body:
            line.fail("the block is empty")
        return body

    def _end(self, allowed: tuple[str, ...]) -> str:
        line = Line(self._lines[self._next], self._next + 1)
        if line.first not in allowed or line.rest():
            line.fail(f"expected only `{'` or `'.join(allowed)}` here")
        self._next += 1
        return line.first

    def _condition(self, line: "Line", words: list[Token]) -> Condition:
        condition = line.condition(words)
        if isinstance(condition, IsState | IsWhere):
            self._check_it(line, condition.thing)
        if isinstance(condition, IsWhere) and isinstance(condition.where, Beside):
            self._check_it(line, condition.where.thing)
        return condition

    def _simple(self, line: "Line") -> Step:
        step = line.step()
        things = [getattr(step, "thing", None), getattr(getattr(step, "where", None), "thing", None)]
        for thing in things:
            self._check_it(line, thing)
        return step

    def _check_it(self, line: "Line", thing: Thing | None) -> None:
        if isinstance(thing, It) and not self._loops:
            line.fail("`it` is the thing of a `for each`, and there is none round this line")
