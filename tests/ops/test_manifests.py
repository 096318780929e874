"""Every manifest in ops/ is one that its tool takes, and names nothing that the code does not know."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import jsonschema_rs
import pytest
import yaml
from tests.support.manifest_schemas import COMPOSE, of_kubernetes
from tests.support.requirements import needs_debian
from tests.support.serving import ROOT, Serving, free_port

from gatewayz_auth.adapters.figures.catalogue import METRICS, PREFIX, Kind
from gatewayz_auth.adapters.privy.dev_issuer import DevIssuer
from gatewayz_auth.cli.main import parser_of
from gatewayz_auth.reliability.entropy import SystemEntropy
from gatewayz_auth.settings import KNOBS, read_settings

OPS = ROOT / "ops"
KNOWN = {knob.name for knob in KNOBS}
COMPOSED = yaml.safe_load((OPS / "compose" / "compose.yaml").read_text())
DOCUMENTS = [
    document
    for path in sorted((OPS / "kubernetes").glob("[!a]*.yaml"))
    + sorted((OPS / "kubernetes" / "migrate").glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
]
DOCKERFILE = (OPS / "docker" / "Dockerfile").read_text()
SECRETS = {
    "DATABASE_URL": "postgresql://user:password@db.example.com/auth",
    "API_KEY_SECRET": "a-made-up-secret-that-is-long-enough-1",
}


def ran(program, *arguments, **more):
    done = subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60, **more
    )
    return done.returncode, done.stdout + done.stderr


def pods():
    """Each pod of the Kubernetes manifests by the name of what makes it."""
    return {d["metadata"]["name"]: d["spec"]["template"] for d in DOCUMENTS if "template" in d.get("spec", {})}


def containers():
    return {name: pod["spec"]["containers"][0] for name, pod in pods().items()}


def own_services():
    return {name: told for name, told in COMPOSED["services"].items() if told["image"] == "gatewayz-auth"}


def commands():
    """Every command line of ours that a manifest runs, and where it stands."""
    for name, container in containers().items():
        yield f"kubernetes/{name}", container["args"]
    for name, told in own_services().items():
        yield f"compose/{name}", told["command"]
    yield "docker", instruction("CMD")
    for path in sorted((OPS / "systemd").glob("gatewayz-auth*.service")):
        line = re.search(r"(?m)^ExecStart=(\S+) (.*)$", path.read_text())
        if line[1].endswith("gatewayz-auth"):
            yield f"systemd/{path.name}", line[2].replace("${PORT}", "8001").split()


def instruction(name):
    """What the last ``name`` of the Dockerfile says, as JSON."""
    return json.loads(re.findall(rf"(?m)^{name} (?:--\S+ )*(?:CMD )?(\[.*\])$", DOCKERFILE)[-1])


@pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda document: f"{document['kind']}-{document['metadata']['name']}"
)
def test_every_kubernetes_manifest_has_the_shape_that_its_kind_asks_for(document):
    jsonschema_rs.validate(of_kubernetes(document), document)


def test_all_kinds_that_are_promised_are_there():
    kinds = [document["kind"] for document in DOCUMENTS]
    once = ["ConfigMap", "HorizontalPodAutoscaler", "Job", "NetworkPolicy", "PodDisruptionBudget", "Service"]
    assert sorted(kinds) == sorted([*once, "Deployment", "Deployment"])


def test_compose_has_the_shape_that_its_specification_asks_for_and_mounts_only_what_is_there():
    jsonschema_rs.validate(COMPOSE, COMPOSED)
    assert set(COMPOSED["services"]) == {"migrate", "service", "worker", "postgres", "redis", "prometheus", "grafana"}
    for told in COMPOSED["services"].values():
        assert set(told.get("depends_on", {})) <= set(COMPOSED["services"])
        for volume in told.get("volumes", []):
            source = volume.split(":")[0]
            assert source in COMPOSED["volumes"] or (OPS / "compose" / source).exists(), volume
    build = COMPOSED["services"]["migrate"]["build"]
    assert (OPS / "compose" / build["context"] / build["dockerfile"]).samefile(OPS / "docker" / "Dockerfile")


@pytest.mark.parametrize(
    ("where", "words"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_is_a_verb_of_ours_with_arguments_that_it_takes(where, words):
    assert parser_of(words[0]).parse_args(words[1:]), where


def test_every_variable_is_a_setting_and_all_of_them_together_start_the_service():
    settings = next(d["data"] for d in DOCUMENTS if d["kind"] == "ConfigMap")
    assert set(settings) <= KNOWN
    assert read_settings({**SECRETS, **settings}, dev=False)
    for told in own_services().values():
        assert set(told["environment"]) <= KNOWN
        composed = {**settings, **SECRETS, **told["environment"]}
        assert read_settings({**composed, "DATABASE_URL": SECRETS["DATABASE_URL"]}, dev=False)
    image = set(re.findall(r"(?m)^ENV (\w+)=", DOCKERFILE)) - {"PATH", "PYTHONDONTWRITEBYTECODE"}
    units = "".join(path.read_text() for path in (OPS / "systemd").glob("*.service"))
    assert image | set(re.findall(r"(?m)^Environment=(\w+)=", units)) <= KNOWN
    comments = "".join(path.read_text() for path in (OPS / "kubernetes").glob("*.yaml"))
    assert set(re.findall(r"--from-literal=(\w+)", comments)) <= KNOWN


def test_every_port_that_is_probed_called_or_let_through_is_one_that_is_listened_on():
    ops = int(next(d["data"]["OPS_LISTEN"] for d in DOCUMENTS if d["kind"] == "ConfigMap").split(":")[1])
    listened = set()
    for name, container in containers().items():
        ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
        asked = {kind: told["httpGet"] for kind, told in container.items() if kind.endswith("Probe")}
        assert all(probe["port"] in ports for probe in asked.values()), name
        assert all(probe["path"] in {"/livez", "/readyz"} for probe in asked.values()), name
        given = parser_of(container["args"][0]).parse_args(container["args"][1:])
        own = {given.port} if ports else set()
        assert set(ports.values()) == own | ({ops} if name == "gatewayz-auth" else set()), name
        scraped = pods()[name]["metadata"].get("annotations", {}).get("prometheus.io/port")
        assert scraped is None or int(scraped) in ports.values()
        listened |= set(ports.values())
    policy = next(d["spec"] for d in DOCUMENTS if d["kind"] == "NetworkPolicy")
    assert {port["port"] for rule in policy["ingress"] for port in rule["ports"]} == listened
    assert set(policy["podSelector"]["matchExpressions"][0]["values"]) == {
        pod["metadata"]["labels"]["app"] for pod in pods().values()
    }


def test_liveness_asks_nobody_and_the_grace_period_is_longer_than_an_answer_may_take():
    service = pods()["gatewayz-auth"]["spec"]
    container = service["containers"][0]
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert container["readinessProbe"]["httpGet"]["path"] == container["startupProbe"]["httpGet"]["path"] == "/readyz"
    answer_s = next(float(knob.default) for knob in KNOBS if knob.name == "AUTH_QUERY_TIMEOUT")
    pause_s = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert service["terminationGracePeriodSeconds"] > pause_s + answer_s + 7  # as long as `serve` itself takes at most
    units = (OPS / "systemd" / "gatewayz-auth@.service").read_text()
    assert int(re.search(r"TimeoutStopSec=(\d+)", units)[1]) > answer_s + 7


def test_more_pods_are_wished_for_by_a_figure_that_there_is():
    adapter = yaml.safe_load((OPS / "kubernetes" / "adapter" / "prometheus-adapter.yaml").read_text())
    rule = adapter["rules"]["custom"][0]
    histograms = {f"{PREFIX}{metric.name}_sum" for metric in METRICS if metric.kind is Kind.HISTOGRAM}
    assert rule["seriesQuery"].partition("{")[0] in histograms
    scaler = next(d["spec"] for d in DOCUMENTS if d["kind"] == "HorizontalPodAutoscaler")
    assert scaler["metrics"][0]["pods"]["metric"]["name"] == rule["name"]["as"]
    assert any(
        d["kind"] == "Deployment" and d["metadata"]["name"] == scaler["scaleTargetRef"]["name"] for d in DOCUMENTS
    )


def test_prometheus_takes_the_configuration_of_compose_and_asks_services_that_are_there(tmp_path):
    for name in ("rules.yml", "alerts.yml"):
        shutil.copy(OPS / "prometheus" / name, tmp_path)
    path = Path(shutil.copy(OPS / "compose" / "prometheus.yml", tmp_path))
    assert ran(needs_debian("prometheus", "promtool"), "check", "config", path)[0] == 0
    jobs = yaml.safe_load(path.read_text())["scrape_configs"]
    targets = {target for job in jobs for one in job["static_configs"] for target in one["targets"]}
    assert targets == {"service:9000", "worker:8001"}


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    """The units where systemd would have them, the program's place taken by one that is there."""
    folder = tmp_path_factory.mktemp("units")
    for path in (OPS / "systemd").iterdir():
        text = re.sub(r"/opt/gatewayz-auth/[\w%]+/bin/gatewayz-auth", sys.executable, path.read_text())
        place = folder / path.name if path.suffix != ".conf" else folder / "gatewayz-auth@.service.d" / path.name
        place.parent.mkdir(exist_ok=True)
        place.write_text(text)
    return folder


def test_systemd_takes_every_unit_without_a_word(units):
    names = sorted(path for path in units.iterdir() if path.is_file())
    assert len(names) >= 6
    assert ran(needs_debian("systemd", "systemd-analyze"), "verify", *names) == (0, "")


@pytest.mark.parametrize(
    "name", ["gatewayz-auth@.service", "gatewayz-auth-worker@.service", "gatewayz-auth-referrals.service"]
)
def test_systemd_finds_little_that_a_unit_could_do_to_the_machine(units, name):
    program = needs_debian("systemd", "systemd-analyze")
    code, told = ran(program, "security", "--offline=true", "--threshold=13", units / name)
    assert code == 0, told  # of 100, 100 is the worst


def test_nginx_takes_its_example_with_a_certificate(tmp_path):
    nginx = needs_debian("nginx-light", "nginx")
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=auth.example.com"]
    assert ran("openssl", *made, "-keyout", tmp_path / "key", "-out", tmp_path / "pem")[0] == 0
    text = (OPS / "nginx" / "gatewayz-auth.conf").read_text().replace("443", str(free_port()))
    text = re.sub(r"/etc/ssl/auth\.example\.com\.(\w+)", rf"{tmp_path}/\1", text)
    (tmp_path / "site.conf").write_text(text)
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; events {{}} http {{ access_log off; include {tmp_path}/site.conf; }}\n"
    )
    code, told = ran(nginx, "-t", "-e", tmp_path / "error.log", "-p", tmp_path, "-c", tmp_path / "nginx.conf")
    assert code == 0, told
    assert "warn" not in told


def test_caddy_takes_its_example(tmp_path):
    environ = {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    path = OPS / "caddy" / "Caddyfile"
    code, told = ran(needs_debian("caddy"), "validate", "--config", path, "--adapter", "caddyfile", env=environ)
    assert code == 0, told
    assert "not formatted" not in told


def test_the_image_s_steps_make_something_that_serves_as_the_image_would_and_is_found_healthy(tmp_path, database_url):
    """The Dockerfile's own lines, its places moved below a folder; what an index would bring is here already."""
    ready = tmp_path / "opt"
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=ROOT, check=True)
    runs = re.findall(r"(?m)^RUN (.*)$", DOCKERFILE)
    make, lock, install, folder = (line.replace("/opt/gatewayz-auth", str(ready)) for line in runs)
    flags = {"--no-deps", "--only-binary", ":all:", "--require-hashes"}
    assert flags <= set(lock.split())
    assert all(flag in (ROOT / "tools" / "setup").read_text() for flag in flags)  # `make setup` runs the same line
    same_python = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for line in (make, install):
        assert ran("sh", "-ec", line, cwd=tmp_path, env=same_python)[0] == 0, line
    assert folder.endswith("-o 10001 -g 10001 /var/lib/gatewayz-auth")
    site = next(ready.glob("lib/python*/site-packages"))
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")

    port, issuer = free_port(), DevIssuer(tmp_path, SystemEntropy())
    (program,), words = instruction("ENTRYPOINT"), instruction("CMD")
    moved = {"8000": str(port), "0.0.0.0": "127.0.0.1"}  # noqa: S104 - what is asked for, and not done here
    words = [moved.get(word, word) for word in words]
    environ = {
        **dict(re.findall(r"(?m)^ENV (\w+)=(.*)$", DOCKERFILE)),
        "PATH": f"{ready}/bin:{os.environ['PATH']}",
        "STATE_DIR": str(tmp_path / "state"),
        "DATABASE_URL": database_url,
        "PRIVY_APP_ID": issuer.app_id,
        "PRIVY_VERIFICATION_KEY": issuer.public_pem,
        "API_KEY_SECRET": SECRETS["API_KEY_SECRET"],
    }
    with Serving(tmp_path, port=port, environ=environ, command=[ready / "bin" / program, *words]) as serving:
        serving.ready()
        probe = [word.replace(":8000/", f":{port}/") for word in instruction("HEALTHCHECK")]
        assert ran(*probe)[0] == 0
        assert serving.end()[0] == 0
        assert ran(*probe)[0] != 0


def test_the_image_runs_as_nobody_and_copies_nothing_but_the_lock_and_the_wheel():
    assert re.findall(r"(?m)^USER (.*)$", DOCKERFILE) == ["10001:10001"]
    assert re.findall(r"(?m)^COPY (?!--from)(.*)$", DOCKERFILE) == ["requirements/run.txt dist/*.whl ./"]
    ignored = (OPS / "docker" / "Dockerfile.dockerignore").read_text().split()
    assert ignored == ["*", "!requirements/run.txt", "!dist/*.whl"]
    assert all(told["read_only"] and told["cap_drop"] == ["ALL"] for told in own_services().values())
