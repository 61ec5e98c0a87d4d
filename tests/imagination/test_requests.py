"""What a person hands in: bad input is one clear sentence."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agent.errors import SpecError
from imagination.requests import Frame, check_instruction, hole_of, read_actions, read_boxes, read_frame
from imagination.stills import ARM, FIRST_THING, SIDE, Still
from sim.objects import Description


def boxes_file(folder: Path, content: object) -> str:
    path = folder / "layout.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


def framed(still: Still) -> Frame:
    return Frame(still.rgb, tuple(Description(thing.kind, thing.colour) for thing in still.things), still.who)


def test_a_layout_is_read(tmp_path: Path) -> None:
    path = boxes_file(tmp_path, {"boxes": [{"thing": "red bowl", "box": [0, 0.1, 0.5, 1]}], "text": "a red bowl"})
    (placed,), text = read_boxes(path)
    assert placed.thing == Description("bowl", "red") and placed.box == (0, 0.1, 0.5, 1) and text == "a red bowl"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ([], "must hold"),
        ({"boxes": []}, "must hold"),
        ({"boxes": [{"thing": "red bowl", "box": [0, 0, 1.2, 1]}]}, "outside the frame"),
        ({"boxes": [{"thing": "red bowl", "box": [0.5, 0, 0.5, 1]}]}, "outside the frame or empty"),
        ({"boxes": [{"thing": "red bowl", "box": [0, 0, 1]}]}, "four numbers"),
        ({"boxes": [{"thing": "unicorn", "box": [0, 0, 1, 1]}]}, "no object 'unicorn'"),
        ({"boxes": [{"box": [0, 0, 1, 1]}]}, "must say"),
        ({"boxes": [{"thing": "bowl", "box": [0, 0, 1, 1]}], "text": 3}, "text must be words"),
    ],
)
def test_bad_layouts_are_refused(tmp_path: Path, content: object, complaint: str) -> None:
    with pytest.raises(SpecError, match=complaint):
        read_boxes(boxes_file(tmp_path, content))


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    broken = tmp_path / "x.png"
    broken.write_bytes(b"not a picture")
    for call, complaint in (
        (lambda: read_frame(str(broken)), "not a picture that can be read"),
        (lambda: read_frame(str(tmp_path / "none.png")), "there is no picture"),
        (lambda: read_frame("scene:seven"), "is no frame"),
        (lambda: read_boxes(str(broken)), "not JSON"),
        (lambda: read_boxes(str(tmp_path / "none.json")), "cannot read"),
        (lambda: read_actions(str(tmp_path / "none.npy"), 8), "cannot read"),
        (lambda: read_actions(str(broken), 8), "no rows of numbers"),
    ):
        with pytest.raises(SpecError, match=complaint):
            call()


def test_a_picture_of_any_shape_is_cut_to_a_square_and_enlarging_is_undone(
    tmp_path: Path, stills: tuple[Still, ...]
) -> None:
    Image.fromarray(stills[0].rgb).resize((4 * SIDE, 4 * SIDE), Image.Resampling.NEAREST).save(tmp_path / "large.png")
    assert np.array_equal(read_frame(str(tmp_path / "large.png")).rgb, stills[0].rgb)
    Image.new("L", (100, 37)).save(tmp_path / "flat.png")
    assert read_frame(str(tmp_path / "flat.png")).rgb.shape == (SIDE, SIDE, 3)


def test_actions_are_checked_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([[0, 0, 0, 0, 0, 0, 1]] * 8), encoding="utf-8")
    assert read_actions(str(path), 8).shape == (8, 7)
    path.write_text(json.dumps([[0, 0, 0, 0, 0, 0, 1]] * 7), encoding="utf-8")
    with pytest.raises(SpecError, match="8 rows"):
        read_actions(str(path), 8)
    path.write_text(json.dumps([[9, 0, 0, 0, 0, 0, 1]] * 8), encoding="utf-8")
    with pytest.raises(SpecError, match="row 1"):
        read_actions(str(path), 8)


def test_an_instruction_about_nothing_in_the_frame_is_refused(stills: tuple[Still, ...]) -> None:
    frame = framed(stills[0])
    shown = frame.things or ()
    check_instruction(f"lift the {shown[0].name}", frame)
    absent = next(kind for kind in ("duck", "banana", "egg") if all(kind != thing.kind for thing in shown))
    for text, complaint in (
        (f"lift the {absent}", f"shows no {absent}.*it shows: "),
        ("do something", "names nothing"),
        ("  ", "empty"),
    ):
        with pytest.raises(SpecError, match=complaint):
            check_instruction(text, frame)


def test_what_is_kept_is_outside_the_hole(stills: tuple[Still, ...]) -> None:
    frame = framed(stills[0])
    assert frame.who is not None and frame.things is not None
    hole = hole_of(frame, ["robot", "objects"])
    assert not hole[(frame.who == ARM) | (frame.who >= FIRST_THING)].any() and hole.mean() > 0.3
    one = hole_of(frame, [frame.things[0].name])
    assert not one[frame.who == FIRST_THING].any() and one[frame.who == ARM].any()
    absent = next(kind for kind in ("duck", "banana", "egg") if all(kind != thing.kind for thing in frame.things))
    with pytest.raises(SpecError, match=f"no thing to keep '{absent}'"):
        hole_of(frame, [absent])
    with pytest.raises(SpecError, match="no trained judge"):
        hole_of(Frame(frame.rgb, None, None), ["robot"])
