"""``status`` and ``watch`` say the console's sentence, in 80 columns, and wait for nobody who does not answer."""

import contextlib
import http.server
import io
import json
import socket
import threading

import pytest
from rich.console import Console

from gatewayz_auth.cli import asking
from gatewayz_auth.cli.main import main
from gatewayz_auth.cli.watch_screen import screen
from gatewayz_auth.service.snapshot import Answering, Answers, Event, Jobs, Neighbour, PoolNow, Snapshot, Trouble
from gatewayz_auth.web.console.shown import now_as_json

AT_S = 1_764_000_360.0
AWAY = Snapshot(
    at_s=AT_S,
    version="1.0",
    workers=2,
    remembered=9,
    minute=Answers(cache=90, last_known_good=9, unknown=1),
    postgres=Neighbour("postgres", Answering.SILENT, AT_S - 42, "open", note="12 calls given up in 15 min"),
    pool=PoolNow(active=10, limit=10, abandoned=10),
    outage_longest_s=2.0,
    events=(Event(AT_S - 42, "breaker", "Postgres breaker opened (slow)"),),
    jobs=Jobs(pending=3, workers=1, not_known_for_s=40.0),
    troubles=(Trouble(AT_S - 1, 503, "neighbour_unavailable", 0.002, "abc-1"),),
)
SENTENCE = "The database has not answered for 42 s."


@contextlib.contextmanager
def serving(answers):
    """A service that answers by path: a status and JSON, or text as it is."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = answers.get(self.path, (404, {}))
            text = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def of(snapshot, status):
    health = {"status": status, "checks": {"database": {"status": status, "detail": "The database has not answered."}}}
    return {
        "/api/auth/health": (503 if status == "unhealthy" else 200, health),
        "/figures": (200, now_as_json(snapshot)),
    }


@pytest.mark.parametrize(("status", "code"), [("healthy", 0), ("degraded", 1), ("unhealthy", 2)])
def test_the_exit_code_says_how_it_is(status, code, capsys):
    with serving(of(AWAY, status)) as url:
        assert main(["status", "--url", url]) == code
    said = capsys.readouterr().out
    assert SENTENCE in said
    assert "Returning people are signed in from last known good" in said
    assert "Connection pool diagnostics: active=10, idle=0, max=10, utilization=100%, health=CRITICAL" in said
    assert "docs/runbook/database-away.md" in said


def test_a_terminal_is_not_told_to_try_what_only_the_console_has_a_button_for(capsys):
    quiet = Snapshot(at_s=AT_S, version="1.0", workers=1, remembered=0, started_s=AT_S - 5)
    with serving(of(quiet, "healthy")) as url:
        assert main(["status", "--url", url]) == 0
        assert main(["watch", "--for", "0.5", "--url", url]) == 0
    said = capsys.readouterr().out
    assert "Nobody has signed in yet." in said
    assert "Everything answers." in said
    assert "Try one" not in said


def test_where_the_checks_see_it_sooner_the_sentence_is_theirs_and_nothing_is_said_twice(capsys):
    well = Snapshot(at_s=AT_S, minute=Answers(cache=9), minute_slowest_s=0.01)
    answers = of(well, "degraded")
    answers["/api/auth/health"][1]["sentence"] = "The database has not answered."
    with serving(answers) as url:
        assert main(["status", "--url", url]) == 1
    first, second, *_ = lines = capsys.readouterr().out.splitlines()
    assert first == "! The database has not answered."
    assert second.startswith("  Everybody is answered in time.")
    assert sum("has not answered" in line for line in lines) == 1


def test_json_holds_the_sentence_and_the_pool(capsys):
    with serving(of(AWAY, "degraded")) as url:
        assert main(["status", "--json", "--url", url]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert (facts["status"], facts["sentence"], facts["runbook"]) == ("degraded", SENTENCE, "database-away")
    assert facts["pool"]["band"] == "CRITICAL"


def test_a_rollback_in_force_stands_in_a_line_of_its_own_where_all_is_well(capsys):
    line = "Rolled back since 12:00:00 UTC: cache; gatewayz-auth rollback undo takes it back."
    well = Snapshot(at_s=AT_S, minute=Answers(cache=9), minute_slowest_s=0.01, steered=(line,))
    with serving(of(well, "healthy")) as url:
        assert main(["status", "--url", url]) == 0
        assert f"  {line}" in capsys.readouterr().out.splitlines()
        assert main(["watch", "--for", "0.5", "--url", url]) == 0
        assert line in capsys.readouterr().out
        assert main(["status", "--json", "--url", url]) == 0
    assert json.loads(capsys.readouterr().out)["steered"] == [line]
    console = Console(file=io.StringIO(), width=120)
    console.print(screen(now_as_json(well)))
    assert line in console.file.getvalue()


def test_who_may_not_see_more_is_told_the_word_and_how_to_see_more(capsys):
    with serving({"/api/auth/health": (200, {"status": "healthy"}), "/figures": (403, {})}) as url:
        assert main(["status", "--url", url]) == 0
    assert "ADMIN_TOKEN" in capsys.readouterr().out


def test_nobody_there_is_code_3_and_so_is_somebody_else(capsys):
    assert main(["status", "--url", "http://127.0.0.1:9"]) == 3
    with serving({"/api/auth/health": (200, {"hello": "world"})}) as url:
        assert main(["status", "--url", url]) == 3
    assert "is not gatewayz-auth" in capsys.readouterr().out


def test_a_balancer_with_nobody_behind_it_is_told_by_its_code(capsys):
    with serving({"/api/auth/health": (502, "<html>Bad Gateway</html>")}) as url:
        assert main(["status", "--url", url]) == 3
    assert "HTTP 502, no JSON" in capsys.readouterr().out


def test_one_that_takes_the_call_and_says_nothing_is_given_up(capsys, monkeypatch):
    monkeypatch.setattr(asking, "LIMIT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        assert main(["status", "--json", "--url", url]) == 3
    assert json.loads(capsys.readouterr().out)["status"] == "not reachable"


def test_without_an_address_it_says_how_to_give_one(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STATE_DIR", raising=False)
    assert main(["status"]) == 2
    assert "--url" in capsys.readouterr().err


def test_the_address_that_serve_left_is_found(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    with serving(of(AWAY, "degraded")) as url:
        (tmp_path / "address").write_text(url + "\n")
        assert main(["status"]) == 1


def test_watch_writes_a_line_a_second_where_nobody_looks_and_ends_as_status_would(capsys):
    with serving(of(AWAY, "degraded")) as url:
        assert main(["watch", "--for", "0.1", "--url", url]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"! {SENTENCE} Returning people")


@pytest.mark.parametrize("width", [80, 120])
def test_the_screen_has_the_consoles_order_and_breaks_nowhere(width):
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=True, color_system=None, legacy_windows=False).print(
        screen(now_as_json(AWAY))
    )
    text = out.getvalue()
    lines = text.splitlines()
    assert all(len(line) <= width for line in lines)
    assert len(lines) <= 30, "one screen"
    assert "? not known" in text
    assert "not known for 40 s; 3 referrals were waiting then" in " ".join(text.split()) or width < 120
    wanted = [SENTENCE, "Answered in time", "Database pool", "Postgres", "Redis", "Postgres breaker opened", "503"]
    places = [text.index(words) for words in wanted]
    assert places == sorted(places)
