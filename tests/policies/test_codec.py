import numpy as np
import pytest

from agent.errors import SpecError
from policies.codec import Bins, CodecConfig, dct_basis, make_codec

KINDS = ("bins", "dct", "openvla", "pairs")


def chunk_of(rng: np.random.Generator, count: int = 40, length: int = 4) -> np.ndarray:
    actions = rng.uniform(-1, 1, (count, length, 7)).astype(np.float32)
    actions[:, :, 3:5] = 0
    actions[:, :, 6] = np.arange(length) >= rng.integers(0, length + 1, (count, 1))
    return actions


def test_bins_match_a_slow_reading_of_the_definition() -> None:
    edges = np.linspace(-1, 1, 256)
    for value in (-1.0, -0.9999, -0.5, 0.0, 0.003, 0.77, 0.9999):
        slow = max(number for number in range(255) if edges[number] <= value)
        assert Bins().encode(np.array([value]))[0] == slow
        assert Bins().decode(np.array([slow]))[0] == pytest.approx((edges[slow] + edges[slow + 1]) / 2)


def test_the_last_edge_shares_the_last_bin_and_beyond_is_clipped() -> None:
    assert Bins().encode(np.array([1.0, 0.9999, 3.0, -7.0])).tolist() == [254, 254, 254, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_round_trip_is_as_fine_as_a_bin(kind: str) -> None:
    codec = make_codec(CodecConfig(kind=kind, held=(3, 4)))
    actions = chunk_of(np.random.default_rng(0))
    tokens = codec.encode(actions)
    again = codec.decode(tokens)
    bound = {"bins": 1 / 254, "openvla": 1 / 254, "pairs": 0.5 / 39 + 1e-6, "dct": 0.02}[kind]
    assert np.abs(again - actions).max() < bound
    assert ((again[..., 6] > 0.5) == actions[..., 6]).all()
    assert kind == "openvla" or (again[..., 6] == actions[..., 6]).all()
    # OpenVLA's last two tokens, 254 and 255, mean the same value; the others come back as they were.
    last = 254 if kind == "openvla" else codec.legal.shape[1]
    same = np.minimum(codec.encode(again), last) == np.minimum(tokens, last)
    assert same[:, codec.ordinal].mean() > 0.99


@pytest.mark.parametrize("kind", KINDS)
def test_only_legal_tokens_are_written_and_read(kind: str) -> None:
    codec = make_codec(CodecConfig(kind=kind))
    tokens = codec.encode(chunk_of(np.random.default_rng(1)))
    assert tokens.dtype == np.int64
    assert codec.legal[np.arange(tokens.shape[1]), tokens].all()
    wrong = [(0, codec.legal.shape[1]), (0, -1)]
    wrong += [
        (int(position), int(token)) for position, token in np.argwhere(~codec.legal)[:: max(1, codec.legal.size // 50)]
    ]
    for position, token in wrong:
        row = tokens[:1].copy()
        row[0, position] = token
        with pytest.raises(SpecError, match="not legal"):
            codec.decode(row)


def test_every_legal_row_decodes_inside_the_range() -> None:
    rng = np.random.default_rng(2)
    for kind in KINDS:
        codec = make_codec(CodecConfig(kind=kind, chunk=8, kept=3))
        rows = np.stack([[rng.choice(np.flatnonzero(legal)) for legal in codec.legal] for _ in range(20)])
        actions = codec.decode(rows)
        assert actions.shape == (20, 8, 7)
        assert np.abs(actions).max() <= 1


def test_dct_basis_is_orthonormal_and_fewer_coefficients_smooth() -> None:
    basis = dct_basis(8)
    assert basis @ basis.T == pytest.approx(np.eye(8), abs=1e-12)
    ramp = np.zeros((1, 8, 7), dtype=np.float32)
    ramp[0, :, 0] = np.linspace(-0.8, 0.8, 8)
    codec = make_codec(CodecConfig(kind="dct", chunk=8, kept=4))
    assert codec.encode(ramp).shape == (1, 4 * 6 + 1)
    assert np.abs(codec.decode(codec.encode(ramp)) - ramp).max() < 0.05


def test_padded_rows_do_not_count() -> None:
    pad = np.array([[False, False, True, True], [False, True, True, True]])
    bins, dct, openvla, pairs = (make_codec(CodecConfig(kind=kind)) for kind in KINDS)
    assert bins.weights(pad).reshape(2, 4, 7).sum(axis=(1, 2)).tolist() == [14, 7]
    assert dct.weights(pad)[:, 0].tolist() == [1, 0]
    assert (openvla.weights(pad) == bins.weights(pad)).all()
    assert pairs.weights(pad).reshape(2, 2, 6)[:, :, 0].tolist() == [[1, 0], [0.5, 0]]


def test_what_cannot_be_encoded_is_refused() -> None:
    codec = make_codec(CodecConfig())
    with pytest.raises(SpecError, match=r"\(B, 4, 7\)"):
        codec.encode(np.zeros((1, 3, 7), dtype=np.float32))
    with pytest.raises(SpecError, match="NaN"):
        codec.encode(np.full((1, 4, 7), np.nan, dtype=np.float32))
    with pytest.raises(SpecError, match="did you mean 'bins'"):
        make_codec(CodecConfig(kind="bin"))


@pytest.mark.parametrize("kind", ["bins", "dct", "pairs"])
def test_a_gripper_that_changes_its_mind_survives(kind: str) -> None:
    codec = make_codec(CodecConfig(kind=kind, chunk=8))
    actions = np.zeros((256, 8, 7), dtype=np.float32)
    actions[:, :, 6] = (np.arange(256)[:, None] >> np.arange(8)) & 1
    assert (codec.decode(codec.encode(actions))[..., 6] == actions[..., 6]).all()
    if kind == "dct":
        with pytest.raises(SpecError, match="at most 10 rows"):
            make_codec(CodecConfig(kind=kind, chunk=11))
