"""The reference pages of metrics and log lines, read off the catalogue and the code."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

from gatewayz_auth.adapters.figures.catalogue import METRICS, PREFIX, Kind, Merge
from gatewayz_auth.service.histogram import BOUNDS_S

SOURCE = Path(__file__).resolve().parents[1] / "src" / "gatewayz_auth"
LEVELS = ("debug", "info", "warning", "error", "critical", "exception")


def metrics_page(note: str) -> str:
    """Every figure: name, kind, labels, meaning."""
    bounds = textwrap.fill(", ".join(f"{bound:g}" for bound in BOUNDS_S), 110)
    lines = [
        "# Metrics\n",
        note,
        "`GET /metrics` shows them in Prometheus' text format, true over all processes of the service whichever",
        "answers: its own figures as they are now, the others' as they were within the last second, and the counts of",
        "processes that ended. A worker has a page of its own (`worker --port`). Labels are bounded: 200 series a name",
        "at most, the rest is counted under `other`; no person, key or free text is ever one. Times are in seconds.\n",
        f"The buckets of every histogram:\n{bounds}.\n",
        "How to have them scraped, and what to be woken for: [Monitor it](../how-to/monitor.md).\n",
        "| name | kind | labels | what | over processes |",
        "|---|---|---|---|---|",
    ]
    for metric in METRICS:
        labels = "; ".join(f"`{name}`: {what}" for name, what in metric.labels.items()) or "none"
        merged = "the greatest" if metric.merge is Merge.MAX else "added up"
        if metric.shared:
            merged += f"; `{', '.join(sorted(metric.shared))}` is seen alike by all"
        kind = metric.kind.value + (" (s)" if metric.kind is Kind.HISTOGRAM else "")
        lines.append(f"| `{PREFIX}{metric.name}` | {kind} | {labels} | {metric.help} | {merged} |")
    return "\n".join(lines) + "\n"


def logs_page(note: str) -> str:
    """Every line: level, words, fields, and the module that says it."""
    lines = [
        "# Log lines\n",
        note,
        "One line is one JSON object: `timestamp`, `level`, `message` and fields; on a terminal it is coloured text",
        "(`LOG_FORMAT`). `…` stands for what differs from line to line. A Privy id stands in lines as it is, or as a",
        "name made of it with `LOG_IDS=hash`; no key, token, e-mail address or phone number stands in any.\n",
        "Each answered sign-in is one line with `request_id`, `status`, `outcome`, `source`, `code`, `reason`,",
        "`user_id`, `age_s`, `duration_ms` and its phases (`parse_ms`, `verify_ms`, `cache_ms` …).\n",
        "Of lines that begin alike 100 a second are written at most, sign-ins that were answered with a key excepted;",
        "how many were left out is said in the next second (`Log lines suppressed: …`). Where the sink takes no more,",
        "lines are dropped, and their number is said once it does again (`Log lines dropped: …`): nobody ever waits",
        "for a log.\n",
        "| level | message | fields | said by |",
        "|---|---|---|---|",
    ]
    lines += [f"| {level} | `{words}` | {fields} | `{module}` |" for level, words, fields, module in log_lines()]
    return "\n".join(lines) + "\n"


def log_lines() -> list[tuple[str, str, str, str]]:
    """Level, words, fields and module of every line that the code can write, in the order of the words."""
    found = set()
    for path in sorted(SOURCE.rglob("*.py")):
        module = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
        if module.startswith("cli."):
            continue  # what commands say is their answer, not a log
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and _is_logging(node.func) and node.args:
                level = node.func.attr  # type: ignore[attr-defined]
                for words in _words(node.args[0]):
                    fields = ", ".join(
                        f"`{keyword.arg}`" for keyword in node.keywords if keyword.arg and _is_field(keyword)
                    )
                    found.add((level, words, fields, module))
            if isinstance(node, ast.FunctionDef) and (node.name.endswith("_line") or node.name == "_message"):
                level = "warning" if "stressed" in node.name or "relieved" in node.name else "info"
                for inner in ast.walk(node):
                    if isinstance(inner, ast.Return) and inner.value is not None:
                        found |= {(level, words, "", module) for words in _words(inner.value)}
    return sorted(found, key=lambda line: (line[1], line[3]))


def _is_logging(func: ast.expr) -> bool:
    return (
        isinstance(func, ast.Attribute) and func.attr in LEVELS and ast.unparse(func.value).endswith(("log", "logger"))
    )


def _is_field(keyword: ast.keyword) -> bool:
    return keyword.arg not in {"exc_info", "extra"}


def _words(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [_shown(re.sub(r"%[sdr]", "…", node.value))]
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "…" for part in node.values]
        return [_shown("".join(map(str, parts)))]
    if isinstance(node, ast.IfExp):
        return [*_words(node.body), *_words(node.orelse)]
    return []


def _shown(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("`", "'")
