"""``python -m gatewayz_auth.cli`` is ``gatewayz-auth``."""

import sys

from gatewayz_auth.cli.main import main

sys.exit(main())
