from pathlib import Path

import pytest
import torch

from policies.model import tiny_model
from policies.train import TrainConfig, train
from tests.policies.toy import TOY, write_store

FAST = TrainConfig(
    model=tiny_model(),
    batch=64,
    warmup=20,
    learning_rate=3e-3,
    average_decay=0.98,
    binary_weight=1.0,
    held_out=0.05,
    threads=1,
)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    write_store(folder, episodes=600)
    return folder


@pytest.fixture(scope="session")
def trained(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the toy task, trained for a few seconds."""
    from dataclasses import replace

    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("run")
    return train(replace(FAST, steps=250), store, out, embodiment=TOY).checkpoint
