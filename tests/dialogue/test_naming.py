"""Words with the table's names in them: what one thing alone is called is replaced, everything else stays."""

import pytest

from dialogue.lessons.tables import make_item
from dialogue.naming import with_names
from dialogue.view import SceneView

VIEW = SceneView(
    (
        make_item("yellow basket", "basket", "yellow", 0.4, 0.2),
        make_item("red cube", "cube", "red", 0.4, -0.1),
        make_item("blue cube", "cube", "blue", 0.6, 0.1),
        make_item("orange", "orange", "orange", 0.5, 0.0),
        make_item("mug", "mug", "red", 0.5, 0.2),
    )
)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("put the orange in the hamper", "put the orange in the yellow basket"),
        ("put the Coffee Cup next to the basket", "put the mug next to the yellow basket"),
        ("the red mug and the left cube", "the mug and the red cube"),
        ("hold up the cube", "hold up the cube"),
        ("the orange cube goes in the orange basket", "the orange cube goes in the orange basket"),
        ("all the cubes to the left side of the table", "all the cubes to the left side of the table"),
        ("a basket, any basket, my basket", "a basket, any basket, my basket"),
        ("no, the other cube", "no, the other cube"),
        ("put the vegetable in the box", "put the vegetable in the box"),
        ("", ""),
    ],
)
def test_what_one_thing_is_called(said: str, meant: str) -> None:
    assert with_names(said, VIEW) == meant
