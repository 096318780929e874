"""Examinations for tests: settings of made-up neighbours, what was found by id, certificates that have ended."""

import asyncio
import contextlib
import datetime as dt
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gatewayz_auth import bootstrap_doctor
from gatewayz_auth.adapters.postgres.doctor import Limits
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.settings import read_settings

CLOCK = SystemClock()
REQUIRED = {
    "API_KEY_SECRET": "a made-up secret that is longer than 32 letters",
    "PRIVY_APP_ID": "app",
    "PRIVY_JWKS_URL": "",
}


def settings_of(**given):
    return read_settings({**REQUIRED, **given}, dev=True)


def settings_with(database_url, redis_url=None, **given):
    """Settings that name these neighbours; no ``redis_url``: a port where nothing listens."""
    return settings_of(DATABASE_URL=database_url, REDIS_URL=redis_url or "redis://127.0.0.1:1/0", **given)


def examined(settings, *, limits=None, tls=None, limit_s=12.0):
    """An examination, and the seconds it took."""
    began_s = CLOCK.monotonic_s()
    found = asyncio.run(bootstrap_doctor.examine(settings, CLOCK, limits=limits, tls=tls, limit_s=limit_s))
    return found, CLOCK.monotonic_s() - began_s


def findings(settings, *, limits=None, tls=None):
    """The findings by id; the first of each."""
    found, _ = examined(settings, limits=limits, tls=tls)
    by_id = {}
    for one in found.findings(limits or Limits(), CLOCK.utc_now_s()):
        by_id.setdefault(one.id, one)
    return by_id


def certificate(folder, *, ends_in_days):
    """A server's context for ``localhost``, and a client's that trusts it, until it ends."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    ends = dt.datetime.now(dt.UTC) + dt.timedelta(days=ends_in_days)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(ends - dt.timedelta(days=400))
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))


@contextlib.contextmanager
def held(connection, *statements):
    """``statements`` carried out in a transaction that stays open."""
    for statement in statements:
        connection.execute(statement)
    try:
        yield connection.info.backend_pid
    finally:
        connection.rollback()
