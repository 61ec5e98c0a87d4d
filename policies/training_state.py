"""What training remembers between steps: weights, optimizer moments and the moving average, saved as one file."""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from agent.errors import SpecError


class Average:
    """Exponential moving average of a model's parameters and float buffers."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.live = {k: v for k, v in model.state_dict().items() if v.is_floating_point()}
        self.values = {k: v.detach().clone() for k, v in self.live.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move towards the live weights; early steps move further, so that the start is forgotten soon."""
        share = 1 - min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.values.values()), list(self.live.values()), share)


def save_state(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, average: Average, *, step: int, settings: str
) -> None:
    """Write everything that resuming needs to `path`, atomically. settings: the resolved configuration as JSON."""
    tensors: dict[str, Tensor] = {f"model/{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"average/{name}": value for name, value in average.values.items()}
    for name, parameter in model.named_parameters():
        for moment, value in optimizer.state.get(parameter, {}).items():
            tensors[f"{moment}/{name}"] = torch.as_tensor(value)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    save_file(plain, str(new), metadata={"step": str(step), "settings": settings})
    new.replace(path)


def load_state(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: Average,
    *,
    settings: str,
    complete: Callable[[str], str] = str,
) -> int:
    """Read what `save_state` wrote into the three; return the number of steps done.

    complete: fills into saved settings what did not exist yet when they were saved.
    SpecError when the file is broken, or was written with other settings (it then names them).
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise SpecError(f"{path} is not a readable training state: {error}") from error
    if "step" not in metadata:
        raise SpecError(f"{path} is not a training state: it says no step")
    _check_same(complete(metadata.get("settings", "{}")), settings, path)
    model.load_state_dict({name[6:]: value for name, value in tensors.items() if name.startswith("model/")})
    for name, value in average.values.items():
        value.copy_(tensors[f"average/{name}"])
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        for moment in ("exp_avg", "exp_avg_sq"):
            # Laid out in memory as the parameter is: the fused optimizer walks all of them in one order.
            placed = torch.empty_like(parameter, requires_grad=False).copy_(tensors[f"{moment}/{name}"])
            optimizer.state[parameter][moment] = placed
        optimizer.state[parameter]["step"] = tensors[f"step/{name}"]
    return int(metadata["step"])


def _check_same(saved: str, now: str, path: Path) -> None:
    old, new = json.loads(saved), json.loads(now)
    changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
    if changed:
        raise SpecError(
            f"{path} was written with other settings ({', '.join(changed)}); train in a new folder, or restore them"
        )
