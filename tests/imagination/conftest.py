"""A latent model and a judge of a few thousand untrained weights, made once: the real classes, only small."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from imagination.autoencoder import AutoencoderConfig, make_autoencoder, shrunk
from imagination.denoiser import Denoiser, DenoiserConfig, save_denoiser
from imagination.judge import Found, Judge, JudgeConfig, place_of, save_judge
from imagination.reading import matches
from imagination.stills import FIRST_THING, Still, draw_stills, small_world
from sim.objects import Description

TINY = DenoiserConfig(widths=(16, 16, 32), attend=16, text="words", text_dim=32)
TINY_AUTOENCODER = AutoencoderConfig(widths=(8, 8, 16))


@pytest.fixture(scope="session")
def latent_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("latent")
    torch.manual_seed(0)
    save_denoiser(folder, Denoiser(TINY), "tiny")
    shrunk(make_autoencoder(TINY_AUTOENCODER), folder / "autoencoder")
    return folder


@pytest.fixture(scope="session")
def judge_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judge")
    torch.manual_seed(0)
    save_judge(folder, Judge(JudgeConfig(widths=(8, 8, 16))), "tiny")
    return folder


@pytest.fixture(scope="session")
def stills() -> tuple[Still, ...]:
    """Six stills of each of four sets of things."""
    world = small_world()
    taken = tuple(still for seed in range(500_000, 500_004) for still in draw_stills(world, seed))
    world.close()
    return taken


@dataclass(frozen=True, eq=False)
class Faultless:
    """A reading that holds just these things."""

    things: Sequence[Found]

    def where(self, description: Description) -> list[Found]:
        return [found for found in self.things if matches(description, found)]


def truly_seen(still: Still) -> Faultless:
    """What a judge without fault would read."""
    found = []
    for index, thing in enumerate(still.things):
        if thing.box is not None:
            mask = still.who == FIRST_THING + index
            found.append(Found(thing.kind, thing.colour, mask, thing.box, place_of(mask), float(mask.sum())))
    return Faultless(found)
