"""Folders of finished runs for tests, written line by line as a run leaves them."""

import json
from collections.abc import Iterable
from pathlib import Path

Line = dict[str, object]


def line(task: str, seed: int, outcome: str = "success", **further: object) -> Line:
    good = outcome == "success"
    return {
        "task": task,
        "instruction": f"do {task}",
        "seed": seed,
        "outcome": outcome,
        "steps": 12,
        "seconds": 1.5,
        "detail": f"ended as {outcome}",
        "success_any": good,
        "success_last": good,
        "success_held": good,
        "reached": True,
        "grasped": good,
        "lifted": good,
        "wrong_object": None,
        **further,
    }


def write_run(folder: Path, lines: Iterable[Line], **results: object) -> Path:
    """Write results.json and episodes.jsonl; return the folder."""
    folder.mkdir(parents=True)
    text = "".join(json.dumps(each) + "\n" for each in lines)
    (folder / "episodes.jsonl").write_text(text, encoding="utf-8")
    said = {
        "suite": "bowl",
        "policy": "vla",
        "seed": 0,
        "execute": 4,
        "complete": True,
        "command": "aubergine eval --suite bowl --seed 0",
        "versions": {"numpy": "2.4.6"},
        **results,
    }
    (folder / "results.json").write_text(json.dumps(said), encoding="utf-8")
    return folder


def mixed_run(folder: Path, **results: object) -> Path:
    """Three tasks: 9/10, 2/10 with one error more, 0/5; axes camera and light at levels 1 to 3 on the third."""
    lines = [line("cube in bowl", seed, "timeout" if seed == 4 else "success") for seed in range(10)]
    lines += [line("ball & <cup>", seed, "success" if seed in (1, 2) else "timeout") for seed in range(10)]
    lines.append(line("ball & <cup>", 10, "error", detail="the arm came apart"))
    lines += [line("perturbed", n, "timeout", axis=("camera", "light")[n % 2], level=1 + n // 2) for n in range(5)]
    return write_run(folder, lines, **results)
