"""The figures: verdicts agree with the truth where the reading is perfect, and every measurement runs."""

from pathlib import Path

import numpy as np
import pytest

from imagination.captions import draw_caption
from imagination.figures import Figure, share
from imagination.imaginer import Draw
from imagination.measure import main
from imagination.measuring import LATENT_MEASURES, placed_boxes, run
from imagination.reading import read_boxes_back, shows
from imagination.stills import Still
from tests.imagination.conftest import truly_seen


def test_a_perfect_reading_agrees_with_its_own_caption_and_not_with_another_s(stills: tuple[Still, ...]) -> None:
    rng = np.random.default_rng(0)
    captions = [draw_caption(still.things, rng) for still in stills]
    own = [shows(caption, truly_seen(still)) for caption, still in zip(captions, stills, strict=True)]
    assert all(there for there, _ in own)
    assert np.mean([both for _, both in own]) > 0.9
    moved = stills[12:] + stills[:12]
    other = [shows(caption, truly_seen(still)) for caption, still in zip(captions, moved, strict=True)]
    assert np.mean([both for _, both in other]) < 0.2


def test_boxes_read_perfectly_overlap_wholly(stills: tuple[Still, ...]) -> None:
    pairs = [pair for still in stills for pair in read_boxes_back(placed_boxes(still), truly_seen(still).things)]
    assert min(overlap for overlap, _ in pairs) == pytest.approx(1) and all(right for _, right in pairs)
    assert read_boxes_back(placed_boxes(stills[0]), []) == [(0.0, False)] * len(placed_boxes(stills[0]))


def test_a_share_prints_its_interval() -> None:
    assert str(share("x", [True] * 9 + [False])) == "x: 9/10 = 90.0 % [59.6, 98.2]"
    assert str(Figure("y", 1.5, 3, "cm")) == "y: 1.5 cm (n = 3)"


@pytest.mark.parametrize("what", ["judge", "autoencoder", *LATENT_MEASURES])
def test_every_measurement_runs(what: str, latent_folder: Path, judge_folder: Path) -> None:
    model = latent_folder / "autoencoder" if what == "autoencoder" else latent_folder
    figures = run(
        what,
        n=2,
        model=model,
        judge=judge_folder,
        critic=judge_folder,
        draw=Draw(500_000, steps=2, candidates=2, quiet=True),
    )
    assert len(figures) >= 3
    untouched = [figure for figure in figures if figure.name == "largest change outside the hole"]
    assert all(figure.value == 0 for figure in untouched)


def test_without_a_model_the_measurement_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scene", "--model", str(tmp_path)]) == 2
    assert "holds no denoiser" in capsys.readouterr().err
