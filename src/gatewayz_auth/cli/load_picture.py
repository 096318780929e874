"""The picture of a load: how long callers waited, and where their answers came from, over one time axis; an SVG.

Readable on light and dark. Colours and order are the console's: one colour means one source, and a word stands beside.
"""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

from gatewayz_auth.service.fine_histogram import quantile_s

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH, HEIGHT = 960, 660
_LEFT, _RIGHT = 92, 940
_WAITS, _WAITS_HIGH = 112, 250
_GIVEN, _GIVEN_HIGH = 420, 150
_LEAST_S, _MOST_S = 0.0005, 40.0
_TICKS = ((0.001, "1 ms"), (0.01, "10 ms"), (0.1, "100 ms"), (1.0, "1 s"), (10.0, "10 s"))
_LINES = (("p50", 0.5, "P50"), ("p95", 0.95, "P95"), ("p99", 0.99, "P99"))
_SOURCES = (
    ("cache", "cache", ("cache",)),
    ("database", "database", ("database",)),
    ("lkg", "last known good", ("last-known-good",)),
    ("fine", "forged, 401 or 403", ("refused",)),
    ("bad", "✕ in vain: 503, 429, wrong, or no answer", ("later", "limited", "wrong", "nothing")),
)
_STYLE = """
svg{--b:#fafaf8;--t:#1b1c1e;--g:#63666c;--l:#d9d9d4;--cache:#1f8a80;--database:#3d6fd6;--lkg:#d18a10;--bad:#c5432d;
--fine:#9a9ca1}
@media(prefers-color-scheme:dark){svg{--b:#131416;--t:#f0f0ee;--g:#a0a3a9;--l:#33353a;--cache:#3bb3a6;
--database:#6f9bf2;--lkg:#e5a93b;--bad:#ea6a52;--fine:#777a80}}
text{font:15px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;fill:var(--g);
font-variant-numeric:tabular-nums}
.s{font-size:24px;font-weight:600;fill:var(--t)}.e{text-anchor:end}.c{text-anchor:middle}
.p50,.p95,.p99{fill:none;stroke:var(--t);stroke-width:2}.p95{stroke-dasharray:7 4}.p99{stroke-dasharray:2 4}
"""


def draw(told: Mapping[str, Any]) -> str:
    """The picture of a report."""
    sentence, below = _words(told)
    windows, seconds = told["windows"], told["plan"]["seconds"]
    body = [
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="var(--b)"/>',
        _text(20, 42, sentence, "s"),
        _text(20, 70, below),
        *_waits(windows, seconds, told["window_s"], told["budget_s"]),
        *_given(windows, seconds, told["window_s"]),
        *_foot(seconds, told["outcomes"]),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="t d">'
        f'<title id="t">{escape(sentence)}</title><desc id="d">{escape(below)}</desc><style>{_STYLE}</style>'
        + "\n".join(body)
        + "</svg>\n"
    )


def _words(told: Mapping[str, Any]) -> tuple[str, str]:
    waits, late = told["waits"], told["lateness"]
    sentence = f"{told['came']:,} came at {told['plan']['rate']:g} a second; {told['failed']:,} of them in vain."
    told_waits = ", ".join(
        f"{name} {'-' if waits[key] is None else f'{waits[key]:.1f} ms'}"
        for name, key in (("P50", "p50_ms"), ("P95", "p95_ms"), ("P99", "p99_ms"), ("slowest", "slowest_ms"))
    )
    return sentence, f"{told_waits}. Of that this machine's own lateness: P99 {late['p99_ms']:.1f} ms."


def _text(x: float, y: float, words: str, kind: str = "") -> str:
    name = f' class="{kind}"' if kind else ""
    return f'<text x="{x:g}" y="{y:g}"{name}>{escape(words)}</text>'


def _x(at_s: float, seconds: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * min(1.0, at_s / seconds)


def _y(wait_s: float) -> float:
    inside_s = min(max(wait_s, _LEAST_S), _MOST_S)
    return _WAITS + _WAITS_HIGH * (1 - math.log(inside_s / _LEAST_S) / math.log(_MOST_S / _LEAST_S))


def _waits(windows: Sequence[Mapping[str, Any]], seconds: float, window_s: float, budget_s: float) -> list[str]:
    parts = [_text(20, _WAITS - 14, "waited")]
    for value_s, words in _TICKS:
        y = _y(value_s)
        parts += [f'<path d="M{_LEFT} {y:.1f}H{_RIGHT}" stroke="var(--l)"/>', _text(_LEFT - 8, y + 5, words, "e")]
    limit = _y(budget_s)
    parts.append(f'<path d="M{_LEFT} {limit:.1f}H{_RIGHT}" stroke="var(--bad)" stroke-dasharray="5 4"/>')
    parts.append(_text(_LEFT + 6, limit + 18, f"the limit: {budget_s:g} s"))
    for number, (kind, share, words) in enumerate(_LINES):
        places = []
        for window in windows:
            wait_s = quantile_s(dict(window["counts"]), share)
            if wait_s is not None:
                places.append(f"{_x(window['at_s'] + window_s / 2, seconds):.1f} {_y(wait_s):.1f}")
        if places:
            parts.append(f'<path class="{kind}" d="M{"L".join(places)}"/>')
        x = _RIGHT - 210 + number * 76
        parts.append(f'<path class="{kind}" d="M{x} {_WAITS - 19}h26"/>{_text(x + 32, _WAITS - 14, words)}')
    return parts


def _given(windows: Sequence[Mapping[str, Any]], seconds: float, window_s: float) -> list[str]:
    most = max((window["asked"] for window in windows), default=1)
    scale, foot = _GIVEN_HIGH / most, _GIVEN + _GIVEN_HIGH
    parts = [_text(20, _GIVEN - 14, f"callers in {window_s:g} s, by where their answer came from")]
    parts += [_text(_LEFT - 8, _GIVEN + 12, f"{most:,}", "e"), _text(_LEFT - 8, foot, "0", "e")]
    for window in windows:
        x, top = _x(window["at_s"], seconds), float(foot)
        width = max(1.0, _x(window["at_s"] + window_s, seconds) - x - 1)
        for colour, _, names in _SOURCES:
            if count := sum(window["outcomes"].get(name, 0) for name in names):
                top -= count * scale
                parts.append(
                    f'<rect x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{count * scale:.1f}" '
                    f'fill="var(--{colour})"/>'
                )
    return parts


def _foot(seconds: float, outcomes: Mapping[str, int]) -> list[str]:
    y = _GIVEN + _GIVEN_HIGH + 22
    parts = [
        _text(round(_x(seconds * part / 6, seconds)), y, f"{seconds * part / 6:.3g} s", "e" if part == 6 else "c")  # noqa: PLR2004
        for part in range(7)
    ]
    x = 26.0
    for colour, words, names in _SOURCES:
        if count := sum(outcomes.get(name, 0) for name in names):
            said = f"{words} {count:,}"
            parts.append(f'<rect x="{x:g}" y="{y + 30}" width="12" height="12" fill="var(--{colour})"/>')
            parts.append(_text(x + 18, y + 41, said))
            x += 44 + 8 * len(said)
    return parts
