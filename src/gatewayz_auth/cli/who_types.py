"""Who types a command, for the audit log."""

from __future__ import annotations

import getpass

from gatewayz_auth.service.desk import Operator


def operator() -> Operator:
    """Whoever types: the audit log has their name on this machine."""
    try:
        return Operator(getpass.getuser(), "command")
    except (KeyError, OSError):
        return Operator("", "command")
