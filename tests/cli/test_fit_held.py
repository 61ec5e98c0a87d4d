"""What tells from a picture that something is held: fitted on episodes, judged on others, written and read back."""

from pathlib import Path

import numpy as np

from agent.cli.fit_held import Watched, best, count, fit, write
from agent.types import CameraSpec
from dialogue.lessons.moments import Moments
from dialogue.seeing import read_held_head

THREE = np.array([0, 0, 0, 1, 1, 1], dtype=np.int64)


def made_up(pictures: int = 120) -> Watched:
    """Three regions a picture; in every other one the second is held, which the first number of its token shows."""
    rng = np.random.default_rng(0)
    picture = np.repeat(np.arange(pictures, dtype=np.int64), 3)
    held = (np.arange(3 * pictures) % 3 == 1) & (picture % 2 == 0)
    tokens = rng.normal(size=(3 * pictures, 5)).astype(np.float32)
    tokens[:, 0] += np.where(held, 6.0, -1.0)
    return Watched(tokens, held, picture, picture // 6, "x")


def test_what_is_held_is_told_in_episodes_that_were_left_out(tmp_path: Path) -> None:
    watched = made_up()
    head, told = best(watched)
    assert told.balanced > 0.97 and (told.held, told.empty) == (60, 60) and 0.0 < head.enough < 1.0
    write(head, tmp_path / "held.json")
    read = read_held_head(tmp_path / "held.json")
    assert read.enough == head.enough and read.space == "x"
    assert np.allclose(read.chances(watched.tokens), head.chances(watched.tokens), atol=1e-3)


def test_tokens_that_tell_nothing_are_no_better_than_chance() -> None:
    watched = made_up()
    watched.tokens[:] = np.random.default_rng(1).normal(size=watched.tokens.shape)
    assert best(watched)[1].balanced < 0.65


def test_pictures_are_counted_not_regions() -> None:
    held = np.array([False, True, False, False, False, False])
    watched = Watched(np.zeros((6, 1), np.float32), held, THREE, THREE, "x")
    right, wrong = np.array([0.1, 0.9, 0.2, 0.1, 0.3, 0.2]), np.array([0.9, 0.1, 0.2, 0.1, 0.3, 0.2])
    assert vars(count(watched, right, 0.5)) == {"held": 1, "told": 1, "empty": 1, "wrong": 0}
    assert vars(count(watched, wrong, 0.25)) == {"held": 1, "told": 0, "empty": 1, "wrong": 1}


def test_stronger_decay_makes_smaller_weights() -> None:
    watched = made_up()
    small, large = (float(np.abs(fit(watched, decay).weights).sum()) for decay in (0.1, 0.0001))
    assert small < large


def test_an_episode_is_watched_from_approach_to_release() -> None:
    source = Moments((CameraSpec("front", 32, 32),))
    seen = [glimpse for seed in (500_000, 500_001, 500_002) for glimpse in source.watch(seed, 4)]
    source.close()
    assert len(seen) > 9 and seen[0].picture.shape == (32, 32, 3)
    assert {glimpse.holds for glimpse in seen} == {True, False}
