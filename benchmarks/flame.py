"""Draws where the processor time of a cached sign-in goes: ``python -m benchmarks.flame`` renews the picture.

A timer of processor time looks at the stack; what C functions take is shown with the Python function that called them.
"""

from __future__ import annotations

import signal
import tempfile
from collections import Counter
from pathlib import Path
from xml.sax.saxutils import escape

import uvloop

from benchmarks import duties

PICTURE = Path(__file__).parent.parent / "docs" / "images" / "hot-route-flame.svg"
ROUNDS = 12
EVERY_S = 0.001
WIDTH, ROW, LEAST = 1000, 22, 0.003

Stack = tuple[str, ...]


def _stack(frame) -> Stack:
    names = []
    while frame is not None:
        code = frame.f_code
        names.append(f"{Path(code.co_filename).stem}.{code.co_name}")
        if names[-1] == "sign_in.__call__":  # the route; the loop under it says nothing
            return tuple(reversed(names))
        frame = frame.f_back
    return ()


def samples() -> Counter[Stack]:
    """How often each stack within the route was seen."""
    from gatewayz_auth.web.app import create_app

    seen: Counter[Stack] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        people, whole = duties._prepared(folder)
        requests = [people.request(n % duties.PEOPLE, n) for n in range(duties.REQUESTS)]
        app = create_app(whole.parts())

        async def drive() -> None:
            await duties._drive(app, requests)
            signal.signal(signal.SIGPROF, lambda _, frame: seen.update([_stack(frame)]))
            signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)
            for _ in range(ROUNDS):
                whole.verifier._access.clear()  # every token unseen
                await duties._drive(app, requests)
            signal.setitimer(signal.ITIMER_PROF, 0)

        uvloop.run(drive())
    del seen[()]
    return seen


def _boxes(seen: Counter[Stack], depth: int, left: float, scale: float) -> list[str]:
    drawn = []
    children: dict[str, Counter[Stack]] = {}
    for stack, count in sorted(seen.items()):
        if len(stack) > depth:
            children.setdefault(stack[depth], Counter())[stack] += count
    for name, below in children.items():
        share = below.total() * scale
        width = share * WIDTH
        if share >= LEAST:
            hue = 45 - sum(name.encode()) % 40
            label = f"{name} {share:.1%}"
            shown = label if len(label) * 6.6 < width else ""
            drawn.append(
                f'<g><title>{escape(label)}</title><rect x="{left:.1f}" y="{depth * ROW}" width="{width:.1f}" '
                f'height="{ROW - 1}" fill="hsl({hue},85%,72%)"/><text x="{left + 4:.1f}" y="{depth * ROW + 15}">'
                f"{escape(shown)}</text></g>"
            )
            drawn.extend(_boxes(below, depth + 1, left, scale))
        left += width
    return drawn


def draw(seen: Counter[Stack]) -> str:
    """The picture: a row for each call, as wide as its share, callers above."""
    height = max(map(len, seen)) * ROW
    boxes = "\n".join(_boxes(seen, 0, 0.0, 1 / seen.total()))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="monospace" '
        f'font-size="11" role="img"><title>Where the processor time of a cached sign-in goes</title>\n'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>\n{boxes}\n</svg>\n'
    )


if __name__ == "__main__":
    found = samples()
    PICTURE.write_text(draw(found))
    own: Counter[str] = Counter()
    for stack, count in found.items():
        own[stack[-1]] += count
    for name, count in own.most_common(16):
        print(f"{count / found.total():6.1%}  {name}")
