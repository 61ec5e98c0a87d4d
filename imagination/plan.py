"""What `aubergine train configs/train/imagine_*.yaml` does: collect what a part needs, then train it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from agent.errors import SpecError
from agent.settings import save_settings
from imagination.arranger_training import ArrangerTraining, train_arranger
from imagination.needs import require_diffusers
from imagination.parts import PartTraining, train_autoencoder, train_decoder, train_denoiser, train_judge
from imagination.training import Trained

PartName = Literal["arranger", "autoencoder", "decoder", "judge", "denoiser"]
PLAN = "plan.yaml"


@dataclass(frozen=True)
class ImaginePlan:
    """part: which network this file trains; only its own section counts."""

    part: PartName
    kind: Literal["imagine"] = "imagine"
    arranger: ArrangerTraining = field(default_factory=ArrangerTraining)
    picture: PartTraining = field(default_factory=PartTraining)


def follow(plan: ImaginePlan, out: Path, *, resume: bool) -> Trained:
    """Carry the plan out in `out`, with out/model as its result; with `resume`, go on where a call was interrupted."""
    require_diffusers()
    if (out / PLAN).exists() and not resume:
        raise SpecError(f"{out} already holds a training run; add --resume, or choose another folder")
    out.mkdir(parents=True, exist_ok=True)
    save_settings(out / PLAN, plan)
    if plan.part == "arranger":
        return train_arranger(plan.arranger, out, resume=_has_state(out))
    trainers: dict[str, Callable[..., Trained]] = {
        "autoencoder": train_autoencoder,
        "decoder": train_decoder,
        "judge": train_judge,
        "denoiser": train_denoiser,
    }
    return trainers[plan.part](plan.picture, out, resume=_has_state(out))


def _has_state(out: Path) -> bool:
    return (out / "state.safetensors").exists()
