"""Checkpoint folders: weights as safetensors, everything else as JSON, and golden actions that loading checks."""

import base64
import json
import zlib
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from agent.errors import SpecError, unknown_name
from agent.settings import from_mapping, to_mapping
from agent.types import Embodiment, FloatArray, ImageArray, Observation
from policies.model import ModelConfig, Trained, VLAModel
from policies.shipped import locate
from policies.stats import Statistics, load_statistics, save_statistics
from policies.vla import VLAPolicy, act_once

TYPE = "aubergine.vla"
FORMAT = 2
ACTING_FILES = ("config.json", "dataset_statistics.json", "embodiment.json", "model.safetensors")
"""Files of a checkpoint that move its actions; the card, the log of training and the golden actions do not."""
ADAPTER_FILES = ("adapter.json", "adapter.safetensors")
"""Files of an adapter that move them."""
LIBRARIES = ("torch", "transformers", "numpy")
TOLERANCE = 0.02
"""Largest difference of a golden action, as a share of that dimension's range: five bins of 255."""


@dataclass(frozen=True, eq=False)
class Golden:
    """An observation whose actions are written down when the checkpoint is made and compared when it is loaded."""

    images: dict[str, ImageArray]
    state: FloatArray
    instruction: str

    def observation(self) -> Observation:
        """As in the middle of an episode: where one begins, the policy may refuse."""
        return Observation(images=self.images, state=self.state, instruction=self.instruction, time=1.0)


@dataclass(frozen=True)
class Provenance:
    """Where a checkpoint comes from: for its card and its config. heard: as in `Trained`."""

    data: str
    steps: int
    seconds: float
    training: dict[str, object]
    heard: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _File:
    """config.json. execute: rows of a chunk to carry out before looking again, as measured best."""

    type: str
    format: int
    model: ModelConfig
    execute: int = 2


def save_checkpoint(
    folder: Path,
    model: VLAModel,
    config: ModelConfig,
    statistics: Statistics,
    embodiment: Embodiment,
    *,
    golden: Golden,
    made_by: Provenance,
) -> None:
    """Write `folder`, replacing files of the same names. The model must be on the CPU and in evaluation mode.

    Its weights are rounded to half precision, in which they are stored: the golden actions are those of the file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    execute = max(1, config.codec.chunk // 2)
    _write(folder / "config.json", to_mapping(_File(TYPE, FORMAT, config, execute)))
    _write(folder / "embodiment.json", to_mapping(embodiment))
    _write(folder / "training.json", {"steps": made_by.steps, "seconds": made_by.seconds, "config": made_by.training})
    _write(folder / "words.json", {"heard": sorted(made_by.heard)})
    save_statistics(folder / "dataset_statistics.json", statistics)
    weights = {
        name: value.detach().half().contiguous() if value.is_floating_point() else value
        for name, value in model.state_dict().items()
    }
    model.load_state_dict(weights)
    save_file(weights, str(folder / "model.safetensors"), metadata={"type": TYPE, "format": str(FORMAT)})
    actions = act_once(Trained(folder.name, config, model, statistics, embodiment, execute), golden.observation())
    _write(folder / "golden.json", _golden_values(golden, actions))
    card = folder / "README.md"
    if not card.exists():
        card.write_text(_card(folder.name, model, embodiment, made_by), encoding="utf-8")


def load_checkpoint(folder: Path, *, force: bool = False) -> Trained:
    """Read a checkpoint folder and check it against its golden actions.

    force: accept different golden actions (another library version computes otherwise). Raises SpecError, naming
    the file and field, for anything missing, truncated, foreign or inconsistent.
    """
    if not folder.is_dir():
        raise SpecError(f"there is no checkpoint folder {folder}")
    file = _read_config(folder / "config.json")
    embodiment = from_mapping(Embodiment, _read(folder / "embodiment.json"), where=str(folder / "embodiment.json"))
    statistics = load_statistics(folder / "dataset_statistics.json")
    for name, size in (("action", len(embodiment.action)), ("state", len(embodiment.state))):
        if len(statistics.vector(name).mean) != size:
            raise SpecError(f"{folder / 'dataset_statistics.json'}: '{name}' has another length than {size}")
    model = VLAModel(file.model, embodiment)
    _load_weights(model, folder / "model.safetensors")
    model.eval()
    heard = _read_heard(folder / "words.json")
    trained = Trained(folder.name, file.model, model, statistics, embodiment, file.execute, heard)
    golden, expected, versions = read_golden(folder / "golden.json")
    if not force:
        actions = act_once(trained, golden.observation())
        _check_golden(folder, actions, expected, versions, embodiment)
    return trained


def _read_config(path: Path) -> _File:
    read = _read(path)
    if not isinstance(read, dict) or read.get("type") != TYPE:
        kind = read.get("type") if isinstance(read, dict) else None
        raise SpecError(f"{path}: 'type' is {kind!r}, this reads '{TYPE}'")
    if read.get("format") != FORMAT:
        raise SpecError(f"{path}: 'format' is {read.get('format')!r}, this version reads {FORMAT}")
    return from_mapping(_File, read, where=str(path))


def _read_heard(path: Path) -> frozenset[str]:
    """The words that training said; none for a checkpoint of before they were written down."""
    words = _read(path).get("heard") if path.exists() else []
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise SpecError(f"{path} should hold a list of words under 'heard'")
    return frozenset(words)


def _load_weights(model: VLAModel, path: Path) -> None:
    try:
        with safe_open(str(path), framework="pt") as file:
            weights = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise SpecError(f"{path} is missing or not a complete safetensors file: {error}") from error
    wanted = model.state_dict()
    for name in weights:
        if name not in wanted:
            raise unknown_name(f"weight in the model of {path.parent.name}, for", name, list(wanted)[:8])
    for name, value in wanted.items():
        if name not in weights:
            raise SpecError(f"{path} lacks the weight '{name}'")
        if weights[name].shape != value.shape:
            raise SpecError(f"{path}: '{name}' has shape {tuple(weights[name].shape)}, not {tuple(value.shape)}")
        if not torch.isfinite(weights[name]).all():
            raise SpecError(f"{path}: '{name}' holds NaN or infinity")
    model.load_state_dict({name: value.to(wanted[name].dtype) for name, value in weights.items()})


def _golden_values(golden: Golden, actions: FloatArray) -> dict[str, object]:
    pictures = {
        name: {"shape": list(p.shape), "zlib": base64.b64encode(zlib.compress(p.tobytes(), 9)).decode()}
        for name, p in golden.images.items()
    }
    return {
        "observation": {"images": pictures, "state": golden.state.tolist(), "instruction": golden.instruction},
        "actions": actions.tolist(),
        "tolerance": TOLERANCE,
        "versions": {name: version(name) for name in LIBRARIES},
    }


def read_golden(path: Path) -> tuple[Golden, FloatArray, dict[str, str]]:
    """The observation in a golden.json, its actions and the versions of libraries they were made with."""
    read = _read(path)
    try:
        seen = read["observation"]
        images = {
            name: np.frombuffer(zlib.decompress(base64.b64decode(p["zlib"])), dtype=np.uint8).reshape(p["shape"]).copy()
            for name, p in seen["images"].items()
        }
        golden = Golden(images, np.asarray(seen["state"], dtype=np.float32), str(seen["instruction"]))
        return golden, np.asarray(read["actions"], dtype=np.float32), dict(read["versions"])
    except (KeyError, TypeError, ValueError, AttributeError, zlib.error) as error:
        raise SpecError(f"{path} lacks or garbles a field: {error!r}") from error


def _check_golden(
    folder: Path, actions: FloatArray, expected: FloatArray, versions: dict[str, str], embodiment: Embodiment
) -> None:
    span = embodiment.action.high_array - embodiment.action.low_array
    off = float(np.max(np.abs(actions - expected) / span)) if actions.shape == expected.shape else float("inf")
    if off > TOLERANCE:
        then = ", ".join(f"{name} {number}" for name, number in sorted(versions.items()))
        now = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
        raise SpecError(
            f"{folder / 'golden.json'}: the model's actions differ by {off:.1%} of the range from those it was saved "
            f"with (made with {then}; here {now}); load with force to use it anyway"
        )


def _write(path: Path, values: dict[str, object]) -> None:
    path.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _read(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise SpecError(f"{path} is missing or not readable JSON: {error}") from error
    if not isinstance(read, dict):
        raise SpecError(f"{path} should hold an object, not {type(read).__name__}")
    return read


def _card(name: str, model: VLAModel, embodiment: Embodiment, made_by: Provenance) -> str:
    size = sum(p.numel() for p in model.parameters()) / 1e6
    cameras = ", ".join(f"{c.name} {c.height} x {c.width}" for c in embodiment.cameras)
    return (
        f"# {name}\n\n"
        f"A vision-language-action policy of {size:.1f} M trained parameters for {embodiment.name} ({cameras}, "
        f"{embodiment.rate_hz:g} Hz, {embodiment.control}).\n\n"
        f"- Data: {made_by.data}.\n"
        f"- Training: {made_by.steps} steps in {made_by.seconds / 60:.0f} minutes; settings in training.json.\n"
        "- Results: not measured yet.\n"
        "- Limits: trained in one simulated scene with one camera pose; not for use near people.\n"
    )


def load_policy(name_or_path: str, *, force: bool = False, temperature: float = 0.0) -> VLAPolicy:
    """Load a policy as `policies.shipped` has names for it: bundled or a folder, with an adapter or without.

    SpecError names the bundled ones when there is no such name or folder. force: see `load_checkpoint`.
    """
    return VLAPolicy(load_trained(name_or_path, force=force), temperature=temperature)


def load_trained(name_or_path: str, *, force: bool = False) -> Trained:
    """As `load_policy`, the network alone."""
    located = locate(name_or_path)
    trained = load_checkpoint(located.checkpoint, force=force)
    if located.adapter is None:
        return trained
    # peft takes seconds to import, and a checkpoint alone does not need it.
    from policies.lora import load_adapter, merge

    card = load_adapter(trained.model, located.adapter.name, located.adapter.parent, base=trained.name)
    merge(trained.model)
    # Where nobody wrote down what the checkpoint was told, its words stay unknown.
    heard = trained.heard.union(card.heard) if trained.heard else trained.heard
    return replace(trained, name=f"{trained.name}+{located.adapter.name}", heard=heard)
