"""Finds what imagines by folder or hub id."""

from pathlib import Path

from agent.errors import SpecError
from imagination.imaginer import Imaginer, LatentImaginer


def make_imaginer(source: str | Path) -> Imaginer:
    """Return what imagines: a folder that training wrote, any diffusers pipeline folder, or a hub id.

    Raises SpecError when there is no such thing.
    """
    folder = Path(source)
    if (folder / "config.json").exists():
        return LatentImaginer(folder)
    if folder.is_dir() and not (folder / "model_index.json").exists():
        raise SpecError(f"no diffusers pipeline at '{source}': the folder holds no model_index.json, nor a config.json")
    if not folder.is_dir() and (folder.is_absolute() or len(folder.parts) > 2):
        raise SpecError(f"no diffusers pipeline at '{source}': there is no such folder")
    # Foreign pipelines take seconds to import; the latent model needs none of them.
    from imagination.pipelines import PipelineImaginer

    return PipelineImaginer(str(source))
