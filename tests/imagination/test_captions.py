"""Captions: what is written is read back, is true of the picture, and bad ones are refused in one sentence."""

import numpy as np
import pytest

from agent.errors import SpecError
from imagination.captions import Caption, draw_caption, is_beside, read_caption, true_relations, write_caption
from imagination.stills import Still
from sim.objects import Description


def test_what_is_written_is_read_back_and_true(stills: tuple[Still, ...]) -> None:
    rng = np.random.default_rng(0)
    related = 0
    for still in stills:
        for _ in range(4):
            caption = draw_caption(still.things, rng)
            assert read_caption(write_caption(caption, rng)) == caption
            for subject, relation, target in caption.relations:
                related += 1
                pairs = [
                    (a, b)
                    for a, one in enumerate(still.things)
                    for b, other in enumerate(still.things)
                    if _is(caption.things[subject], one.kind, one.colour)
                    and _is(caption.things[target], other.kind, other.colour)
                ]
                assert any(relation in true_relations(still.things, a, b) for a, b in pairs if a != b)
    assert related > 20


def test_a_sentence_with_two_relations_is_read() -> None:
    caption = read_caption("An aubergine is in the bowl, and a red cube stands to the left of the bowl")
    assert caption == Caption(
        (Description("eggplant"), Description("bowl"), Description("cube", "red")), ((0, "in", 1), (2, "left of", 1))
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "the text is empty"),
        ("a unicorn on a plate", "no object 'unicorn'"),
        ("a carrot left of a unicorn", "no object 'unicorn'"),
        ("a blue carrot", "no carrot in colour 'blue'"),
        ("hello there", "names nothing that can be imagined"),
    ],
)
def test_bad_captions_are_refused(text: str, complaint: str) -> None:
    with pytest.raises(SpecError, match=complaint):
        read_caption(text)


def test_beside_is_more_along_than_across() -> None:
    here = np.array([0.5, 0.0])
    assert is_beside("left of", here - np.array([0, 0.1]), here)
    assert not is_beside("left of", here + np.array([0, 0.1]), here)
    assert not is_beside("left of", here + np.array([0.2, -0.1]), here)


def _is(description: Description, kind: str, colour: str) -> bool:
    return description.kind == kind and description.colour in (None, colour)
