"""Autoencoder, judge and denoiser: shapes, seeds, what counts and what is hidden, saving."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from agent.errors import SpecError
from imagination.autoencoder import (
    LATENT,
    as_pictures,
    as_pixels,
    autoencoder_loss,
    decode,
    encode,
    load_autoencoder,
    make_autoencoder,
    prominence,
    psnr,
    settle_scale,
    shrunk,
)
from imagination.captions import PlacedBox
from imagination.denoiser import (
    FRAMES,
    MAP,
    TRAIN_TIMES,
    USES,
    Denoiser,
    cells_from,
    coverage,
    denoiser_loss,
    forward_process,
    frames_that_count,
    load_denoiser,
    near_hands,
    sample_clips,
)
from imagination.hands import HAND_FEATURES, Motion
from imagination.imaginer import Draw, LatentImaginer, boxes_of, layout_row
from imagination.judge import Judge, JudgeConfig, Reading, judge_loss, load_judge, place_of
from imagination.measuring import placed_boxes
from imagination.reading import closeness
from imagination.samples import Row, Words, cells_of_things, changed_pixels, known_of, random_hole, scaled_actions
from imagination.stills import ARM, FIRST_THING, Still
from policies.text import make_text_encoder
from sim.commander import ACTION
from sim.objects import Description
from tests.imagination.conftest import TINY, TINY_AUTOENCODER


def test_pictures_and_pixels_are_inverse(stills: tuple[Still, ...]) -> None:
    pictures = np.stack([still.rgb for still in stills[:3]])
    assert np.array_equal(as_pictures(as_pixels(pictures)), pictures)
    assert psnr(pictures, pictures) > 100 and psnr(pictures, 255 - pictures) < 15


def test_the_scale_gives_latents_unit_spread(stills: tuple[Still, ...]) -> None:
    torch.manual_seed(0)
    model = make_autoencoder(TINY_AUTOENCODER)
    pixels = as_pixels(np.stack([still.rgb for still in stills]))
    settle_scale(model, [pixels])
    latents = encode(model, pixels)
    assert latents.shape == (len(stills), LATENT, 16, 16)
    assert float(latents.std()) == pytest.approx(1, abs=0.01)
    assert decode(model, latents).shape == pixels.shape


def test_the_autoencoder_and_the_judge_learn(stills: tuple[Still, ...]) -> None:
    torch.manual_seed(0)
    pixels = as_pixels(np.stack([still.rgb for still in stills[:6]]))
    things = torch.from_numpy(np.stack([still.who >= FIRST_THING for still in stills[:6]]))
    model, judge = make_autoencoder(TINY_AUTOENCODER), Judge(JudgeConfig(widths=(8, 8, 16)))
    classes = things.long() * 5
    colours = torch.where(things, 1, -1)
    first: dict[str, float] = {}
    optimizer = torch.optim.Adam([*model.parameters(), *judge.parameters()], lr=5e-3)
    for step in range(12):
        noise = torch.Generator().manual_seed(step)
        seen = autoencoder_loss(model, pixels, things[:, None].float(), TINY_AUTOENCODER, noise)["total"]
        read = judge_loss(judge, pixels, classes, colours)["total"]
        optimizer.zero_grad()
        (seen + read).backward()
        optimizer.step()
        first = first or {"seen": float(seen.detach()), "read": float(read.detach())}
    assert float(seen.detach()) < 0.7 * first["seen"] and float(read.detach()) < 0.8 * first["read"]


def test_pixels_of_small_things_count_more() -> None:
    who = np.full((2, 64, 64), ARM, dtype=np.uint8)
    who[0, :5, :8], who[0, 20:22, :5], who[0, 40:60, 40:60] = FIRST_THING, FIRST_THING + 1, FIRST_THING + 2
    shares = prominence(who)
    assert shares[0, 0, 0] == 1 and shares[0, 20, 0] == 2 and shares[0, 50, 50] == 0.5
    assert shares[0, 63, 0] == 0 and not shares[1].any()


def test_a_mask_lies_where_its_thing_stands(stills: tuple[Still, ...]) -> None:
    off = [
        np.hypot(*np.subtract(place_of(still.who == FIRST_THING + index), thing.xy))
        for still in stills
        for index, thing in enumerate(still.things)
        if thing.box is not None and thing.inside is None
    ]
    assert np.median(off) < 0.015, "metres"


def test_boxes_cover_cells_by_their_area() -> None:
    boxes = torch.tensor([[[0.0, 0.0, 1.0, 1.0], [0.25, 0.5, 0.5, 0.53125]]])
    cover = coverage(boxes)
    assert torch.allclose(cover[0, 0], torch.ones(16, 16))
    assert float(cover[0, 1].sum()) == pytest.approx(4 * 0.5)
    assert float(cover[0, 1, 8, 4]) == pytest.approx(0.5)


def test_the_forward_process_has_the_moments_of_the_formula() -> None:
    """q(x_t | x_0): mean sqrt(abar) x_0, variance 1 - abar."""
    noise = forward_process()
    eps = torch.randn(100_000, generator=torch.Generator().manual_seed(0))
    for time in (10, 300, 900):
        alpha = float(noise.alphas_cumprod[time])
        noisy = noise.add_noise(torch.full_like(eps, 2.0), eps, torch.full((len(eps),), time))
        assert float(noisy.mean()) == pytest.approx(2 * alpha**0.5, abs=0.02)
        assert float(noisy.var()) == pytest.approx(1 - alpha, rel=0.01)


def test_only_the_first_frame_of_a_picture_counts() -> None:
    counts = frames_that_count(torch.arange(len(USES)))
    assert counts.sum(1).tolist() == [1, 1, 1, 1, FRAMES, FRAMES]
    assert counts[:, 0].min() == 1


def test_hiding_takes_words_boxes_and_actions_but_no_pictures(latent_folder: Path, stills: tuple[Still, ...]) -> None:
    imaginer = LatentImaginer(latent_folder)
    row = layout_row([PlacedBox(Description("bowl", "red"), (0.1, 0.1, 0.4, 0.4))], "a red bowl")
    motion = Motion(np.zeros((8, 7), dtype=np.float32), stills[0].hand)
    row.present, row.actions, row.hands = imaginer.latent(stills[0].rgb), motion.actions, motion.hands
    words = Words(make_text_encoder("words"))
    known = known_of([row], words, imaginer._autoencoder)
    bare = known.without(torch.tensor([True]))
    assert (bare.kinds == -1).all() and not bare.words.any() and not bare.actions.any() and not bare.has_actions.any()
    assert known.has_hands.all() and not bare.hands.any() and not bare.has_hands.any()
    assert torch.equal(bare.present, known.present)
    model = load_denoiser(latent_folder)
    torch.nn.init.normal_(model.unet.conv_out.weight, std=0.2)
    noisy, time = torch.randn(1, FRAMES, LATENT, 16, 16), torch.tensor([500])
    assert not torch.allclose(model(noisy, time, known), model(noisy, time, bare)), "what is known makes a difference"
    for others in (replace(known, colours=torch.full_like(known.colours, 3)), replace(known, hands=known.hands + 0.1)):
        assert not torch.allclose(model(noisy, time, known), model(noisy, time, others)), "each makes a difference"


def test_the_map_says_what_covers_a_cell_and_which_part_of_its_box_that_is() -> None:
    model = Denoiser(TINY)
    boxes = torch.tensor([[[0.25, 0.0, 0.75, 0.25], [0.5, 0.5, 1.0, 1.0]]])
    painted = model.paint(boxes, torch.tensor([[3, -1]]), torch.tensor([[2, -1]]))[0]
    looks, parts = painted[:MAP], painted[MAP:]
    assert torch.allclose(looks[:, 1, 6], model.kind.weight[3] + model.colour.weight[2])
    assert not painted[:, 8:].any(), "what is not there leaves no trace"
    assert parts[:, 0, 4].tolist() == pytest.approx([-0.4375, -0.375, 0.5, 0.25])
    assert parts[:, 3, 11].tolist() == pytest.approx([0.4375, 0.375, 0.5, 0.25])


def test_cells_say_how_far_they_are_from_the_hand() -> None:
    hands = torch.zeros(1, FRAMES, HAND_FEATURES)
    hands[0, 2, :2] = torch.tensor([9.5 / 16, 4.5 / 16])
    near = near_hands(hands).reshape(1, FRAMES, 3, 16, 16)[0, 2]
    assert int(near[2].argmax()) == 4 * 16 + 9 and float(near[2].max()) == 1
    assert near[:2, 4, 9].tolist() == [0, 0] and float(near[0, 4, 10]) == pytest.approx(3 / 16)
    assert float(near[1, 3, 9]) == pytest.approx(-3 / 16) and float(near[1].max()) == 1
    assert cells_from(torch.tensor([0.0, 0.0])).shape == (2, 16, 16)


def test_padding_words_changes_nothing(latent_folder: Path) -> None:
    imaginer, words = LatentImaginer(latent_folder), Words(make_text_encoder("words"))
    rows = [Row("scene", text="a bowl"), Row("scene", text="a very much longer text about a red bowl")]
    both, alone = known_of(rows, words, imaginer._autoencoder), known_of(rows[:1], words, imaginer._autoencoder)
    model = load_denoiser(latent_folder)
    noisy = torch.randn(2, FRAMES, LATENT, 16, 16, generator=torch.Generator().manual_seed(0))
    time = torch.tensor([100, 100])
    assert torch.allclose(model(noisy, time, both)[:1], model(noisy[:1], time[:1], alone), atol=1e-4)


def test_equal_seeds_give_equal_clips_and_guidance_of_one_is_the_plain_prediction(latent_folder: Path) -> None:
    imaginer, words = LatentImaginer(latent_folder), Words(make_text_encoder("words"))
    known = known_of([Row("film", text="a bowl")], words, imaginer._autoencoder)
    model = load_denoiser(latent_folder)
    first, again, other = (sample_clips(model, known, seed=seed, steps=2) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    plain = sample_clips(model, known, seed=1, steps=2, guidance=1.0)
    nearly = sample_clips(model, known, seed=1, steps=2, guidance=1.0001)
    assert torch.allclose(plain, nearly, atol=1e-2)


def test_the_denoiser_s_loss_names_every_use_and_ignores_what_does_not_count(latent_folder: Path) -> None:
    imaginer, words = LatentImaginer(latent_folder), Words(make_text_encoder("words"))
    known = known_of([Row("scene", text="a bowl"), Row("film", text="a bowl")], words, imaginer._autoencoder)
    model, clips = Denoiser(TINY), torch.randn(2, FRAMES, LATENT, 16, 16)
    torch.nn.init.normal_(model.unet.conv_out.weight, std=0.2)

    def losses(of: torch.Tensor) -> dict[str, float]:
        generator, even = torch.Generator().manual_seed(0), torch.ones(2, FRAMES, 16, 16)
        figures = denoiser_loss(model, forward_process(), of, known, generator, drop=0.0, weight=even)
        return {name: float(value.detach()) for name, value in figures.items()}

    changed = clips.clone()
    changed[0, 1:] = 5.0
    before, after = losses(clips), losses(changed)
    assert set(before) == {"total", "scene", "film"}
    assert before["scene"] == pytest.approx(after["scene"])


def test_cells_count_in_the_loss_by_their_weight(latent_folder: Path) -> None:
    imaginer, words = LatentImaginer(latent_folder), Words(make_text_encoder("words"))
    known = known_of([Row("film", text="a bowl")], words, imaginer._autoencoder)
    model, noise = Denoiser(TINY), forward_process()
    torch.nn.init.zeros_(model.unet.conv_out.weight)
    torch.nn.init.zeros_(model.unet.conv_out.bias)
    clips, weight = torch.randn(1, FRAMES, LATENT, 16, 16), torch.ones(1, FRAMES, 16, 16)
    weight[:, :, :4] = 7.0
    figures = denoiser_loss(model, noise, clips, known, torch.Generator().manual_seed(3), drop=0.0, weight=weight)
    generator = torch.Generator().manual_seed(3)
    time = torch.randint(0, TRAIN_TIMES, (1,), generator=generator)
    wanted = noise.get_velocity(clips, torch.randn(clips.shape, generator=generator), time)
    top, rest = (wanted[:, :, :, rows].square().mean() for rows in (slice(0, 4), slice(4, 16)))
    assert float(figures["total"].detach()) == pytest.approx(float((7 * top + 3 * rest) / 10), rel=1e-5)


def test_cells_show_a_thing_where_any_of_their_pixels_does() -> None:
    who = np.zeros((2, 64, 64), dtype=np.uint8)
    who[0, 9, 30], who[1, :4, :4] = FIRST_THING + 1, ARM
    cells = cells_of_things(who)
    assert cells.shape == (2, 16, 16) and cells[0].nonzero().tolist() == [[2, 7]] and not cells[1].any()


def test_of_several_drafts_the_critic_keeps_the_closest(
    latent_folder: Path, judge_folder: Path, stills: tuple[Still, ...]
) -> None:
    boxes = [layout_row(placed_boxes(still), None) for still in stills[:2]]
    draw = Draw(seed=1, steps=2, candidates=3, quiet=True)
    blind = LatentImaginer(latent_folder, critic=None)
    drafts = blind.draw([row for row in boxes for _ in range(3)], draw).reshape(2, 3, 64, 64, 3)
    kept = LatentImaginer(latent_folder, critic=judge_folder).draw(boxes, draw)[:, 0]
    critic = load_judge(judge_folder)
    for still, several, picture in zip(stills[:2], drafts, kept, strict=True):
        worth = [closeness(placed_boxes(still), Reading(critic, draft)) for draft in several]
        assert np.array_equal(picture, several[int(np.argmax(worth))])


def test_boxes_of_a_sample_are_those_it_was_made_of(stills: tuple[Still, ...]) -> None:
    asked = [*placed_boxes(stills[0]), PlacedBox(Description("bowl"), (0.25, 0.5, 0.5, 0.75))]
    again = boxes_of(layout_row(asked, None))
    assert [placed.thing for placed in again] == [placed.thing for placed in asked]
    assert np.allclose([placed.box for placed in again], [placed.box for placed in asked])
    assert boxes_of(Row("scene", text="a bowl")) == []


def test_a_saved_autoencoder_does_not_say_where_it_was_read_from(latent_folder: Path, tmp_path: Path) -> None:
    model = deepcopy(load_autoencoder(latent_folder / "autoencoder"))
    shrunk(model, tmp_path / "again")
    assert str(latent_folder) not in (tmp_path / "again" / "config.json").read_text(encoding="utf-8")
    pixels = torch.rand(1, 3, 64, 64) * 2 - 1
    assert torch.allclose(encode(model, pixels), encode(load_autoencoder(tmp_path / "again"), pixels), atol=1e-2)


def test_only_cells_that_changed_and_their_neighbours_are_painted_anew() -> None:
    present = torch.zeros(LATENT, 16, 16)
    frames = present.repeat(2, 1, 1, 1)
    frames[1, :, 5, 9] = 1.0
    changed = changed_pixels(frames + 0.05, present)
    assert changed.shape == (2, 64, 64) and not changed[0].any()
    rows, columns = np.nonzero(changed[1])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (16, 27, 32, 43) and changed[1].sum() == 144


def test_inpainting_changes_no_bit_outside_the_hole(latent_folder: Path, stills: tuple[Still, ...]) -> None:
    imaginer, still = LatentImaginer(latent_folder), stills[0]
    hole = random_hole(still.who, len(still.things), np.random.default_rng(0))
    painted = imaginer.inpaint(still.rgb, hole, "a bowl", Draw(steps=2, quiet=True))
    assert np.array_equal(painted[~hole], still.rgb[~hole])
    assert (painted[hole] != still.rgb[hole]).any()


def test_the_arm_is_never_in_a_hole_that_keeps_it(stills: tuple[Still, ...]) -> None:
    rng = np.random.default_rng(1)
    whole = [random_hole(stills[0].who, 3, rng) for _ in range(20)]
    large = [hole for hole in whole if hole.mean() > 0.5]
    assert large and all(not hole[stills[0].who == ARM].any() for hole in large)


def test_actions_are_scaled_to_their_bounds() -> None:
    assert np.allclose(scaled_actions(ACTION.low_array), -1) and np.allclose(scaled_actions(ACTION.high_array), 1)


def test_folders_that_hold_something_else_are_refused(tmp_path: Path, judge_folder: Path) -> None:
    with pytest.raises(SpecError, match="holds no denoiser"):
        load_denoiser(tmp_path)
    with pytest.raises(SpecError, match="not a denoiser"):
        load_denoiser(judge_folder)
    with pytest.raises(SpecError, match="holds no judge"):
        load_judge(tmp_path)
