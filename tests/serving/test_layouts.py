"""Keys and units of requests."""

import numpy as np
import pytest

from agent.doubles import POINT_ACTION
from agent.errors import SpecError
from agent.serving.layouts import DROID, LIBERO, OWN, fitted, layout_of, observation_from
from agent.serving.limits import BadMessage
from tests.serving.bodies import DROID_BODY, LIBERO_BODY, STEP, droid_request, libero_request, own_request, picture


def test_libero_keys() -> None:
    request = libero_request()
    assert layout_of(request) is LIBERO
    seen = observation_from(request, LIBERO, LIBERO_BODY)
    np.testing.assert_array_equal(seen.images["front"], request["observation/image"])
    assert seen.images["wrist"].shape == (16, 16, 3)
    np.testing.assert_allclose(seen.state, np.linspace(-1, 1, 8), rtol=1e-6)
    assert seen.instruction == "put the bowl on the plate"


def test_droid_keys_turn_the_gripper() -> None:
    request = droid_request()
    assert layout_of(request) is DROID
    seen = observation_from(request, DROID, DROID_BODY)
    np.testing.assert_allclose(seen.state, [*np.linspace(-1, 1, 7), 0.75], rtol=1e-6)
    rows = np.array([[0.1] * 7 + [1.0]], dtype=np.float32)
    np.testing.assert_allclose(DROID.to_peer(rows, DROID_BODY), [[0.1] * 7 + [0.0]], rtol=1e-6)
    np.testing.assert_allclose(DROID.from_peer(DROID.to_peer(rows, DROID_BODY), DROID_BODY), rows)


def test_own_keys() -> None:
    request = own_request()
    assert layout_of(request) is OWN
    seen = observation_from({**request, "time": 1.5}, OWN, LIBERO_BODY)
    assert set(seen.images) == {"front", "wrist"}
    assert seen.time == 1.5


def test_libero_actions_are_converted_and_come_back() -> None:
    there = LIBERO.to_peer(STEP, LIBERO_BODY)
    # Open is -1 in LIBERO, closed +1; 0.05 m and 0.5 rad are its largest steps.
    np.testing.assert_allclose(there[0], [0.2, -0.4, 0.6, 0.2, -0.4, 0.6, -1.0], rtol=1e-5)
    assert there[1, 6] == 1.0
    np.testing.assert_allclose(LIBERO.from_peer(there, LIBERO_BODY), STEP, rtol=1e-5, atol=1e-7)


def test_actions_from_libero_are_clipped_as_robosuite_clips_them() -> None:
    wild = np.array([[3, -3, 0, 1, 0, 0, -7]], dtype=np.float32)
    rows = LIBERO.from_peer(wild, LIBERO_BODY)
    np.testing.assert_allclose(rows, [[0.05, -0.05, 0, 0.35, 0, 0, 1]], rtol=1e-6)
    assert POINT_ACTION.problem(rows[0]) is None


@pytest.mark.parametrize(("layout", "body"), [(LIBERO, DROID_BODY), (DROID, LIBERO_BODY)])
def test_a_layout_of_another_control_is_refused(layout: object, body: object) -> None:
    with pytest.raises(SpecError, match="this policy's are"):
        layout.to_peer(np.zeros((1, 8), np.float32), body)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"prompt": " "}, "instruction is empty"),
        ({"prompt": 3}, "instruction is empty"),
        ({"prompt": "x" * 501}, "501 characters"),
        ({"prompt": "a\x00b"}, "cannot be printed"),
        ({"observation/image": None}, "no picture 'observation/image'"),
        ({"observation/image": picture().astype(np.float32)}, "must be uint8"),
        ({"observation/image": picture().transpose(2, 0, 1)}, "must be uint8"),
        ({"observation/image": picture()[:0]}, "must be uint8"),
        ({"observation/state": np.zeros(7)}, "7 values; this policy's has 8"),
        ({"observation/state": np.zeros((8, 1))}, "must be a vector"),
        ({"observation/state": np.full(8, np.nan)}, "not finite"),
        ({"observation/state": [1e300] * 8}, "not finite"),
        ({"observation/state": [90.0] * 8}, "are its units others"),
        ({"observation/state": ["a"] * 8}, "numbers only"),
        ({"observation/state": [10**30] * 8}, "must be a vector"),
        ({"observation/state": True}, "no 'observation/state'"),
        ({"time": np.inf}, "'time'"),
        ({"time": "now"}, "'time'"),
        ({"memory": [1.0]}, "'memory' must be float64"),
        ({"memory": np.zeros(257)}, "'memory' must be float64"),
        ({"memory": np.zeros((2, 2))}, "'memory' must be float64"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(BadMessage, match=complaint):
        observation_from({**libero_request(), **changes}, LIBERO, LIBERO_BODY)


def test_own_requests_are_strict() -> None:
    with pytest.raises(SpecError, match="did you mean 'prompt'"):
        observation_from({**own_request(), "promt": "x"}, OWN, LIBERO_BODY)
    with pytest.raises(SpecError, match="was made for 'libero'"):
        observation_from({**own_request(), "embodiment": "widowx"}, OWN, LIBERO_BODY)


def test_a_request_without_a_state_hears_of_the_layouts() -> None:
    with pytest.raises(BadMessage, match="observation/joint_position"):
        layout_of({"prompt": "x"})


def test_pictures_keep_their_proportions_and_are_padded() -> None:
    wide = np.full((10, 40, 3), 200, dtype=np.uint8)
    small = fitted(wide, 20, 20)
    assert small.shape == (20, 20, 3)
    assert (small[:7] == 0).all()
    assert (small[13:] == 0).all()
    assert (small[8:12] == 200).all()
    assert fitted(wide, 10, 40) is wide
