"""``reports/tests.json``: how the whole suite ended, for which commit; ``gatewayz-auth preflight`` reads it."""

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
KINDS = ("passed", "failed", "error", "skipped")


def write(stats, exit_code, part, environ=os.environ):
    """Note one part of the suite (its marks) where ``TESTS_REPORT`` says so; another commit's report is begun anew."""
    if not (place := environ.get("TESTS_REPORT")):
        return
    path = ROOT / place
    commit = _git("rev-parse", "HEAD")
    report = _read(path)
    if report.get("commit") != commit:
        report = {"commit": commit, "parts": {}}
    report["is_changed"] = bool(_git("status", "--porcelain", "--untracked-files=no"))
    report["at"] = datetime.now(UTC).isoformat(timespec="seconds")
    counts = {kind: len(stats.get(kind, [])) for kind in KINDS}
    report["parts"][part or "all"] = {**counts, "exit_code": int(exit_code)}
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    fresh.replace(path)


def _read(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _git(*arguments):
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
