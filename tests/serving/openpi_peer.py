"""Runs in an environment of its own, with openpi's unmodified client and NumPy below 2; prints one JSON object.

Arguments: port of a LIBERO body, of a DROID body, of this project's own tabletop body.
"""

import json
import sys

import numpy as np
from openpi_client.action_chunk_broker import ActionChunkBroker
from openpi_client.image_tools import convert_to_uint8, resize_with_pad
from openpi_client.websocket_client_policy import WebsocketClientPolicy


def picture(seed):
    drawn = np.random.default_rng(seed).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    return convert_to_uint8(resize_with_pad(drawn, 224, 224))


def libero_request():
    """As examples/libero/main.py builds it."""
    return {
        "observation/image": picture(0),
        "observation/wrist_image": picture(1),
        "observation/state": np.concatenate((np.zeros(3), np.zeros(3), np.zeros(2))),
        "prompt": "put the bowl on the plate",
    }


def droid_request():
    """As examples/droid/main.py builds it."""
    return {
        "observation/exterior_image_1_left": picture(0),
        "observation/wrist_image_left": picture(1),
        "observation/joint_position": np.zeros(7),
        "observation/gripper_position": np.zeros(1),
        "prompt": "pick up the marker",
    }


def error_of(policy, request):
    try:
        policy.infer(request)
    except RuntimeError as error:
        return str(error)
    return None


def main(libero_port, droid_port, own_port):
    libero = WebsocketClientPolicy("127.0.0.1", libero_port)
    first = libero.infer(libero_request())
    broker = ActionChunkBroker(libero, action_horizon=2)
    steps = [broker.infer(libero_request())["actions"].tolist() for _ in range(3)]
    droid = WebsocketClientPolicy("127.0.0.1", droid_port).infer(droid_request())
    own_policy = WebsocketClientPolicy("127.0.0.1", own_port)
    own = own_policy.infer(
        {"front": picture(0), "wrist": picture(1), "state": np.zeros(14, np.float32), "prompt": "put it down"}
    )
    wrong = error_of(libero, {**libero_request(), "observation/state": np.zeros(3)})
    again = WebsocketClientPolicy("127.0.0.1", libero_port).infer(libero_request())
    print(
        json.dumps(
            {
                "numpy": np.__version__,
                "metadata": libero.get_server_metadata()["embodiment"]["name"],
                "libero": first["actions"].tolist(),
                "timing": sorted(first["server_timing"]),
                "steps": steps,
                "droid": droid["actions"].tolist(),
                "own": own["actions"].tolist(),
                "wrong": wrong,
                "again": again["actions"].shape,
            }
        )
    )


if __name__ == "__main__":
    main(*(int(port) for port in sys.argv[1:4]))
