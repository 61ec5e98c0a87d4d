"""Where a remote policy is: ws://host:port, with options as a query."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from agent.errors import SpecError, unknown_name

OPTIONS = ("layout", "timeout", "token_file")
PEER_LAYOUTS = ("libero",)
"""Layouts in which another project's server can be spoken to; a server of this project needs none."""


@dataclass(frozen=True)
class Address:
    """url: without the options.  layout: in which a server that says nothing of itself is spoken to, None: it must say.
    timeout: seconds to wait for one answer.  token_file: holds the token to show.
    """

    url: str
    layout: str | None = None
    timeout: float = 30.0
    token_file: Path | None = None


def is_address(policy: str) -> bool:
    """Say whether a policy's name is an address."""
    return policy.startswith(("ws://", "wss://"))


def parse_address(text: str) -> Address:
    """Read "ws://host:port?layout=libero&timeout=60&token_file=PATH"; raise SpecError naming what is wrong."""
    parts = urlsplit(text)
    try:
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise SpecError(f"the address {text} has no valid port") from error
    if not is_address(text) or not host:
        raise SpecError(f"the address of a policy server looks like ws://127.0.0.1:8000, not '{text}'")
    options = dict(parse_qsl(parts.query))
    for name in options:
        if name not in OPTIONS:
            raise unknown_name("option of an address", name, OPTIONS)
    layout = options.get("layout")
    if layout is not None and layout not in PEER_LAYOUTS:
        raise unknown_name("layout", layout, PEER_LAYOUTS)
    file = options.get("token_file")
    url = parts._replace(query="", fragment="").geturl()
    return Address(url, layout, _seconds(options.get("timeout", "30")), Path(file) if file else None)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError as error:
        raise SpecError(f"timeout must be a number of seconds, not '{text}'") from error
    if not 0 < seconds < float("inf"):
        raise SpecError(f"timeout must be above 0 seconds, not {text}")
    return seconds
