"""Whether a key that tokens are to be proven with is the development issuer's, whose private half lies on the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from gatewayz_auth.adapters.privy.dev_issuer import KEY_FILE

if TYPE_CHECKING:
    from pathlib import Path


def is_of_development(pem: str, state_dir: Path) -> bool:
    """Whether ``pem`` holds the public half of the key that development keeps in ``state_dir``."""
    place = state_dir / KEY_FILE
    if not pem or not place.exists():
        return False
    try:
        public = load_pem_private_key(place.read_bytes(), None).public_key()
    except (OSError, ValueError):
        return False
    own = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode().splitlines()[1]
    return own in pem
