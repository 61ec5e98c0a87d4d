"""The compact code: 24 tokens for 8 steps of 7 dimensions, and a bound that holds for every chunk."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from agent.errors import SpecError
from agent.types import VectorSpec
from policies.codec import CodecConfig, make_codec
from policies.pair_codec import levels_for, zigzag
from policies.round_trip import angle_between, loss_of
from policies.stats import Statistics, VectorStatistics

UNITS = ("m", "m", "m", "rad", "rad", "rad", "1")
SPEC = VectorSpec(("dx", "dy", "dz", "drx", "dry", "drz", "gripper"), UNITS, (-1.0,) * 7, (1.0,) * 7)
TOP = np.array([0.045, 0.045, 0.045, 0.33, 0.33, 0.33, 1.0])
BASE = CodecConfig(kind="pairs", chunk=8)


def statistics() -> Statistics:
    low, high, middle = tuple((-TOP).tolist()), tuple(TOP.tolist()), (0.0,) * 7
    vector = VectorStatistics(middle, tuple(TOP.tolist()), low, high, low, high, mask=(True,) * 6 + (False,))
    return Statistics("toy", {"action": vector})


def fine(base: CodecConfig = BASE) -> CodecConfig:
    return replace(base, levels=levels_for(base, SPEC, statistics().vector("action")))


def any_chunks(count: int) -> np.ndarray:
    """Uniform over all legal chunks, with corners and zeros among them."""
    rng = np.random.default_rng(0)
    chunks = rng.uniform(-1, 1, (count, 8, 7)) * TOP
    chunks[::3] = np.rint(chunks[::3] / TOP) * TOP
    chunks[..., 6] = rng.integers(0, 2, (count, 8))
    return chunks.astype(np.float32)


def test_twenty_four_tokens_lose_at_most_a_millimetre_and_half_a_degree_of_any_chunk() -> None:
    loss = loss_of(make_codec(fine()), any_chunks(3000), statistics())
    assert loss.tokens == 24
    assert loss.position_mm[-1] <= 1.0
    assert loss.rotation_deg[-1] <= 0.5
    assert loss.gripper == 0
    # The bound is used up, so nothing is wasted on a finer code; a level less would break it.
    assert loss.position_mm[-1] > 0.9
    levels = make_codec(replace(fine(), levels=(75,) * 3 + (63,) * 3))
    assert loss_of(levels, any_chunks(3000), statistics()).position_mm[-1] > 1.0


def test_levels_answer_to_the_tolerance_and_to_what_is_held() -> None:
    vector = statistics().vector("action")
    assert levels_for(BASE, SPEC, vector) == (79, 79, 79, 67, 67, 67)
    # One axis of rotation alone may use up the whole half degree.
    assert levels_for(replace(BASE, held=(3, 4)), SPEC, vector) == (79, 79, 79, 39)
    assert levels_for(BASE, SPEC, vector, metres=0.01, degrees=5.0)[0] == 9
    with pytest.raises(SpecError, match="dx would need 781 levels"):
        levels_for(BASE, SPEC, vector, metres=1e-4)
    with pytest.raises(SpecError, match="no tolerance is known for gripper in '1'; there are: m, rad"):
        levels_for(replace(BASE, binary=()), SPEC, vector)


def test_standing_still_and_top_speed_are_exact() -> None:
    codec = make_codec(fine())
    chunks = np.array(list(itertools.product((-1, 0, 1), repeat=2)), dtype=np.float32)
    actions = np.zeros((9, 8, 7), dtype=np.float32)
    actions[:, ::2, 0], actions[:, 1::2, 0] = chunks[:, :1], chunks[:, 1:]
    np.testing.assert_array_equal(codec.decode(codec.encode(actions)), actions)


def test_every_token_at_every_position_comes_back() -> None:
    """Decode, encode: nothing is said twice, and no token is without a meaning."""
    codec = make_codec(replace(BASE, levels=(5, 3, 7, 3, 3, 5)))
    for position, legal in enumerate(codec.legal):
        tokens = np.zeros((legal.sum(), 24), dtype=np.int64)
        tokens[:, position] = np.flatnonzero(legal)
        np.testing.assert_array_equal(codec.encode(codec.decode(tokens)), tokens)


def test_an_odd_chunk_repeats_its_last_row() -> None:
    codec = make_codec(replace(fine(), chunk=5))
    actions = (any_chunks(50)[:, :5] / TOP).astype(np.float32)
    tokens = codec.encode(actions)
    assert tokens.shape == (50, 18)
    np.testing.assert_array_equal(codec.encode(codec.decode(tokens)), tokens)


def test_gripper_bits_ride_where_there_are_fewest_tokens() -> None:
    codec = make_codec(fine(replace(BASE, held=(3, 4))))
    assert codec.legal.sum(axis=1)[:4].tolist() == [6241, 6241, 6241, 4 * 39**2]
    assert codec.ordinal[:4].tolist() == [True, True, True, False]


def test_the_zigzag_steps_to_a_neighbour_and_grows_with_the_sum() -> None:
    place, pairs = zigzag(7)
    assert (place[pairs[:, 0], pairs[:, 1]] == np.arange(49)).all()
    assert np.abs(np.diff(pairs, axis=0)).max() == 1
    assert (np.diff(pairs.sum(axis=1)) >= 0).all()


def test_wrong_levels_are_named() -> None:
    for levels in ((79,) * 5, (80,) * 6, (1,) * 6, (257,) * 6):
        with pytest.raises(SpecError, match="6 odd numbers of levels, each from 3 to 255"):
            make_codec(replace(BASE, levels=levels))
    with pytest.raises(SpecError, match="at least one continuous"):
        make_codec(replace(BASE, held=(0, 1, 2, 3, 4, 5)))


def test_the_angle_between_rotations_matches_matrices() -> None:
    from scipy.spatial.transform import Rotation

    rng = np.random.default_rng(3)
    one, other = rng.uniform(-0.4, 0.4, (2, 200, 3))
    slow = (Rotation.from_rotvec(one).inv() * Rotation.from_rotvec(other)).magnitude()
    np.testing.assert_allclose(angle_between(one, other), slow, atol=1e-7)
    assert angle_between(one, one).max() < 1e-12
