"""`aubergine train` with `kind: chat`: fine-tune, then examine on development requests."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from agent.errors import SpecError
from dialogue.tiny.plan import ChatPlan

INTERRUPTED = 130
DEVELOPMENT_SEED = 500_000


def run_chat(arguments: argparse.Namespace) -> int:
    """Follow a plan of this kind; 0 when it ran through, 130 when it was interrupted."""
    from agent.settings import load_settings, save_settings

    plan = load_settings(arguments.plan, ChatPlan)
    out = Path(arguments.out) if arguments.out else Path("runs") / Path(arguments.plan).stem
    if (out / "state" / "state.json").exists() and not arguments.resume:
        raise SpecError(f"{out} already holds a training run; add --resume, or choose another folder")
    out.mkdir(parents=True, exist_ok=True)
    save_settings(out / "plan.yaml", plan)
    console = Console(stderr=True, quiet=arguments.json)
    if not _train(plan, out, console):
        console.print(f"interrupted; go on with: aubergine train {arguments.plan} --out {out} --resume")
        if arguments.json:
            print(json.dumps({"out": str(out), "finished": False}))
        return INTERRUPTED
    found = _examine(plan, out, console) if plan.exam else {}
    (out / "results.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    (out / "adapter" / "README.md").write_text(card(plan, found, _last(out)), encoding="utf-8")
    if arguments.json:
        print(json.dumps({"out": str(out), "finished": True, "adapter": str(out / "adapter"), "exam": found}))
    else:
        print(f"adapter: {out / 'adapter'}; try it: aubergine chat --adapter {out / 'adapter'}")
    return 0


def card(plan: ChatPlan, found: dict[str, object], last: dict[str, float]) -> str:
    """Return the adapter's model card: data, compute, results, limits."""
    rows = []
    for name, result in found.items():
        assert isinstance(result, dict)
        counts = " | ".join(str(result[key]) for key in ("n", "valid", "right", "executable", "valid_but_wrong"))
        rows.append(f"| {name} | {counts} | {result['median']:.2f} s | {result['p95']:.2f} s |")
    table = "\n".join(rows) or "| not examined |"
    return f"""# Adapter for {plan.model}: plans for a table-top robot

LoRA, rank {plan.rank}, on all linear layers from layer {plan.first_layer} on.
Load it with `aubergine chat --adapter DIR`.

Data: {last.get("lessons", 0):.0f} conversations made up from the simulator's catalogue, seeds from {plan.first_seed} on
(`dialogue/lessons`); no person wrote them. Compute: {last.get("step", 0):.0f} steps of {plan.rows} x {plan.row} tokens,
{last.get("tokens_per_second", 0.0):.0f} tokens/s at the end.

Held-out words, development seeds from {DEVELOPMENT_SEED} on, judged by what the answers do in symbols:

| decoding | n | valid | right | executable | valid but wrong | median | 95 % within |
|---|---|---|---|---|---|---|---|
{table}

Limits: English, this catalogue, the kinds of request in docs/chat.md. It proposes; the verifier decides.
"""


def _last(out: Path) -> dict[str, float]:
    """The last line of the log of losses."""
    lines = (out / "losses.jsonl").read_text(encoding="utf-8").splitlines()
    last: dict[str, float] = json.loads(lines[-1]) if lines else {}
    return last


def _train(plan: ChatPlan, out: Path, console: Console) -> bool:
    from dialogue.tiny.train import Progress, fine_tune
    from dialogue.tiny.weights import load_parts

    log = (out / "losses.jsonl").open("a", encoding="utf-8")
    model, tokenizer = load_parts(plan.model, half=plan.half)
    columns = (
        TextColumn("fine-tuning"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    with log, Bar(*columns, console=console) as bar:
        task = bar.add_task("train", total=plan.steps, note="")

        def report(progress: Progress) -> bool:
            left = f"{progress.seconds_left / 60:.0f} min left"
            note = f"loss {progress.loss:.3f}  {progress.tokens_per_second:.0f} tokens/s  {left}"
            bar.update(task, completed=progress.step, note=note)
            log.write(json.dumps(asdict(progress)) + "\n")
            log.flush()
            return True

        try:
            return fine_tune(model, tokenizer, plan, out, report=report)
        except KeyboardInterrupt:
            # Between two saves at most `save_every` steps are done again; the state on disk is whole.
            return False


def _examine(plan: ChatPlan, out: Path, console: Console) -> dict[str, object]:
    from dialogue.lessons.draw import draw_lessons
    from dialogue.lessons.exam import examine, figures
    from dialogue.tiny.weights import load_model

    console.print(f"examining on {plan.exam} development requests")
    model = load_model(plan.model, adapter=out / "adapter")
    lessons = list(draw_lessons(DEVELOPMENT_SEED, plan.exam, split="held_out"))
    found: dict[str, object] = {}
    for name, constrained in (("constrained", True), ("free", False)):
        result = figures(examine(model, lessons, constrained=constrained))
        console.print(
            f"{name}: {result.right}/{result.n} plans right, {result.valid} valid, {result.executable} executable"
        )
        found[name] = asdict(result)
    return found
