import json
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from agent.errors import SpecError
from policies.checkpoint import load_checkpoint
from policies.heads.base import HeadConfig
from policies.samples import batch_order
from policies.train import train
from tests.policies.conftest import FAST
from tests.policies.toy import TOY, write_store

SHORT = replace(FAST, steps=60, batch=16)


def test_resuming_gives_the_same_weights_as_never_stopping(store: Path, tmp_path: Path) -> None:
    whole = train(SHORT, store, tmp_path / "whole", embodiment=TOY)
    stopped = tmp_path / "stopped"

    def interrupt() -> None:
        """Press Ctrl-C as soon as the first state is on disk."""
        while not (stopped / "state.safetensors").exists():
            time.sleep(0.002)
        os.kill(os.getpid(), signal.SIGINT)

    watch = threading.Thread(target=interrupt)
    watch.start()
    half = train(replace(SHORT, save_every=4), store, stopped, embodiment=TOY)
    watch.join()
    assert not half.finished
    assert 4 <= half.steps < 60
    load_checkpoint(half.checkpoint)
    rest = train(replace(SHORT, save_every=4), store, stopped, embodiment=TOY, resume=True)
    assert (rest.steps, rest.finished) == (60, True)
    one, other = (load_file(run.checkpoint / "model.safetensors") for run in (whole, rest))
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_a_run_is_not_overwritten_nor_resumed_with_other_settings(store: Path, tmp_path: Path) -> None:
    train(replace(SHORT, steps=1), store, tmp_path, embodiment=TOY)
    with pytest.raises(SpecError, match="already holds a training run"):
        train(SHORT, store, tmp_path, embodiment=TOY)
    with pytest.raises(SpecError, match=r"other settings \(learning_rate, steps\)"):
        train(replace(SHORT, learning_rate=1e-4), store, tmp_path, embodiment=TOY, resume=True)
    (tmp_path / "state.safetensors").write_bytes(b"\x00" * 50)
    with pytest.raises(SpecError, match="not a readable training state"):
        train(SHORT, store, tmp_path, embodiment=TOY, resume=True)


def test_starting_from_a_checkpoint_keeps_its_statistics(trained: Path, store: Path, tmp_path: Path) -> None:
    grown = tmp_path / "store"
    write_store(grown, episodes=4, seed=9)
    run = train(replace(SHORT, steps=1), grown, tmp_path / "run", embodiment=TOY, init_from=trained)
    old, new = load_checkpoint(trained), load_checkpoint(run.checkpoint)
    assert old.statistics == new.statistics
    before, after = (c.model.decoder.head.weight.detach().numpy() for c in (old, new))
    assert np.abs(before - after).max() < 0.01


def test_broken_parts_are_skipped(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_store(tmp_path / "store", episodes=8, part="good")
    write_store(tmp_path / "store", episodes=8, part="bad")
    (tmp_path / "store" / "bad" / "part.json").write_text("no")
    run = train(replace(SHORT, steps=1), tmp_path / "store", tmp_path / "run", embodiment=TOY)
    assert run.finished
    said = "".join(capsys.readouterr())
    assert "bad is not a readable part" in said
    assert "skipped 1 of 2 parts" in said
    assert run.skipped == 1
    assert "1 unreadable parts left out" in (run.checkpoint / "README.md").read_text()


def overwrite(name: str, row: int, value: float) -> Callable[[Path], object]:
    """Put `value` into one row of a column, the file's size unchanged."""

    def apply(part: Path) -> None:
        values = np.load(part / f"{name}.npy")
        values[row] = value
        np.save(part / f"{name}.npy", values)

    return apply


def shorten(name: str) -> Callable[[Path], object]:
    return lambda part: (part / name).write_bytes((part / name).read_bytes()[:200])


CORRUPT = {
    "cut": (shorten("action.npy"), "action.npy is missing or shorter"),
    "another file": (lambda part: (part / "state.npy").write_bytes(b"x" * 99_999), "state.npy is not a .npy file"),
    "gone": (lambda part: (part / "entities.npy").unlink(), "entities.npy is missing"),
    "no number": (overwrite("action", 3, np.nan), "action.npy holds NaN or infinity in 1 of 32 rows"),
    "infinite": (overwrite("state", 5, np.inf), "state.npy holds NaN or infinity in 1 of 32 rows"),
    "negative": (overwrite("instruction", 2, -7), "instruction.npy holds a number that means no instruction"),
    "no such instruction": (overwrite("instruction", 2, 99), "instructions.json has fewer instructions"),
    "not a list": (lambda part: (part / "instructions.json").write_text("5"), "not a readable part"),
}


@pytest.mark.parametrize("what", CORRUPT)
def test_corrupt_files_are_named_skipped_and_counted(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    harm, words = CORRUPT[what]
    for part in ("good", "bad"):
        write_store(tmp_path / "store", episodes=8, part=part)
    harm(tmp_path / "store" / "bad")
    run = train(replace(SHORT, steps=1), tmp_path / "store", tmp_path / "run", embodiment=TOY)
    assert (run.finished, run.skipped) == (True, 1)
    assert words in "".join(capsys.readouterr())


def test_batches_cover_everything_once_a_round_and_start_anywhere() -> None:
    order = batch_order(3, 10, 3, start=0)
    batches = [next(order).tolist() for _ in range(6)]
    assert batches[:3] != batches[3:]
    assert len({index for batch in batches[:3] for index in batch}) == 9
    later = batch_order(3, 10, 3, start=4)
    assert [next(later).tolist() for _ in range(2)] == batches[4:]


def test_another_head_is_one_line_away_and_resumes_exactly(store: Path, tmp_path: Path) -> None:
    flow = replace(SHORT, steps=6, save_every=3, model=replace(SHORT.model, head=HeadConfig(kind="flow")))
    whole = train(flow, store, tmp_path / "whole", embodiment=TOY)
    assert load_checkpoint(whole.checkpoint).config.head.kind == "flow"
    began = train(replace(flow, steps=3), store, tmp_path / "half", embodiment=TOY)
    assert began.steps == 3
    state = tmp_path / "half" / "state.safetensors"
    tensors, metadata = read_state(state)
    settings = json.loads(metadata["settings"]) | {"steps": 6}
    save_file(tensors, state, metadata=metadata | {"settings": json.dumps(settings)})
    rest = train(flow, store, tmp_path / "half", embodiment=TOY, resume=True)
    one, other = (load_file(run.checkpoint / "model.safetensors") for run in (whole, rest))
    # In the first twenty steps the learning rate does not depend on how many there will be.
    assert rest.steps == 6 and all(np.array_equal(one[name], other[name]) for name in one)


def test_a_state_from_before_there_were_other_heads_resumes(store: Path, tmp_path: Path) -> None:
    short = replace(SHORT, steps=2, save_every=1)
    train(short, store, tmp_path, embodiment=TOY)
    tensors, metadata = read_state(tmp_path / "state.safetensors")
    settings = json.loads(metadata["settings"])
    for late in ("accumulate", "norms"):
        del settings[late]
    del settings["model"]["head"]
    save_file(tensors, tmp_path / "state.safetensors", metadata=metadata | {"settings": json.dumps(settings)})
    assert train(short, store, tmp_path, embodiment=TOY, resume=True).steps == 2


def read_state(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:  # type: ignore[type-arg]
    with safe_open(path, framework="np") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
