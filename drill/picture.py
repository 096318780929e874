"""The drill's picture: two panels on one time axis, each caller a mark at (when, how long it waited).

It is an SVG of its own sentences, readable on light and dark, wide and on a phone: what is drawn in ``w`` is for wide,
in ``n`` for narrow. Colours and order are rule 7 of the console's design: one colour means one source.
"""

from __future__ import annotations

import math
import textwrap
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from drill.calls import Source
from drill.figures import by_source
from drill.marks import dots, rising_lines
from drill.plan import DEADLINE_S
from drill.words import now_sentence, sentence_of_before

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drill.breakers import Stretch
    from drill.calls import Call, Ping, Seen
    from drill.run import Drill

MOST_BYTES = 60_000
WIDTH, HEIGHT = 960, 940
_LEFT, _RIGHT = 92, 940
_PANEL, _HEAD, _PLOT, _RIBBON = 400, 112, 230, 26
_NARROW_LINE = 42
_FASTEST_S, _SLOWEST_S = 0.001, 40.0
_TICKS = ((0.001, "1 ms"), (0.01, "10 ms"), (0.1, "100 ms"), (1.0, "1 s"), (10.0, "10 s"))

_CAPTION = "Each mark is one caller: when they came, and how long they waited. A red line: no answer within the limit."

_STYLE = """
svg{--b:#fafaf8;--t:#1b1c1e;--g:#63666c;--l:#d9d9d4;--f:#8a8d9433;--cache:#1f8a80;--database:#3d6fd6;--last-known-good:#d18a10;
--later:#c5432d;--nothing:#c5432d;--refused:#9a9ca1;--ok:#b9dac6;--on:#fff}
@media(prefers-color-scheme:dark){svg{--b:#131416;--t:#f0f0ee;--g:#a0a3a9;--l:#33353a;--f:#a0a3a933;--cache:#3bb3a6;
--database:#6f9bf2;--last-known-good:#e5a93b;--later:#ea6a52;--nothing:#ea6a52;--refused:#777a80;--ok:#27543a;--on:#131416}}
text{font:15px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
fill:var(--g);font-variant-numeric:tabular-nums}
.s{font-size:24px;font-weight:600;fill:var(--t)}.u{font-size:17px}.r{fill:var(--on);font-size:15px;font-weight:600}
.a{fill:var(--t);font-weight:400}.m{fill:none;stroke-width:4.5;stroke-linecap:round}.q{stroke-linecap:square;stroke-width:4}
.x{fill:none;stroke-width:2}.v{fill:none;stroke-width:.8;opacity:.5}.e{text-anchor:end}.c{text-anchor:middle}
.n{display:none}
@media(max-width:640px){.w{display:none}.n{display:inline}text{font-size:28px}.s{font-size:37px}.r{font-size:22px}
.m{stroke-width:7}.q{stroke-width:6.5}.x{stroke-width:3.5}.v{stroke-width:2}}
"""


def x_of(at_s: float, seconds: float) -> float:
    """Where on the time axis."""
    return _LEFT + (_RIGHT - _LEFT) * at_s / seconds


def y_of(waited_s: float, top: float) -> float:
    """How high in the panel whose plot begins at ``top``; the axis is logarithmic."""
    clamped = min(max(waited_s, _FASTEST_S), _SLOWEST_S)
    share = math.log(clamped / _FASTEST_S) / math.log(_SLOWEST_S / _FASTEST_S)
    return top + _PLOT * (1 - share)


def _text(x: float, y: float, words: str, kind: str = "") -> str:
    name = f' class="{kind}"' if kind else ""
    return f'<text x="{x:g}" y="{y:g}"{name}>{escape(words)}</text>'


def _rect(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="2" fill="var(--{fill})"/>'


def _head(top: float, sentence: str, below: str) -> list[str]:
    narrow = textwrap.wrap(sentence, _NARROW_LINE)
    lines = [_text(20, top + 90 - 42 * (len(narrow) - 1 - nr), line, "s n") for nr, line in enumerate(narrow)]
    return [_text(20, top + 42, sentence, "s w"), _text(20, top + 70, below, "u w"), *lines]


def _axis(top: float) -> list[str]:
    parts = []
    for value_s, words in _TICKS:
        y = y_of(value_s, top)
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{_RIGHT}" stroke="var(--l)"/>')
        parts.append(_text(_LEFT - 8, y + 5, words, "e w"))
        if value_s in {0.01, 1.0}:
            parts.append(_text(_LEFT - 6, y + 9, words.replace(" ", "\u2009"), "e n"))
    limit = y_of(DEADLINE_S, top)
    parts.append(f'<path d="M{_LEFT} {limit:.1f}H{_RIGHT}" stroke="var(--t)" stroke-dasharray="5 4"/>')
    parts.append(_text(_LEFT + 6, limit + 18, f"the limit: {DEADLINE_S:g} s", "w"))
    parts.append(_text(_LEFT + 8, limit + 30, f"limit {DEADLINE_S:g} s", "n"))
    return parts


def _marks(calls: Iterable[Call], seconds: float, top: float, grid: int) -> list[str]:
    """The lines of those who waited beyond the limit, then all marks, a path for each source."""
    of: dict[Source, list[tuple[int, int]]] = {source: [] for source in Source}
    late: list[tuple[int, int, int]] = []
    for call in calls:
        x = round(x_of(call.at_s, seconds) / grid) * grid
        y = round(y_of(call.waited_s, top) / grid) * grid
        if not call.is_answered_within(DEADLINE_S):
            late.append((x, round(top + _PLOT), y))
        of[call.source].append((x, y))
    parts = [f'<path class="v" stroke="var(--nothing)" d="{rising_lines(late)}"/>'] if late else []
    for source, places in of.items():
        if places:
            crossed = source in {Source.LATER, Source.NOTHING}
            shape = "x" if crossed else "m q" if source is Source.LAST_KNOWN_GOOD else "m"
            drawn = dots(places, is_cross=crossed)
            parts.append(f'<path class="{shape}" stroke="var(--{source})" d="{drawn}"/>')
    return parts


def _ribbon(top: float, seconds: float, label: str, stretches: Iterable[tuple[float, float, str, str]]) -> list[str]:
    """A band of stretches: from, until, colour, words."""
    parts = [_text(_LEFT - 8, top + 18, label, "e w")]
    for from_s, until_s, colour, words in stretches:
        x, width = x_of(from_s, seconds), x_of(until_s, seconds) - x_of(from_s, seconds)
        parts.append(_rect(x, top, max(1.0, width - 1), _RIBBON, colour))
        if words and width > 13 * len(words):
            parts.append(_text(round(x + width / 2), top + 19, words, "r a c" if colour == "ok" else "r c"))
    return parts


def _alive(pings: Iterable[Ping], seconds: float, path: str) -> list[tuple[float, float, str, str]]:
    """When the process answered a look within a second, and when not."""
    found: list[tuple[float, float, str, str]] = []
    for ping in pings:
        answers = ping.waited_s is not None and ping.waited_s <= 1
        colour, words = ("ok", f"✓ {path} answers") if answers else ("later", f"✕ {path} silent")
        if found and found[-1][2] == colour:
            found[-1] = (found[-1][0], seconds, colour, words)
        else:
            if found:
                found[-1] = (found[-1][0], ping.at_s, *found[-1][2:])
            found.append((ping.at_s, seconds, colour, words))
    return found


def _breakers(stretches: Iterable[Stretch]) -> list[tuple[float, float, str, str]]:
    looks = {"closed": ("ok", "✓ closed"), "open": ("later", "✕ breaker open"), "half_open": ("last-known-good", "!")}
    return [(stretch.from_s, stretch.until_s, *looks[stretch.state]) for stretch in stretches]


class _Side(NamedTuple):
    """What one panel shows: what callers saw, how one asked whether the process is alive, the sentences over it."""

    seen: Seen
    path: str
    words: tuple[str, str]


def _panel(top: float, seconds: float, side: _Side, grid: int) -> list[str]:
    plot = top + _HEAD
    return [
        *_head(top, *side.words),
        *_axis(plot),
        *_marks(side.seen.calls, seconds, plot, grid),
        *_ribbon(plot + _PLOT + 8, seconds, "alive?", _alive(side.seen.pings, seconds, side.path)),
    ]


def _freeze(drill: Drill) -> list[str]:
    plan = drill.plan
    x = x_of(plan.frozen_from_s, plan.seconds)
    width = x_of(plan.frozen_until_s, plan.seconds) - x
    bands = [_rect(x, top + _HEAD, width, _PLOT, "f") for top in (0, _PANEL)]
    middle = round(x + width / 2)
    words = [_text(middle, top + _HEAD - 7, "the database is frozen", "c w") for top in (0, _PANEL)]
    return [*bands, *words, _text(middle, round(y_of(DEADLINE_S, _PANEL + _HEAD)) + 30, "database frozen", "c n")]


def _foot(drill: Drill) -> list[str]:
    seconds, y, parts = drill.plan.seconds, _PANEL + _HEAD + _PLOT + 64, []
    for part in range(7):
        x, words = round(x_of(seconds * part / 6, seconds)), f"{seconds * part / 6:.3g} s"
        kind = "e" if seconds * part / 6 == seconds else "c"
        parts.append(_text(x, y + 22, words, f"{kind} w"))
        if part % 2 == 0:
            parts.append(_text(x, y + 30, words, f"{kind} n"))
    return parts


def _legend(counts: dict[Source, int]) -> list[str]:
    items = (
        (Source.CACHE, "cache", "cache"),
        (Source.DATABASE, "database", "database"),
        (Source.LAST_KNOWN_GOOD, "last known good", "last known good"),
        (Source.LATER, "503, come back", "503, come back"),
        (Source.REFUSED, "forged token, 401", "forged, 401"),
    )
    parts = []
    for nr, (source, wide, narrow) in enumerate(items):
        if counts[source]:
            for kind, words, x, y, gap in (
                ("w", wide, 26 + nr * 176, HEIGHT - 58, 14),
                ("n", narrow, 28 + (nr % 3) * 308, HEIGHT - 56 + (nr // 3) * 40, 20),
            ):
                shape = "x" if source is Source.LATER else "m q" if source is Source.LAST_KNOWN_GOOD else "m"
                mark = dots([(x, y - 6)], is_cross=source is Source.LATER)
                drawn = (
                    f'<path class="{shape}" stroke="var(--{source})" style="stroke-width:{3 if shape == "x" else 9}" '
                )
                parts.append(f'<g class="{kind}">{drawn}d="{mark}"/>{_text(x + gap, y, words)}</g>')
    return [*parts, _text(20, HEIGHT - 24, _CAPTION, "w")]


def draw(drill: Drill) -> str:
    """The picture of ``drill``, ``MOST_BYTES`` or less: where more people came, marks stand on a coarser grid."""
    drawn = _draw(drill, 1)
    for grid in range(2, 9):
        if len(drawn.encode()) <= MOST_BYTES:
            break
        drawn = _draw(drill, grid)
    return drawn


def _draw(drill: Drill, grid: int) -> str:
    title = "Callers of a sign-in whose database freezes: before, and now"
    before, now = sentence_of_before(drill), now_sentence(drill)
    body = [
        _rect(0, 0, WIDTH, HEIGHT, "b"),
        *_freeze(drill),
        *_panel(0, drill.plan.seconds, _Side(drill.before, "/ping", before), grid),
        *_panel(_PANEL, drill.plan.seconds, _Side(drill.now, "/livez", now), grid),
        *_ribbon(_PANEL + _HEAD + _PLOT + 38, drill.plan.seconds, "breaker", _breakers(drill.database_breaker)),
        *_foot(drill),
        *_legend(by_source((*drill.before.calls, *drill.now.calls))),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-labelledby="t d"><title id="t">{escape(title)}</title>'
        f'<desc id="d">{escape(" ".join((*before, *now)))}</desc><style>{_STYLE}</style>' + "\n".join(body) + "</svg>\n"
    )
