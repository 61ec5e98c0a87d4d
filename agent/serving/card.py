"""What a server says about itself when someone connects: whose body, which units, how many actions a look."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from agent.errors import SpecError
from agent.serving.limits import BadMessage
from agent.settings import from_mapping, to_mapping
from agent.types import Embodiment

SERVER = "aubergine"
PROTOCOL = 1
LARGEST_SIDE = 2048
"""Pixels; a server that wants larger pictures is not believed."""


@dataclass(frozen=True)
class Card:
    """policy: its name, for reports.  execute: actions of a chunk to carry out before looking again."""

    policy: str
    embodiment: Embodiment
    execute: int

    def to_wire(self) -> dict[str, object]:
        """Return the metadata that is sent on connect."""
        return {"server": SERVER, "protocol": PROTOCOL, **to_mapping(self)}


def card_from_wire(metadata: object) -> Card | None:
    """Return what the server's metadata says, or None when it is another project's server.

    Raises SpecError when it claims to be one of ours and cannot be read.
    """
    if not isinstance(metadata, Mapping) or metadata.get("server") != SERVER:
        return None
    if metadata.get("protocol") != PROTOCOL:
        raise SpecError(f"the server speaks version {metadata.get('protocol')} of the protocol, this is {PROTOCOL}")
    values = {each.name: metadata[each.name] for each in fields(Card) if each.name in metadata}
    card = from_mapping(Card, values, where="the server's metadata")
    if card.execute < 1 or len(card.embodiment.action) == 0 or not card.embodiment.rate_hz > 0:
        raise BadMessage("the server's metadata has no action, no rate, or carries out no action per look")
    for camera in card.embodiment.cameras:
        if not (0 < camera.height <= LARGEST_SIDE and 0 < camera.width <= LARGEST_SIDE):
            raise BadMessage(f"the server wants pictures of {camera.height} x {camera.width} pixels")
    return card
