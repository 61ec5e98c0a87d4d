"""Who may come in: addresses that need a token, and the comparison that gives nothing away by its time."""

import hashlib
import hmac
import ipaddress
from pathlib import Path

from agent.errors import SpecError

SHORTEST_TOKEN = 16


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_reach(host: str, token: str | None) -> None:
    """Raise SpecError for a host that others reach when there is no token to keep them out."""
    if token is None and not is_loopback(host):
        raise SpecError(f"{host} is reached from other machines; add --token-file, or keep to 127.0.0.1")


def read_token(path: Path) -> str:
    """Return the token in the file, without surrounding blanks; raise SpecError when it is missing or too short."""
    try:
        token = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise SpecError(f"cannot read the token file {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise SpecError(f"the token in {path} must be plain ASCII") from error
    if len(token) < SHORTEST_TOKEN or not token.isprintable() or " " in token:
        raise SpecError(f"the token in {path} must be one word of at least {SHORTEST_TOKEN} characters")
    return token


def admits(token: str | None, authorization: str | None) -> bool:
    """Say whether an Authorization header ("Api-Key <token>", as openpi's client sends it, or "Bearer <token>") opens
    a door with this token. Takes the same time for every wrong answer."""
    if token is None:
        return True
    scheme, _, given = (authorization or "").partition(" ")
    same = hmac.compare_digest(_digest(given.strip()), _digest(token))
    return same and scheme.lower() in ("api-key", "bearer")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
