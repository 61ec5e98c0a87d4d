"""Runs beside openpi_peer.py, with the real requests and json_numpy; prints one JSON object.

Arguments: REST port of a body with one picture, and of one with two pictures and a state.
"""

import json
import sys

import json_numpy
import numpy as np
import requests

json_numpy.patch()


def picture(side):
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)


def post(port, payload):
    return requests.post(f"http://127.0.0.1:{port}/act", json=payload, timeout=30)


def main(one_port, two_port):
    request = {"image": picture(256), "instruction": "put the cup down", "unnorm_key": "one_picture"}
    action = post(one_port, request).json()
    encoded = json_numpy.loads(post(one_port, {"encoded": json_numpy.dumps(request)}).json())
    # OpenVLA-OFT's keys: every action of the chunk is asked for.
    both = {"full_image": picture(224), "wrist_image": picture(224), "state": np.zeros(8), "instruction": "go"}
    chunk = post(two_port, both).json()
    wrong = post(one_port, {**request, "unnorm_key": "bridge_orig"})
    print(
        json.dumps(
            {
                "action": action.tolist(),
                "dtype": str(action.dtype),
                "encoded": encoded.tolist(),
                "chunk": np.stack(chunk).tolist(),
                "wrong": [wrong.status_code, wrong.json()["error"]],
            }
        )
    )


if __name__ == "__main__":
    main(*(int(port) for port in sys.argv[1:3]))
