"""Stills and clips: what is true of them, and a store that a kill does not spoil."""

from pathlib import Path

import numpy as np
import pytest
import torch

from agent.errors import SpecError
from imagination.captions import draw_caption, write_caption
from imagination.collecting import clip_shard, still_shard, things_of
from imagination.figures import clips_from
from imagination.pairs import pair_shard, play_pairs
from imagination.parts import labels
from imagination.reading import box_overlap
from imagination.stills import ARM, FIRST_THING, LEAST_PIXELS, TABLE, Still, box_of, draw_stills, small_world
from imagination.store import Shard, collect_shards, read_shard, read_shards, shard_path, write_shard
from imagination.vocabulary import CLASSES, GROUND
from sim.camera import FRONT
from sim.expert import ScriptedExpert


def test_the_masks_are_where_the_camera_projects_the_things(stills: tuple[Still, ...]) -> None:
    off = []
    for still in stills:
        assert {TABLE, ARM} <= set(np.unique(still.who))
        for index, thing in enumerate(still.things):
            rows, columns = np.nonzero(still.who == FIRST_THING + index)
            if thing.box is not None and thing.inside is None:
                u, v, _ = FRONT.pixel_of((*thing.xy, 0.02), still.who.shape)
                off.append(np.hypot(columns.mean() + 0.5 - u, rows.mean() + 0.5 - v))
    assert np.median(off) < 1.5, "pixels"


def test_equal_seeds_give_equal_stills(stills: tuple[Still, ...]) -> None:
    world = small_world()
    again = next(iter(draw_stills(world, 500_000)))
    world.close()
    assert np.array_equal(again.rgb, stills[0].rgb) and again.things == stills[0].things


def test_a_shard_gives_back_the_things_and_the_texts(stills: tuple[Still, ...], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    texts = [write_caption(draw_caption(still.things, rng), rng) for still in stills for _ in range(2)]
    write_shard(tmp_path / "stills-00000", still_shard(stills, texts))
    shard = read_shard(tmp_path / "stills-00000")
    for row, still in enumerate(stills):
        for got, true in zip(things_of(shard, row), still.things, strict=True):
            assert (got.kind, got.colour, got.inside) == (true.kind, true.colour, true.inside)
            assert np.allclose(got.xy, true.xy, atol=1e-6)
            assert (got.box is None) == (true.box is None)
        assert [shard.texts[k] for k in shard.arrays["text"][row]] == texts[2 * row : 2 * row + 2]
        assert np.array_equal(shard.arrays["image"][row], still.rgb)


def test_labels_name_kind_and_colour_of_every_pixel(stills: tuple[Still, ...]) -> None:
    shard = still_shard(stills, ["x"] * (2 * len(stills)))
    columns = [np.asarray(shard.arrays[name]) for name in ("who", "kind", "colour")]
    classes, colours = labels(*columns)
    for row, still in enumerate(stills):
        for index, thing in enumerate(still.things):
            mask = torch.from_numpy(still.who == FIRST_THING + index)
            if mask.any():
                assert {CLASSES[k] for k in classes[row][mask].unique().tolist()} == {thing.kind}
        ground = torch.from_numpy(still.who < FIRST_THING)
        assert classes[row][ground].max() < len(GROUND)
        assert colours[row][ground].max() == -1


def test_a_clip_is_one_frame_longer_than_its_actions() -> None:
    (clip,) = clips_from(500_000, 1)
    assert len(clip.stills) == len(clip.actions) + 1
    places = np.array([still.things[clip.subject].xy for still in clip.stills])
    assert np.hypot(*(places[-1] - places[0])) > 0.03, "the thing that is spoken of is the one that was moved"
    shard = clip_shard([clip, clip])
    assert np.isnan(shard.arrays["action"][len(clip.actions)]).all()
    assert np.allclose(shard.arrays["hand"][1], clip.stills[1].hand)
    assert list(np.unique(shard.arrays["episode"])) == [0, 1]


def test_a_pair_differs_in_what_was_asked_for_alone() -> None:
    world = small_world()
    pairs = play_pairs(world, ScriptedExpert(world), 500_000, poses=3)
    world.close()
    assert len(pairs) == 3
    for pair in pairs:
        before, after = pair.before, pair.after
        assert np.array_equal(before.who == ARM, after.who == ARM), "the arm is where it was"
        moved = [np.hypot(*np.subtract(a.xy, b.xy)) for a, b in zip(before.things, after.things, strict=True)]
        assert int(np.argmax(moved)) == pair.subject and moved[pair.subject] > 0.03
    assert not np.array_equal(pairs[0].before.who == ARM, pairs[1].before.who == ARM), "it is elsewhere in each pair"
    shard = pair_shard(pairs)
    assert np.array_equal(shard.arrays["before"][2], pairs[2].before.rgb)
    assert np.array_equal(shard.arrays["image"][2], pairs[2].after.rgb)


def test_a_killed_collection_goes_on_and_counts_nothing_half_written(tmp_path: Path) -> None:
    made: list[int] = []

    def make(*, die_at: int | None = None):  # type: ignore[no-untyped-def]
        def job(number: int) -> int:
            if number == die_at:
                (tmp_path / "stills-00002.new").mkdir()
                raise KeyboardInterrupt
            made.append(number)
            write_shard(shard_path(tmp_path, "stills", number), Shard({"a": np.full(2, number)}, ()))
            return 2

        return job

    with pytest.raises(KeyboardInterrupt):
        collect_shards(tmp_path, "stills", lambda: make(die_at=2), 4, workers=1, unit="still")
    assert len(read_shards(tmp_path, "stills")) == 2
    collect_shards(tmp_path, "stills", make, 4, workers=1, unit="still")
    assert made == [0, 1, 2, 3]
    assert [int(shard.arrays["a"][0]) for shard in read_shards(tmp_path, "stills")] == [0, 1, 2, 3]


def test_an_empty_store_and_a_broken_shard_are_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="holds no clips"):
        read_shards(tmp_path, "clips")
    with pytest.raises(SpecError, match="not a readable shard"):
        read_shard(tmp_path)


def test_boxes() -> None:
    mask = np.zeros((8, 8), dtype=bool)
    assert box_of(mask) is None
    mask[2:4, 1:5] = True
    assert mask.sum() >= LEAST_PIXELS and box_of(mask) == (1 / 8, 2 / 8, 5 / 8, 4 / 8)
    assert box_overlap((0, 0, 1, 1), (0, 0, 1, 1)) == 1
    assert box_overlap((0, 0, 0.5, 1), (0.5, 0, 1, 1)) == 0
    assert box_overlap((0, 0, 0.5, 1), (0.25, 0, 0.75, 1)) == pytest.approx(1 / 3)
