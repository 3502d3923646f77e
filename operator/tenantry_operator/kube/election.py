"""Who may act: the decisions about a Lease. Pure: time is an argument, and nothing is read or written here.

Why two never act at once, whatever clocks say and networks do:

- A holder acts until ``renew`` seconds after the start of its last renewal that succeeded. One that is still under way
  then does not count, nor does one of which no answer came.
- A candidate takes the Lease over when it has not seen it change for ``lease`` seconds of its own clock, counted from
  when it saw the last change: later than the holder began to write it.
- It writes with the resourceVersion that it saw. If the holder has renewed since, unseen, the API server refuses.

So the candidate's term begins at least ``lease`` - ``renew`` seconds after the holder's has ended. No two clocks are
compared, only the lengths of time that two clocks measure: they may differ in speed by ``lease`` / ``renew``.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Terms:
    """Lengths of time in seconds, ``lease`` > ``renew`` > ``retry`` > 0."""

    lease: float
    """How long a candidate waits for a sign of life from the holder."""
    renew: float
    """How long the holder acts after it began its last renewal."""
    retry: float
    """From one renewal, or attempt, to the next."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A Lease as stored."""

    version: int
    """resourceVersion."""
    holder: str
    """Identity; empty if it was released."""
    duration: float
    """How long its holder wants others to wait, in seconds."""
    transitions: int
    """How often it has changed hands."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A write to the Lease, about to be sent."""

    replaces: int | None
    """The version that it replaces; None to create the Lease."""
    takes_over: bool
    """Whether it changes hands, rather than being renewed."""
    transitions: int
    """The count to store."""
    started: float = 0.0
    """When: before anything was sent."""


@dataclass(slots=True)
class Election:
    """One participant's knowledge and decisions."""

    me: str
    """This process's identity, unlike any other's."""
    terms: Terms
    claim: Claim | None = None
    """The Lease as last seen; kept when it is deleted, since its holder may still act."""
    _informed: bool = False
    """Whether anything is known at all."""
    _seen: float = 0.0
    """When the claim was seen to change."""
    _exists: bool = False
    _tried: float | None = None
    """When the last attempt was sent, unless something has changed since that makes a new one sensible."""
    _deadline: float | None = None
    """When our term ends; None before it has begun."""
    _usurper: str | None = None
    """Who holds the Lease though our term has not ended."""
    _resigned: bool = False

    def saw(self, claim: Claim | None, now: float) -> None:
        """Take the Lease as a watch or an answer shows it; None if there is none."""
        if claim is None:
            self._informed, self._exists = True, False
            return
        if self.claim is not None and claim.version <= self.claim.version:
            return
        self._informed, self._exists = True, True
        self.claim, self._seen = claim, now
        if claim.holder != self.me:
            self._tried = None
            if self._deadline is not None:
                self._usurper = claim.holder or "nobody"

    def may_act(self, now: float) -> bool:
        """Whether this process is the one that acts."""
        return self._deadline is not None and self._usurper is None and now < self._deadline

    def lost(self, now: float) -> str | None:
        """Why a term that had begun has ended, if it has: there is no second one."""
        if self._deadline is None or self.may_act(now):
            return None
        if self._usurper is not None:
            return f"it is held by {self._usurper}"
        return f"it could not be renewed for {self.terms.renew:g} s"

    def deadline(self) -> float | None:
        """When the term ends unless it is renewed; None before it has begun."""
        return self._deadline

    def due(self) -> float | None:
        """When to attempt a write; None to wait for news. May be in the past: then at once."""
        if not self._informed or self._resigned or self._usurper is not None:
            return None
        pause = self._tried + self.terms.retry if self._tried is not None else self._seen
        claim = self.claim
        if claim is None or claim.holder in {"", self.me}:
            return pause
        return max(pause, self._seen + max(claim.duration, self.terms.lease))

    def begin(self, now: float) -> Attempt:
        """The write to send now. Only when it is due."""
        self._tried = now
        before = self.claim
        takes_over = before is None or before.holder != self.me
        transitions = before.transitions if before else 0
        return Attempt(
            replaces=before.version if before and self._exists else None,
            takes_over=takes_over,
            transitions=transitions + 1 if takes_over and before else transitions,
            started=now,
        )

    def granted(self, attempt: Attempt, claim: Claim, now: float) -> None:
        """The API server has stored an attempt as ``claim``. An answer that comes too late grants nothing."""
        self.saw(claim, now)
        end = attempt.started + self.terms.renew
        in_time = now < end and (self._deadline is None or now < self._deadline)
        ours = self.claim is not None and self.claim.holder == self.me and self._usurper is None
        if in_time and ours and not self._resigned:
            self._deadline = end

    def resign(self) -> Attempt | None:
        """Act no more. Returns the write that lets the next one begin at once; None if there is nothing to release."""
        held = self._deadline is not None and self._usurper is None
        self._resigned, self._deadline = True, None
        claim = self.claim
        if not held or claim is None or not self._exists or claim.holder != self.me:
            return None
        return Attempt(claim.version, takes_over=False, transitions=claim.transitions)
