"""OpenVLA's REST as its scripts use it: json_numpy's own encoder at the other end."""

import http.client
import json
import socket
from dataclasses import replace

import json_numpy
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from agent.serving.background import LOCAL, Ports
from agent.serving.limits import Limits
from agent.serving.rest import from_bridge, to_bridge
from tests.serving.bodies import DROID_BODY, LIBERO_BODY, ONE_PICTURE, STEP, Noting, fixed, picture, served

TOKEN = "correct-horse-battery"


def post(ports: Ports, body: bytes | str, path: str = "/act", **headers: str) -> tuple[int, object]:
    assert ports.rest is not None
    connection = http.client.HTTPConnection("127.0.0.1", ports.rest, timeout=20)
    connection.request("POST", path, body, {"Content-Type": "application/json", **headers})
    response = connection.getresponse()
    answer = json_numpy.loads(response.read())
    connection.close()
    return response.status, answer


def openvla(**more: object) -> dict[str, object]:
    """What OpenVLA's README posts."""
    return {"image": picture(256, 256), "instruction": "put the cup down", **more}


def test_one_picture_and_an_instruction_give_one_action() -> None:
    policy = Noting(ONE_PICTURE)
    with served(policy) as ports:
        status, action = post(ports, json_numpy.dumps(openvla(unnorm_key="one_picture")))
    assert status == 200
    assert isinstance(action, np.ndarray)
    assert action.shape == (7,)
    np.testing.assert_allclose(action, to_bridge(STEP, ONE_PICTURE)[0])
    assert policy.seen[0].images["front"].shape == (24, 24, 3)
    assert policy.seen[0].instruction == "put the cup down"


def test_the_double_encoded_form_is_answered_in_kind() -> None:
    with served(fixed(ONE_PICTURE)) as ports:
        status, text = post(ports, json.dumps({"encoded": json_numpy.dumps(openvla())}))
    assert status == 200
    assert isinstance(text, str)
    np.testing.assert_allclose(json_numpy.loads(text), to_bridge(STEP, ONE_PICTURE)[0])


def test_ofts_keys_give_every_action() -> None:
    request = {
        "full_image": picture(),
        "wrist_image": picture(16, 16),
        "state": np.zeros(8),
        "task_description": "put the cup down",
    }
    with served(fixed(LIBERO_BODY)) as ports:
        status, actions = post(ports, json_numpy.dumps(request))
    assert status == 200
    np.testing.assert_allclose(np.stack(actions), to_bridge(STEP, LIBERO_BODY))


def test_rotations_become_euler_angles_and_come_back() -> None:
    rows = STEP.copy()
    there = to_bridge(rows, LIBERO_BODY)
    turn = Rotation.from_euler("xyz", there[0, 3:6]).as_matrix()
    np.testing.assert_allclose(turn, Rotation.from_rotvec(rows[0, 3:6]).as_matrix(), atol=1e-6)
    np.testing.assert_allclose(from_bridge(there), rows, atol=1e-6)
    joints = np.zeros((1, 8), np.float32)
    assert to_bridge(joints, DROID_BODY) is joints


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("nonsense", "not JSON"),
        ("[]", "must be an object"),
        (json.dumps({"encoded": 3}), "'encoded'"),
        (json_numpy.dumps(openvla(unnorm_key="bridge_orig")), "there are: one_picture, tested"),
        (json_numpy.dumps({"instruction": "x"}), "no picture 'image'"),
        (json_numpy.dumps({"image": picture()}), "instruction is empty"),
        (json_numpy.dumps(openvla(state=[1.0])), "the state has 1 values"),
    ],
)
def test_what_is_wrong_is_said_with_400(body: str, complaint: str) -> None:
    with served(fixed(ONE_PICTURE)) as ports:
        status, answer = post(ports, body)
    assert status == 400
    assert isinstance(answer, dict)
    assert complaint in answer["error"]


def test_a_policy_that_needs_a_state_is_not_given_an_invented_one() -> None:
    with served(fixed(LIBERO_BODY)) as ports:
        status, answer = post(ports, json_numpy.dumps(openvla(wrist_image=picture())))
    assert (status, answer) == (400, {"error": "SpecError: the request has no 'state'"})


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /healthz HTTP/1.1\r\n\r\n", 200),
        (b"GET /act HTTP/1.1\r\n\r\n", 405),
        (b"POST /other HTTP/1.1\r\n\r\n", 404),
        (b"POST /act HTTP/1.1\r\n\r\n", 411),
        (b"POST /act HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 411),
        (b"POST /act HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n", 413),
        (b"POST /act HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400),
        (b"POST /act HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 411),
        (b"POST /act HTTP/1.1\r\nOrigin: http://x\r\nContent-Length: 2\r\n\r\n{}", 403),
        (b"POST /act HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"\x16\x03\x01 nonsense\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", 431),
    ],
)
def test_http_is_kept_to(raw: bytes, status: int) -> None:
    with served(fixed(ONE_PICTURE)) as ports, socket.create_connection(("127.0.0.1", ports.rest or 0), 5) as peer:
        peer.sendall(raw)
        assert int(peer.recv(64).split(b" ")[1]) == status


def test_the_token_and_the_limit() -> None:
    config = replace(LOCAL, token=TOKEN, limits=Limits(message_bytes=2000))
    with served(fixed(ONE_PICTURE), config) as ports:
        body = json_numpy.dumps({"image": picture(8, 8), "instruction": "go"})
        assert post(ports, body)[0] == 401
        assert post(ports, body, Authorization=f"Bearer {TOKEN}")[0] == 200
        big = json_numpy.dumps({"image": picture(32, 32), "instruction": "go"})
        assert post(ports, big, Authorization=f"Bearer {TOKEN}")[0] == 413
