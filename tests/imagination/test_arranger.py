"""The layout diffuser: units, padding, what stays, seeds, saving; and that a little training helps."""

from pathlib import Path

import numpy as np
import pytest
import torch

from agent.errors import SpecError
from imagination.arranger import (
    Arranger,
    ArrangerConfig,
    arranger_loss,
    best_of,
    load_arranger,
    make_table,
    sample_poses,
    save_arranger,
    schedule,
    to_metres,
    to_units,
)
from imagination.arranger_training import ArrangerTraining, mirrored, tensors, train_arranger
from imagination.layout_cases import draw_case
from imagination.training import Schedule
from policies.schedule import generator_of
from policies.text import TextTable, make_text_encoder

SMALL = ArrangerConfig(width=32, depth=2, heads=2, text="words")


@pytest.fixture(scope="module")
def words() -> TextTable:
    return TextTable(make_text_encoder("words"))


def make(words: TextTable) -> Arranger:
    torch.manual_seed(0)
    model = Arranger(SMALL, text_dim=words.encoder.dim)
    torch.nn.init.normal_(model.out.weight, std=0.1)
    return model.eval()


def test_units_and_metres_are_inverse_up_to_half_a_turn() -> None:
    layout = np.random.default_rng(0).uniform((0.3, -0.3, -1.5), (0.7, 0.3, 1.5), (20, 3))
    assert np.allclose(to_metres(to_units(layout)), layout)
    turned = layout + np.array([0, 0, np.pi])
    assert np.allclose(to_units(turned), to_units(layout))


def test_padding_changes_nothing(words: TextTable) -> None:
    case = draw_case(np.random.default_rng(1), counts=(4,), pattern="line")
    model, time = make(words), torch.tensor([30])
    problem = (case.text, case.items, case.start)
    count = len(case.items)
    noisy = torch.randn(1, 12, 4, generator=torch.Generator().manual_seed(0))
    tight = model(noisy[:, :count], time, make_table([problem], words))
    padded = model(noisy, time, make_table([problem], words, width=12))
    assert torch.allclose(tight, padded[:, :count], atol=1e-5)


def test_the_order_of_the_things_does_not_matter(words: TextTable) -> None:
    case = draw_case(np.random.default_rng(2), counts=(6,), pattern="circle")
    count = len(case.items)
    order = np.random.default_rng(0).permutation(count)
    noisy = torch.randn(1, count, 4, generator=torch.Generator().manual_seed(0))
    model, time = make(words), torch.tensor([50])
    straight = model(noisy, time, make_table([(case.text, case.items, case.start)], words))
    shuffled = make_table([(case.text, [case.items[k] for k in order], case.start[order])], words)
    assert torch.allclose(model(noisy[:, order], time, shuffled), straight[:, order], atol=1e-5)


def test_what_is_fixed_stays_and_equal_seeds_give_equal_poses(words: TextTable) -> None:
    case = draw_case(np.random.default_rng(3), counts=(3,), pattern="table")
    table, _ = tensors([case], words)
    model = make(words)
    first, again, other = (sample_poses(model, table, seed=seed, steps=4) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    fixed = table.fixed[0, :, 0] > 0
    assert torch.equal(first[0, fixed], table.start[0, fixed])


def test_mirroring_twice_is_nothing_and_agrees_with_mirroring_metres(words: TextTable) -> None:
    case = draw_case(np.random.default_rng(4), counts=(4,), pattern="line")
    table, answers = tensors([case], words)
    flips = torch.tensor([[0], [1]])
    once = mirrored(table, answers, flips)
    assert torch.allclose(mirrored(*once, flips)[1], answers)
    wanted = case.answer * np.array([1, -1, -1])
    assert np.allclose(
        to_metres(once[1][0, : len(case.items)].double().numpy()), to_metres(to_units(wanted)), atol=1e-5
    )


def test_training_lowers_the_loss_and_leaves_a_folder_that_loads(tmp_path: Path) -> None:
    pace = Schedule(steps=60, batch=32, learning_rate=3e-3, warmup=5, average_decay=0.9, threads=1)
    config = ArrangerTraining(model=SMALL, schedule=pace, cases=30)
    assert train_arranger(config, tmp_path).finished
    model, _ = load_arranger(tmp_path / "model")
    words = TextTable(make_text_encoder("words"))
    cases = [draw_case(np.random.default_rng(seed)) for seed in range(1_000_000, 1_000_030)]
    table, answers = tensors(cases, words)
    trained, fresh = (
        float(arranger_loss(each, schedule(), table, answers, generator_of(0, 0)).detach())
        for each in (model, make(words))
    )
    assert trained < 0.8 * fresh


def test_a_folder_without_a_layout_diffuser_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="holds no layout diffuser"):
        load_arranger(tmp_path)
    (tmp_path / "config.json").write_text('{"type": "judge"}', encoding="utf-8")
    with pytest.raises(SpecError, match="not a layout diffuser"):
        load_arranger(tmp_path)


def test_the_best_layout_holds_and_asks_for_the_least_travel() -> None:
    case = draw_case(np.random.default_rng(5), counts=(4,), pattern="line")
    spoiled = case.answer.copy()
    spoiled[0, 0] += 0.1
    assert best_of("line", case.items, case.start, [spoiled]) is None
    assert best_of("line", case.items, case.start, [spoiled, case.answer]) is case.answer


def test_training_seeds_start_at_a_million() -> None:
    with pytest.raises(ValueError, match="1000000"):
        ArrangerTraining(first_seed=5)


def test_saving_needs_no_pickle(tmp_path: Path, words: TextTable) -> None:
    save_arranger(tmp_path, make(words), "card")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "config.json", "model.safetensors"]
