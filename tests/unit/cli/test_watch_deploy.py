"""``watch --after-deploy`` ends with a verdict and an exit code, and waits for nobody for ever."""

import http.server
import json
import threading
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from gatewayz_auth.cli.main import main
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.service.histogram import bucket_of
from gatewayz_auth.service.history import Frame

CLOCK = SystemClock()


class Past:
    """A service whose last minutes were as ``made`` says, by seconds ago; ``falls_silent`` after so many questions."""

    def __init__(self, made, falls_silent=10**6):
        self.asked = 0
        past = self
        now_s = int(CLOCK.utc_now_s())
        kept = [replace(made(ago), at_s=now_s - ago) for ago in range(120, -60, -1)]

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                past.asked += 1
                at_s = CLOCK.utc_now_s()
                query = parse_qs(urlsplit(self.path).query)
                body = {"at_s": at_s, "started_s": at_s - 5000}
                if "frames" in query:
                    since_s = at_s - int(query["frames"][0])
                    body["frames"] = [frame.as_dict() for frame in kept if since_s < frame.at_s <= at_s]
                text = json.dumps(body).encode()
                if past.asked > falls_silent:
                    self.send_error(503)
                    return
                self.send_response(200)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def second(wait_s=0.004, unknown=0):
    return Frame(0, answered={"cache": 20, "unknown": unknown}, durations={bucket_of(wait_s): 20 + unknown})


def watch(capsys, past, *arguments):
    code = main(["watch", "--url", past.url, "--json", *arguments])
    said = capsys.readouterr()
    return code, json.loads(said.out), said.err


@pytest.mark.parametrize(
    ("after", "code", "verdict"),
    [({}, 0, "same"), ({"unknown": 5}, 1, "worse"), ({"wait_s": 0.3}, 1, "worse"), ({"wait_s": 0.0006}, 0, "better")],
)
def test_the_time_since_is_held_to_the_time_before(after, code, verdict, capsys):
    with Past(lambda ago: second(**(after if ago < 30 else {}))) as past:
        ended, told, _ = watch(capsys, past, "--after-deploy", "20s", "--before", "60s", "--since", "30s")
    assert (ended, told["verdict"]) == (code, verdict), told["why"]
    assert told["before"]["seconds"] in range(58, 61)
    assert told["after"]["seconds"] in range(18, 21)


def test_it_goes_on_until_the_time_is_over_and_tells_how_far_it_is(capsys):
    with Past(lambda ago: second()) as past:
        ended, told, err = watch(capsys, past, "--after-deploy", "10s", "--since", "9s")
        assert past.asked > 4
    assert (ended, told["verdict"]) == (0, "same")
    assert told["after"]["seconds"] in {9, 10}
    assert "to go: " in err


def test_what_is_worse_by_far_ends_it_at_once(capsys):
    began_s = CLOCK.monotonic_s()
    with Past(lambda ago: second(unknown=15 if ago < 30 else 0)) as past:
        ended, told, _ = watch(capsys, past, "--after-deploy", "24h", "--before", "1h", "--since", "30s")
    assert (ended, told["verdict"]) == (1, "worse")
    assert "ended early" in told["why"]
    assert CLOCK.monotonic_s() - began_s < 5


def test_a_service_that_falls_silent_is_given_up_and_so_is_one_that_never_spoke(capsys):
    with Past(lambda ago: second(), falls_silent=4) as past:
        ended, told, _ = watch(capsys, past, "--after-deploy", "3s", "--since", "1s")
    assert (ended, told["verdict"]) == (3, "unknown")
    assert "not reached" in told["why"]
    ended, told, _ = watch(capsys, past, "--after-deploy", "3s")
    assert (ended, "not reachable" in told["why"]) == (3, True)


def test_too_few_to_tell_is_said(capsys):
    with Past(lambda ago: Frame(0)) as past:
        ended, told, _ = watch(capsys, past, "--after-deploy", "20s", "--since", "40s")
    assert (ended, told["verdict"]) == (3, "unknown")
    assert "too few" in told["why"]


@pytest.mark.parametrize("arguments", [("--after-deploy", "25h"), ("--after-deploy", "soon")])
def test_more_than_is_remembered_cannot_be_asked(arguments, capsys):
    assert main(["watch", "--url", "http://127.0.0.1:9", *arguments]) == 2
    assert "Example" in capsys.readouterr().err
