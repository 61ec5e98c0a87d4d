"""Plays trials: in this process, or dealt over worlds in processes with one batched policy between them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import Protocol, Self, cast

from agent.errors import AubergineError, PolicyFault, Refusal, SpecError, WorldFault
from agent.evaluation.attempt import attempt
from agent.evaluation.faults import Blame, BlamedPolicy, BlamedWorld
from agent.evaluation.limit import hung_sentence, within
from agent.evaluation.suite import Trial
from agent.ports import BatchPolicy, Observer, Policy, World
from agent.types import ActionChunk, Embodiment, Episode, Observation, Outcome
from agent.workers import Died, Done, Workers, ask

MakePair = Callable[[], tuple[World, Policy]]
"""Builds a world and a policy that fits it; picklable where several processes are used."""
_RAISED = (PolicyFault, WorldFault, Refusal, SpecError)


@dataclass(frozen=True)
class Served:
    """A policy that needs no world beside it: it may answer many worlds. make_world: picklable."""

    make_world: Callable[[], World]
    policy: BatchPolicy


class Witness(Observer, Protocol):
    """Watches one episode where it is played and brings back what it saw."""

    def finish(self, trial: Trial, episode: Episode) -> object:
        """Return something picklable for the process that asked for the episode."""
        ...


@dataclass(frozen=True)
class Ended:
    """What came of one call to play: which trial, how it ended, what was raised on the way, what a witness saw."""

    index: int
    episode: Episode
    traceback: str | None = None
    seen: object = None


class Player(Protocol):
    """Plays trials by their index; a context manager that holds processes while it is open."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def play(self, todo: Iterable[int]) -> Iterator[Ended]:
        """Take indices as they can be ended, yield each once it is over, in any order."""
        ...


class Booth:
    """A world and a policy that play one trial after another; both are built anew when one broke or hung."""

    def __init__(self, job: "BoothJob") -> None:
        self._job = job
        self._pair: tuple[World, Policy] | None = job.make_pair()

    def __call__(self, index: int) -> Ended:
        job, trial = self._job, self._job.trials[index]
        if self._pair is None:
            self._pair = job.make_pair()
        world, policy = self._pair
        blamed = BlamedPolicy(looking_alike(policy), limit_s=job.limit_s)
        witness = None if job.make_witness is None else job.make_witness(world.embodiment)
        watchers = () if witness is None else (witness,)
        episode, traceback = _play_blamed(world, blamed, trial, execute=job.execute, observers=watchers)
        if episode.outcome is Outcome.ERROR or blamed.hung:
            self.close()
        return Ended(index, episode, traceback, None if witness is None else witness.finish(trial, episode))

    def close(self) -> None:
        pair, self._pair = self._pair, None
        if pair is not None:
            with suppress(WorldFault):
                BlamedWorld(pair[0], Blame("world", WorldFault)).close()


@dataclass(frozen=True)
class BoothJob:
    """Makes a booth where it is called: in a worker process. Picklable.

    limit_s: longest wait for one answer of the policy, None: for ever (agent.evaluation.limit).
    make_witness: makes who watches an episode, from the world's embodiment.
    """

    make_pair: MakePair
    trials: tuple[Trial, ...]
    execute: int
    limit_s: float | None = None
    make_witness: Callable[[Embodiment], Witness] | None = None

    def __call__(self) -> Booth:
        return Booth(self)


class SerialPlayer:
    """Plays in this process, in order: the slow twin of every other player."""

    def __init__(self, job: BoothJob) -> None:
        self._job = job

    def __enter__(self) -> "SerialPlayer":
        self._booth = self._job()
        return self

    def __exit__(self, *_: object) -> None:
        self._booth.close()

    def play(self, todo: Iterable[int]) -> Iterator[Ended]:
        for index in todo:
            yield self._booth(index)


class PoolPlayer:
    """Plays in `workers` processes of one thread each.

    served: the policy answers all worlds from this process, as many looks at a time as lie waiting; without it every
    process has its own policy. A trial whose process dies is an ERROR, and a new process takes its place; where it was
    killed because its policy hung, a FAILURE.
    """

    def __init__(self, job: BoothJob, *, workers: int, served: Served | None = None) -> None:
        self._job = job
        if served is None:
            self._crew = Workers(job, count=workers)
            return
        body = served.policy.embodiment
        # The policy's clock runs here, where it is asked.
        far = replace(job, make_pair=partial(_world_and_far_policy, served.make_world, body), limit_s=None)
        answer_all = partial(_answer_all, served.policy, job.limit_s)
        self._crew = Workers(far, count=workers, answer_all=answer_all)

    def __enter__(self) -> "PoolPlayer":
        self._crew.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._crew.stop()

    def play(self, todo: Iterable[int]) -> Iterator[Ended]:
        for answer in self._crew.run(todo):
            match answer:
                case Done(_, ended):
                    yield ended
                case Died(index, _, overdue=True):
                    sentence = f"{hung_sentence(self._job.limit_s or 0.0)}; its process was killed"
                    yield lost(index, self._job.trials[index], sentence, outcome=Outcome.FAILURE)
                case Died(index, exit_code):
                    yield lost(index, self._job.trials[index], f"the process died with exit code {exit_code}")


def lost(index: int, trial: Trial, detail: str, *, outcome: Outcome = Outcome.ERROR) -> Ended:
    """Return the end of a trial whose process never came back."""
    return Ended(index, Episode(trial.task, trial.seed, outcome, steps=0, detail=detail, seconds=0.0))


def play_one(
    world: World, policy: Policy, trial: Trial, *, execute: int, observers: Iterable[Observer] = ()
) -> tuple[Episode, str | None]:
    """Play one trial, whatever world and policy raise; return what came of it and the traceback, if there is one."""
    return _play_blamed(world, BlamedPolicy(policy), trial, execute=execute, observers=observers)


def _play_blamed(
    world: World, blamed: BlamedPolicy, trial: Trial, *, execute: int, observers: Iterable[Observer]
) -> tuple[Episode, str | None]:
    blame = Blame("world", WorldFault)
    guard = partial(BlamedWorld, blame=blame)
    episode = attempt(world, blamed, trial, execute=execute, observers=observers, guard=guard)
    return episode, blame.traceback or blamed.blame.traceback


def looking_alike(policy: Policy) -> Policy:
    """Return a policy that acts to the last bit as it does when served, so that all players give equal episodes."""
    return _OneOfMany(policy) if isinstance(policy, BatchPolicy) else policy


class _OneOfMany:
    """A batch policy that is only ever asked in batches."""

    def __init__(self, inner: BatchPolicy) -> None:
        self._inner = inner

    @property
    def embodiment(self) -> Embodiment:
        return self._inner.embodiment

    def reset(self, *, seed: int) -> None:
        """A batch policy has nothing to forget."""

    def act(self, observation: Observation) -> ActionChunk:
        return self._inner.act_batch([observation])[0]


@dataclass(frozen=True)
class _Trouble:
    """What the served policy raised instead of an answer."""

    kind: type[AubergineError]
    sentence: str
    traceback: str | None


class _FarPolicy:
    """Stands in a worker process for the policy in the parent."""

    def __init__(self, embodiment: Embodiment) -> None:
        self.embodiment = embodiment

    def reset(self, *, seed: int) -> None:
        """A batch policy has nothing to forget."""

    def act(self, observation: Observation) -> ActionChunk:
        answer = ask(observation)
        if isinstance(answer, _Trouble):
            error = answer.kind(answer.sentence)
            if answer.traceback:
                error.add_note(f"where it was raised:\n{answer.traceback}")
            raise error
        return cast(ActionChunk, answer)


def _world_and_far_policy(make_world: Callable[[], World], embodiment: Embodiment) -> tuple[World, Policy]:
    return make_world(), _FarPolicy(embodiment)


def _answer_all(policy: BatchPolicy, limit_s: float | None, questions: Sequence[object]) -> Sequence[object]:
    """One pass for all; when that raises, one each, so that only the look that is at fault pays for it."""
    looks = cast(Sequence[Observation], questions)
    try:
        with Blame("policy", PolicyFault), within(limit_s):
            answers = policy.act_batch(looks)
            if len(answers) != len(looks):
                raise PolicyFault(f"the policy gave {len(answers)} answers to {len(looks)} looks")
            return answers
    except _RAISED:
        return [_answer_one(policy, limit_s, look) for look in looks]


def _answer_one(policy: BatchPolicy, limit_s: float | None, look: Observation) -> ActionChunk | _Trouble:
    blame = Blame("policy", PolicyFault)
    try:
        with blame, within(limit_s):
            return policy.act_batch([look])[0]
    except _RAISED as error:
        kind = next(kind for kind in _RAISED if isinstance(error, kind))
        return _Trouble(kind, str(error), blame.traceback)
