"""Fine-tuning: packing changes nothing, only answers count, and a run that stopped goes on to the same end."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy

from agent.errors import SpecError
from dialogue.lessons.draw import draw_family, draw_lessons
from dialogue.tiny.attention import PLAIN
from dialogue.tiny.batches import batches, common, pack, sample_of, stack
from dialogue.tiny.chatml import ChatMl
from dialogue.tiny.plan import ChatPlan
from dialogue.tiny.train import Progress, answer_loss, families, fine_tune, rate_at
from dialogue.tiny.weights import merge_adapter
from tests.dialogue.tiny_model import tiny_parts

PLAN = ChatPlan(steps=6, row=1200, rows=1, rank=2, warmup=2, save_every=2, half=False, rate=1e-2)


def test_packed_conversations_do_not_see_one_another() -> None:
    model, tokenizer = tiny_parts()
    chat = ChatMl(tokenizer)
    samples = [sample_of(lesson, chat) for lesson in draw_lessons(1_000_000, 4)]
    with torch.no_grad():
        packed = float(answer_loss(model, pack([[sample] for sample in samples], 4)))
        alone = sum(float(answer_loss(model, pack([[sample]], 1))) for sample in samples)
        plain = 0.0
        for sample in samples:
            logits = model(torch.tensor([sample.tokens])).logits[0, sample.answer - 1 : -1]
            plain += float(cross_entropy(logits, torch.tensor(sample.tokens[sample.answer :]), reduction="sum"))
    assert packed == pytest.approx(alone, rel=1e-4)
    assert packed == pytest.approx(plain, rel=1e-4)


def test_lessons_about_one_table_read_it_once_and_lose_nothing() -> None:
    model, tokenizer = tiny_parts()
    chat = ChatMl(tokenizer)
    family = [sample_of(lesson, chat) for lesson in draw_family(1_000_001, 4)]
    other = [sample_of(lesson, chat) for lesson in draw_lessons(1_000_000, 2)]
    row = pack([family, *([sample] for sample in other)], 6)
    with torch.no_grad():
        together = float(answer_loss(model, row))
        alone = sum(float(answer_loss(model, pack([[sample]], 1))) for sample in (*family, *other))
    assert together == pytest.approx(alone, rel=1e-4)
    shared = common(family)
    separate = sum(len(sample.tokens) for sample in (*family, *other))
    assert shared > 20 and row.tokens.shape[1] == separate - 3 * shared


def test_a_family_tells_of_one_table_in_different_ways() -> None:
    lessons = draw_family(1_000_007, 4)
    assert len({lesson.messages()[0].text for lesson in lessons}) == 1
    assert len({lesson.words for lesson in lessons}) > 1
    assert lessons == draw_family(1_000_007, 4)


def test_the_number_of_lessons_says_where_in_the_data_training_is() -> None:
    plan = ChatPlan(together=3)
    whole = [family for family, _ in zip(families(plan, 0), range(8), strict=False)]
    assert [len(family) for family in whole] == [1, 3, 1, 3, 1, 3, 1, 3]
    again = [family for family, _ in zip(families(plan, 5), range(5), strict=False)]
    assert [[lesson.words for lesson in family] for family in again] == [
        [lesson.words for lesson in family] for family in whole[3:]
    ]


def test_batches_hold_every_lesson_that_fits() -> None:
    _, tokenizer = tiny_parts()
    chat = ChatMl(tokenizer)
    lessons = list(draw_lessons(1_000_000, 30))
    sizes = [len(sample_of(lesson, chat).tokens) for lesson in lessons]
    length = sorted(sizes)[-3]
    made = list(batches([[lesson] for lesson in lessons], chat, length=length, rows=3))
    assert sum(batch.lessons for batch in made) == len(lessons)
    assert sum(int(batch.mask.any(-1).sum()) for batch in made) == sum(size for size in sizes if size <= length)
    assert all(len(batch.tokens) <= 3 and batch.tokens.shape[1] <= length for batch in made)


def test_rows_above_one_another_lose_as_much_as_alone() -> None:
    model, tokenizer = tiny_parts()
    model.set_attn_implementation(PLAIN)
    chat = ChatMl(tokenizer)
    single = [[sample_of(lesson, chat)] for lesson in draw_lessons(1_000_000, 3)]
    made = [pack([family], 1) for family in (*single, [sample_of(one, chat) for one in draw_family(1_000_001, 4)])]
    plain, _ = tiny_parts()
    with torch.no_grad():
        together = float(answer_loss(model, stack(made)))
        alone = sum(float(answer_loss(plain, row)) for row in made)
    assert together == pytest.approx(alone, rel=1e-4)


def test_a_run_that_was_stopped_ends_as_one_that_was_not(tmp_path: Path) -> None:
    losses: dict[str, list[float]] = {"whole": [], "halves": []}

    def until(step: int, name: str) -> "object":
        def report(progress: Progress) -> bool:
            losses[name].append(progress.loss)
            return progress.step < step

        return report

    model, tokenizer = tiny_parts()
    assert not fine_tune(model, tokenizer, PLAN, tmp_path / "whole", report=until(6, "whole"))  # type: ignore[arg-type]
    for step in (3, 9):
        model, tokenizer = tiny_parts()
        done = fine_tune(model, tokenizer, PLAN, tmp_path / "halves", report=until(step, "halves"))  # type: ignore[arg-type]
    assert done and losses["whole"] == losses["halves"]
    model, tokenizer = tiny_parts()
    assert fine_tune(model, tokenizer, PLAN, tmp_path / "whole")
    first, second = (load_file(tmp_path / run / "adapter" / "adapter_model.safetensors") for run in ("whole", "halves"))
    assert first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)
    assert losses["whole"][-1] < losses["whole"][0]


def test_the_adapter_changes_the_model_and_loads_again(tmp_path: Path) -> None:
    model, tokenizer = tiny_parts()
    fine_tune(model, tokenizer, PLAN, tmp_path)
    plain, _ = tiny_parts()
    before = plain.state_dict()["model.layers.0.mlp.up_proj.weight"].clone()
    told = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))
    assert told["base_model_name_or_path"] == PLAN.model
    merged = merge_adapter(plain, tmp_path / "adapter").state_dict()
    assert not torch.equal(before, merged["model.layers.0.mlp.up_proj.weight"])
    with pytest.raises(SpecError, match="cannot use the adapter"):
        merge_adapter(tiny_parts()[0], tmp_path / "nowhere")


def test_another_plan_may_not_go_on(tmp_path: Path) -> None:
    model, tokenizer = tiny_parts()
    fine_tune(model, tokenizer, PLAN, tmp_path, report=lambda progress: False)
    with pytest.raises(SpecError, match=r"\(rate differ"):
        from dataclasses import replace

        fine_tune(*tiny_parts(), replace(PLAN, rate=1.0), tmp_path)


def test_the_rate_rises_and_falls() -> None:
    plan = ChatPlan(steps=100, warmup=10, rate=1.0)
    rates = [rate_at(step, plan) for step in range(100)]
    assert (
        rates[0] == pytest.approx(0.1)
        and max(rates) == pytest.approx(1.0)
        and rates[-1] == pytest.approx(0.1, abs=0.01)
    )
    with pytest.raises(ValueError, match="training seeds"):
        ChatPlan(first_seed=7)
