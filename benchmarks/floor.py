"""The floor: a bare ASGI application that decodes the body, checks the signature and answers a constant."""

from __future__ import annotations

import base64
import os

import orjson
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

_CONSTANT = b'{"success":true,"message":"%s"}' % (b"x" * 420)
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(_CONSTANT)).encode())]
_ALGORITHM = ec.ECDSA(hashes.SHA256())


def application():
    key = serialization.load_pem_public_key(os.environ["FLOOR_PUBLIC_KEY"].encode())

    async def app(scope, receive, send) -> None:
        if scope["type"] != "http":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        message = await receive()
        body = orjson.loads(message["body"])
        signed, _, signature = body["token"].rpartition(".")
        raw = base64.urlsafe_b64decode(signature + "==")
        der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        key.verify(der, signed.encode(), _ALGORITHM)
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": _CONSTANT})

    return app
