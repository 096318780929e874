"""``gatewayz-auth dev-token``: a body for ``POST /api/auth`` of a service in development mode."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayz_auth.adapters.privy.dev_issuer import KEY_FILE, DevIssuer
from gatewayz_auth.domain.errors import OperatorError, RequestNotUnderstood
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.reliability.entropy import SystemEntropy
from gatewayz_auth.settings import load_environment, read_settings

if TYPE_CHECKING:
    import argparse

EXAMPLE = (
    "gatewayz-auth dev-token did:privy:ada --email ada@example.com |\n"
    "    curl -s http://127.0.0.1:8000/api/auth -H 'Content-Type: application/json' -d @-"
)


_NEW_ISSUER = (
    "gatewayz-auth: {folder} had no development issuer, so one is made: its tokens are good for a `serve --dev` "
    "that is started in this folder, and for no other. For one that runs, go to its folder."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Name its arguments."""
    parser.add_argument("privy_user_id", nargs="?", default="did:privy:ada", help="whom to be (default: did:privy:ada)")
    parser.add_argument("--email", help="an e-mail address that the identity token says is verified")
    parser.add_argument("--lifetime", type=int, default=3600, metavar="S", help="seconds until it expires (3600)")


def run(arguments: argparse.Namespace) -> int:
    """Print the body as JSON; the tokens are good only where the same STATE_DIR is served with --dev."""
    settings = read_settings(load_environment(Path.cwd()), dev=True)
    folder = Path(settings.state_dir)
    if not (folder / KEY_FILE).exists():
        print(_NEW_ISSUER.format(folder=folder), file=sys.stderr, flush=True)
    issuer = DevIssuer(folder, SystemEntropy())
    accounts = [{"type": "email", "address": arguments.email}] if arguments.email else []
    try:
        body = issuer.issue(arguments.privy_user_id, accounts, SystemClock().utc_now_s(), arguments.lifetime)
    except RequestNotUnderstood as error:
        raise OperatorError(
            "; ".join(f"{fault.pointer[1:]} must be {fault.detail}" for fault in error.errors)
            + ". Example: gatewayz-auth dev-token did:privy:ada"
        ) from None
    print(json.dumps(body))
    return 0
