"""Every knob: read once from the environment (and ``.env``), frozen, and all faults reported together.

::

    environ = load_environment(Path.cwd(), os.environ)     the process's own variables over ``.env``
    for line in warnings(environ): ...                     names that look like a typing error
    settings = read_settings(environ, dev=False)           or SettingsError with every fault at once
"""

from gatewayz_auth.settings.environment import load_environment, warnings
from gatewayz_auth.settings.knobs import KNOBS, Knob
from gatewayz_auth.settings.reader import CALLERS_GIVE_UP_AFTER_S, Network
from gatewayz_auth.settings.values import Settings, read_settings

__all__ = [
    "CALLERS_GIVE_UP_AFTER_S",
    "KNOBS",
    "Knob",
    "Network",
    "Settings",
    "load_environment",
    "read_settings",
    "warnings",
]
