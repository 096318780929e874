"""``gatewayz-auth status``: how the running service is, once; the exit code says it to other programs."""

from __future__ import annotations

import http
from typing import TYPE_CHECKING, Any

from gatewayz_auth.cli import output
from gatewayz_auth.cli.asking import NotReachable, Service

if TYPE_CHECKING:
    import argparse

EXAMPLE = "gatewayz-auth status --url http://localhost:8000"
EXIT_CODES = {"healthy": 0, "degraded": 1, "unhealthy": 2}
EXIT_NOT_REACHABLE = 3
WHERE_ELSE = (
    "It has ended, or is another one than meant: start it, or name it with --url. docs/runbook/does-not-start.md"
)
SIGNS = {"healthy": "✓", "degraded": "!", "unhealthy": "✕"}

_TRY_ONE = "Try one: "


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name its arguments."""
    parser.add_argument("--url", metavar="URL", help="where it is (default: what `serve` left in the state folder)")
    parser.epilog = f"{parser.epilog}\n\nExit codes: 0 healthy, 1 degraded, 2 unhealthy, 3 not reachable."


def run(arguments: argparse.Namespace) -> int:
    """Say it; 0 healthy, 1 degraded, 2 unhealthy, 3 not reachable."""
    service = Service(arguments.url)
    try:
        facts = ask(service)
    except NotReachable as error:
        gone = {"status": "not reachable", "url": service.url, "detail": str(error)}
        output.show(gone, f"✕ {service.url} is not reachable: {error}\n  {WHERE_ELSE}", as_json=arguments.json)
        return EXIT_NOT_REACHABLE
    output.show(facts, text(facts), as_json=arguments.json)
    return EXIT_CODES[facts["status"]]


def ask(service: Service) -> dict[str, Any]:
    """What the service says of itself: ``status`` by its health, the sentence and the pool where they are shown."""
    _, health = service.get("/api/auth/health")
    if health.get("status") not in EXIT_CODES:
        raise NotReachable("what answers there is not gatewayz-auth")
    facts: dict[str, Any] = {"status": health["status"], "url": service.url, "checks": health.get("checks")}
    status, figures = service.get("/figures")
    if status == http.HTTPStatus.OK:
        told = figures["situation"]
        sentence, text = told["sentence"], told["text"]
        if told["status"] == "healthy" != facts["status"]:  # the checks see it sooner
            sentence, text = health.get("sentence", sentence), f"{sentence} {text}"
        facts |= {
            "sentence": sentence,
            "text": text,
            "more": told["more"],
            "runbook": told["runbook"],
            "steered": figures.get("steered", []),  # older services do not say
            "pool": figures["pool"],
            "workers": figures["workers"],
            "version": figures["version"],
        }
    return facts


def text(facts: dict[str, Any]) -> str:
    """For people: the sentence, what it means, the pool's line, where to read on."""
    sign = SIGNS[facts["status"]]
    if "sentence" not in facts:
        return f"{sign} {facts['status']}\nMore is shown on OPS_LISTEN, on the machine itself, or with ADMIN_TOKEN set."
    lines = [f"{sign} {facts['sentence']}", f"  {told_below(facts['text'])}"]
    lines += [f"  {one}" for one in (*facts["more"], *facts["steered"])]
    lines += [
        f"  {name}: {check['detail']}"
        for name, check in (facts["checks"] or {}).items()
        if check["status"] != "healthy" and not _is_said(check["detail"], [facts["sentence"], *facts["more"]])
    ]
    lines.append(f"  {facts['pool']['diagnostics']}")
    if facts["runbook"]:
        lines.append(f"  What to do: docs/runbook/{facts['runbook']}.md, or /console/runbook/{facts['runbook']}")
    return "\n".join(lines)


def told_below(text: str) -> str:
    """What stands below the sentence, as a terminal can show it: the console has a button behind "Try one"."""
    return text.removesuffix(_TRY_ONE).strip()


def _is_said(detail: str, sentences: list[str]) -> bool:
    """Whether a sentence is about the same already: it begins with the same words."""
    about = detail.split()[:2]
    return any(sentence.split()[:2] == about for sentence in sentences)
