"""Whatever networks, clocks and schedulers do, no two act at once. Time is simulated: nothing here waits."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tenantry_operator.kube.election import Attempt, Claim, Election, Terms

TERMS = Terms(lease=15.0, renew=10.0, retry=2.0)
MINUTES = 4 * 60.0


@dataclass(frozen=True)
class Weather:
    """How bad things are."""

    delay: float
    """A message takes at most so long, in seconds."""
    loss: float
    """Share of messages that never arrive."""
    stops: float
    """Share of moments at which a process is stopped, for up to forty seconds."""
    deaths: float
    resignations: float


CALM = Weather(0.05, 0.0, 0.0, 0.0, 0.0)

weathers = st.builds(
    Weather,
    delay=st.floats(0.001, 20.0),
    loss=st.floats(0.0, 0.7),
    stops=st.floats(0.0, 0.05),
    deaths=st.floats(0.0, 0.01),
    resignations=st.floats(0.0, 0.01),
)
rates = st.tuples(st.floats(0.82, 1.2), st.floats(0.82, 1.2), st.floats(0.82, 1.2))
"""Seconds that a process measures in one true second; the fastest and the slowest differ by less than 15 / 10."""


@dataclass
class World:
    """True time, an API server, and processes that exchange messages with it."""

    weather: Weather
    random: Random
    time: float = 0.0
    claim: Claim | None = None
    processes: list["Process"] = field(default_factory=list)
    led: list[str] = field(default_factory=list)
    _due: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _count: int = 0

    def at(self, time: float, call: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._due, (time, self._count, call))

    def message(self, call: Callable[[], None], *, reliable: bool = False) -> None:
        if reliable or self.random.random() >= self.weather.loss:
            self.at(self.time + self.random.uniform(0.0, self.weather.delay), call)

    def run(self, seconds: float) -> None:
        end = self.time + seconds
        while self._due and self._due[0][0] <= end:
            self.time, _, call = heapq.heappop(self._due)
            call()
            acting = [each.election.me for each in self.processes if each.acts()]
            assert len(acting) <= 1, f"at {self.time}: {acting}"
            self.led += [one for one in acting if self.led[-1:] != [one]]
        self.time = end

    def store(self, attempt: Attempt, holder: str, answer: Callable[[Claim | None], None]) -> None:
        """The API server: compares the version, stores, tells everybody."""
        if attempt.replaces != (self.claim.version if self.claim else None):
            self.message(lambda: answer(None))
            return
        version = self.claim.version + 1 if self.claim else 1
        stored = self.claim = Claim(version, holder, TERMS.lease, attempt.transitions)
        self.message(lambda: answer(stored))
        for process in self.processes:
            self.message(lambda process=process: process.hear(stored))  # type: ignore[misc]


@dataclass
class Process:
    """A replica, with a clock of its own; when it ends another starts in its place."""

    world: World
    rate: float
    number: int
    offset: float
    election: Election = field(init=False)
    stopped_until: float = 0.0
    dead: bool = False
    started: int = 0

    def __post_init__(self) -> None:
        self.start()

    def clock(self) -> float:
        return self.offset + self.rate * self.world.time

    def acts(self) -> bool:
        return not self.dead and self.election.may_act(self.clock())

    def start(self) -> None:
        self.started += 1
        self.dead = False
        self.election = Election(f"{self.number}-{self.started}", TERMS)
        self.look()
        self.step(self.started)

    def step(self, life: int) -> None:
        """One turn of the loop, and the next one soon."""
        world = self.world
        if self.dead or life != self.started:
            return
        if world.time >= self.stopped_until:
            if world.random.random() < world.weather.stops:
                self.stopped_until = world.time + world.random.uniform(0.0, 40.0)
            self._turn()
        world.at(world.time + world.random.uniform(0.01, 0.5), lambda: self.step(life))

    def _turn(self) -> None:
        world, now = self.world, self.clock()
        if self.election.lost(now) or world.random.random() < world.weather.deaths:
            self.end()
            return
        if world.random.random() < world.weather.resignations:
            release = self.election.resign()
            if release is not None:
                world.message(lambda: world.store(release, "", lambda _: None))
            self.end()
            return
        due = self.election.due()
        if due is not None and due <= now:
            attempt, me, life = self.election.begin(now), self.election.me, self.started
            world.message(lambda: world.store(attempt, me, lambda stored: self.answer(life, attempt, stored)))

    def answer(self, life: int, attempt: Attempt, stored: Claim | None) -> None:
        self._awake(life, lambda: self._answered(attempt, stored))

    def _answered(self, attempt: Attempt, stored: Claim | None) -> None:
        if stored is None:
            self.look()
        else:
            self.election.granted(attempt, stored, self.clock())

    def look(self) -> None:
        """GET: what is stored then arrives later, perhaps after it has changed."""
        life = self.started

        def arrive(seen: Claim | None) -> None:
            self._awake(life, lambda: self.election.saw(seen, self.clock()))

        def serve() -> None:
            seen = self.world.claim
            self.world.message(lambda: arrive(seen), reliable=True)

        self.world.message(serve, reliable=True)

    def hear(self, stored: Claim) -> None:
        self._awake(self.started, lambda: self.election.saw(stored, self.clock()))

    def _awake(self, life: int, call: Callable[[], None]) -> None:
        """Now, or when it goes on after a stop; not in another life."""
        if self.dead or life != self.started:
            return
        if self.world.time < self.stopped_until:
            self.world.at(self.stopped_until, lambda: self._awake(life, call))
        else:
            call()

    def end(self) -> None:
        self.dead = True
        self.world.at(self.world.time + self.world.random.uniform(0.5, 5.0), self.start)


def world_of(rates: tuple[float, float, float], weather: Weather, seed: int) -> World:
    random = Random(seed)
    world = World(weather, random)
    for number, rate in enumerate(rates):
        world.processes.append(Process(world, rate, number, random.uniform(0.0, 1e6)))
    return world


@settings(max_examples=150)
@given(rates, weathers, st.integers(0, 2**32))
def test_no_two_act_at_once(rates: tuple[float, float, float], weather: Weather, seed: int) -> None:
    world_of(rates, weather, seed).run(MINUTES)


@given(rates, st.integers(0, 2**32))
def test_one_leads_and_goes_on_leading_while_nothing_goes_wrong(rates: tuple[float, float, float], seed: int) -> None:
    world = world_of(rates, CALM, seed)

    world.run(MINUTES)

    assert len(world.led) == 1
    assert [each.election.me for each in world.processes if each.acts()] == world.led


@example(rates=(1.0, 1.0, 0.82421875), seed=3150, released=True)
@given(rates, st.integers(0, 2**32), st.booleans())
def test_when_the_leader_goes_another_leads(rates: tuple[float, float, float], seed: int, released: bool) -> None:
    world = world_of(rates, CALM, seed)
    world.run(60.0)
    leader = next(each for each in world.processes if each.acts())

    release = leader.election.resign() if released else None
    if release is not None:
        release_patiently(world, leader, release)
    leader.dead = True  # For good.
    world.run(2.0 if released else TERMS.lease / 0.82 + 1.0)

    assert [each.acts() for each in world.processes].count(True) == 1
    assert not leader.acts()


def release_patiently(world: World, leader: Process, release: Attempt) -> None:
    """As the leader does: once more, where a renewal was under way that its answer has not told of yet."""

    def answered(stored: Claim | None) -> None:
        if stored is None and world.claim is not None and world.claim.holder == leader.election.me:
            world.store(replace(release, replaces=world.claim.version), "", lambda _: None)

    world.store(release, "", answered)
