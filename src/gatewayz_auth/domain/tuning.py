"""The founding document's tuning rules as figures: what counts as far, slow and calm, and what fits it."""

from __future__ import annotations

FAR_S = 0.1
"""A median round trip longer than this means that the database is far away …"""

FAR_LOOKUP_S = (7.0, 8.0)
"""… and a look-up then fits into these seconds."""

SLOW_S = 1.0
"""Look-ups that take longer than this (P99) mean that the database is slow …"""

SLOW_BUDGET_S = (10.0, 12.0)
"""… and a whole sign-in then fits into these seconds."""

MOST_BUDGET_S = 15.0
"""Nobody is helped by more: callers give up at 30 s."""

CALM_PER_HOUR, BUSY_PER_HOUR = 0.01, 0.1
"""Changes of one person's data an hour: fewer, it rarely changes; more, it often does …"""

CALM_TTL_S, BUSY_TTL_S = 600.0, 180.0
"""… and answers are then remembered for so long."""
