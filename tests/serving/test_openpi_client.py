"""openpi's own client, unmodified, drives the server. It needs NumPy below 2: it lives in an environment of its own."""

import json
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import pytest

from agent.doubles import POINT_ACTION
from agent.types import Control, Embodiment
from tests.serving.bodies import CAMERAS, DROID_BODY, LIBERO_BODY, STEP, Noting, fixed, served, vector

pytestmark = pytest.mark.slow
HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE.parents[1] / "build" / "openpi-venv"
OWN_BODY = Embodiment("own", CAMERAS, vector(14), POINT_ACTION, Control.EE_DELTA, 5.0)


@pytest.fixture(scope="module")
def openpi_python() -> Path:
    """The interpreter of that environment, made on the first use and whenever its list of packages changed."""
    python, wanted = ENVIRONMENT / "bin" / "python", HERE / "openpi-requirements.txt"
    stamp = ENVIRONMENT / "requirements.txt"
    if not stamp.exists() or stamp.read_text() != wanted.read_text():
        venv.create(ENVIRONMENT, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--requirement", wanted], check=True)
        stamp.write_text(wanted.read_text())
    return python


def test_the_unmodified_client_drives_every_layout(openpi_python: Path) -> None:
    joints = np.full((2, 8), 0.25, dtype=np.float32)
    with (
        served(fixed(LIBERO_BODY)) as libero,
        served(Noting(DROID_BODY, rows=joints)) as droid,
        served(fixed(OWN_BODY)) as own,
    ):
        ports = [str(each.websocket) for each in (libero, droid, own)]
        done = subprocess.run(
            [openpi_python, HERE / "openpi_peer.py", *ports], capture_output=True, text=True, timeout=120
        )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["numpy"].startswith("1.") and not np.__version__.startswith("1.")
    assert openpi_python != Path(sys.executable)
    in_libero = [[0.2, -0.4, 0.6, 0.2, -0.4, 0.6, -1.0], [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]]
    np.testing.assert_allclose(said["libero"], in_libero, rtol=1e-5)
    np.testing.assert_allclose(said["steps"], [in_libero[0], in_libero[1], in_libero[0]], rtol=1e-5)
    np.testing.assert_allclose(said["droid"], [[0.25] * 7 + [0.75]] * 2)
    np.testing.assert_allclose(said["own"], STEP)
    assert (said["metadata"], said["again"]) == ("libero", [2, 7])
    assert said["timing"] == ["batch", "infer_ms"]
    assert "the state has 3 values; this policy's has 8" in said["wrong"]
