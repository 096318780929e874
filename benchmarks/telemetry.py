"""What all telemetry costs a cached sign-in, part by part, beside the whole of it."""

from __future__ import annotations

import tempfile

import uvloop

from benchmarks.duties import PEOPLE, _alone_s, _drive, _prepared
from benchmarks.rows import Row
from gatewayz_auth.service.sign_in_report import SignInReport

TURNS = 30
EACH = 100
LIMIT_US, LIMIT_SHARE = 10.0, 0.1


def run() -> list[Row]:
    from gatewayz_auth.web.app import create_app

    with tempfile.TemporaryDirectory() as folder:
        people, whole = _prepared(folder)
        requests = [people.request(n % PEOPLE, n) for n in range(200 + TURNS * EACH)]
        parts = whole.parts()

        async def measure():
            app = create_app(parts)
            await _drive(app, requests[:200])
            # short ones, and the best of each: a shared machine disturbs long ones
            return min([await _drive(app, requests[200 + n * EACH :][:EACH]) for n in range(TURNS)])

        whole_us = uvloop.run(measure()) * 1e6
        phases = (("parse", 1e-4), ("verify", 2e-4), ("cache", 3e-5))
        report = SignInReport("id-1", 200, "ok", "cache", "ok", None, 4e-4, phases, 7, 4.0, "did:privy:ada")
        whole.logs.writer.lost = 0
        figures = whole.telemetry.figures
        told_us = _alone_s(lambda: parts.report(report)) * 1e6
        count_us = _alone_s(lambda: figures.answered(report)) * 1e6
        line_us = _alone_s(lambda: whole.sign_in_log._line(report, 1.8e9)) * 1e6
        snapshot_us = _alone_s(figures.snapshot) * 1e6
    beside = f"whole sign-in {whole_us:.1f} µs"
    cost_us, allowed_us = told_us + line_us, max(LIMIT_US, LIMIT_SHARE * whole_us)
    return [
        Row("telemetry of a cached sign-in", f"{cost_us:.1f} µs", beside, cost_us / whole_us,
            f"{allowed_us / whole_us:.2f} or less (10 µs)"),
        Row("telemetry: what hears of it, figures included", f"{told_us:.1f} µs", beside),
        Row("telemetry: figures alone", f"{count_us:.1f} µs", beside),
        Row("telemetry: its line, made in the writing thread", f"{line_us:.1f} µs", beside),
        Row("telemetry: laying figures down, on the loop", f"{snapshot_us:.0f} µs", "once a second"),
    ]  # fmt: skip
