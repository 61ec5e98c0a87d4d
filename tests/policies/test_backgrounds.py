"""Painted backgrounds: only the plain colours change, alike for every camera, and nothing at all when not asked."""

import torch

from policies.backgrounds import Backgrounds, repaint

TABLE, WALL, THING, OTHER = (193, 164, 130), (255, 255, 255), (30, 78, 222), (200, 30, 30)
COUNT = 40


def picture(*, side: int, thing: tuple[int, int, int] = THING) -> torch.Tensor:
    """A wall above a table with a square thing on it, (3, side, side) in [-1, 1]."""
    made = torch.empty(3, side, side)
    for rows, columns, colour in (
        (slice(0, side // 4), slice(None), WALL),
        (slice(side // 4, None), slice(None), TABLE),
        (slice(side // 2, 3 * side // 4), slice(side // 2, 3 * side // 4), thing),
    ):
        made[:, rows, columns] = torch.tensor(colour)[:, None, None] / 127.5 - 1
    return made


def looks() -> tuple[torch.Tensor, torch.Tensor]:
    return tuple(picture(side=side).repeat(COUNT, 1, 1, 1) for side in (32, 16))  # type: ignore[return-value]


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_things_stay_and_tables_and_walls_change() -> None:
    before = looks()
    after = repaint(before, Backgrounds(share=1.0), generator())
    for old, new in zip(before, after, strict=True):
        side = old.shape[2]
        square = (..., slice(side // 2, 3 * side // 4), slice(side // 2, 3 * side // 4))
        assert torch.equal(new[square], old[square])
        assert float((new != old).all(dim=1).float().mean()) > 0.85
        assert float(new.abs().max()) <= 1
        # Different looks get different tables, and a table is another colour than its wall.
        assert float(new[:, :, -1, 0].std(dim=0).min()) > 0.3
        assert float((new[:, :, 0, 0] - new[:, :, -1, 0]).abs().mean()) > 0.2
    # One pair of colours serves every camera: where a look is plain for one it is as plain for the other.
    spread = [new[:, :, -1].std(dim=2).mean(dim=1) for new in after]
    assert float(torch.corrcoef(torch.stack(spread))[0, 1]) > 0.6


def test_a_share_of_the_looks_is_painted_and_none_when_not_asked() -> None:
    before = looks()
    changed = (repaint(before, Backgrounds(share=0.5), generator())[0] != before[0]).flatten(1).any(dim=1)
    assert 0.25 < float(changed.float().mean()) < 0.75
    assert repaint(before, Backgrounds(), generator()) is before
    first, again = (repaint(before, Backgrounds(share=0.5, pasted=0.5), generator()) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_things_of_other_looks_are_pasted_onto_the_table_only() -> None:
    before = torch.stack([picture(side=32), picture(side=32, thing=OTHER)] * (COUNT // 2))
    before[1::2] = before[1::2].roll(8, dims=3)
    (after,) = repaint((before,), Backgrounds(pasted=1.0), generator())
    red = torch.tensor(OTHER)[:, None, None] / 127.5 - 1
    pasted = (after[::2] == red).all(dim=1).flatten(1).any(dim=1)
    assert 0.2 < float(pasted.float().mean()) < 1.0
    changed = (after != before).any(dim=1, keepdim=True)
    table = torch.tensor(TABLE)[:, None, None] / 127.5 - 1
    assert bool((before == table).all(dim=1, keepdim=True)[changed].all())
