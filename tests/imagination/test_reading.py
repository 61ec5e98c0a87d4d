"""The judge: what it reads unasked, and where it says that a thing is when it is asked for it."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from imagination.captions import PlacedBox
from imagination.judge import Found, Reading, load_judge, place_of
from imagination.reading import closeness, find
from imagination.stills import Still
from sim.objects import Description
from tests.imagination.conftest import Faultless, truly_seen


def test_the_judge_reads_patches_as_things(judge_folder: Path, stills: tuple[Still, ...]) -> None:
    judge = load_judge(judge_folder)
    for thing in Reading(judge, stills[0].rgb).things:
        assert 0 <= thing.box[0] < thing.box[2] <= 1 and thing.mask.any()


def test_the_shipped_judge_finds_what_is_there_and_nothing_else(stills: tuple[Still, ...]) -> None:
    there, absent, off = [], [], []
    for still in stills:
        seen = Reading(load_judge(), still.rgb)
        for thing in still.things:
            if thing.box is None:
                continue
            found = [one for one in seen.where(Description(thing.kind, thing.colour)) if one.sure]
            there.append(bool(found))
            off += [min(np.hypot(*np.subtract(one.xy, thing.xy)) for one in found)] if found else []
        kinds = {thing.kind for thing in still.things}
        absent += [
            any(one.sure for one in seen.where(Description(kind)))
            for kind in ("carrot", "bowl", "duck")
            if kind not in kinds
        ]
    assert len(there) > 80 and np.mean(there) > 0.95 and np.mean(absent) < 0.1
    assert np.median(off) < 0.02, "metres"


def test_of_several_places_the_likeliest_is_meant_and_near_ones_only_if_about_as_likely() -> None:
    near, far, weak = (_patch(column, evidence) for column, evidence in ((2, 6.0), (30, 10.0), (50, 1.0)))
    seen = Faultless([far, near, weak])
    cube = Description("cube")
    assert find(cube, seen) is far and find(cube, seen, near=near.xy) is near
    assert find(cube, seen, near=weak.xy) is not weak
    assert find(cube, seen, beside=far) is near
    assert find(Description("cube", None, "left"), seen) is near
    assert find(Description("cube", None, "right"), seen) is far
    assert find(Description("bowl"), seen) is None


def test_a_picture_is_close_to_what_is_asked_by_place_kind_and_colour(stills: tuple[Still, ...]) -> None:
    for still in stills[::6]:
        asked = [PlacedBox(Description(thing.kind, thing.colour), thing.box) for thing in still.things if thing.box]
        seen, boxes = truly_seen(still), [placed.box for placed in asked]
        assert closeness(asked, seen) == 1
        moved = [PlacedBox(placed.thing, box) for placed, box in zip(asked, boxes[1:] + boxes[:1], strict=True)]
        assert closeness(moved, seen) < 0.5
        other = Faultless([replace(found, kind="spatula") for found in seen.things])
        assert closeness(asked, other) == 0 == closeness(asked, Faultless([]))
    assert closeness([], Faultless([])) == 0


def _patch(column: int, evidence: float) -> Found:
    mask = np.zeros((64, 64), dtype=bool)
    mask[40:44, column : column + 4] = True
    return Found("cube", "red", mask, (0.0, 0.0, 1.0, 1.0), place_of(mask), evidence)
