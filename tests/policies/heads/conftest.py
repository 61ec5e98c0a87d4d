from dataclasses import replace
from pathlib import Path

import pytest
import torch

from policies.train import train
from tests.policies.conftest import FAST
from tests.policies.toy import TOY, write_store


@pytest.fixture(scope="session")
def few_frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of twelve episodes of the toy task."""
    folder = tmp_path_factory.mktemp("few") / "frames"
    write_store(folder, episodes=12)
    return folder


@pytest.fixture(scope="session")
def base(few_frames: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that has learnt next to nothing: heads are put on its backbone."""
    torch.set_num_threads(1)
    config = replace(FAST, steps=4, batch=16, held_out=0.0)
    return train(config, few_frames, tmp_path_factory.mktemp("base"), embodiment=TOY).checkpoint
