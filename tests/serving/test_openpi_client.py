"""openpi's own client, unmodified, and OpenVLA's own request drive the server, from an environment of their own.

The client needs NumPy below 2.
"""

import fcntl
import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.doubles import POINT_ACTION
from agent.serving.rest import to_bridge
from agent.types import Control, Embodiment
from tests.serving.bodies import (
    CAMERAS,
    DROID_BODY,
    LIBERO_BODY,
    ONE_PICTURE,
    STEP,
    Noting,
    fixed,
    served,
    vector,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE.parents[1] / "build" / "openpi-venv"
OWN_BODY = Embodiment("own", CAMERAS, vector(14), POINT_ACTION, Control.EE_DELTA, 5.0)


@pytest.fixture(scope="module")
def peer_python() -> Path:
    """The interpreter of that environment, made on the first use and whenever its list of packages changed.

    It is built beside its place and moved there when it is whole, so that an interrupted build is not taken for one.
    """
    wanted = (HERE / "openpi-requirements.txt").read_text()
    ENVIRONMENT.parent.mkdir(exist_ok=True)
    with (ENVIRONMENT.parent / "openpi-venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = ENVIRONMENT / "requirements.txt"
        if not stamp.exists() or stamp.read_text() != wanted:
            shutil.rmtree(ENVIRONMENT, ignore_errors=True)
            venv.create(ENVIRONMENT, with_pip=True)
            done = subprocess.run(
                [*_installer(), "-r", HERE / "openpi-requirements.txt"], capture_output=True, text=True
            )
            assert done.returncode == 0, f"the environment of openpi's client could not be made:\n{done.stderr}"
            stamp.write_text(wanted)
    return ENVIRONMENT / "bin" / "python"


def _installer() -> list[str | Path]:
    """uv when it is there, as it takes a second where pip takes ten; both keep what they have downloaded."""
    python, uv = ENVIRONMENT / "bin" / "python", shutil.which("uv")
    if uv is not None:
        return [uv, "pip", "install", "--quiet", "--python", python]
    options = ["--quiet", "--disable-pip-version-check", "--prefer-binary", "--no-compile", "--retries", "5"]
    return [python, "-m", "pip", "install", *options]


def answer_of(python: Path, script: str, *ports: int | None) -> dict[str, Any]:
    """Run a script of this folder in the environment and return the JSON object that it prints."""
    command = [python, HERE / script, *map(str, ports)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_the_unmodified_client_drives_every_layout(peer_python: Path) -> None:
    joints = np.full((2, 8), 0.25, dtype=np.float32)
    with (
        served(fixed(LIBERO_BODY)) as libero,
        served(Noting(DROID_BODY, rows=joints)) as droid,
        served(fixed(OWN_BODY)) as own,
    ):
        said = answer_of(peer_python, "openpi_peer.py", *(each.websocket for each in (libero, droid, own)))
    assert said["numpy"].startswith("1.") and not np.__version__.startswith("1.")
    assert peer_python != Path(sys.executable)
    in_libero = [[0.2, -0.4, 0.6, 0.2, -0.4, 0.6, -1.0], [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]]
    np.testing.assert_allclose(said["libero"], in_libero, rtol=1e-5)
    np.testing.assert_allclose(said["steps"], [in_libero[0], in_libero[1], in_libero[0]], rtol=1e-5)
    np.testing.assert_allclose(said["droid"], [[0.25] * 7 + [0.75]] * 2)
    np.testing.assert_allclose(said["own"], STEP)
    assert (said["metadata"], said["again"]) == ("libero", [2, 7])
    assert said["timing"] == ["batch", "infer_ms"]
    assert "the state has 3 values; this policy's has 8" in said["wrong"]


def test_openvlas_own_request_is_answered(peer_python: Path) -> None:
    """requests and json_numpy, patched as OpenVLA's README does it."""
    with served(fixed(ONE_PICTURE)) as one, served(fixed(LIBERO_BODY)) as two:
        said = answer_of(peer_python, "openvla_peer.py", one.rest, two.rest)
    np.testing.assert_allclose(said["action"], to_bridge(STEP, ONE_PICTURE)[0], rtol=1e-6)
    np.testing.assert_allclose(said["encoded"], said["action"])
    np.testing.assert_allclose(said["chunk"], to_bridge(STEP, LIBERO_BODY), rtol=1e-6)
    assert said["dtype"] == "float32"
    assert said["wrong"][0] == 400
    assert "there are: one_picture, tested" in said["wrong"][1]
