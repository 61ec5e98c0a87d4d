"""Fine-tunes a small language model on lessons, by LoRA, with exact resume.

The loss is taken on answers only, and the wide output layer is computed only there. Lessons come from seeds, so the
place in the data is one number; with the optimizer's state and the adapter that is all there is to resume from.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from agent.errors import SpecError
from dialogue.lessons.draw import draw_family, draw_lesson
from dialogue.lessons.lesson import Lesson
from dialogue.tiny.attention import PLAIN
from dialogue.tiny.batches import Row, batches
from dialogue.tiny.chatml import ChatMl
from dialogue.tiny.plan import ChatPlan

LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class Progress:
    """How training stands. loss: per answer token, this step.  seconds: left, by the pace so far of this call."""

    step: int
    steps: int
    loss: float
    lessons: int
    tokens_per_second: float
    seconds_left: float


def fine_tune(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    plan: ChatPlan,
    out: Path,
    *,
    report: Callable[[Progress], bool] = lambda progress: True,
) -> bool:
    """Train until plan.steps, going on from `out`/state when it is there; `out`/adapter is as new as the state.

    report: called after every step; False stops, leaving a state to resume from. Returns whether it ran to its end.
    Raises SpecError when the state in `out` comes of another plan.
    """
    chat = ChatMl(tokenizer)
    learner, weights = _learner(model, plan)
    optimizer = torch.optim.AdamW(weights.values(), lr=plan.rate, weight_decay=0.0)
    step, lessons = _resume(out / "state", plan, weights, optimizer)
    _set(learner, weights)
    source = batches(families(plan, lessons), chat, length=plan.row, rows=plan.rows)
    began, tokens, first = time.monotonic(), 0, step
    while step < plan.steps:
        batch = next(source)
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, plan)
        loss = _step(learner, batch, optimizer, weights)
        step, lessons = step + 1, lessons + batch.lessons
        tokens += int(batch.mask.any(-1).sum())
        spent = time.monotonic() - began
        left = spent / (step - first) * (plan.steps - step)
        go_on = report(Progress(step, plan.steps, loss, lessons, tokens / spent, left))
        if step % plan.save_every == 0 or step == plan.steps or not go_on:
            _save(out / "state", plan, weights, optimizer, (step, lessons))
            save_adapter(learner, out / "adapter", base=plan.model)
        if not go_on:
            return False
    return True


def answer_loss(model: PreTrainedModel | PeftModel, row: Row) -> Tensor:
    """Return the summed cross-entropy over the answer tokens; logits (A, V) are computed only there."""
    base = model.get_base_model() if isinstance(model, PeftModel) else model
    assert isinstance(base, PreTrainedModel)
    dtype = next(base.parameters()).dtype
    blocked = torch.zeros(row.mask.shape, dtype=dtype).masked_fill(~row.mask, torch.finfo(dtype).min)
    hidden = base.base_model(
        input_ids=row.tokens, position_ids=row.positions, attention_mask=blocked, use_cache=False
    ).last_hidden_state
    head: nn.Module = base.get_output_embeddings()  # type: ignore[no-untyped-call]
    logits: Tensor = head(hidden.flatten(0, 1)[row.places])
    return nn.functional.cross_entropy(logits.float(), row.targets, reduction="sum")


def rate_at(step: int, plan: ChatPlan) -> float:
    """Return the learning rate: up in a line, then down a cosine to a tenth."""
    if step < plan.warmup:
        return plan.rate * (step + 1) / plan.warmup
    done = (step - plan.warmup) / max(1, plan.steps - plan.warmup)
    return plan.rate * (0.55 + 0.45 * float(torch.cos(torch.tensor(torch.pi * done))))


def save_adapter(learner: PeftModel, folder: Path, *, base: str) -> None:
    """Write the LoRA weights in half precision, as safetensors, with peft's configuration. base: what people call the
    model; peft would write where it lies on this machine."""
    learner.save_pretrained(str(folder), safe_serialization=True)
    file = folder / "adapter_model.safetensors"
    save_file({name: value.half() for name, value in load_file(file).items()}, file, metadata={"format": "pt"})
    config = folder / "adapter_config.json"
    told = {**json.loads(config.read_text(encoding="utf-8")), "base_model_name_or_path": base}
    config.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    # peft writes a card of its own that says nothing about this adapter.
    (folder / "README.md").unlink(missing_ok=True)


def _learner(model: PreTrainedModel, plan: ChatPlan) -> tuple[PeftModel, dict[str, nn.Parameter]]:
    layers = range(plan.first_layer, model.config.num_hidden_layers)
    config = LoraConfig(
        r=plan.rank,
        lora_alpha=plan.alpha,
        target_modules=list(LAYERS),
        layers_to_transform=list(layers),
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng():
        torch.manual_seed(plan.first_seed)
        learner = get_peft_model(model, config, autocast_adapter_dtype=False)
    model.set_attn_implementation(PLAIN)
    named = learner.named_parameters()
    # Steps are small beside weights, so bfloat16 would round them away.
    return learner, {name: nn.Parameter(weight.detach().float()) for name, weight in named if weight.requires_grad}


def _set(learner: PeftModel, weights: Mapping[str, Tensor]) -> None:
    """Give the network the weights that are learned, in its own precision."""
    with torch.no_grad():
        for name, weight in weights.items():
            learner.get_parameter(name).copy_(weight)


def families(plan: ChatPlan, lessons: int) -> Iterator[tuple[Lesson, ...]]:
    """Yield lessons as they are laid in rows, going on after so many: single ones and families, in turn.

    A family's seed is that of its first lesson, so that the number of lessons alone says where in the data training is.
    """
    per_round = 1 + plan.together
    while True:
        if plan.together > 1 and lessons % per_round == 1:
            yield draw_family(plan.first_seed + lessons, plan.together)
            lessons += plan.together
        else:
            yield (draw_lesson(plan.first_seed + lessons, split="taught"),)
            lessons += 1


def _step(
    learner: PeftModel, batch: Row, optimizer: torch.optim.Optimizer, weights: Mapping[str, nn.Parameter]
) -> float:
    """One step over the batch; every answer token weighs the same."""
    learner.zero_grad()
    loss = answer_loss(learner, batch) / len(batch.targets)
    loss.backward()  # type: ignore[no-untyped-call]
    for name, weight in weights.items():
        gradient = learner.get_parameter(name).grad
        weight.grad = None if gradient is None else gradient.float()
    nn.utils.clip_grad_norm_(weights.values(), 1.0)
    optimizer.step()
    _set(learner, weights)
    return float(loss.detach())


def _save(
    folder: Path,
    plan: ChatPlan,
    weights: dict[str, nn.Parameter],
    optimizer: torch.optim.Optimizer,
    at: tuple[int, int],
) -> None:
    """Write a state to resume from; the old one stays until the new one is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"weight/{name}": weight.detach() for name, weight in weights.items()}
    for name, weight in weights.items():
        for key in ("exp_avg", "exp_avg_sq"):
            tensors[f"{key}/{name}"] = optimizer.state[weight][key]
    file = folder / f"state-{at[0]}.safetensors"
    save_file(tensors, file)
    draft = folder / "state.json.part"
    draft.write_text(json.dumps({"step": at[0], "lessons": at[1], "file": file.name, "plan": asdict(plan)}), "utf-8")
    draft.replace(folder / "state.json")
    for old in folder.glob("state-*.safetensors"):
        if old != file:
            old.unlink()


def _resume(
    folder: Path, plan: ChatPlan, weights: dict[str, nn.Parameter], optimizer: torch.optim.Optimizer
) -> tuple[int, int]:
    """Take up the state in `folder`; return the step and the lessons used so far, 0 and 0 when there is none."""
    if not (folder / "state.json").exists():
        return 0, 0
    state = json.loads((folder / "state.json").read_text("utf-8"))
    if state["plan"] != asdict(plan):
        changed = sorted(key for key, value in asdict(plan).items() if state["plan"].get(key) != value)
        raise SpecError(f"{folder} holds a run of another plan ({', '.join(changed)} differ); choose another folder")
    tensors = load_file(folder / state["file"])
    for name, weight in weights.items():
        weight.data.copy_(tensors[f"weight/{name}"])
        optimizer.state[weight] = {
            "step": torch.tensor(float(state["step"])),
            "exp_avg": tensors[f"exp_avg/{name}"],
            "exp_avg_sq": tensors[f"exp_avg_sq/{name}"],
        }
    return int(state["step"]), int(state["lessons"])
