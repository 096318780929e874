"""Alerts fire within a minute and clear after, over an outage as it was; the dashboard's every panel has data."""

import json
import re
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from tests.support.requirements import needs_debian
from tests.support.serving import CLOCK, Serving, free_port

from gatewayz_auth.adapters.child_process import wait_until
from gatewayz_auth.adapters.figures.catalogue import METRICS, PREFIX, Kind

OPS = Path(__file__).parents[2] / "ops"
PROMETHEUS = OPS / "prometheus"
DASHBOARD = OPS / "grafana" / "dashboards" / "gatewayz-auth.json"
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))


def promtool(*arguments):
    program = needs_debian("prometheus", "promtool")
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60)


def targets():
    """Each panel's title and query."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [(panel["title"], target["expr"]) for panel in panels for target in panel["targets"]]


def series_names():
    for metric in METRICS:
        ends = ("_bucket", "_count", "_sum") if metric.kind is Kind.HISTOGRAM else ("",)
        yield from (PREFIX + metric.name + end for end in ends)


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_the_right_alerts_fire_in_time_and_clear_after(file):
    done = promtool("test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_configuration_is_one_that_prometheus_takes():
    done = promtool("check", "config", PROMETHEUS / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_names_a_runbook_page_that_is_there_and_is_tested():
    text = (PROMETHEUS / "alerts.yml").read_text()
    alerts = re.findall(r"- alert: (\w+)", text)
    pages = re.findall(r"runbook: (\S+)", text)
    assert len(alerts) == len(pages) > 10
    assert all((OPS.parent / page).is_file() for page in pages)
    tested = "".join(file.read_text() for file in TESTS)
    assert [alert for alert in alerts if alert not in tested] == []


def test_every_figure_that_rules_alerts_and_dashboard_ask_for_is_in_the_catalogue():
    known = set(series_names())
    texts = [(PROMETHEUS / name).read_text() for name in ("rules.yml", "alerts.yml")] + [
        query for _, query in targets()
    ]
    asked = set(re.findall(r"gatewayz_auth_\w+", "\n".join(texts)))
    assert asked
    assert asked <= known


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """A service with some traffic, and a real Prometheus that scrapes it every second with our rules."""
    program = needs_debian("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    serving = Serving(folder, environ={"RATE_LIMITS": "off"}).ready()
    port = free_port()
    config = (PROMETHEUS / "prometheus.yml").read_text().replace("127.0.0.1:8000", f"127.0.0.1:{serving.port}")
    (folder / "prometheus.yml").write_text(config.replace("interval: 15s", "interval: 1s"))
    for name in ("rules.yml", "alerts.yml"):
        (folder / name).write_text((PROMETHEUS / name).read_text().replace("interval: 15s", "interval: 1s"))
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [program, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
             f"--web.listen-address=127.0.0.1:{port}"],
            stdout=log, stderr=log,
        )  # fmt: skip
    yield serving, f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(10)
    serving.end()
    serving.process.stdout.close()


def answer(url, query):
    asked = urllib.parse.urlencode({"query": query.replace("$__rate_interval", "10s")})
    try:
        with urllib.request.urlopen(f"{url}/api/v1/query?{asked}", timeout=5) as page:  # noqa: S310 - our own
            return json.load(page)["data"]["result"]
    except OSError:
        return []


def test_every_panel_of_the_dashboard_has_data(prometheus):
    serving, url = prometheus
    left = dict.fromkeys(targets())
    number = 0

    def all_there():
        nonlocal number
        number += 1
        body = serving.post("/dev/token", {"privy_user_id": f"did:privy:person{number}"})
        for _ in range(2):
            serving.post("/api/auth", body)
        with pytest.raises(RuntimeError, match="401"):
            serving.post("/api/auth", {**body, "token": "no.token.atall"})
        for target in [target for target in left if answer(url, target[1])]:
            del left[target]
        return not left

    assert wait_until(all_there, CLOCK, 60), list(left)
