"""The service, whose event loop hangs for good when a certain person signs in."""

import sys
import threading

from gatewayz_auth.cli.main import main
from gatewayz_auth.service.sign_in import SignIn

honest = SignIn.fresh


def fresh(self, request, signed):
    if request.privy_user_id == "did:privy:hang":
        threading.Event().wait()
    return honest(self, request, signed)


SignIn.fresh = fresh  # in each worker too: it reads this file as its main module
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
