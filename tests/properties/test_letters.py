"""Letters: whatever somebody calls themselves, it ends nothing, opens nothing and reaches no header."""

import email
import email.policy
import html.parser
import uuid

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gatewayz_auth.adapters.smtp.letter_files import LetterFiles
from gatewayz_auth.adapters.smtp.message import composed, sender_of
from gatewayz_auth.domain.letters import MAX_VALUE_LENGTH, LetterError, LetterTemplate

FILES = LetterFiles()
SENDER = sender_of("Gatewayz <hello@example.com>")
NAMES = st.text() | st.sampled_from(
    ["</p><script>x</script>", "a\r\nBcc: x@example.com", "$credits ${name} $$ $", "&lt;"]
)


class Shape(html.parser.HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, tuple(attributes)))

    def handle_data(self, data):
        self.words.append(data)


USUAL = Shape(FILES.write("referral_rewarded", "en", {"name": "Ada", "credits": "1"}).html)


@settings(max_examples=40)
@given(NAMES, NAMES)
@example("</p><script>alert(1)</script>", "<img src=x>")
@example("Ada\r\n\r\nBcc: all@example.com", "1")
def test_no_value_adds_a_tag_a_line_or_a_header(name, amount):
    letter = FILES.write("referral_rewarded", "en", {"name": name, "credits": amount})
    shape = Shape(letter.html)
    assert shape.tags == USUAL.tags
    assert len(letter.text.splitlines()) == len(FILES.write("referral_rewarded", "en", {"name": "", "credits": ""})
                                                .text.splitlines())  # fmt: skip
    assert "\n" not in letter.subject
    message = email.message_from_bytes(
        composed(uuid.UUID(int=1), letter, SENDER, "ada@example.com", 1_700_000_000).content,
        policy=email.policy.default,
    )
    assert set(message.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress", "MIME-Version",
        "Content-Type", "Content-Language",
    }  # fmt: skip
    assert len(message.keys()) == 10
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


@settings(max_examples=40)
@given(st.text())
def test_a_value_is_one_short_line_in_the_subject_too(name):
    letter = LetterTemplate("en", "Subject: $name\n\n$name", "<p>$name</p>").written({"name": name})
    assert len(letter.subject) <= MAX_VALUE_LENGTH
    assert letter.subject.isprintable() or not letter.subject.isascii()
    assert not set("\r\n\0\u2028\x1b") & set(letter.subject)
    message = composed(uuid.UUID(int=1), letter, SENDER, "ada@example.com", 1_700_000_000).content
    assert message.isascii()
    assert max(map(len, message.split(b"\r\n"))) <= 998


@pytest.mark.parametrize("kind", ["", "nothing", "../en/referral_rewarded", "referral_rewarded.txt", "A", "a" * 99])
def test_a_kind_without_a_template_is_said(kind):
    with pytest.raises(LetterError):
        FILES.write(kind, "en", {"name": "Ada", "credits": "1"})


@pytest.mark.parametrize("language", ["", "en", "en-GB", "xx", "../..", "de_DE", "zz-ZZ"])
def test_a_language_that_is_not_there_is_followed_by_the_nearest(language):
    assert FILES.write("referral_rewarded", language, {"name": "Ada", "credits": "1"}).language == "en"


def test_no_letter_asks_for_anything_remote():
    for tag, attributes in USUAL.tags:
        assert tag not in {"img", "script", "link", "iframe", "object", "a", "base", "form"}
        assert not {name for name, _ in attributes} & {"src", "href", "background", "srcset"}
    page = FILES.write("referral_rewarded", "en", {"name": "Ada", "credits": "1"}).html
    assert "url(" not in page
    assert "//" not in page
    assert "@import" not in page
