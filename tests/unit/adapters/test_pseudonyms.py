"""A person's lines can be followed, and the id not be found out."""

from gatewayz_auth.adapters.pseudonyms import pseudonyms

PERSON = "did:privy:ada"


def test_the_same_id_has_the_same_name_and_another_secret_gives_another():
    name = pseudonyms("a" * 40)
    assert name(PERSON) == pseudonyms("a" * 40)(PERSON) != pseudonyms("b" * 40)(PERSON)
    assert name(PERSON) != name("did:privy:bob")
    assert "ada" not in name(PERSON)
