"""``load`` against the real service: everybody comes when planned, and what befell them is said."""

import json
import os
import signal
import threading

import pytest
from tests.support.serving import CLOCK, SETTINGS_OF_THE_MACHINE, Serving
from tests.support.withheld import Withheld

from gatewayz_auth.cli.load_run import Load
from gatewayz_auth.cli.main import main
from gatewayz_auth.service import checklist
from gatewayz_auth.service.findings import Result

SHORT = ("--people", "5", "--rate", "50", "--for", "3s")


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with Serving(tmp_path_factory.mktemp("load")) as serving:
        yield serving.ready()


@pytest.fixture
def load(running, monkeypatch, capsys):
    """The command in the folder of the service: its exit code and what it said."""

    def asked(*arguments, folder=running.folder):
        monkeypatch.chdir(folder)
        for name in SETTINGS_OF_THE_MACHINE:
            monkeypatch.delenv(name, raising=False)
        code = main(["load", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return asked


def test_it_tells_everybody_apart_and_leaves_a_report_that_preflight_understands(running, load):
    code, out, err = load(*SHORT, "--report", "reports/load.json", "--json")
    told = json.loads(out)
    assert code == {"passed": 0, "unknown": 3}[told["verdict"]], told["why"]
    outcomes = told["outcomes"]
    assert outcomes["cache"] == told["kinds"]["returning"]["asked"] > 80
    assert outcomes["database"] == told["kinds"]["new"]["asked"] > 5
    assert outcomes["refused"] == told["kinds"]["forged"]["asked"] > 0
    assert told["commit_of"] == "service"
    assert "1 of 3 s:" in err
    kept = json.loads((running.folder / "reports/load.json").read_text())
    assert kept == told
    kept |= {"verdict": "passed", "is_changed": False}
    assert checklist.load_test([kept], told["commit"]).result is Result.PASS
    assert (running.folder / "reports/load.svg").read_text().startswith("<svg")
    code, out, _ = load(*SHORT, "--for", "1s", "--compare", "reports/load.json")
    assert code == 3
    assert "The loads were not alike: seconds 1.0, was 3.0" in out


def test_a_service_that_stops_for_a_second_is_seen_by_all_who_came_meanwhile(running, load, monkeypatch):
    begun = threading.Event()
    run = Load.run

    async def told_of(self, arrivals):
        begun.set()
        return await run(self, arrivals)

    def freeze():
        begun.wait(30)
        begun.clear()
        begun.wait(0.5)
        os.kill(running.process.pid, signal.SIGSTOP)
        begun.wait(1.0)
        os.kill(running.process.pid, signal.SIGCONT)

    monkeypatch.setattr(Load, "run", told_of)
    thread, withheld = threading.Thread(target=freeze), Withheld()
    thread.start()
    _, out, _ = load(*SHORT, "--mix", "returning=1", "--json")
    thread.join()
    told = json.loads(out)
    assert told["came"] > 100, "nobody is let go later because others wait"
    assert told["waits"]["slowest_ms"] > 700
    assert told["waits"]["p95_ms"] > 500, "all who came within that second waited, not one caller alone"
    assert told["lateness"]["worst_ms"] < 500 + withheld.seconds * 1000


def test_what_a_load_did_stands_in_the_history_that_a_deployment_is_judged_by(running, load, capsys):
    _, out, _ = load(*SHORT, "--json")
    came = json.loads(out)["came"]
    code = main(["watch", "--url", running.url, "--after-deploy", "6s", "--since", "6s", "--before", "5s", "--json"])
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert came <= told["after"]["sign_ins"] <= 2 * came + 100, "the load, and what the test before may have left"
    assert told["after"]["p50_ms"] < told["after"]["p99_ms"]
    assert code == {"same": 0, "better": 0, "worse": 1, "unknown": 3}[told["verdict"]]
    assert "to go:" in said.err


def test_bodies_of_a_file_are_sent_and_too_few_are_refused(running, load):
    issued = [running.post("/dev/token", {"privy_user_id": f"did:privy:file{number}"}) for number in range(6)]
    (running.folder / "bodies").write_text("\n".join(map(json.dumps, issued)))
    _, out, _ = load(*SHORT, "--mix", "returning=9,forged=1", "--tokens", "bodies", "--for", "1s", "--json")
    told = json.loads(out)
    assert told["outcomes"]["cache"] == told["kinds"]["returning"]["asked"] > 0
    code, _, err = load(*SHORT, "--tokens", "bodies")
    assert (code, "holds 6 bodies" in err) == (2, True), err


def test_tokens_that_the_service_does_not_believe_end_it_with_what_to_do(running, load, tmp_path):
    code, _, err = load("--url", running.url, *SHORT, folder=tmp_path)
    assert (code, "--tokens FILE" in err.splitlines()[-1]) == (1, True), err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--url", "http://example.com"), 2, "--yes-host example.com"),
        (("--url", "http://127.0.0.1.example.com", "--yes-host", "example.com"), 2, "name it twice"),
        (("--url", "http://127.0.0.1:9"), 1, "does not answer"),
        (("--rate", "100000"), 2, "--rate"),
        (("--mix", "old=1"), 2, "--mix returning=80"),
        (("--compare", "nowhere.json"), 2, "give the file that an earlier load left"),
        (("--tokens", "nowhere"), 2, "give one with a line of dev-token"),
        (("--compare", "address"), 2, "is no report"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments, code, words, running, load):
    (running.folder / "address").write_text("{}")
    ended, _, err = load(*arguments)
    assert (ended, words in err) == (code, True), err
    assert err.count("\n") == 1


def test_a_service_that_takes_the_call_and_says_nothing_is_given_up(running, load):
    os.kill(running.process.pid, signal.SIGSTOP)
    try:
        began_s = CLOCK.monotonic_s()
        code, _, err = load(*SHORT)
        assert CLOCK.monotonic_s() - began_s < 10
    finally:
        os.kill(running.process.pid, signal.SIGCONT)
    assert (code, "does not answer" in err) == (1, True), err
