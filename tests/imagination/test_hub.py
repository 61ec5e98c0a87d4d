"""Foreign pipelines through the same code: a random Stable Diffusion of the real classes, a few thousand weights."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from agent.errors import SpecError
from imagination.captions import PlacedBox
from imagination.hub import make_imaginer
from imagination.imaginer import Draw, LatentImaginer
from imagination.stills import Still
from sim.objects import Description

DRAW = Draw(seed=3, steps=2, quiet=True)


@pytest.fixture(scope="module")
def pipeline_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pipeline")
    torch.manual_seed(0)
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(letter + "</w>" for letter in letters)]
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=16)
    text = CLIPTextConfig(
        vocab_size=len(words), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=16, bos_token_id=0, eos_token_id=1, pad_token_id=1, projection_dim=16,
    )  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=16, block_out_channels=(8, 16), layers_per_block=1, cross_attention_dim=16, norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=4,
    )  # fmt: skip
    autoencoder = AutoencoderKL(
        block_out_channels=(8, 8), norm_num_groups=4, latent_channels=4, sample_size=32,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip
    pipeline = StableDiffusionPipeline(
        vae=autoencoder, text_encoder=CLIPTextModel(text), tokenizer=tokenizer, unet=unet,
        scheduler=DDIMScheduler(steps_offset=1, clip_sample=False),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipeline.save_pretrained(folder / "sd")
    return folder / "sd"


def test_text_to_image_inpainting_and_image_to_image(pipeline_folder: Path, stills: tuple[Still, ...]) -> None:
    imaginer, frame = make_imaginer(pipeline_folder), stills[0].rgb
    picture = imaginer.scene("a red bowl", DRAW)
    assert picture.dtype == np.uint8 and picture.shape == (32, 32, 3)
    assert np.array_equal(picture, imaginer.scene("a red bowl", DRAW))
    hole = np.zeros(frame.shape[:2], dtype=bool)
    hole[20:40, 20:40] = True
    painted = imaginer.inpaint(frame, hole, "a bowl", DRAW)
    assert np.array_equal(painted[~hole], frame[~hole]) and (painted[hole] != frame[hole]).any()
    assert imaginer.goal(frame, "lift the bowl", DRAW).shape == frame.shape


def test_pipelines_of_the_wrong_kind_say_what_they_are(
    pipeline_folder: Path, stills: tuple[Still, ...], tmp_path: Path
) -> None:
    imaginer = make_imaginer(pipeline_folder)
    with pytest.raises(SpecError, match="is a StableDiffusionPipeline; boxes can be given to a StableDiffusionGLIGEN"):
        imaginer.layout([PlacedBox(Description("bowl"), (0, 0, 1, 1))], None, DRAW)
    with pytest.raises(SpecError, match="films of this robot"):
        imaginer.video(stills[0].rgb, "lift it", None, DRAW)
    (tmp_path / "model_index.json").write_text('{"_class_name": "AudioLDMPipeline", "_diffusers_version": "0.37.0"}')
    with pytest.raises(SpecError, match="is a AudioLDMPipeline, which cannot draw from text"):
        make_imaginer(tmp_path).scene("a bowl", DRAW)


def test_a_folder_without_anything_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no diffusers pipeline at"):
        make_imaginer(tmp_path)


def test_a_folder_that_training_wrote_is_the_latent_model(latent_folder: Path) -> None:
    assert isinstance(make_imaginer(latent_folder), LatentImaginer)
