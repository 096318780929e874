"""Whoever proves what the database does not know yet is asked for there, once; all others come from memory."""

import asyncio
import dataclasses

import pytest
from tests.support.cache_world import Clock, Vault, cache_over, request_of
from tests.support.newcomers import wanted

from gatewayz_auth.adapters.memory.accounts import MemoryAccounts
from gatewayz_auth.domain.identity import LinkedAccount, phone_of, proven_by, verified_email
from gatewayz_auth.domain.sign_in import Source
from gatewayz_auth.reliability.deadline import Deadline

ADA = "did:privy:ada"
WALLET = LinkedAccount("wallet", address="0xabc")
GITHUB = LinkedAccount("github_oauth", username="ada")
EMAIL = LinkedAccount("email", address="ada@example.com")
PHONE = LinkedAccount("phone", phone_number="+15550100")


class AnyKey(Vault):
    """Opens every key: here it is of no interest which."""

    def open(self, key, user_id):
        return f"key of {user_id}"


class People:
    """Signs Ada in as the use case does, with what her identity token signs."""

    def __init__(self):
        self.accounts = MemoryAccounts(Clock())
        self.cache = cache_over(self.accounts, None)
        self.cache._vault = AnyKey()

    async def sign_in(self, *signed, is_guest=False):
        request, proves = request_of(ADA, "live"), proven_by(signed)
        found = self.cache.fresh(request, proves=proves)
        if found is not None:
            return found.source
        question = wanted(
            ADA,
            verified_email=verified_email(signed),
            verified_phone=phone_of(signed),
            is_guest=is_guest and not signed,
            is_proven=bool(signed),
        )
        deadline = Deadline.after(self.accounts.clock.monotonic_s(), 8.0)
        return (await self.cache.answer(request, lambda: question, deadline, proves=proves)).source

    def account(self):
        return self.accounts.accounts[self.accounts.identities["privy", ADA]]


def sources(*sign_ins, people=None):
    people = people or People()

    async def story():
        return [await people.sign_in(*signed) for signed in sign_ins]

    return asyncio.run(story())


@pytest.mark.parametrize(
    "signed", [(WALLET,), (GITHUB,), (PHONE,), (EMAIL,), ()], ids=["wallet", "github", "phone", "email", "none"]
)
def test_who_proves_the_same_again_comes_from_memory(signed):
    assert sources(signed, signed, signed) == [Source.DATABASE, Source.CACHE, Source.CACHE]


@pytest.mark.parametrize("news", [EMAIL, PHONE], ids=["email", "phone"])
def test_what_is_linked_later_is_told_to_the_database_at_once_and_once(news):
    people = People()
    assert sources((WALLET,), (WALLET, news), (WALLET, news), people=people) == [
        Source.DATABASE,
        Source.DATABASE,
        Source.CACHE,
    ]
    assert (people.account().email, people.account().phone_number) != (None, None)


@pytest.mark.parametrize("news", [EMAIL, PHONE], ids=["email", "phone"])
def test_a_proof_does_not_share_the_look_up_of_whoever_does_not_bring_it(news):
    people = People()

    async def both_at_once():
        await asyncio.gather(people.sign_in(WALLET), people.sign_in(WALLET, news))

    asyncio.run(both_at_once())
    assert (people.account().email, people.account().phone_number) != (None, None)


def test_an_email_that_is_anothers_is_not_told_again_and_again():
    people = People()
    people.accounts.add(dataclasses.replace(an_owner(people), email="ada@example.com"))
    assert sources((EMAIL,), (EMAIL,), people=people) == [Source.DATABASE, Source.CACHE]
    assert people.account().email is None


def an_owner(people):
    asyncio.run(people.sign_in(WALLET))
    owner = dataclasses.replace(people.account(), user_id=99, privy_user_id="did:privy:owner", username="owner")
    people.cache.process.clear()
    return owner


def test_a_guest_who_proves_an_account_is_a_guest_no_more():
    people = People()

    async def story():
        return [
            await people.sign_in(is_guest=True),
            await people.sign_in(is_guest=True),
            await people.sign_in(WALLET, is_guest=True),
            await people.sign_in(WALLET, is_guest=True),
        ]

    assert asyncio.run(story()) == [Source.DATABASE, Source.CACHE, Source.DATABASE, Source.CACHE]
    assert not people.account().is_guest
