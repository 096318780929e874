"""Every knob is checked at start, all faults are said together, and no secret is among them."""

from __future__ import annotations

import dataclasses
import os

import pytest

from gatewayz_auth.domain.errors import SettingsError
from gatewayz_auth.settings import KNOBS, Settings, load_environment, read_settings, warnings

PEM = next(knob.example for knob in KNOBS if knob.name == "PRIVY_VERIFICATION_KEY")
SECRET = "a-made-up-secret-that-is-long-enough-1"
GOOD = {
    "DATABASE_URL": "postgresql://someone:hush@db.example.com/auth",
    "PRIVY_APP_ID": "an-app",
    "PRIVY_VERIFICATION_KEY": PEM,
    "API_KEY_SECRET": SECRET,
}


def faults(**given: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as refused:
        read_settings({**GOOD, **given}, dev=False)
    return refused.value.faults


def fine(**given: str) -> Settings:
    return read_settings({**GOOD, **given}, dev=False)


def test_development_mode_needs_no_setting_at_all():
    settings = read_settings({}, dev=True)
    assert settings.database_url == settings.redis_url == "embedded"
    assert settings.log_file == "logs/app.log"
    assert settings.api_key_secrets == ()


def test_outside_development_mode_the_four_required_ones_are_asked_for_together():
    with pytest.raises(SettingsError) as refused:
        read_settings({}, dev=False)
    named = {fault.split()[0] for fault in refused.value.faults}
    assert named == {"DATABASE_URL", "PRIVY_APP_ID", "PRIVY_VERIFICATION_KEY", "API_KEY_SECRET"}


def test_a_jwks_url_stands_in_for_the_verification_key():
    given = {**GOOD, "PRIVY_JWKS_URL": "https://keys.example.com/jwks.json"}
    del given["PRIVY_VERIFICATION_KEY"]
    assert read_settings(given, dev=False).privy_verification_key is None


def test_defaults_are_those_of_the_contract():
    settings = fine()
    assert settings.redis_url is None
    assert settings.log_file is None
    assert (settings.default_query_timeout_s, settings.auth_query_timeout_s, settings.user_lookup_timeout_s) == (
        10,
        8,
        5,
    )
    assert (settings.auth_cache_ttl_s, settings.last_known_good_max_age_s) == (300, 86400)
    assert settings.lookup_patience_s == 0.15
    assert (settings.signups, settings.referral_mode, settings.region) == ("on", "background", "default")
    assert settings.rate_limits
    assert settings.database_pool_size == 10


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.name)
def test_every_example_is_accepted_as_it_stands(knob):
    example = SECRET if knob.example.startswith("$(") else knob.example
    fine(**{knob.name: example, "MAIL_FROM": "a@example.com"} if knob.name != "MAIL_FROM" else {knob.name: example})


@pytest.mark.parametrize("knob", [k for k in KNOBS if k.example.startswith("$(")], ids=lambda knob: knob.name)
def test_the_command_that_makes_a_secret_is_not_taken_for_one(knob):
    assert faults(**{knob.name: knob.example})


@pytest.mark.parametrize("knob", [k for k in KNOBS if k.default is not None], ids=lambda knob: knob.name)
def test_every_default_is_accepted_when_spelt_out_and_changes_nothing(knob):
    assert fine(**{knob.name: knob.default}) == fine()


@pytest.mark.parametrize("name", ["DEFAULT_QUERY_TIMEOUT", "AUTH_QUERY_TIMEOUT", "USER_LOOKUP_TIMEOUT"])
@pytest.mark.parametrize("value", ["30", "30.0", "3e1", "31", "inf", "1e400"])
def test_a_timeout_at_which_callers_have_given_up_is_refused(name, value):
    assert any(fault.startswith(name) and "callers give up at 30 s" in fault for fault in faults(**{name: value}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AUTH_QUERY_TIMEOUT", "0"),
        ("AUTH_QUERY_TIMEOUT", "-1"),
        ("AUTH_QUERY_TIMEOUT", "nan"),
        ("AUTH_QUERY_TIMEOUT", "8s"),
        ("USER_LOOKUP_TIMEOUT", "8.5"),
        ("LOOKUP_PATIENCE", "6"),
        ("LOOKUP_PATIENCE", "0"),
        ("AUTH_CACHE_TTL", "-1"),
        ("AUTH_CACHE_TTL", "86401"),
        ("AUTH_CACHE_TTL", "nan"),
        ("LAST_KNOWN_GOOD_MAX_AGE", "2592001"),
        ("DATABASE_POOL_SIZE", "0"),
        ("DATABASE_POOL_SIZE", "501"),
        ("DATABASE_POOL_SIZE", "2.5"),
        ("DATABASE_POOL_SIZE", "1" * 400),
        ("DATABASE_POOL_SIZE", "1" * 5000),
        ("QUERY_TIMEOUT_THREADS", "0"),
        ("QUERY_TIMEOUT_THREADS", "1001"),
        ("DATABASE_URL", "mysql://db/auth"),
        ("DATABASE_URL", "postgresql://db:port/auth"),
        ("DATABASE_URL", "postgresql://[::1/auth"),
        ("REDIS_URL", "http://cache"),
        ("SMTP_URL", "mail.example.com:25"),
        ("SMTP_URL", "embedded"),
        ("PRIVY_JWKS_URL", "ftp://keys"),
        ("PRIVY_APP_ID", "an app"),
        ("PRIVY_VERIFICATION_KEY", "MFkw"),
        ("PRIVY_VERIFICATION_KEY", PEM + " and more"),
        ("PRIVY_VERIFICATION_KEY", "-----BEGIN PUBLIC KEY-----\\nMFk\\n-----END PUBLIC KEY-----"),
        ("PRIVY_VERIFICATION_KEY", "-----BEGIN PRIVATE KEY-----\\nMFkw\\n-----END PRIVATE KEY-----"),
        ("API_KEY_SECRET", "short"),
        ("API_KEY_SECRET", f"{SECRET},short"),
        ("API_KEY_SECRET", f"{SECRET},{SECRET}"),
        ("API_KEY_SECRET", "ü" * 40),
        ("API_KEY_SECRET", "tab\t" * 10),
        ("API_KEY_SECRET", ","),
        ("ADMIN_TOKEN", "short"),
        ("SIGNUPS", "maybe"),
        ("SIGNUPS", "allowlist"),
        ("SIGNUP_DOMAINS", "example"),
        ("SIGNUP_DOMAINS", "example.com,not a domain.com"),
        ("REFERRAL_MODE", "never"),
        ("REGION", "EU"),
        ("REGION", "a" * 33),
        ("REGION", "eu;drop"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
        ("RATE_LIMITS", "2"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("TRUSTED_PROXIES", "proxy.example.com"),
        ("CORS_ORIGINS", "app.example.com"),
        ("CORS_ORIGINS", "https://app.example.com/path"),
        ("CORS_ORIGINS", "https://user@app.example.com"),
        ("OPS_LISTEN", "9000"),
        ("OPS_LISTEN", "localhost:0"),
        ("OPS_LISTEN", "localhost:65536"),
        ("OPS_LISTEN", "localhost:٣٣"),
        ("MAIL_FROM", "nobody"),
        ("MAIL_FROM", "a@example.com\nBcc: b@example.com"),
    ],
)
def test_a_bad_value_is_one_fault_that_names_the_setting_what_is_expected_and_an_example(name, value):
    said = faults(**{name: value})
    expected = "SIGNUP_DOMAINS" if value == "allowlist" else name
    assert {fault.split()[0] for fault in said} == {expected}
    assert all("expected" in fault and f"Example: {expected}=" in fault for fault in said)


@pytest.mark.parametrize(("name", "value"), [("LAST_KNOWN_GOOD_MAX_AGE", "2592001"), ("AUTH_CACHE_TTL", "99999999")])
def test_a_large_number_is_said_as_it_was_given(name, value):
    assert [fault.partition(";")[0] for fault in faults(**{name: value})] == [f"{name} is {value}"]


def test_all_faults_are_said_together():
    said = faults(AUTH_QUERY_TIMEOUT="soon", REGION="EU", ADMIN_TOKEN="short", DATABASE_URL="", LOG_LEVEL="LOUD")
    assert {fault.split()[0] for fault in said} == {
        "AUTH_QUERY_TIMEOUT",
        "REGION",
        "ADMIN_TOKEN",
        "DATABASE_URL",
        "LOG_LEVEL",
    }


@pytest.mark.parametrize("knob", [k for k in KNOBS if k.is_secret], ids=lambda knob: knob.name)
def test_a_secret_is_printed_neither_by_a_fault_nor_by_a_repr(knob):
    hush = "hush\x07hush-a-made-up-secret-that-nobody-may-see"
    assert hush not in "".join(faults(**{knob.name: hush}))
    assert "nobody-may-see" not in "".join(faults(**{knob.name: hush}))
    settings = fine(
        ADMIN_TOKEN=SECRET + "x",
        REDIS_URL="redis://:hush@cache",
        SMTP_URL="smtp://a:hush@mail",
        MAIL_FROM="a@b.example",
    )
    assert "hush" not in repr(settings)
    assert SECRET not in repr(settings)


@pytest.mark.parametrize("name", ["API_KEY_SECRET", "ADMIN_TOKEN"])
def test_a_secret_of_the_documentation_opens_development_alone(name):
    copied = {name: "replace-this-by-the-output-of-openssl-rand"}
    (said,) = faults(**copied)
    assert said.startswith(f"{name} is the documentation's example: put the output of `openssl rand -base64 36`")
    assert read_settings(copied, dev=True)


def test_whoever_began_with_a_secret_of_the_documentation_can_rotate_away_from_it():
    fine(API_KEY_SECRET=f"{SECRET},replace-this-by-the-output-of-openssl-rand")


def test_a_budget_below_a_default_takes_the_defaults_down_with_it():
    settings = fine(AUTH_QUERY_TIMEOUT="0.1")
    assert (settings.user_lookup_timeout_s, settings.lookup_patience_s) == (0.1, 0.1)


def test_two_given_limits_that_contradict_each_other_are_a_fault():
    (said,) = faults(AUTH_QUERY_TIMEOUT="2", USER_LOOKUP_TIMEOUT="3")
    assert "USER_LOOKUP_TIMEOUT is 3 s and AUTH_QUERY_TIMEOUT only 2 s" in said


def test_the_longest_limit_that_is_allowed_is_just_below_thirty_seconds():
    assert fine(AUTH_QUERY_TIMEOUT="29.9", USER_LOOKUP_TIMEOUT="29.9").user_lookup_timeout_s == 29.9


def test_a_key_with_literal_line_ends_and_several_after_one_another_come_out_as_pem():
    settings = fine(PRIVY_VERIFICATION_KEY=PEM + "\\n" + PEM)
    assert settings.privy_verification_key is not None
    assert settings.privy_verification_key.splitlines().count("-----BEGIN PUBLIC KEY-----") == 2


def test_values_come_out_as_what_they_mean():
    settings = fine(
        TRUSTED_PROXIES="10.0.0.0/8, 192.168.1.7, ::1",
        OPS_LISTEN="[::1]:9000",
        SIGNUP_DOMAINS="@Example.com,example.org",
        CORS_ORIGINS="https://App.example.com, *, http://localhost:3000",
        RATE_LIMITS="OFF",
        LOG_LEVEL="warning",
    )
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "192.168.1.7/32", "::1/128"]
    assert settings.ops_listen == ("::1", 9000)
    assert settings.signup_domains == ("example.com", "example.org")
    assert settings.cors_origins == ("https://app.example.com", "*", "http://localhost:3000")
    assert not settings.rate_limits
    assert settings.log_level == "WARNING"


def test_blank_values_count_as_not_given():
    assert fine(REDIS_URL="  ", AUTH_QUERY_TIMEOUT="") == fine()


def test_settings_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        fine().region = "eu"  # type: ignore[misc]


def test_the_process_environment_goes_before_the_file(tmp_path):
    (tmp_path / ".env").write_text("REGION=file\nSIGNUPS=off\nAPI_KEY_SECRET=pa$HOME${HOME}\n# a remark\nEMPTY\n")
    environ = load_environment(tmp_path, {"REGION": "process"})
    assert environ == {"REGION": "process", "SIGNUPS": "off", "API_KEY_SECRET": "pa$HOME${HOME}"}


def test_no_file_says_nothing(tmp_path):
    assert load_environment(tmp_path, {"REGION": "eu"}) == {"REGION": "eu"}
    assert load_environment(tmp_path) == dict(os.environ)


def test_a_file_that_is_no_text_is_a_settings_error(tmp_path):
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="UTF-8"):
        load_environment(tmp_path, {})


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("DATABASE_URI", "DATABASE_URL"),
        ("PRIVY_APPID", "PRIVY_APP_ID"),
        ("AUTH_QUERY_TIMOUT", "AUTH_QUERY_TIMEOUT"),
        ("auth_cache_ttl", "AUTH_CACHE_TTL"),
        ("API_KEY_SECRETS", "API_KEY_SECRET"),
    ],
)
def test_a_name_that_is_nearly_a_setting_is_asked_about_and_its_value_is_not_shown(written, meant):
    (line,) = warnings({written: "hush"})
    assert line == f"{written} is no setting and is ignored; did you mean {meant}?"


def test_ordinary_environments_cause_no_warning():
    assert warnings({"PATH": "/bin", "HOME": "/", "LANG": "C", "LOGNAME": "me", "DATABASE_URL": "x", "TERM": "x"}) == []


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"SMTP_URL": "smtp://mail"}, "MAIL_FROM"),
        ({"PRIVY_JWKS_URL": "http://keys.example.com/jwks.json"}, "https"),
        ({"SIGNUP_DOMAINS": "example.com"}, "allowlist"),
    ],
)
def test_what_is_accepted_and_looks_like_a_mistake_is_warned_of(given, named):
    (line,) = warnings(given)
    assert named in line


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost", "[::1]:8"])
def test_a_key_server_on_this_machine_needs_no_https(host):
    assert warnings({"PRIVY_JWKS_URL": f"http://{host}/jwks.json"}) == []
