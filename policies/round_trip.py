"""How much of a chunk a codec loses, in millimetres and degrees: `python -m policies.round_trip STORE`."""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agent.types import FloatArray
from policies.codec import ActionCodec, CodecConfig, make_codec
from policies.data import FrameStore
from policies.pair_codec import levels_for
from policies.stats import Statistics, measure

POSITION, ROTATION, GRIPPER = slice(0, 3), slice(3, 6), 6
"""Where they stand in an end-effector action (CONVENTIONS.md)."""
QUANTILES = (0.5, 0.95, 1.0)


@dataclass(frozen=True)
class Loss:
    """Over all rows of all chunks: p50, p95 and the largest. position_mm: distance between what was meant and what is
    decoded.  rotation_deg: angle between the two.  path_mm: how far the commanded positions, the rows added up, drift
    apart within a chunk.  gripper: wrong gripper values.  tokens: a chunk.  vocabulary: tokens there are."""

    chunks: int
    tokens: int
    vocabulary: int
    position_mm: tuple[float, ...]
    rotation_deg: tuple[float, ...]
    path_mm: tuple[float, ...]
    gripper: int


def loss_of(codec: ActionCodec, actions: FloatArray, statistics: Statistics) -> Loss:
    """Send end-effector actions (N, T, 7), physical units, through the codec and back.

    What the statistics clip (beyond q01 and q99) is not the codec's loss and is taken away on both sides.
    """
    unit = statistics.normalize("action", actions)
    meant = statistics.denormalize("action", unit)
    got = statistics.denormalize("action", codec.decode(codec.encode(unit)))
    shift = (got - meant)[..., POSITION].astype(np.float64) * 1000
    return Loss(
        chunks=len(actions),
        tokens=codec.legal.shape[0],
        vocabulary=codec.legal.shape[1],
        position_mm=_quantiles(np.linalg.norm(shift, axis=2)),
        rotation_deg=_quantiles(np.degrees(angle_between(meant[..., ROTATION], got[..., ROTATION]))),
        path_mm=_quantiles(np.linalg.norm(shift.cumsum(axis=1), axis=2)),
        gripper=int(((got[..., GRIPPER] > 0.5) != (meant[..., GRIPPER] > 0.5)).sum()),
    )


def angle_between(one: FloatArray, other: FloatArray) -> NDArray[np.float64]:
    """Angle (...) [rad] of the rotation that leads from one rotation vector (..., 3) to the other."""
    first, second = (_quaternion(vector.astype(np.float64)) for vector in (one, other))
    # The vector part of conj(first) * second; its length is the sine of half the angle and stays exact near 0.
    turn = (
        first[..., 3:] * second[..., :3] - second[..., 3:] * first[..., :3] - np.cross(first[..., :3], second[..., :3])
    )
    angles: NDArray[np.float64] = 2 * np.arcsin(np.minimum(1.0, np.linalg.norm(turn, axis=-1)))
    return angles


def _quaternion(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    angle = np.linalg.norm(vector, axis=-1, keepdims=True)
    # sinc is 1 at 0, where the axis is undefined and does not matter.
    return np.concatenate([vector * 0.5 * np.sinc(angle / 2 / np.pi), np.cos(angle / 2)], axis=-1)


def _quantiles(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(value) for value in np.quantile(values, QUANTILES))


def expert_chunks(store: FrameStore, *, length: int) -> tuple[FloatArray, Statistics]:
    """Whole chunks (N, length, 7) of the expert's rows, and the statistics of all its rows, the gripper unscaled."""
    by_expert = store.action[store.by_expert]
    mask = tuple(number != GRIPPER for number in range(by_expert.shape[1]))
    chunks = store.chunks(length)
    whole = chunks.rows[~chunks.pad.any(axis=1)]
    return store.action[whole], Statistics("expert", {"action": measure(by_expert, mask=mask)})


def codecs_for(statistics: Statistics, *, chunk: int) -> dict[str, CodecConfig]:
    """One configuration a codec, none of the dimensions held back."""
    from agent.types import VectorSpec

    units = ("m", "m", "m", "rad", "rad", "rad", "1")
    spec = VectorSpec(("dx", "dy", "dz", "drx", "dry", "drz", "gripper"), units, (0.0,) * 7, (1.0,) * 7)
    base = CodecConfig(chunk=chunk, held=tuple(np.flatnonzero(statistics.vector("action").degenerate).tolist()))
    levels = levels_for(base, spec, statistics.vector("action"))
    return {
        "bins": base,
        "openvla": replace(base, kind="openvla", held=()),
        "dct, 4 coefficients": replace(base, kind="dct", kept=min(4, chunk)),
        "dct, all coefficients": replace(base, kind="dct", kept=chunk),
        "pairs": replace(base, kind="pairs", levels=levels),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path, help="a frame store, such as DIR/frames of a training run")
    parser.add_argument("--chunk", type=int, default=8)
    arguments = parser.parse_args()
    actions, statistics = expert_chunks(FrameStore(arguments.store), length=arguments.chunk)
    print("codec | chunks | tokens | vocabulary | position mm p50 p95 max | rotation deg | path mm | gripper wrong")
    for name, config in codecs_for(statistics, chunk=arguments.chunk).items():
        loss = loss_of(make_codec(config), actions, statistics)
        cells = [" ".join(f"{v:.3f}" for v in part) for part in (loss.position_mm, loss.rotation_deg, loss.path_mm)]
        print(" | ".join([name, str(loss.chunks), str(loss.tokens), str(loss.vocabulary), *cells, str(loss.gripper)]))


if __name__ == "__main__":
    main()
