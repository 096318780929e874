"""How long work that nobody waits for leaves the database alone: it is there for sign-ins first."""

SPARE_SHARE = 1.5
"""Of the time that a piece of such work kept the database busy."""

LONGEST_S = 2.0


def rest_s(busy_s: float) -> float:
    """Seconds to wait after the database was busy for ``busy_s`` seconds, never more than ``LONGEST_S``."""
    return min(busy_s * SPARE_SHARE, LONGEST_S)
