"""Plays trials on a Ray cluster: one actor a core, each with a world and a policy of its own. Needs the extra `ray`."""

import os
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any

from agent.errors import AubergineError, SpecError
from agent.evaluation.play import BoothJob, Ended, lost

LOCAL = "local"
ATTEMPTS = 3
"""So often is a trial begun whose node or process dies; after that it counts as the world's error."""


class RayPlayer:
    """Plays on `workers` actors of the cluster at `address`, or of a cluster of this machine for "local".

    workers: None: one for every CPU that the cluster has. The run database stays with this process; actors hold nothing
    that would be missed, so a lost node costs the episodes in flight there, which are played again elsewhere.
    Raises SpecError when Ray is not installed and AubergineError when the cluster cannot be reached.
    """

    def __init__(self, job: BoothJob, *, address: str, workers: int | None = None) -> None:
        self._job, self._address, self._wanted = job, address, workers
        self._ray = _import_ray()
        self._ours = False

    def __enter__(self) -> "RayPlayer":
        ray = self._ray
        if not ray.is_initialized():
            try:
                ray.init(address=self._address, log_to_driver=False, logging_level="error", include_dashboard=False)
            except (ConnectionError, ValueError, RuntimeError) as error:
                reason = (str(error).splitlines() or [type(error).__name__])[0]
                raise AubergineError(f"cannot reach a Ray cluster at '{self._address}': {reason}") from error
            self._ours = True
        count = self._wanted or int(ray.cluster_resources().get("CPU", 1))
        self._actor_class = ray.remote(num_cpus=1, max_restarts=0)(_Actor)
        self._job_on_cluster = ray.put(self._job)
        self._idle = [self._new_actor() for _ in range(count)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ours:
            self._ray.shutdown()

    def play(self, todo: Iterable[int]) -> Iterator[Ended]:
        """See Player. An actor's first trial also waits for its world and its policy to be built."""
        ray, waiting = self._ray, iter(todo)
        again: list[tuple[int, int]] = []
        flying: dict[Any, tuple[Any, int, int]] = {}
        while True:
            while self._idle:
                index, attempt = again.pop() if again else (next(waiting, None), 1)
                if index is None:
                    break
                actor = self._idle.pop()
                flying[actor.play.remote(index)] = (actor, index, attempt)
            if not flying:
                return
            (ready, *_), _ = ray.wait(list(flying), num_returns=1)
            actor, index, attempt = flying.pop(ready)
            try:
                ended = ray.get(ready)
            except ray.exceptions.RayTaskError as error:
                raise _cause(error) from error
            except ray.exceptions.RayActorError as error:
                self._idle.append(self._new_actor())
                if attempt < ATTEMPTS:
                    again.append((index, attempt + 1))
                    continue
                reason = str(error).splitlines()[0]
                ended = lost(index, self._job.trials[index], f"its process died {ATTEMPTS} times: {reason}")
            else:
                self._idle.append(actor)
            yield ended

    def _new_actor(self) -> Any:
        return self._actor_class.remote(self._job_on_cluster)


class _Actor:
    """A booth in a process of the cluster."""

    def __init__(self, job: BoothJob) -> None:
        self._booth = job()

    def play(self, index: int) -> Ended:
        return self._booth(index)


def _cause(error: Any) -> AubergineError:
    """What the actor raised, as it would have been raised here."""
    cause = error.cause
    if isinstance(cause, SpecError):
        return SpecError(str(cause))
    return AubergineError(f"an actor failed: {(str(cause).splitlines() or [type(cause).__name__])[0]}")


def _import_ray() -> Any:
    # Ray would otherwise report its use to its makers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise SpecError("--ray needs Ray; install it with: pip install 'aubergine[ray]'") from error
    return ray
