"""Links resolve, every page can be reached, and nothing that exists is left undescribed."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.support.fenced_blocks import ROOT, pages

from gatewayz_auth.cli.main import VERBS
from gatewayz_auth.domain.errors import GatewayzAuthError
from gatewayz_auth.settings import KNOBS
from gatewayz_auth.web.problems import PROBLEMS

DOCS = ROOT / "docs"
RUNBOOK_BY_SYMPTOM = {
    "README.md",
    "database-away.md",
    "does-not-start.md",
    "mail-down.md",
    "jobs-behind.md",
    "jobs-failed.md",
    "key-server-away.md",
    "redis-away.md",
    "slow-sign-ins.md",
    "pool-near-its-end.md",
    "hit-rate-low.md",
}
_LINK = re.compile(r"(?<!`)\[[^\]\n]*(?:\n[^\]\n]*)?(?:\n[^\]\n]*)?\]\(([^)\s]+)\)")


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return re.sub(r"(?ms)^ *```.*?^ *```", "", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    return _LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as forges make them."""
    titles = re.findall(r"(?m)^#+ (.+)$", prose(page))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def codes() -> set[str]:
    def below(cls):
        return {cls.code}.union(*map(below, cls.__subclasses__()))

    return below(GatewayzAuthError) | set(PROBLEMS)


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_page_or_picture_of_ours_resolves(page):
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            assert link.startswith("https://"), f"{link}: only https leads outside"
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link} leads nowhere"
        if anchor:
            assert anchor in anchors(target), f"{page.name}: {link} has no such heading"


def test_every_page_can_be_reached_from_the_index():
    seen, wave = set(), {DOCS / "README.md"}
    while wave:
        seen |= wave
        found = {
            (page.parent / link.partition("#")[0]).resolve()
            for page in wave
            for link in links(page)
            if not re.match(r"[a-z]+:", link)
        }
        wave = {path for path in found if path.suffix == ".md" and path.exists()} - seen
    left = {str(path.relative_to(ROOT)) for path in DOCS.rglob("*.md")} - {str(path.relative_to(ROOT)) for path in seen}
    assert not left


def test_the_pages_that_are_written_by_a_program_are_current():
    done = subprocess.run(
        [sys.executable, "tools/write_reference.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_setting_error_code_and_verb_is_described():
    settings = (DOCS / "reference/settings.md").read_text(encoding="utf-8")
    errors = (DOCS / "reference/errors.md").read_text(encoding="utf-8")
    commands = (DOCS / "reference/command-line.md").read_text(encoding="utf-8")
    assert not [knob.name for knob in KNOBS if f"| `{knob.name}` |" not in settings]
    assert not [code for code in codes() if f"| `{code}` |" not in errors]
    assert not [verb for verb in VERBS if f"## `gatewayz-auth {verb}`" not in commands]


def test_every_error_code_has_a_page_for_operators_and_no_page_is_left_over():
    expected = {code.replace("_", "-") + ".md" for code in codes()}
    there = {path.name for path in (DOCS / "runbook").glob("*.md")} - RUNBOOK_BY_SYMPTOM
    assert there == expected
    for name in expected:
        text = (DOCS / "runbook" / name).read_text(encoding="utf-8")
        assert re.search(r"\*\*Caller:\*\*.*## What it means.*## What to do", text, re.DOTALL), name


def test_every_route_is_described():
    contract = (DOCS / "reference/contract.md").read_text(encoding="utf-8")
    routes = []
    for path in sorted((ROOT / "src/gatewayz_auth/web").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        prefix = re.search(r"APIRouter\(prefix=\"([^\"]+)\"", text)
        found = re.findall(r"@router\.(\w+)\(\s*\"([^\"]+)\"", text)
        routes += [f"{verb.upper()} {prefix[1] if prefix else ''}{route}" for verb, route in found]
    assert routes
    routes = [route for route in routes if "/docs/assets/" not in route]  # parts of the page
    assert not [route for route in routes if f"`{route}" not in contract]


def test_every_folder_of_the_package_stands_in_the_description_of_the_house():
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    package = ROOT / "src/gatewayz_auth"
    folders = [path.parent.relative_to(package) for path in package.rglob("__init__.py") if path.parent != package]
    assert not [str(folder) for folder in folders if f"`{folder}/`" not in text]


def test_every_package_we_depend_on_has_a_decision():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    names = [re.split(r"[\[>=<~ ]", line)[0] for line in project["project"]["dependencies"]]
    names += [re.split(r"[\[>=<~ ]", line)[0] for line in project["dependency-groups"]["dev"]]
    told = " ".join(path.read_text(encoding="utf-8") for path in (DOCS / "decisions").glob("0*.md")).lower()
    assert not [name for name in names if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", told)]


@pytest.mark.parametrize("page", sorted((DOCS / "decisions").glob("0*.md")), ids=lambda page: page.stem)
def test_a_decision_says_why_what_else_there_was_and_what_it_costs(page):
    text = page.read_text(encoding="utf-8")
    assert re.match(rf"# {page.name[:4]}\. ", text)
    assert re.search(r"## Why.*## What else there was.*## What it costs us", text, re.DOTALL)
    assert f"]({page.name})" in (DOCS / "decisions/README.md").read_text(encoding="utf-8")


def test_no_page_has_a_line_that_nobody_can_read():
    long = [
        f"{page.relative_to(ROOT)}:{number}"
        for page in pages()
        for number, line in enumerate(prose(page).splitlines(), 1)
        if len(line) > 130 and not line.startswith(("|", "!")) and "](" not in line
    ]
    assert not long
