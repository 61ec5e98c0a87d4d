"""Published vision-language-action models behind the Policy port: `pi0:DIR` and `openvla:DIR`.

DIR is a folder or a name on the Hugging Face hub; `@KEY` behind it chooses the data set's statistics.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from agent.errors import SpecError, unknown_name
from agent.types import Embodiment

if TYPE_CHECKING:
    from policies.adapters.published import PublishedPolicy

ADAPTERS = {"pi0": "π0 as transformers ships it", "openvla": "OpenVLA, from its published weights"}


def is_published(policy: str) -> bool:
    """Say whether `policy` looks like `kind:DIR`; an address (ws://) does not."""
    kind, colon, rest = policy.partition(":")
    return bool(colon) and not rest.startswith("//") and kind.isidentifier()


def load_published(policy: str, body: Embodiment) -> "PublishedPolicy":
    """Load `pi0:DIR[@KEY]` or `openvla:DIR[@KEY]` for `body`; the policy's embodiment is `body` with the pictures that
    the model wants.

    Raises SpecError naming the adapters that exist, the file that is missing or broken, or the keys of the statistics.
    """
    kind, name, key = parse(policy)
    from policies.adapters.openvla import OpenVlaPolicy
    from policies.adapters.pi0 import Pi0Policy
    from policies.adapters.published import find_folder

    made = Pi0Policy if kind == "pi0" else OpenVlaPolicy
    return made(find_folder(name), body, key=key)


def parse(policy: str) -> tuple[str, str, str | None]:
    """Split `kind:DIR[@KEY]`; SpecError for a kind that does not exist or a missing DIR."""
    kind, _, rest = policy.partition(":")
    if kind not in ADAPTERS:
        raise unknown_name("kind of published policy", kind, ADAPTERS)
    name, _, key = rest.partition("@")
    if not name:
        raise SpecError(f"'{policy}' names no checkpoint; write {kind}:DIR or {kind}:DIR@KEY")
    return kind, name, key or None


def acting_files(policy: str) -> list[Path]:
    """The files of a published checkpoint that move its actions, for telling it from others."""
    from policies.adapters.published import find_folder

    folder = find_folder(parse(policy)[1])
    return sorted(file for file in folder.iterdir() if file.suffix in (".json", ".safetensors", ".yaml", ".model"))
