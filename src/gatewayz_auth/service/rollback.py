"""Going back on a bad day: what each part does, said before it is done, and whether it may be done now."""

from __future__ import annotations

PARTIAL = ("cache", "timeouts", "referrals")
FULL = ("features",)

SENTENCES = {
    "cache": "The cache is turned off: AUTH_CACHE_TTL=0, nothing is remembered and nobody is given last known good.",
    "timeouts": "AUTH_QUERY_TIMEOUT and USER_LOOKUP_TIMEOUT are 15 s: the 30 s of before are where callers give up.",
    "referrals": "REFERRAL_MODE=nightly: referrals wait for the nightly run; none is lost.",
    "features": "All safety features are off for everybody: cache, last known good, breaker, background referrals, "
    "short patience. The outermost deadline stays.",
    "clear": "Keys of ours (`auth:`) are dropped in Redis, and no other's.",
    "undo": "What was rolled back is taken back: what holds is the environment, and what was set while running.",
}

KEEPS_SIGNED_IN = (
    "The database does not answer, and the cache is what keeps people signed in: turned off now, nobody gets in until "
    "the database is back. Wait for it, or say --force."
)


def parts_of(*, partial: bool, full: bool, alone: tuple[str, ...]) -> tuple[str, ...]:
    """The parts that were named, in their order: all of ``PARTIAL`` where it was, else each alone."""
    wanted = set(PARTIAL if partial else alone) | set(FULL if full else ())
    return tuple(part for part in (*PARTIAL, *FULL) if part in wanted)


def turns_cache_off(parts: tuple[str, ...]) -> bool:
    """Whether people are no longer answered from what is remembered."""
    return "cache" in parts or "features" in parts


def plan(parts: tuple[str, ...]) -> list[str]:
    """What will be done, a sentence each; ``()`` is the undoing."""
    if not parts:
        return [SENTENCES["undo"]]
    return [SENTENCES[part] for part in parts] + ([SENTENCES["clear"]] if "features" in parts else [])
