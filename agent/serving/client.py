"""A policy somewhere else, as a `Policy`: any server that speaks openpi's protocol.

A server of this project says whose body it drives and in which units; run_episode compares that with the world before
anything moves. Another project's server says nothing: it is spoken to only in a layout that was asked for
(`?layout=libero`), and its actions are converted at this border.
"""

from collections.abc import Mapping
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.sync.client import ClientConnection, connect

from agent.errors import PolicyFault, Refusal, SpecError, WorldFault
from agent.serving.address import Address, parse_address
from agent.serving.card import Card, card_from_wire
from agent.serving.codec import pack, unpack
from agent.serving.gate import read_token
from agent.serving.layouts import LAYOUTS, OWN, Layout, picture_key
from agent.serving.limits import BadMessage, Limits
from agent.types import ActionChunk, Embodiment, FloatArray, Observation

OPEN_S = 10.0
PEER_EXECUTE = 5
"""Actions per look of another project's server, as openpi's LIBERO example carries them out (`replan_steps`)."""
OPENING_HALF = 0.04
"""m; how far one finger of LIBERO's Panda stands from the middle when the gripper is open (its `gripper_qpos`)."""
_ERRORS = {"Refusal": Refusal, "SpecError": SpecError, "PolicyFault": PolicyFault, "WorldFault": WorldFault}


class RemotePolicy:
    """Asks the server at `address` for every chunk. Close it when done; `reset` connects again after a loss.

    body: whose observations are sent to a server that says nothing of its body; needs `layout` in the address.
    A server that is gone or silent is a WorldFault: the network's, not the policy's failure. Raises SpecError when the
    address is wrong, nobody is there, or the token is refused.
    """

    def __init__(self, address: Address | str, *, body: Embodiment | None = None) -> None:
        self._address = parse_address(address) if isinstance(address, str) else address
        file = self._address.token_file
        self._headers = {"Authorization": f"Api-Key {read_token(file)}"} if file else {}
        self._limits = Limits()
        self._seed: int | None = None
        self._open = ExitStack()
        self._connection: ClientConnection | None = None
        card = self._connect()
        if card is None and (body is None or self._address.layout is None):
            self.close()
            raise SpecError(
                f"the server at {self._address.url} says nothing of its body; if it speaks LIBERO's keys and units, "
                f"say so: {self._address.url}?layout=libero"
            )
        self._layout = OWN if card else LAYOUTS[str(self._address.layout)]
        self._card = card or Card(self._address.url, _checked(body, self._layout), PEER_EXECUTE)

    @property
    def embodiment(self) -> Embodiment:
        return self._card.embodiment

    @property
    def execute(self) -> int:
        """Actions to carry out before looking again, as the server says."""
        return self._card.execute

    @property
    def serves(self) -> str:
        """What the server calls its policy; its address when it says nothing."""
        return self._card.policy

    def reset(self, *, seed: int) -> None:
        """Connect again if the connection is lost; a server of this project resets its policy at the next look."""
        if self._connection is None:
            card = self._connect()
            if card is not None and card != self._card:
                self.close()
                raise SpecError(f"the server at {self._address.url} serves another policy or body than before")
        self._seed = seed

    def act(self, observation: Observation) -> ActionChunk:
        """Return the server's actions, float32 (T, A), in this project's units. `run_episode` checks their bounds."""
        if self._connection is None:
            raise WorldFault(f"the policy server at {self._address.url} is not connected")
        message = pack(self._request(observation))
        try:
            self._connection.send(message)
            reply = self._connection.recv(timeout=self._address.timeout)
        except TimeoutError as error:
            self.close()
            text = f"the policy server at {self._address.url} gave no answer in {self._address.timeout:g} s"
            raise WorldFault(text) from error
        except (ConnectionClosed, OSError) as error:
            self.close()
            raise WorldFault(f"the policy server at {self._address.url} closed the connection") from error
        if isinstance(reply, str):
            self.close()
            raise _error_in(reply)
        self._seed = None
        answer = self._answer(reply)
        actions = self._layout.from_peer(self._actions(answer), self.embodiment)
        return ActionChunk(actions, memory=_memory_in(answer))

    def close(self) -> None:
        """Close the connection; closing twice is allowed."""
        self._connection = None
        self._open.close()

    def _connect(self) -> Card | None:
        url = self._address.url
        try:
            opening = connect(
                url,
                compression=None,
                max_size=self._limits.message_bytes,
                additional_headers=self._headers,
                open_timeout=OPEN_S,
                close_timeout=1.0,
                # A silent server is noticed by the time-out of each answer; a thread for pings is not needed.
                ping_interval=None,
                proxy=None,
            )
            self._connection = self._open.enter_context(opening)
            metadata = self._connection.recv(timeout=OPEN_S)
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI, ConnectionClosed) as error:
            self.close()
            raise SpecError(f"no policy server answers at {url}: {str(error) or type(error).__name__}") from error
        if isinstance(metadata, str):
            self.close()
            raise SpecError(f"the server at {url} greets with text, not with openpi's metadata")
        try:
            return card_from_wire(unpack(metadata, self._limits))
        except SpecError:
            self.close()
            raise

    def _request(self, observation: Observation) -> dict[str, object]:
        if self._layout is not OWN:
            return request_for_peer(observation, self._layout, self.embodiment)
        request: dict[str, object] = dict(observation.images.items())
        request |= {
            "state": observation.state,
            "prompt": observation.instruction,
            "time": float(observation.time),
            "embodiment": self.embodiment.name,
        }
        if self._seed is not None:
            request["seed"] = self._seed
        if observation.memory is not None:
            request["memory"] = observation.memory
        return request

    def _answer(self, reply: bytes) -> Mapping[str, object]:
        try:
            answer = unpack(reply, self._limits)
        except BadMessage as error:
            raise PolicyFault(f"the server's answer cannot be read: {error}") from error
        return answer if isinstance(answer, Mapping) else {}

    def _actions(self, answer: Mapping[str, object]) -> FloatArray:
        """The rows of an answer; PolicyFault when it has none of the right width."""
        actions = answer.get("actions")
        width = len(self.embodiment.action)
        if not isinstance(actions, np.ndarray) or actions.dtype.kind != "f" or actions.ndim != 2:
            raise PolicyFault("the server's answer has no 'actions' of shape (T, A)")
        if len(actions) == 0 or actions.shape[1] != width or not np.isfinite(actions).all():
            raise PolicyFault(
                f"the server's actions have shape {actions.shape}; {width} finite values a row are needed"
            )
        return actions.astype(np.float32)


def _memory_in(answer: Mapping[str, object]) -> NDArray[np.float64] | None:
    """What the server's policy wants to be reminded of at the next look; other servers want nothing."""
    memory = answer.get("memory")
    return memory if isinstance(memory, np.ndarray) and memory.dtype == np.float64 and memory.ndim == 1 else None


def request_for_peer(observation: Observation, layout: Layout, embodiment: Embodiment) -> dict[str, object]:
    """Return the observation in LIBERO's keys: state (8) is tool position, rotation vector and both fingers [m]."""
    values = dict(zip(embodiment.state.names, observation.state.tolist(), strict=True))
    finger = OPENING_HALF * values["gripper"]
    state = [*(values[name] for name in ("x", "y", "z", "rx", "ry", "rz")), finger, -finger]
    pictures = {
        picture_key(layout, camera, embodiment): observation.images[camera.name] for camera in embodiment.cameras
    }
    return {**pictures, layout.state[0]: np.array(state, dtype=np.float32), "prompt": observation.instruction}


def _checked(body: Embodiment | None, layout: Layout) -> Embodiment:
    """Return the body when the layout can carry its observations and actions."""
    if body is None:
        raise SpecError("a server that says nothing of its body needs to be told whose observations it gets")
    missing = {"x", "y", "z", "rx", "ry", "rz", "gripper"} - set(body.state.names)
    if missing:
        raise SpecError(f"layout 'libero' needs a state with {', '.join(sorted(missing))}")
    layout.from_peer(np.zeros((1, len(body.action)), dtype=np.float32), body)
    return body


def _error_in(text: str) -> Exception:
    """The error that a server's text frame stands for; another project's server sends a traceback, its last line
    says what happened."""
    kind, colon, sentence = text.partition(": ")
    if colon and kind in _ERRORS:
        return _ERRORS[kind](sentence[:500])
    lines = text.strip().splitlines() or ["an empty text"]
    return PolicyFault(f"the policy server reports: {lines[-1][:500]}")
