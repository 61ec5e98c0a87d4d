"""`aubergine robots` lists drivers; `aubergine check-robot` connects and looks, and moves nothing."""

import argparse
import json
import time
from dataclasses import dataclass
from statistics import median

import numpy as np

from agent.cli.command import Command, positive
from agent.errors import WorldFault
from agent.ports import RobotDriver
from agent.robots.world import reading_problem
from agent.types import Reading


def add_list_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing to ask for."""


def list_robots(arguments: argparse.Namespace) -> int:
    """Name every driver, what it is, and what is missing for it."""
    from agent.robots.registry import DRIVERS

    rows = [
        {
            "driver": name,
            "summary": entry.summary,
            "needs": list(entry.packages),
            "missing": list(entry.missing()),
            "extra": entry.extra or None,
        }
        for name, entry in DRIVERS.items()
    ]
    if arguments.json:
        print(json.dumps({"robots": rows}))
        return 0
    for name, entry in DRIVERS.items():
        missing = entry.missing()
        ready = f"missing {', '.join(missing)}: pip install 'aubergine[{entry.extra}]'" if missing else "ready"
        print(f"{name}: {entry.summary} ({ready})")
    return 0


def add_check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", metavar="CONFIG", help="a file such as configs/robot/fake.yaml")
    parser.add_argument("--readings", type=positive, default=20, metavar="N", help="how many are taken (20)")


@dataclass(frozen=True, eq=False)
class Checkup:
    """What a robot showed while nothing moved. milliseconds: of each reading.  problems: sentences, none is well."""

    newest: Reading
    milliseconds: tuple[float, ...]
    problems: tuple[str, ...]


def check(driver: RobotDriver, readings: int) -> Checkup:
    """Connect, read `readings` times, disconnect. Raise WorldFault when the robot cannot be reached or read."""
    body, spent, problems = driver.embodiment, [], []
    driver.connect()
    try:
        first = newest = driver.read()
        for _ in range(readings):
            began = time.perf_counter()
            newest = driver.read()
            spent.append(1e3 * (time.perf_counter() - began))
            problem = reading_problem(body, newest)
            if problem and problem not in problems:
                problems.append(problem)
    finally:
        driver.disconnect()
    if newest.time <= first.time:
        problems.append("the readings do not renew themselves: their time stands still")
    if 1e-3 * median(spent) > 1 / body.rate_hz:
        problems.append(f"a reading takes {median(spent):.0f} ms, longer than a tick at {body.rate_hz:g} Hz")
    return Checkup(newest, tuple(spent), tuple(problems))


def check_robot(arguments: argparse.Namespace) -> int:
    """Say what the robot shows; 0 when all is well, 1 when it cannot be read or something does not fit."""
    from agent.cli.rig import build_rig

    rig = build_rig(arguments.config)
    body = rig.world.embodiment
    try:
        found = check(rig.robot.driver, arguments.readings)
    except WorldFault as fault:
        _answer({"robot": body.name, "ok": False, "problems": [str(fault)]}, as_json=arguments.json)
        return 1
    finally:
        rig.close()
    named = dict(zip(body.state.names, found.newest.state.tolist(), strict=False))
    answer: dict[str, object] = {
        "robot": body.name,
        "ok": not found.problems,
        "rate_hz": body.rate_hz,
        "control": body.control.value,
        "reading_ms_p50": round(median(found.milliseconds), 2),
        "reading_ms_p95": round(float(np.percentile(found.milliseconds, 95)), 2),
        "state": {name: round(value, 4) for name, value in named.items()},
        "units": dict(zip(body.state.names, body.state.units, strict=True)),
        "cameras": {
            name: {"height": image.shape[0], "width": image.shape[1], "brightness": round(float(image.mean()), 1)}
            for name, image in found.newest.images.items()
        },
        "problems": list(found.problems),
    }
    _answer(answer, as_json=arguments.json)
    return 0 if not found.problems else 1


def _answer(answer: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(answer))
        return
    for name, value in answer.items():
        shown = ", ".join(f"{key} {each}" for key, each in value.items()) if isinstance(value, dict) else value
        print(f"{name}: {shown}")


ROBOTS = Command(
    name="robots",
    summary="list the robots that can be driven",
    description="List the drivers, and what each needs to be installed.",
    example="aubergine robots",
    add_arguments=add_list_arguments,
    run=list_robots,
)
CHECK = Command(
    name="check-robot",
    summary="read a robot's state and cameras; moves nothing",
    description=(
        "Connect to the robot that a file describes, read its state, cameras and rates, disconnect. Nothing is "
        "commanded. Exit code: 0 all is well, 1 it is not, 2 the request was wrong."
    ),
    example="aubergine check-robot configs/robot/fake.yaml",
    add_arguments=add_check_arguments,
    run=check_robot,
)
