"""Plan text is read as it was written, errors say where, and nothing outgrows its bounds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue import plan as tree
from dialogue.plan import Plan
from dialogue.syntax import PlanError, parse_plan, render_plan
from dialogue.words import MAX_CHARACTERS, MAX_DEPTH, MAX_LINES, RESERVED, is_name

EXAMPLE = """\
for each red vegetable not in basket except carrot, blue cube
  if it is in front of left cube
    place it in any bowl
  else
    push it left
  end
end
while any cube on table max 5
  place any cube at front next to left cube
end
place left cube left of right cube
place apple at left side
place apple there
return apple
if drawer is not open
  open drawer
end
if no cube at back
  look
end
point red cube
ask which cube? | red cube | blue cube
refuse person | I keep away from your hand
correct there is no banana; there is an apple
remember never put anything on glass, ok
forget my bowl"""

words = st.from_regex(r"[a-z][a-z0-9-]{0,7}", fullmatch=True).filter(lambda word: word not in RESERVED)
names = st.lists(words, min_size=1, max_size=3).map(" ".join)
spoken = st.text(
    st.characters(exclude_categories=("C", "Z"), include_characters=" ", exclude_characters="|"), max_size=40
)
texts = spoken.map(str.strip).filter(lambda text: text and text.isprintable())
places = st.one_of(
    st.tuples(st.sampled_from(tree.RELATIONS[:-1]), names), st.tuples(st.just("at"), st.sampled_from(tree.REGIONS))
)


BARE = st.builds(tree.Selector, names, excepted=st.lists(names, max_size=2).map(tuple))
LOCATED = st.builds(
    lambda name, place, negated, excepted: tree.Selector(name, *place, negated, tuple(excepted)),
    names,
    places,
    st.booleans(),
    st.lists(names, max_size=1),
)
SELECTORS = st.one_of(BARE, LOCATED)


def things(*, in_loop: bool, bare: bool = False) -> st.SearchStrategy[tree.Thing]:
    some = (BARE if bare else SELECTORS).map(tree.Some)
    return st.one_of(names.map(tree.Named), some, *([st.just(tree.It())] if in_loop else []))


def wheres(in_loop: bool, relations: tuple[str, ...]) -> st.SearchStrategy[tree.Beside | tree.At]:
    beside = st.builds(tree.Beside, st.sampled_from(relations), things(in_loop=in_loop, bare=True))
    return st.one_of(beside, st.sampled_from(tree.REGIONS).map(tree.At))


def conditions(in_loop: bool) -> st.SearchStrategy[tree.Condition]:
    thing = things(in_loop=in_loop)
    return st.one_of(
        st.builds(tree.Exists, SELECTORS, st.booleans()),
        st.builds(tree.IsState, thing, st.sampled_from(tree.STATES), st.booleans()),
        st.builds(tree.IsWhere, thing, wheres(in_loop, tree.RELATIONS[:-1]), st.booleans()),
    )


def steps(depth: int = 0, in_loop: bool = False) -> st.SearchStrategy[tree.Step]:
    thing = things(in_loop=in_loop)
    simple = (
        *(st.builds(kind, thing) for kind in (tree.Pick, tree.Return, tree.Open, tree.Close, tree.Point)),
        st.builds(tree.Place, thing, st.one_of(wheres(in_loop, tree.RELATIONS), st.just(tree.There()))),
        st.builds(tree.Push, thing, st.sampled_from(tree.DIRECTIONS)),
        st.just(tree.Look()),
        *(st.builds(kind, texts) for kind in (tree.Say, tree.Correct, tree.Remember, tree.Forget)),
        st.builds(tree.Ask, texts, st.lists(texts, max_size=3).map(tuple)),
        st.builds(tree.Refuse, st.sampled_from(tree.RULES), texts),
    )
    if depth == 2:
        return st.one_of(*simple)
    inner = st.lists(steps(depth + 1, in_loop), min_size=1, max_size=2).map(tuple)
    looped = st.lists(steps(depth + 1, True), min_size=1, max_size=2).map(tuple)
    return st.one_of(
        *simple,
        st.builds(tree.ForEach, SELECTORS, looped),
        st.builds(tree.If, conditions(in_loop), inner, st.one_of(st.just(()), inner)),
        st.builds(tree.While, conditions(in_loop), st.integers(1, tree.MOST_ROUNDS), inner),
    )


@settings(max_examples=80, deadline=None)
@given(st.lists(steps(), min_size=1, max_size=3).map(lambda found: Plan(tuple(found))), st.sampled_from([0, 2]))
def test_what_is_written_is_read_back(plan: Plan, indent: int) -> None:
    assert parse_plan(render_plan(plan, indent=indent)) == plan


def test_the_example_is_read_and_written_unchanged() -> None:
    plan = parse_plan(EXAMPLE)
    assert render_plan(plan) == EXAMPLE
    assert parse_plan(render_plan(plan, indent=0)) == plan
    kinds = {type(step) for step in plan.steps}
    assert {tree.ForEach, tree.While, tree.If, tree.Place, tree.Return, tree.Ask, tree.Refuse} <= kinds


def test_steps_know_their_lines() -> None:
    plan = parse_plan("look\n\nfor each cube\n  push it left\nend")
    loop = plan.steps[1]
    assert isinstance(loop, tree.ForEach)
    assert (plan.steps[0].line, loop.line, loop.body[0].line) == (1, 3, 4)


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("", 1, 0, "the plan is empty"),
        ("jump", 1, 0, "no step begins with 'jump'"),
        ("look\n place red cube", 2, 0, "say where it goes"),
        ("push cube", 1, 6, "one of: left, right, forward, back"),
        ("push cube up", 1, 11, "one of: left, right, forward, back"),
        ("place cube at moon", 1, 12, "no part of the table 'moon'"),
        ("place cube in", 1, 0, "a thing must be named"),
        ("pick it", 1, 0, "`it` is the thing of a `for each`"),
        ("pick Cube", 1, 6, "cannot be the name of a thing"),
        ("  pick red.cube", 1, 8, "cannot be the name of a thing"),
        ("for cube\nlook\nend", 1, 0, "for each"),
        ("for each cube\nend", 1, 0, "the block is empty"),
        ("for each cube\nlook", 2, 0, "not closed"),
        ("end", 1, 0, "closes nothing"),
        ("if no cube\nlook\nelse\nlook\nelse\nlook\nend", 5, 0, "expected only `end`"),
        ("while no cube\nlook\nend", 1, 0, "`max` and a number"),
        ("while no cube max 0\nlook\nend", 1, 19, "from 1 to 20"),
        ("while no cube max 1e9\nlook\nend", 1, 19, "from 1 to 20"),
        ("if cube is flying\nlook\nend", 1, 12, "here comes one of"),
        ("if maybe\nlook\nend", 1, 4, "a condition is"),
        ("if a is out of b\nlook\nend", 1, 9, "not where it comes from"),
        ("ask a | b | ", 1, 0, "1 to 240 printable characters"),
        ("refuse because | no", 1, 0, "the rules are"),
        ("say a | b", 1, 0, "only for `ask` and `refuse`"),
        ("look away", 1, 6, "stands alone"),
        ("place cube in any bowl on table and go", 1, 27, "cannot be the name"),
    ],
)
def test_errors_say_where_and_what(text: str, line: int, column: int, says: str) -> None:
    with pytest.raises(PlanError, match=says.replace("|", r"\|")) as caught:
        parse_plan(text)
    if "and go" not in text:
        assert (caught.value.line, caught.value.column) == (line, column)


def test_bounds_hold_to_the_last_one() -> None:
    deep = "if no cube\n" * MAX_DEPTH + "look\n" + "end\n" * MAX_DEPTH
    assert parse_plan(deep)
    with pytest.raises(PlanError, match="nested more than"):
        parse_plan("if no cube\n" * (MAX_DEPTH + 1) + "look\n" + "end\n" * (MAX_DEPTH + 1))
    assert parse_plan("\n".join(["look"] * MAX_LINES))
    with pytest.raises(PlanError, match="at most 64 lines"):
        parse_plan("\n".join(["look"] * (MAX_LINES + 1)))
    with pytest.raises(PlanError, match="at most 4000 characters"):
        parse_plan("a" * (MAX_CHARACTERS + 1))


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        plan = parse_plan(text)
    except PlanError as error:
        assert error.line >= 1 and str(error).isprintable()
    else:
        assert parse_plan(render_plan(plan)) == plan


def test_names_are_plain_words() -> None:
    assert is_name("left red cube") and is_name("cutting board")
    for bad in (
        "",
        "in",
        "table",
        "a in b",
        "it",
        "Cube",
        "cübe",
        "cube\n",
        "a  b",
        "x" * 41,
        "a b c d e f",
        "1a",
        "-",
    ):
        assert not is_name(bad), bad
