"""Every code block in README and docs runs."""

import pytest
from tests.support.fenced_blocks import ROOT, Block, blocks, pages, run
from tests.support.serving import Serving

PAGES = [page for page in pages() if blocks(page)]


@pytest.fixture(scope="module")
def served_url(tmp_path_factory):
    with Serving(tmp_path_factory.mktemp("docs")) as serving:
        yield serving.ready().url


@pytest.fixture
def folder(tmp_path):
    """Where a page's blocks run, one after another: as in a clone, as far as they look."""
    (tmp_path / "tools").symlink_to(ROOT / "tools")
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_of_a_page_runs_in_its_order(page, folder, served_url, database_url):
    for block in blocks(page):
        run(block, folder, served_url, database_url)


def test_no_fence_is_left_open():
    for page in pages():
        fences = sum(line.lstrip().startswith("```") for line in page.read_text(encoding="utf-8").splitlines())
        assert fences == 2 * len(blocks(page)), page


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("sh", "false"),
        ("sh", "curl -fsS http://localhost:8000/nowhere"),
        ("python", "raise SystemExit(1)"),
        ("json", "{"),
        ("dotenv", "AUTH_QUERY_TIMEOUT=30"),
        ("dotenv", "NO_SETTING=1"),
        ("console", "$ make love"),
        ("sql", "SELECT nonsense FROM users"),
        ("bash", "true"),
        ("", "true"),
    ],
)
def test_a_block_that_does_not_run_is_noticed(kind, text, folder, served_url, database_url):
    with pytest.raises(Exception):  # noqa: B017 - each kind fails in its own way
        run(Block(ROOT / "README.md", 1, kind, text), folder, served_url, database_url)
