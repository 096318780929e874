"""What ``ports.Accounts`` promises, held against the fake and against Postgres."""

import asyncio
import datetime as dt
from decimal import Decimal

import pytest
from tests.support.accounts import CLOCK, MemoryWorld, PostgresWorld, postgres_accounts
from tests.support.newcomers import new_key, wanted

from gatewayz_auth.domain.api_keys import owner_tag
from gatewayz_auth.domain.errors import NotKnown
from gatewayz_auth.domain.sign_in import Found, NotFound
from gatewayz_auth.reliability.deadline import Deadline


@pytest.fixture(params=["memory", "postgres"])
def on(request):
    """Runs a story on the world of this parameter."""

    def run(story):
        if request.param == "memory":
            return asyncio.run(story(MemoryWorld()))

        url = request.getfixturevalue("database_url")

        async def on_postgres():
            async with postgres_accounts(url) as (accounts, _):
                await story(PostgresWorld(url, accounts))

        return asyncio.run(on_postgres())

    return run


def test_newcomer_gets_account_key_trial_and_credits_in_the_ledger(on):
    async def story(world):
        asked = wanted("did:privy:ada", username="ada", display_name="Ada L.", verified_email="ada@example.com")
        found = await world.sign_in(asked)
        account = found.account
        assert found.is_new
        assert (account.privy_user_id, account.username, account.display_name) == ("did:privy:ada", "ada", "Ada L.")
        assert (account.email, account.claimed_email) == ("ada@example.com", None)
        assert (account.credits, account.tier, account.subscription_status) == (Decimal(3), "basic", "trial")
        assert account.trial_expires_at - account.created_at == dt.timedelta(days=3)
        assert account.is_active
        assert not account.is_guest
        assert await world.ledger(account.user_id) == account.credits
        assert found.key.key_id == asked.new_key.key_id
        assert found.key.sealed == asked.new_key.sealed
        assert found.key.owner_tag == owner_tag(asked.new_key.owner_secret, account.user_id)

    on(story)


def test_second_sign_in_finds_the_same_account_and_key_and_changes_nothing(on):
    async def story(world):
        first = await world.sign_in(wanted("did:privy:ada", username="ada", referral_code="X"))
        before = await world.counts()
        again = await world.sign_in(wanted("did:privy:ada", username="other", display_name="Other", referral_code="Y"))
        assert not again.is_new
        assert again.account == first.account
        assert again.key == first.key
        assert await world.counts() == before == (1, 1, 1)

    on(story)


def test_one_primary_key_a_tag_and_none_where_none_is_wanted(on):
    async def story(world):
        bare = await world.sign_in(wanted("did:privy:ada", new_key=None))
        assert bare.key is None
        live = await world.sign_in(wanted("did:privy:ada"))
        test = await world.sign_in(wanted("did:privy:ada", environment_tag="test"))
        assert live.key.environment_tag == "live"
        assert test.key.environment_tag == "test"
        assert live.key.key_id != test.key.key_id
        assert (await world.sign_in(wanted("did:privy:ada"))).key == live.key
        assert (await world.sign_in(wanted("did:privy:ada", environment_tag="development", new_key=None))).key is None
        assert await world.counts() == (1, 2, 0)

    on(story)


def test_revoked_key_is_never_handed_out_again(on):
    async def story(world):
        first = await world.sign_in(wanted("did:privy:ada"))
        await world.revoke_keys(first.account.user_id)
        assert (await world.sign_in(wanted("did:privy:ada", new_key=None))).key is None
        again = await world.sign_in(wanted("did:privy:ada", new_key=new_key()))
        assert again.key.key_id != first.key.key_id

    on(story)


def test_taken_username_gets_a_suffix_whatever_the_case_and_script(on):
    async def story(world):
        first = await world.sign_in(wanted(username="ærøskøbing"))
        assert first.account.username == "ærøskøbing"
        await world.rename(first.account.user_id, "ÆRØSKØBING")
        second = await world.sign_in(wanted(username="ærøskøbing"))
        third = await world.sign_in(wanted(username="ærøskøbing"))
        names = {second.account.username, third.account.username}
        assert len(names) == 2
        assert all(name.startswith("ærøskøbing_") for name in names)

    on(story)


def test_verified_email_belongs_to_the_first_who_proves_it(on):
    async def story(world):
        first = await world.sign_in(wanted(verified_email="ada@example.com"))
        second = await world.sign_in(wanted(verified_email="ada@example.com", claimed_email="ada@example.com"))
        assert first.account.email == "ada@example.com"
        assert second.is_new
        assert second.account.email is None
        assert second.account.claimed_email == "ada@example.com"
        assert second.account.user_id != first.account.user_id
        await world.disable(first.account.user_id)
        assert (await world.sign_in(wanted(verified_email="ada@example.com"))).account.email is None

    on(story)


def test_claimed_email_is_never_unique_and_never_links(on):
    async def story(world):
        legacy = await world.add_legacy("old_ada", "ada@example.com")
        people = [await world.sign_in(wanted(claimed_email="ada@example.com")) for _ in range(2)]
        assert all(person.is_new and person.account.user_id != legacy for person in people)
        assert [person.account.claimed_email for person in people] == ["ada@example.com"] * 2
        assert [person.account.email for person in people] == [None, None]

    on(story)


def test_account_from_before_privy_is_linked_once_by_its_verified_email(on):
    async def story(world):
        legacy = await world.add_legacy("old_ada", "ada@example.com")
        linked = await world.sign_in(wanted("did:privy:ada", username="ada", verified_email="ada@example.com"))
        assert not linked.is_new
        assert (linked.account.user_id, linked.account.username) == (legacy, "old_ada")
        assert linked.account.privy_user_id == "did:privy:ada"
        assert linked.key is not None
        other = await world.sign_in(wanted("did:privy:eve", verified_email="ada@example.com"))
        assert other.is_new
        assert other.account.email is None
        assert (await world.sign_in(wanted("did:privy:ada"))).account.user_id == legacy

    on(story)


def test_old_username_alone_links_nobody(on):
    async def story(world):
        legacy = await world.add_legacy("old_ada", "ada@example.com")
        found = await world.sign_in(wanted(username="old_ada", verified_email="eve@example.com"))
        assert found.is_new
        assert found.account.user_id != legacy
        assert found.account.username.startswith("old_ada_")

    on(story)


def test_account_from_before_privy_is_linked_although_newcomers_are_not_taken(on):
    async def story(world):
        legacy = await world.add_legacy("old_ada", "ada@example.com")
        found = await world.sign_in(wanted(verified_email="ada@example.com", may_join=False))
        assert found.account.user_id == legacy

    on(story)


def test_disabled_account_from_before_privy_is_told_so_and_not_linked(on):
    async def story(world):
        legacy = await world.add_legacy("old_ada", "ada@example.com", is_active=False)
        before = await world.counts()
        found = await world.sign_in(wanted("did:privy:ada", verified_email="ada@example.com", referral_code="X"))
        assert (found.account.user_id, found.account.is_active, found.key) == (legacy, False, None)
        assert found.account.privy_user_id is None
        assert await world.counts() == before
        assert isinstance(await world.sign_in(wanted("did:privy:ada", may_join=False)), NotFound)

    on(story)


def test_known_privy_id_wins_over_an_account_from_before_privy(on):
    async def story(world):
        first = await world.sign_in(wanted("did:privy:ada"))
        await world.add_legacy("old_ada", "ada@example.com")
        again = await world.sign_in(wanted("did:privy:ada", verified_email="ada@example.com"))
        assert again.account.user_id == first.account.user_id
        assert again.account.email is None

    on(story)


def test_disabled_account_gets_no_key_and_nothing_changes(on):
    async def story(world):
        first = await world.sign_in(wanted("did:privy:ada", is_guest=True, is_proven=False, credits=Decimal(0)))
        await world.disable(first.account.user_id)
        before = await world.counts()
        found = await world.sign_in(
            wanted("did:privy:ada", environment_tag="test", verified_email="ada@example.com", verified_phone="+1 555")
        )
        assert (found.account.is_active, found.key, found.is_new) == (False, None, False)
        assert (found.account.email, found.account.phone_number, found.account.is_guest) == (None, None, True)
        assert (await world.sign_in(wanted("did:privy:ada"))).key is None
        assert await world.counts() == before
        assert await world.ledger(first.account.user_id) == 0

    on(story)


def test_signups_closed_leaves_nothing_behind(on):
    async def story(world):
        assert isinstance(await world.sign_in(wanted("did:privy:ada", username="ada", may_join=False)), NotFound)
        assert await world.counts() == (0, 0, 0)
        found = await world.sign_in(wanted("did:privy:ada", username="ada", verified_email="ada@example.com"))
        assert found.is_new
        assert (found.account.username, found.account.email) == ("ada", "ada@example.com")
        assert isinstance(await world.sign_in(wanted("did:privy:ada", may_join=False)), Found)

    on(story)


def test_guest_has_no_credits_and_no_trial_until_an_account_is_proven(on):
    async def story(world):
        guest = {"is_guest": True, "is_proven": False, "credits": Decimal(0)}
        first = (await world.sign_in(wanted("did:privy:g", **guest))).account
        assert (first.is_guest, first.credits, first.subscription_status) == (True, Decimal(0), "inactive")
        assert first.trial_expires_at is None
        again = (await world.sign_in(wanted("did:privy:g", **guest))).account
        assert again == first
        proven = await world.sign_in(wanted("did:privy:g", verified_email="g@example.com"))
        account = proven.account
        assert not proven.is_new
        assert (account.is_guest, account.credits, account.subscription_status) == (False, Decimal(3), "trial")
        assert account.trial_expires_at is not None
        assert account.email == "g@example.com"
        assert await world.ledger(account.user_id) == Decimal(3)
        assert (await world.sign_in(wanted("did:privy:g", verified_email="g@example.com"))).account == account

    on(story)


def test_newly_proven_email_and_number_are_added_where_they_are_free(on):
    async def story(world):
        await world.sign_in(wanted(verified_email="taken@example.com"))
        await world.sign_in(wanted("did:privy:ada"))
        found = await world.sign_in(wanted("did:privy:ada", verified_email="taken@example.com"))
        assert found.account.email is None
        found = await world.sign_in(wanted("did:privy:ada", verified_email="ada@example.com", verified_phone="+1 555"))
        assert (found.account.email, found.account.phone_number) == ("ada@example.com", "+1 555")
        found = await world.sign_in(wanted("did:privy:ada", verified_email="new@example.com", verified_phone="+1 666"))
        assert (found.account.email, found.account.phone_number) == ("ada@example.com", "+1 555")

    on(story)


def test_no_trial_where_there_are_no_trial_days(on):
    async def story(world):
        account = (await world.sign_in(wanted(trial_days=0))).account
        assert (account.subscription_status, account.trial_expires_at) == ("inactive", None)

    on(story)


def test_referral_is_written_with_a_new_account_alone_in_one_form(on):
    async def story(world):
        first = await world.sign_in(wanted("did:privy:ada", referral_code="  ab c\t1 " + "x" * 80))
        await world.sign_in(wanted("did:privy:ada", referral_code="OTHER"))
        await world.sign_in(wanted(referral_code="  "))
        code = ("ABC1" + "X" * 80)[:64]
        assert [tuple(row) for row in await world.referrals()] == [(first.account.user_id, code, "pending")]

    on(story)


def test_existing_account_keeps_its_region(on):
    async def story(world):
        first = await world.sign_in(wanted("did:privy:ada", region="eu"))
        assert first.account.region == "eu"
        assert (await world.sign_in(wanted("did:privy:ada", region="us"))).account.region == "eu"

    on(story)


def test_deadline_that_has_passed_is_not_known_and_makes_nobody(on):
    async def story(world):
        with pytest.raises(NotKnown):
            await world.accounts.find_or_make(wanted(), Deadline(CLOCK.monotonic_s()))
        assert await world.counts() == (0, 0, 0)

    on(story)
