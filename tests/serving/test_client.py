"""`RemotePolicy` keeps the contract of every policy, and says whose fault it is when the other end does not."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from websockets.sync.server import ServerConnection, serve

from agent.doubles import CountingPolicy, PointTeacher, PointWorld, point_task
from agent.errors import PolicyFault, Refusal, SpecError, WorldFault
from agent.ports import Policy, World
from agent.runtime import run_episode
from agent.serving.address import Address, is_address, parse_address
from agent.serving.client import RemotePolicy
from agent.serving.codec import pack, unpack
from agent.types import CameraSpec, Control, Embodiment, Observation, Outcome, Task, VectorSpec
from policies.scripted import RandomPolicy
from tests.contract.policy_contract import PolicyContract
from tests.serving.bodies import LIBERO_BODY, fixed, picture, served, vector

TOOL = VectorSpec(("x", "y", "z", "rx", "ry", "rz", "gripper"), ("m",) * 7, (-1.0,) * 7, (1.0,) * 7)
WORLD_BODY = Embodiment("here", LIBERO_BODY.cameras, TOOL, LIBERO_BODY.action, Control.EE_DELTA, 5.0)


class OverTheWire(PolicyContract):
    """The contract, with the policy behind a socket."""

    @pytest.fixture(autouse=True)
    def closing(self) -> Iterator[None]:
        with ExitStack() as self.open:
            yield

    def remote(self, world: World, policy: Policy) -> tuple[World, Policy]:
        ports = self.open.enter_context(served(policy))
        remote = RemotePolicy(ports.url)
        self.open.callback(remote.close)
        return world, remote

    def make_task(self) -> Task:
        return point_task(0)


class TestRemoteTeacher(OverTheWire):
    def make_pair(self) -> tuple[World, Policy]:
        world = PointWorld()
        return self.remote(world, PointTeacher(world))


class TestRemoteRandom(OverTheWire):
    """A policy with randomness: the seed must travel."""

    def make_pair(self) -> tuple[World, Policy]:
        world = PointWorld()
        return self.remote(world, RandomPolicy(world.embodiment))


def test_an_episode_is_the_same_here_and_over_the_wire() -> None:
    world, other = PointWorld(), PointWorld()
    here = run_episode(world, PointTeacher(world), point_task(3), seed=3, execute=2)
    with served(PointTeacher(other)) as ports:
        remote = RemotePolicy(ports.url)
        there = run_episode(other, remote, point_task(3), seed=3, execute=2)
        remote.close()
    assert here.outcome is Outcome.SUCCESS
    assert (there.outcome, there.steps) == (here.outcome, here.steps)


def test_what_a_policy_wants_to_be_reminded_of_travels() -> None:
    world = PointWorld()
    policy = CountingPolicy(world.embodiment)
    with served(policy) as ports:
        remote = RemotePolicy(ports.url)
        for seed in (0, 1):
            run_episode(world, remote, replace(point_task(seed), max_steps=3), seed=seed, execute=1)
        remote.close()
    assert policy.counts == [1, 2, 3, 1, 2, 3]


def look(size: int = 24) -> Observation:
    images = {"front": picture(size, size), "wrist": picture(16, 16)}
    return Observation(images, np.linspace(-0.5, 0.5, 8).astype(np.float32), "put the cup down", 0.0)


def test_the_body_and_the_rhythm_are_the_servers() -> None:
    with served(fixed(), execute=3) as ports:
        remote = RemotePolicy(ports.url)
        assert remote.embodiment == LIBERO_BODY
        assert remote.execute == 3
        remote.close()


def test_a_body_that_does_not_fit_is_refused_before_anything_moves() -> None:
    world = PointWorld(cameras=(CameraSpec("front", 48, 48),))
    with served(fixed()) as ports:
        remote = RemotePolicy(ports.url)
        with pytest.raises(SpecError, match="camera 'front' at 24 x 24"):
            run_episode(world, remote, point_task(0), seed=0, execute=1)
        remote.close()


def test_a_refusal_stays_a_refusal_and_the_next_episode_connects_again() -> None:
    with served(fixed(refusal="there is no cup")) as ports:
        remote = RemotePolicy(ports.url)
        for _ in range(2):
            remote.reset(seed=1)
            with pytest.raises(Refusal, match="there is no cup"):
                remote.act(look())
        remote.close()


def test_a_server_that_went_away_is_the_worlds_fault() -> None:
    with served(fixed()) as ports:
        remote = RemotePolicy(ports.url)
        remote.act(look())
    with pytest.raises(WorldFault, match="closed the connection"):
        remote.act(look())
    with pytest.raises(WorldFault, match="not connected"):
        remote.act(look())
    with pytest.raises(SpecError, match="no policy server answers"):
        remote.reset(seed=1)


Talk = Callable[[ServerConnection], None]


@contextmanager
def peer(talk: Talk) -> Iterator[str]:
    """Another project's server."""
    with serve(talk, "127.0.0.1", 0, compression=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join()


def answering(reply: object, seen: list[object] | None = None) -> Talk:
    def talk(connection: ServerConnection) -> None:
        connection.send(pack({}))
        for frame in connection:
            if seen is not None:
                assert isinstance(frame, bytes)
                seen.append(unpack(frame))
            connection.send(reply if isinstance(reply, str | bytes) else pack(reply))

    return talk


def test_a_foreign_server_must_be_named_as_one() -> None:
    with peer(answering({})) as url, pytest.raises(SpecError, match="layout=libero"):
        RemotePolicy(url, body=WORLD_BODY)


def test_a_foreign_server_gets_its_keys_and_its_actions_are_converted() -> None:
    seen: list[object] = []
    rows = np.array([[1, -1, 0, 0.2, 0, 0, -1], [0, 0, 0, 0, 0, 0, 1]], dtype=np.float64)
    with peer(answering({"actions": rows, "policy_timing": {"infer_ms": 1.0}}, seen)) as url:
        remote = RemotePolicy(f"{url}?layout=libero", body=WORLD_BODY)
        state = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.5], dtype=np.float32)
        actions = remote.act(Observation(look().images, state, "put the cup down", 0.0)).actions
        remote.close()
    np.testing.assert_allclose(actions[0], [0.05, -0.05, 0, 0.1, 0, 0, 1], atol=1e-6)
    assert actions[1, 6] == 0
    (request,) = seen
    assert isinstance(request, dict)
    assert set(request) == {"observation/image", "observation/wrist_image", "observation/state", "prompt"}
    np.testing.assert_allclose(request["observation/state"], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.02, -0.02], rtol=1e-6)


@pytest.mark.parametrize(
    ("reply", "complaint"),
    [
        ("Traceback ...\nKeyError: 'state'", "reports: KeyError: 'state'"),
        (b"\xc1", "cannot be read"),
        ({}, "no 'actions'"),
        ({"actions": [[0.0] * 7]}, "no 'actions'"),
        ({"actions": np.zeros((2, 6))}, "7 finite values"),
        ({"actions": np.full((2, 7), np.nan)}, "7 finite values"),
        ({"actions": np.zeros((0, 7))}, "7 finite values"),
        ({"actions": np.zeros((2, 7), np.int32)}, "no 'actions'"),
    ],
)
def test_a_bad_answer_is_the_policys_fault(reply: object, complaint: str) -> None:
    with peer(answering(reply)) as url:
        remote = RemotePolicy(f"{url}?layout=libero", body=WORLD_BODY)
        with pytest.raises(PolicyFault, match=complaint):
            remote.act(Observation(look().images, np.zeros(7, np.float32), "go", 0.0))
        remote.close()


def test_a_silent_server_is_left_after_the_time_out() -> None:
    def silent(connection: ServerConnection) -> None:
        connection.send(pack({}))
        for _ in connection:
            pass

    with peer(silent) as url:
        remote = RemotePolicy(f"{url}?layout=libero&timeout=0.2", body=WORLD_BODY)
        with pytest.raises(WorldFault, match=r"no answer in 0\.2 s"):
            remote.act(Observation(look().images, np.zeros(7, np.float32), "go", 0.0))


@pytest.mark.parametrize(
    "metadata",
    [
        {"server": "aubergine", "protocol": 2},
        {"server": "aubergine", "protocol": 1},
        {"server": "aubergine", "protocol": 1, "policy": "x", "execute": 1, "embodiment": {"name": 3}},
    ],
)
def test_a_card_that_cannot_be_read_is_refused(metadata: object) -> None:
    def talk(connection: ServerConnection) -> None:
        connection.send(pack(metadata))

    with peer(talk) as url, pytest.raises(SpecError):
        RemotePolicy(url)


def test_a_greeting_in_text_and_a_body_that_libero_cannot_carry_are_refused() -> None:
    with peer(lambda connection: connection.send("hello")) as url, pytest.raises(SpecError, match="greets with text"):
        RemotePolicy(url)
    body = Embodiment("joints", LIBERO_BODY.cameras, vector(7), LIBERO_BODY.action, Control.EE_DELTA, 5.0)
    with peer(answering({})) as url, pytest.raises(SpecError, match="needs a state with"):
        RemotePolicy(f"{url}?layout=libero", body=body)


def test_addresses() -> None:
    assert is_address("ws://a:1") and is_address("wss://a") and not is_address("runs/best")
    assert parse_address("ws://127.0.0.1:8000?layout=libero&timeout=5&token_file=t") == Address(
        "ws://127.0.0.1:8000", "libero", 5.0, Path("t")
    )
    for text, complaint in (
        ("ws://", "looks like ws://127.0.0.1:8000"),
        ("http://a:1", "looks like"),
        ("ws://a:99999", "no valid port"),
        ("ws://a:1?layot=libero", "did you mean 'layout'"),
        ("ws://a:1?layout=liberro", "did you mean 'libero'"),
        ("ws://a:1?timeout=soon", "number of seconds"),
        ("ws://a:1?timeout=-1", "above 0"),
    ):
        with pytest.raises(SpecError, match=complaint):
            parse_address(text)


def test_nobody_there_is_one_sentence() -> None:
    async def free_port() -> int:
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        port = int(server.sockets[0].getsockname()[1])
        server.close()
        return port

    with pytest.raises(SpecError, match="no policy server answers at ws://127"):
        RemotePolicy(f"ws://127.0.0.1:{asyncio.run(free_port())}")
