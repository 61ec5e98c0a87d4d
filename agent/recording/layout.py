"""The names of LeRobotDataset v3.0 on disk, and what this project adds to them.

meta/info.json               features, frame rate, totals; written last: what it counts exists
meta/stats.json              statistics of every feature over the whole dataset
meta/tasks.parquet           instruction (pandas index) -> task_index
meta/episodes/chunk-000/file-000.parquet    one row an episode: where its frames and films are, and how it went
meta/embodiment.json         the body that was recorded, with bounds and units (ours)
data/chunk-000/file-000.parquet             one row a frame
videos/<feature>/chunk-000/file-000.mp4     many episodes one after another
staging/                     episodes that are not joined into the files above yet (ours, gone after closing)
"""

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from agent.errors import SpecError
from agent.recording.episode import AIM_NAMES
from agent.recording.mp4 import PIXEL_FORMAT
from agent.types import CameraSpec, Control, Embodiment, VectorSpec

VERSION = "v3.0"
CHUNK_SIZE = 1000
DATA_MEGABYTES, VIDEO_MEGABYTES = 100, 200
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"

STATE, ACTION, BY_EXPERT, AIMS = "observation.state", "action", "by_expert", "aims"
INDEX_FEATURES = {"timestamp": "float32", "frame_index": "int64", "episode_index": "int64", "index": "int64"}
TASK_INDEX = "task_index"
_TASK = "__index_level_0__"

Json = dict[str, Any]


def camera_key(camera: str) -> str:
    """Return the feature name of a camera.

    >>> camera_key("front")
    'observation.images.front'
    """
    return f"observation.images.{camera}"


def frames_a_second(embodiment: Embodiment) -> int:
    """Return the embodiment's rate as the whole number that the format demands; raise SpecError when it is none."""
    rate = round(embodiment.rate_hz)
    if rate != embodiment.rate_hz or rate < 1:
        raise SpecError(
            f"a LeRobot dataset needs a whole number of frames a second, this body runs at {embodiment.rate_hz}"
        )
    return rate


def features_of(embodiment: Embodiment) -> Json:
    """Return the `features` entry of info.json for recordings of `embodiment`."""
    fps = frames_a_second(embodiment)
    vectors = {STATE: embodiment.state.names, ACTION: embodiment.action.names, AIMS: AIM_NAMES}
    features: Json = {
        key: {"dtype": "float32", "shape": [len(names)], "names": list(names)} for key, names in vectors.items()
    }
    features[BY_EXPERT] = {"dtype": "bool", "shape": [1], "names": None}
    for camera in embodiment.cameras:
        features[camera_key(camera.name)] = {
            "dtype": "video",
            "shape": [camera.height, camera.width, 3],
            "names": ["height", "width", "channels"],
            "info": {
                "video.height": camera.height,
                "video.width": camera.width,
                "video.codec": "h264",
                "video.pix_fmt": PIXEL_FORMAT,
                "video.is_depth_map": False,
                "video.fps": fps,
                "video.channels": 3,
                "has_audio": False,
            },
        }
    for key, dtype in {**INDEX_FEATURES, TASK_INDEX: "int64"}.items():
        features[key] = {"dtype": dtype, "shape": [1], "names": None}
    return features


def frame_schema(features: Json) -> pa.Schema:
    """Return the columns of a data file: every feature that is not a film."""
    types = {"float32": pa.float32(), "float64": pa.float64(), "int64": pa.int64(), "bool": pa.bool_()}
    fields = []
    for key, feature in features.items():
        if feature["dtype"] == "video":
            continue
        scalar, (length,) = types[feature["dtype"]], feature["shape"]
        fields.append((key, scalar if length == 1 else pa.list_(scalar, length)))
    return pa.schema(fields)


def write_json(path: Path, content: Json) -> None:
    """Write `content` so that a reader sees the old file or the new one, never half of it. Refuses NaN."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    partial.replace(path)


def read_json(path: Path) -> Json:
    """Return the object in `path`; raise SpecError naming the file when it is missing or not one whole JSON object."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SpecError(f"{path} does not exist") from error
    except (ValueError, OSError) as error:
        raise SpecError(f"{path} is not a complete JSON file: {error}") from error
    if not isinstance(content, dict):
        raise SpecError(f"{path} holds no JSON object")
    return content


def read_table(path: Path, columns: list[str] | None = None, *, episode: int | None = None) -> pa.Table:
    """Return a parquet file's table, or one episode's rows of it (other episodes' row groups are not read).

    Raises SpecError naming the file when it is missing, foreign or cut off.
    """
    rows = None if episode is None else [("episode_index", "=", episode)]
    try:
        return pq.read_table(path, columns=columns, filters=rows, partitioning=None)
    except FileNotFoundError as error:
        raise SpecError(f"{path} does not exist") from error
    except (pa.ArrowException, OSError) as error:
        raise SpecError(f"{path} is not a complete parquet file: {error}") from error


def tasks_table(tasks: list[str]) -> pa.Table:
    """Return the table of meta/tasks.parquet: task_index, and the instructions as what pandas takes for its index."""
    columns = {"task_index": ("int64", "int64"), _TASK: ("unicode", "object")}
    described = [
        {"name": None if name == _TASK else name, "field_name": name, "pandas_type": kind, "numpy_type": numpy_kind}
        for name, (kind, numpy_kind) in columns.items()
    ]
    # Written by hand: pandas itself would note its newest string type, which older versions cannot read.
    note = {
        "index_columns": [_TASK],
        "column_indexes": [],
        "columns": [column | {"metadata": None} for column in described],
        "pandas_version": "2.2.0",
    }
    table = pa.table({"task_index": pa.array(range(len(tasks)), pa.int64()), _TASK: pa.array(tasks, pa.string())})
    return table.replace_schema_metadata({"pandas": json.dumps(note)})


def read_tasks(path: Path) -> list[str]:
    """Return the instructions by task_index; raise SpecError naming the file when it is no table of tasks."""
    table = read_table(path)
    names = [name for name in table.column_names if name != "task_index"]
    if len(names) != 1 or len(table.column_names) != 2:
        raise SpecError(f"{path} is no table of tasks: its columns are {', '.join(table.column_names)}")
    return [str(task) for task in table.sort_by("task_index").column(names[0]).to_pylist()]


def embodiment_to_json(embodiment: Embodiment) -> Json:
    """Return a JSON object with every field of `embodiment`; inverse of `embodiment_from_json`."""
    content = dataclasses.asdict(embodiment)
    return content | {"control": str(embodiment.control)}


def embodiment_from_json(content: Json, *, source: Path) -> Embodiment:
    """Return the embodiment that `embodiment_to_json` wrote; raise SpecError naming `source` when it is none."""
    try:
        vectors = {
            part: VectorSpec(**{name: tuple(content[part][name]) for name in ("names", "units", "low", "high")})
            for part in ("state", "action")
        }
        return Embodiment(
            name=str(content["name"]),
            cameras=tuple(CameraSpec(c["name"], c["height"], c["width"]) for c in content["cameras"]),
            state=vectors["state"],
            action=vectors["action"],
            control=Control(content["control"]),
            rate_hz=float(content["rate_hz"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SpecError(f"{source} describes no embodiment: {error}") from error
