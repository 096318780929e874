"""The referral routes over a world without a database: three keys, of which two are somebody's."""

from decimal import Decimal

from gatewayz_auth.domain.errors import AccountDisabled, ApiKeyNotAccepted
from gatewayz_auth.domain.key_holder import CheckedKey, KeyHolder
from gatewayz_auth.domain.referral_stats import STATUSES, ReferralStats
from gatewayz_auth.domain.sign_in import Source
from gatewayz_auth.reliability.clock import SystemClock
from gatewayz_auth.web.routes.referral import referral_routes


class Check:
    """``ApiKeyCheck`` with the rule that ``good`` is Ada's key; ``says`` replaces its answer."""

    says = None
    source = Source.DATABASE

    async def check(self, api_key, _deadline):
        if self.says is not None:
            raise self.says
        if api_key == "disabled":
            raise AccountDisabled
        if api_key != "good":
            raise ApiKeyNotAccepted
        return CheckedKey(KeyHolder(7, None, "live", "did:privy:ada", "basic"), self.source, 12.9)


class Codes:
    """``ReferralCodes`` of one code."""

    says = None

    async def code_of(self, user_id, _deadline):
        if self.says is not None:
            raise self.says
        return f"K7QX2MP{user_id}"

    async def stats_of(self, user_id, _deadline):
        if self.says is not None:
            raise self.says
        uses = dict.fromkeys(STATUSES, 0) | {"rewarded": 2, "pending": 1}
        return ReferralStats(f"K7QX2MP{user_id}", uses, Decimal("20.50"))


def routes(check=None, codes=None):
    return referral_routes(check or Check(), codes or Codes(), SystemClock(), 8.0)
