"""Says in one sentence what is missing when the optional extra is not installed."""

import importlib.util

from agent.errors import SpecError


def require_diffusers() -> None:
    """Raise SpecError naming the extra when diffusers is not there."""
    if importlib.util.find_spec("diffusers") is None:
        raise SpecError("imagining needs the library diffusers; install the extra: pip install 'aubergine[imagine]'")
