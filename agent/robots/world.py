"""A robot as a World: keeps the rate, notices silence, and turns every fault into a stopped robot and one sentence."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from agent.errors import SpecError, WorldFault
from agent.ports import RobotDriver
from agent.safety.config import Patience
from agent.safety.journal import Intervention, Journal
from agent.safety.watchdog import Verdict, Watchdog
from agent.types import Control, Embodiment, FloatArray, Observation, Reading, Status, Step, Task

SLACK = 0.1
"""Share of a tick by which it may be cut short so that the next one comes in time."""
Judge = Callable[[Observation], Status]
"""Says how the goal stands; without one nothing is judged and an episode runs until its last step."""


@dataclass(frozen=True)
class Watch:
    """What a robot's world does not wait for.

    observation: patience with readings that do not renew themselves (the robot holds, then is stopped and the episode
    ends as ERROR).  action: patience with a loop that sends nothing; a thread of its own stops the robot then.
    frozen_pictures: a camera that shows exactly the same picture so many times in a row is broken; real sensors have
    noise. None, for each: it does not matter.
    """

    observation: Patience | None = Patience(hold=0.5, stop=2.0)
    action: Patience | None = None
    frozen_pictures: int | None = None


class RobotWorld:
    """A World around a RobotDriver. `reset` connects and moves nothing: the scene is whatever stands there.

    Ticks are 1 / rate_hz apart by `clock`. A command that comes late has its whole tick all the same, and those after
    it come later too: two in quick succession would move the arm faster than any limit on one tick allows.
    journal: told when the robot holds because its readings are old.
    """

    def __init__(
        self,
        driver: RobotDriver,
        *,
        watch: Watch = Watch(),
        journal: Journal | None = None,
        judge: Judge | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._driver, self._judge = driver, judge
        self._clock, self._sleep = clock, sleep
        self._watch, self._journal = watch, journal
        self._fresh = Watchdog(watch.observation, clock=clock)
        self._repeats: dict[str, int] = {}
        self._watchman: Watchman | None = None
        self._task: Task | None = None
        self._newest: Reading | None = None
        self._tick, self._due = 0, 0.0
        self._fault: str | None = None
        self.late: list[float] = []
        """By how many seconds each command of this episode was sent too late."""

    @property
    def embodiment(self) -> Embodiment:
        return self._driver.embodiment

    def reset(self, task: Task, *, seed: int) -> Observation:
        """Connect, if need be, and look. The seed decides nothing here: a real scene is set up by hand."""
        if self._fault is not None:
            raise WorldFault(f"the robot is stopped: {self._fault}; recover it to go on")
        self._task, self._tick, self.late = task, 0, []
        self._driver.connect()
        self._fresh.feed()
        self._newest, self._repeats = None, {}
        observation = self._observe(self._look())
        self._due = self._clock()
        return observation

    def step(self, action: FloatArray) -> Step:
        """Send one action, wait for the end of the tick, look. A fault stops the robot and stays until `recover`."""
        if self._newest is None:
            raise SpecError("reset must be called before step")
        try:
            began = self._clock()
            executed = self._sent(action)
            self._wait(began)
            reading = self._look()
        except WorldFault as fault:
            self._fault = str(fault)
            self._rest()
            self._driver.stop()
            raise
        self._tick += 1
        observation = self._observe(reading)
        return Step(observation, executed, self._judge(observation) if self._judge else Status())

    def close(self) -> None:
        self._rest()
        self._driver.disconnect()
        self._newest = None

    def recover(self) -> None:
        """Forget the fault; the next `reset` connects anew. Look at the robot first."""
        self._driver.disconnect()
        self._fault = None

    def hold(self) -> FloatArray:
        """Return the action (A,) that changes nothing, by the newest reading."""
        if self._newest is None:
            raise SpecError("reset must be called before hold")
        spec, state = self.embodiment.action, self.embodiment.state
        measured = dict(zip(state.names, self._newest.state.tolist(), strict=True))
        moves = self.embodiment.control is Control.EE_DELTA
        values = [0.0 if moves and name != "gripper" else measured.get(name, 0.0) for name in spec.names]
        return spec.clip(np.array(values, dtype=np.float32))

    @property
    def _period(self) -> float:
        return 1.0 / self.embodiment.rate_hz

    def _sent(self, action: FloatArray) -> FloatArray:
        """Send the action, or hold while the readings are stale; keep the watchman content."""
        if self._watchman is not None and self._watchman.barked is not None:
            raise WorldFault(self._watchman.barked)
        if self._fresh.verdict() is not Verdict.GO:
            asked, action = action, self.hold()
            if self._journal is not None:
                detail = f"the newest reading is {self._fresh.age():.2f} s old"
                values = tuple(asked.tolist()), tuple(action.tolist())
                self._journal.add(Intervention(self._tick, "stale_observation", detail, *values))
        executed = self._driver.send(action)
        if self._watchman is None and self._watch.action is not None:
            self._watchman = Watchman(self._watch.action, self._driver.stop)
        if self._watchman is not None:
            self._watchman.feed()
        return executed

    def _wait(self, began: float) -> None:
        """Sleep until the tick that `began` then is over; begun within SLACK of its time it also ends in time."""
        late = max(0.0, began - self._due)
        self.late.append(late)
        self._due = (self._due if late <= SLACK * self._period else began) + self._period
        left = self._due - self._clock()
        if left > 0:
            self._sleep(left)

    def _look(self) -> Reading:
        """Read; raise WorldFault when a reading is not what the embodiment says or has been the same for too long."""
        reading = self._driver.read()
        problem = reading_problem(self.embodiment, reading)
        if problem:
            raise WorldFault(f"the robot's reading is not usable: {problem}")
        if self._newest is None or reading.time > self._newest.time:
            self._fresh.feed(min(reading.time, self._clock()))
        self._check_cameras(reading)
        self._newest = reading
        if self._fresh.verdict() is Verdict.STOP:
            raise WorldFault(f"the robot's readings are {self._fresh.age():.1f} s old; it was stopped")
        return reading

    def _check_cameras(self, reading: Reading) -> None:
        if self._watch.frozen_pictures is None:
            return
        for name, image in reading.images.items():
            same = self._newest is not None and np.array_equal(image, self._newest.images[name])
            self._repeats[name] = self._repeats.get(name, 0) + 1 if same else 0
            if self._repeats[name] >= self._watch.frozen_pictures:
                raise WorldFault(f"camera '{name}' has shown the same picture {self._repeats[name] + 1} times in a row")

    def _observe(self, reading: Reading) -> Observation:
        assert self._task is not None
        return Observation(reading.images, reading.state, self._task.instruction, self._tick * self._period)

    def _rest(self) -> None:
        if self._watchman is not None:
            self._watchman.end()
            self._watchman = None


def reading_problem(body: Embodiment, reading: Reading) -> str | None:
    """Say in one sentence why a reading does not fit the embodiment, or None."""
    for camera in body.cameras:
        image = reading.images.get(camera.name)
        if image is None:
            return f"camera '{camera.name}' gave no picture"
        if image.shape != (camera.height, camera.width, 3) or image.dtype != np.uint8:
            return f"camera '{camera.name}' gave {image.dtype} {image.shape}, expected {camera.height} x {camera.width}"
    return body.state.problem(reading.state, tolerance=0.05)


class Watchman:
    """A thread that stops the robot when nothing was sent for too long. It ends with `end`."""

    def __init__(self, patience: Patience, stop: Callable[[], None]) -> None:
        self._watchdog, self._stop, self._patience = Watchdog(patience), stop, patience
        self._over = threading.Event()
        self.barked: str | None = None
        """Why the robot was stopped, or None."""
        self._thread = threading.Thread(target=self._watch, name="robot watchman", daemon=True)
        self._watchdog.feed()
        self._thread.start()

    def feed(self) -> None:
        self._watchdog.feed()

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self._patience.hold / 5):
            if self._watchdog.verdict() is Verdict.STOP:
                self.barked = f"no action came for {self._watchdog.age():.1f} s; the robot was stopped"
                self._stop()
                return
