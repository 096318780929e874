"""Each item of the checklist passes, fails or is not known, and a dead or frozen neighbour is an answer, not a hang."""

import json
import shutil

import psycopg
import pytest
from tests.support import run_report
from tests.support.examined import CLOCK, REQUIRED, examined, settings_with
from tests.support.faulty_proxy import FaultyProxy
from tests.support.fenced_blocks import ROOT

from gatewayz_auth import bootstrap_preflight
from gatewayz_auth.adapters.privy.dev_issuer import DevIssuer
from gatewayz_auth.bootstrap_doctor import Examination
from gatewayz_auth.cli.main import main
from gatewayz_auth.reliability.entropy import SystemEntropy
from gatewayz_auth.service import checklist
from gatewayz_auth.service.findings import Result

BUILD = "0123456789ab"
PUBLIC = {"PRIVY_APP_ID": "app", "PRIVY_JWKS_URL": "https://keys.example.com/jwks.json"}
WHOLE = {"passed": 10, "failed": 0, "error": 0, "skipped": 1, "exit_code": 0}
POOL = {"pool": {"diagnostics": "Connection pool diagnostics: active=0"}}


@pytest.fixture(scope="module")
def found(postgres_server, valkey_server):
    """One examination of healthy neighbours for many tests."""
    url = postgres_server.database()
    yield examined(settings_with(url, valkey_server.url))[0]
    postgres_server.drop(url)


@pytest.fixture
def checkout(tmp_path):
    """A checkout as far as preflight looks: ``ops/`` and the reports of this build."""
    shutil.copytree(ROOT / "ops", tmp_path / "ops")
    (tmp_path / "reports").mkdir()
    leave(tmp_path, "tests.json", commit=BUILD, parts={"not alone": WHOLE, "alone": WHOLE}, is_changed=False)
    leave(tmp_path, "load-1.json", commit=BUILD)
    return tmp_path


def leave(root, name, **report):
    (root / "reports" / name).write_text(json.dumps(report))


def results(found, root, **changes):
    environ = {**REQUIRED, **PUBLIC, "DATABASE_URL": found.settings.database_url, **changes.pop("environ", {})}
    given = {"figures": POOL, "backup_code": 0, "build": BUILD, **changes}
    checks = bootstrap_preflight.checks(found, environ, root, **given)
    assert all(check.do for check in checks if check.result is Result.FAIL)
    return {check.id: check.result for check in checks}


def test_everything_passes_where_everything_is_there(found, checkout):
    assert {name for name, result in results(found, checkout).items() if result is not Result.PASS} == set()


def test_what_is_not_there_is_not_known(found, tmp_path):
    unknown = {name for name, one in results(found, tmp_path, figures=None).items() if one is Result.UNKNOWN}
    assert unknown == {"pool-monitor", "tests", "load-test", "monitoring"}


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({"commit": "fedcba987654"}, Result.UNKNOWN),
        ({"parts": {"alone": WHOLE}}, Result.UNKNOWN),
        ({"is_changed": True}, Result.UNKNOWN),
        ({"parts": {"all": {**WHOLE, "failed": 1, "exit_code": 1}}}, Result.FAIL),
        ({"parts": {"all": WHOLE}, "commit": BUILD + "0123456789abcdef0123456789ab"}, Result.PASS),
    ],
)
def test_the_report_of_the_tests_counts_for_its_own_build_alone(changes, result, found, checkout):
    leave(checkout, "tests.json", **{"commit": BUILD, "parts": {"all": WHOLE}, "is_changed": False, **changes})
    assert results(found, checkout)["tests"] is result


def test_a_load_report_of_another_build_says_nothing_of_this_one(found, checkout):
    leave(checkout, "load-1.json", commit="fedcba987654")
    assert results(found, checkout)["load-test"] is Result.UNKNOWN
    leave(checkout, "load-2.json", commit=BUILD, verdict="worse")
    assert results(found, checkout)["load-test"] is Result.FAIL


@pytest.mark.parametrize("more", [{"verdict": "unknown", "why": "late"}, {"verdict": "passed", "is_changed": True}])
def test_a_load_that_says_nothing_or_was_made_of_changed_files_is_not_known(more, found, checkout):
    leave(checkout, "load-1.json", commit=BUILD, **more)
    assert results(found, checkout)["load-test"] is Result.UNKNOWN


def test_broken_alerts_or_a_broken_dashboard_fail(found, checkout):
    (checkout / "ops/prometheus/alerts.yml").write_text("groups:\n\t- name: x\n")
    assert results(found, checkout)["monitoring"] is Result.FAIL


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "the secret that development made for itself",
        "replace-this-by-the-output-of-openssl-rand",
    ],
)
def test_secrets_that_are_missing_flat_of_development_or_of_the_documentation_fail(secret, found, checkout):
    (checkout / ".state").mkdir()
    (checkout / ".state/api-key-secret").write_text("the secret that development made for itself\n")
    assert results(found, checkout, environ={"API_KEY_SECRET": secret})["secrets"] is Result.FAIL


def test_the_development_issuer_fails(found, checkout):
    pem = DevIssuer(checkout / ".state", SystemEntropy()).public_pem
    assert results(found, checkout, environ={"PRIVY_VERIFICATION_KEY": pem})["issuer"] is Result.FAIL
    assert results(found, checkout, environ={"PRIVY_APP_ID": "gatewayz-auth-dev"})["issuer"] is Result.FAIL
    assert results(found, checkout, environ={"PRIVY_APP_ID": ""})["issuer"] is Result.FAIL


@pytest.mark.parametrize(
    "open_up", ["GRANT SELECT ON users TO PUBLIC", "ALTER TABLE referrals DISABLE ROW LEVEL SECURITY"]
)
def test_an_open_door_fails(open_up, database_url, checkout):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(open_up)
    found, _ = examined(settings_with(database_url))
    assert results(found, checkout)["grants"] is Result.FAIL


def test_a_schema_that_is_behind_or_cannot_go_back_fails():
    assert checklist.schema(3, 5, []).result is Result.FAIL
    assert checklist.schema(5, 5, ["0004_x"]).result is Result.FAIL
    assert checklist.schema(5, 5, []).result is Result.PASS


@pytest.mark.parametrize(
    ("budget_s", "lookup_s", "trip_s", "result"),
    [
        (8, 5, 0.001, Result.PASS),
        (8, 5, 0.12, Result.FAIL),
        (8, 7, 0.12, Result.PASS),
        (20, 5, 0.001, Result.FAIL),
        (8, 5, None, Result.UNKNOWN),
    ],
)
def test_timeouts_have_to_fit_how_far_the_database_is(budget_s, lookup_s, trip_s, result):
    assert checklist.timeouts(budget_s, lookup_s, trip_s).result is result


@pytest.mark.parametrize(
    ("row", "code", "result"),
    [
        (None, None, Result.UNKNOWN),
        ({"is_on": False, "archived_s": None, "failed_s": None}, None, Result.UNKNOWN),
        ({"is_on": True, "archived_s": None, "failed_s": None}, None, Result.FAIL),
        ({"is_on": True, "archived_s": 60.0, "failed_s": None}, None, Result.PASS),
        ({"is_on": True, "archived_s": 60.0, "failed_s": 5.0}, None, Result.FAIL),
        ({"is_on": True, "archived_s": 1e6, "failed_s": None}, 0, Result.PASS),
        ({"is_on": True, "archived_s": 60.0, "failed_s": None}, 1, Result.FAIL),
    ],
)
def test_a_backup_is_there_where_the_archiver_or_a_command_says_so(row, code, result):
    assert checklist.backup(row, code).result is result


def test_a_redis_that_is_away_fails_and_what_hangs_on_it_is_not_known(found, checkout):
    settings = settings_with("postgresql://u@127.0.0.1:1/x")
    away, _ = examined(settings)
    told = results(away, checkout)
    assert (told["redis"], told["redis-allowed"], told["redis-evicting"]) == ("fail", "unknown", "unknown")
    assert (told["database"], told["grants"], told["migrations"]) == ("fail", "unknown", "unknown")
    without = Examination(found.settings, found.postgres, None, {})
    assert results(without, checkout)["redis"] is Result.FAIL


def test_the_command_answers_within_its_limit_though_every_neighbour_is_frozen(
    redis_url, tmp_path, monkeypatch, capsys
):
    path = redis_url.split("://")[1].split("?")[0]
    with FaultyProxy(path) as proxy:
        proxy.freeze()
        at = f"127.0.0.1:{proxy.port}"
        for name, value in {
            **REQUIRED, **PUBLIC, "PRIVY_JWKS_URL": f"http://{at}/", "DATABASE_URL": f"postgresql://u:s3cret-word@{at}/x",
            "REDIS_URL": f"redis://{at}/0", "STATE_DIR": str(tmp_path),
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        began_s = CLOCK.monotonic_s()
        code = main(["preflight", "--json", "--backup-command", "false"])
        took_s = CLOCK.monotonic_s() - began_s
    said = capsys.readouterr().out
    told = {check["id"]: check["result"] for check in json.loads(said)["checks"]}
    assert (code, told["database"], told["redis"], told["backup"]) == (1, "fail", "fail", "fail")
    assert "s3cret-word" not in said
    assert took_s < 10


def test_the_doctor_as_a_command_tells_findings_as_json_and_as_text_without_colour(tmp_path, monkeypatch, capsys):
    for name, value in {
        **REQUIRED, "DATABASE_URL": "postgresql://u:s3cret-word@127.0.0.1:1/x", "REDIS_URL": "redis://127.0.0.1:1/0",
        "STATE_DIR": str(tmp_path),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    assert main(["doctor", "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert [set(one) for one in findings] == [{"id", "severity", "title", "detail", "do"}] * len(findings)
    assert findings[0]["id"] == "postgres-unreachable"
    order = ["critical", "warning", "notice"]
    assert [one["severity"] for one in findings] == sorted((one["severity"] for one in findings), key=order.index)
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("✕ critical: Postgres is not reached: nothing listens there")
    assert "\x1b" not in said
    assert "s3cret-word" not in said


def test_the_suite_leaves_its_report_by_part_and_begins_anew_for_another_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(run_report, "ROOT", tmp_path)
    commit = [BUILD]
    monkeypatch.setattr(run_report, "_git", lambda *asked: commit[0] if "HEAD" in asked else "")
    environ = {"TESTS_REPORT": "reports/tests.json"}
    run_report.write({"passed": [1, 2]}, 0, "not alone", environ)
    run_report.write({"passed": [1], "failed": [1]}, 1, "alone", environ)
    report = json.loads((tmp_path / "reports/tests.json").read_text())
    assert checklist.tests(report, BUILD).result is Result.FAIL
    assert report["parts"]["not alone"]["passed"] == 2
    commit[0] = "fedcba987654"
    run_report.write({"passed": [1]}, 0, "", environ)
    report = json.loads((tmp_path / "reports/tests.json").read_text())
    assert set(report["parts"]) == {"all"}
    assert checklist.tests(report, "fedcba987654").result is Result.PASS
    run_report.write({}, 0, "", {})
