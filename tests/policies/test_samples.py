"""What a training step reads: the aims of the last look, the gripper's weight, and what is changed at random."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from policies.backbone import Inputs
from policies.codec import CodecConfig, make_codec
from policies.data import FrameStore
from policies.samples import AIM_COLUMNS, LOOK_EVERY, Augmentation, Samples, augment
from policies.stats import Statistics, measure


def samples(store: Path, *, binary_weight: float = 1.0) -> Samples:
    frames = FrameStore(store)
    statistics = Statistics("toy", {"action": measure(frames.action), "state": measure(frames.state)}, 1, 1)
    codec = make_codec(CodecConfig(action_dim=5, binary=(4,)))
    return Samples(frames, statistics, codec, held_out=0.05, binary_weight=binary_weight)


def test_a_look_is_reminded_of_the_aims_of_the_look_before_and_of_no_other_episode(store: Path) -> None:
    read = samples(store)
    chosen = np.arange(9, dtype=np.int64)  # episodes of four frames
    _, written = read.read(chosen)
    aims = read.store.questions[:, 0][:, AIM_COLUMNS].reshape(-1, 2, 3)
    for frame, aimed in zip(chosen, written.aimed.numpy(), strict=True):
        if frame % 4 < LOOK_EVERY:
            assert np.isnan(aimed).all()
        else:
            np.testing.assert_array_equal(aimed, aims[frame - LOOK_EVERY])


def test_only_the_grippers_tokens_count_more(store: Path) -> None:
    plain, heavy = samples(store).weights, samples(store, binary_weight=3.0).weights
    ratio = heavy[plain > 0] / plain[plain > 0]
    assert set(np.unique(ratio)) == {1.0, 3.0}
    assert np.mean(ratio == 3.0) == 1 / 5


def test_aims_of_the_last_look_are_shifted_and_forgotten_at_random() -> None:
    count = 400

    def inputs() -> Inputs:
        return Inputs((), torch.zeros(count, 3), torch.zeros(count, 3), torch.zeros(0), torch.zeros(0), aimed)

    aimed = torch.zeros(count, 2, 3)
    changes = replace(Augmentation(), aimed_noise=0.01, aimed_dropout=0.25)
    seen = inputs()
    augment(seen, changes, torch.Generator().manual_seed(0))
    forgotten = torch.isnan(seen.aimed).flatten(1).all(dim=1)
    assert 0.15 < forgotten.float().mean() < 0.35
    left = seen.aimed[~forgotten]
    assert torch.isfinite(left).all()
    assert 0.002 < float(left.std()) < 0.01
    again = inputs()
    augment(again, changes, torch.Generator().manual_seed(0))
    assert torch.equal(torch.nan_to_num(again.aimed), torch.nan_to_num(seen.aimed))
