"""The figures of `aubergine bench` about serving: the way there and back, and what batching gains."""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection

import numpy as np

from agent.cli import stage as stages
from agent.ports import Policy
from agent.types import CameraSpec, Embodiment, Observation

Figures = dict[str, float | int | bool | str | None]
MakePolicy = Callable[[], tuple[Policy, int]]
PICTURES = (CameraSpec("front", 224, 224), CameraSpec("wrist", 224, 224))
"""What openpi's clients send."""
CLIENTS = 8
WORDS = "put the eggplant in the bowl"


def round_trip(count: int = 1000) -> Figures:
    """Return the time from observation to actions with two pictures of 224 pixels, when the policy takes none.

    Server and client are two processes that talk over the loopback; the first tenth is not counted.
    """
    from agent.serving.client import RemotePolicy

    seconds = []
    with served_apart(still_policy) as url:
        remote = RemotePolicy(url)
        look = observation_for(remote.embodiment)
        for _ in range(count + count // 10):
            began = time.perf_counter()
            remote.act(look)
            seconds.append(time.perf_counter() - began)
        remote.close()
    p50, p95 = (float(np.percentile(seconds[count // 10 :], percent)) for percent in (50, 95))
    return {"server_round_trip_ms_p50": round(1e3 * p50, 2), "server_round_trip_ms_p95": round(1e3 * p95, 2)}


def batching(policy: str = stages.DEFAULT_POLICY, *, seconds: float = 10.0) -> Figures:
    """Return how many chunks a second one client gets of the policy, how many eight together, and the ratio; served as
    `aubergine serve` serves it, a lane a core."""
    with served_apart(partial(stages.make_policy, policy)) as url:
        chunks_per_second(url, 1, seconds / 5)
        one, eight = chunks_per_second(url, 1, seconds), chunks_per_second(url, CLIENTS, seconds)
    return {
        "served_chunks_per_s_1_client": round(one, 2),
        f"served_chunks_per_s_{CLIENTS}_clients": round(eight, 2),
        "serving_lanes": stages.cores(),
        "batching_gain": round(eight / one, 2),
    }


def chunks_per_second(url: str, clients: int, seconds: float) -> float:
    """Let `clients` ask in closed loop for so long; return answers a second, all together."""
    from agent.serving.client import RemotePolicy

    remotes = [RemotePolicy(url) for _ in range(clients)]
    until, counts = time.perf_counter() + seconds, [0] * clients

    def ask(number: int) -> None:
        look = observation_for(remotes[number].embodiment, seed=number)
        while time.perf_counter() < until:
            remotes[number].act(look)
            counts[number] += 1

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = time.perf_counter() - began
    for remote in remotes:
        remote.close()
    return sum(counts) / taken


def observation_for(embodiment: Embodiment, *, seed: int = 0) -> Observation:
    """Return noise for pictures and the middle of every range for a state: how long a policy thinks is no matter of
    what it sees. Not the beginning of an episode, where it might refuse."""
    generator = np.random.default_rng(seed)
    images = {
        camera.name: generator.integers(0, 256, (camera.height, camera.width, 3), dtype=np.uint8)
        for camera in embodiment.cameras
    }
    middle = (embodiment.state.low_array + embodiment.state.high_array) / 2
    return Observation(images, middle.astype(np.float32), WORDS, 1.0)


def still_policy() -> tuple[Policy, int]:
    """A policy that thinks about nothing: eight rows of holding still."""
    from agent.doubles import FixedPolicy
    from sim.world import tabletop_embodiment

    body = tabletop_embodiment(PICTURES)
    return FixedPolicy(body, body.action.clip(np.zeros((8, len(body.action)), dtype=np.float32))), 4


@contextmanager
def served_apart(make: MakePolicy) -> Iterator[str]:
    """Serve the policy in a new process; yields the address. `make` must be picklable."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(make, there), daemon=True)
    process.start()
    # Without our copy of its end, a process that dies is noticed as the end of the pipe.
    there.close()
    try:
        yield str(here.recv())
        here.send("stop")
    finally:
        here.close()
        process.join(10)
        process.terminate()


def _serve(make: MakePolicy, pipe: Connection) -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from agent.serving.background import LOCAL, BackgroundServer
    from agent.serving.card import Card

    policy, execute = make()
    config = replace(LOCAL, lanes=stages.cores())
    with BackgroundServer(policy, Card("measured", policy.embodiment, execute), config) as ports:
        pipe.send(ports.url)
        try:
            pipe.recv()
        except EOFError:
            return
