"""Sign in or sign up: token in, account and key out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatewayz_auth.domain import identity as who
from gatewayz_auth.domain import users
from gatewayz_auth.domain.errors import SubjectMismatch, TokenNotAccepted
from gatewayz_auth.domain.sign_in import FindOrMake
from gatewayz_auth.reliability.each import each, one

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewayz_auth.domain.identity import LinkedAccount
    from gatewayz_auth.domain.sign_in import Answer, SignInRequest
    from gatewayz_auth.domain.users import NewcomerRules
    from gatewayz_auth.reliability.clock import Clock
    from gatewayz_auth.reliability.deadline import Deadline
    from gatewayz_auth.reliability.entropy import Entropy
    from gatewayz_auth.service.cohorts import Answers
    from gatewayz_auth.service.ports import KeyVault, TokenVerifier

_SPARE_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_SPARE_LENGTH = 10


@dataclass(frozen=True, slots=True)
class SignInPolicy:
    """Who is taken and with what: ``signups`` is ``on``, ``off`` or ``allowlist`` (verified e-mails of ``domains``)."""

    newcomers: NewcomerRules
    region: str
    signups: str
    signup_domains: tuple[str, ...]


class SignIn:
    """Signs people in: proven by their token, found or made in one round trip, answered within the deadline."""

    def __init__(  # noqa: PLR0913 - the parts it is made of, in reading order
        self,
        verifier: TokenVerifier,
        vault: KeyVault,
        cache: Answers,
        policy: SignInPolicy,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        """Compose the use case of its parts; ``answers`` and ``policy`` may be assigned later."""
        self._verifier = verifier
        self._vault = vault
        self.answers: Answers = cache
        self.policy = policy
        self._clock = clock
        self._entropy = entropy

    def prove(self, request: SignInRequest) -> tuple[LinkedAccount, ...]:
        """The accounts that are signed for whoever calls; refuses whoever does not prove to be ``user.id``."""
        return one(self.prove_all([request]))

    def prove_all(self, requests: Sequence[SignInRequest]) -> list[tuple[LinkedAccount, ...] | Exception]:
        """``prove`` for each of ``requests``, in their order, an error where it would raise one; cheaper together."""
        now_s = self._clock.utc_now_s()
        proofs = self._verifier.access_all([request.token for request in requests], now_s)
        pairs = [
            proof if isinstance(proof, Exception) else (request, proof.subject)
            for request, proof in zip(requests, proofs, strict=True)
        ]
        return each(lambda pair: self._signed(pair[0], pair[1], now_s), pairs)

    def _signed(self, request: SignInRequest, subject: str, now_s: float) -> tuple[LinkedAccount, ...]:
        signed: tuple[LinkedAccount, ...] = ()
        if request.identity_token is not None:
            proof = self._verifier.identity(request.identity_token, now_s)
            if proof.subject != subject:
                raise TokenNotAccepted("identity_subject")
            signed = proof.linked_accounts
        if subject != request.privy_user_id:
            raise SubjectMismatch
        return signed

    def fresh(self, request: SignInRequest, signed: tuple[LinkedAccount, ...]) -> Answer | None:
        """The answer for whoever ``prove`` has proven, where this process holds a fresh one; waits for nothing."""
        return self.answers.fresh(request, proves=who.proven_by(signed))

    async def answer(self, request: SignInRequest, signed: tuple[LinkedAccount, ...], deadline: Deadline) -> Answer:
        """The answer for whoever ``prove`` has proven; raises ``Refused`` or ``NotKnown`` before the deadline."""
        return await self.answers.answer(
            request, lambda: self._wanted(request, signed), deadline, proves=who.proven_by(signed)
        )

    def _wanted(self, request: SignInRequest, signed: tuple[LinkedAccount, ...]) -> FindOrMake:
        policy = self.policy
        email = who.verified_email(signed)
        is_guest = request.is_guest and not signed
        shown = users.display_name(signed, request.linked_accounts)
        rules = policy.newcomers
        return FindOrMake(
            privy_user_id=request.privy_user_id,
            region=policy.region,
            may_join=users.may_join(policy.signups, policy.signup_domains, email),
            username=users.username_from(shown, self._entropy.token(_SPARE_ALPHABET, _SPARE_LENGTH)),
            display_name=shown,
            auth_method=who.auth_method(signed or request.linked_accounts),
            verified_email=email,
            claimed_email=who.claimed_email(request.email, request.linked_accounts),
            verified_phone=who.phone_of(signed),
            claimed_phone=who.phone_of(request.linked_accounts),
            is_guest=is_guest,
            is_proven=bool(signed),
            credits=rules.guest_credits if is_guest else rules.credits,
            full_credits=rules.credits,
            tier=rules.tier,
            trial_days=rules.trial_days,
            environment_tag=request.environment_tag,
            new_key=self._vault.mint(request.environment_tag) if request.auto_create_api_key else None,
            referral_code=request.referral_code,
        )
