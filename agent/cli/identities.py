"""What an evaluation's rows depend on besides their trial: which policy, which world, which limits between them."""

from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli import stage as stages
from agent.evaluation.identity import digest_of, digest_of_files
from agent.ports import Policy
from agent.serving.address import is_address

if TYPE_CHECKING:
    from agent.evaluation.gym_spec import GymWorldSpec


def policy_identity(policy: str, made: Policy) -> str:
    """Return what this policy's actions depend on: its code and, where it was trained, its weights; not its folder's
    name.

    made: what `policy` built. A server is known by its address and by what it says it serves, not by its weights.
    """
    if is_address(policy):
        from agent.serving.address import parse_address
        from agent.serving.client import RemotePolicy

        assert isinstance(made, RemotePolicy)
        return f"server {parse_address(policy).url}, {made.serves}"
    import policies

    policy = policy.removeprefix(stages.FORCED)
    sources = _folder(policies.__file__)
    if policy in stages.SCRIPTED:
        # The expert lives in `sim`, which `world_identity` covers.
        return f"{policy}, code {digest_of_files([sources / 'scripted.py'])}"
    from policies.adapters import acting_files, is_published, parse

    if is_published(policy):
        kind, _, key = (part or "" for part in parse(policy))
        code = digest_of_files([sources / "adapters", *sorted(sources.glob("*.py"))])
        return f"{kind} {digest_of_files(acting_files(policy))} @{key}, code {code}"
    from policies.checkpoint import ACTING_FILES, ADAPTER_FILES
    from policies.shipped import locate

    located = locate(policy)
    files = [located.checkpoint / name for name in ACTING_FILES]
    if located.adapter is not None:
        files += [located.adapter / name for name in ADAPTER_FILES]
    weights = digest_of_files(files)
    acting = [*sorted(sources.glob("*.py")), sources / "heads"]
    return f"checkpoint {weights}, code {digest_of_files(acting)}"


def world_identity(spec: "GymWorldSpec | None" = None, *, safety: str | None = None) -> str:
    """Return a digest of the world, its assets and the loop: every constant of the physics is in there.

    spec: of the wrapped environment that stands in for the tabletop; its own code is known by its package's version.
    safety: as --safety names the limits that the tabletop stands behind; what they say counts, not their file's name.
    """
    import sim
    from agent import runtime
    from agent import safety as filters
    from agent.evaluation import attempt

    loop = [Path(runtime.__file__), Path(attempt.__file__)]
    if spec is not None:
        wrapper = Path(attempt.__file__).with_name("gym_world.py")
        code = f"{spec.env} {digest_of(spec)}, code {digest_of_files([wrapper, *loop])}"
        wrapped = stages.wrapped_limits(safety)
        return f"{code}, safety {'off' if wrapped is None else digest_of(wrapped)}"
    limits = stages.safety_limits(safety)
    if limits is None:
        return f"{digest_of_files([_folder(sim.__file__), *loop])}, safety off"
    files = [_folder(sim.__file__), _folder(filters.__file__), *loop]
    return f"{digest_of_files(files)}, safety {digest_of(limits)}"


def _folder(package_file: str | None) -> Path:
    assert package_file is not None
    return Path(package_file).parent
