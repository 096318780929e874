"""Bodies are bounded while they stream."""

import asyncio

import pytest

from gatewayz_auth.web.body import BODY_LIMIT_BYTES, CallerLeft, UnreadableBody, check_declared, linger, read_body


def receiving(*messages):
    left = list(messages)

    async def receive():
        return left.pop(0)

    receive.left = left
    return receive


def chunk(data, *, more=True):
    return {"type": "http.request", "body": data, "more_body": more}


GONE = {"type": "http.disconnect"}


def test_a_body_in_pieces_is_read_whole():
    receive = receiving(chunk(b"a"), chunk(b""), chunk(b"b"), chunk(b"c", more=False))
    assert asyncio.run(read_body(receive)) == b"abc"


def test_exactly_the_limit_is_read():
    half = b"x" * (BODY_LIMIT_BYTES // 2)
    assert len(asyncio.run(read_body(receiving(chunk(half), chunk(half, more=False))))) == BODY_LIMIT_BYTES


@pytest.mark.parametrize("sizes", [[BODY_LIMIT_BYTES + 1], [BODY_LIMIT_BYTES, 1], [1] * 10 + [BODY_LIMIT_BYTES]])
def test_one_byte_more_is_refused_before_the_rest_is_read(sizes):
    receive = receiving(*(chunk(b"x" * size) for size in sizes), chunk(b"never read"))
    with pytest.raises(UnreadableBody) as caught:
        asyncio.run(read_body(receive))
    assert caught.value.code == "body_too_large"
    assert receive.left == [chunk(b"never read")]


@pytest.mark.parametrize("messages", [[GONE], [chunk(b"a"), GONE]])
def test_a_caller_who_leaves_is_noticed(messages):
    with pytest.raises(CallerLeft):
        asyncio.run(read_body(receiving(*messages)))


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        b"application/json",
        b"Application/JSON; charset=utf-8",
        b"application/privy+json",
        b"application/problem+json ; x=y",
        b"text/plain",
        b"text/plain;charset=UTF-8",
        b"",
    ],
)
def test_json_and_text_and_nothing_at_all_are_taken(content_type):
    check_declared({} if content_type is None else {b"content-type": content_type})


@pytest.mark.parametrize(
    "headers",
    [
        {b"content-type": b"application/x-www-form-urlencoded"},
        {b"content-type": b"multipart/form-data; boundary=x"},
        {b"content-type": b"application/xml"},
        {b"content-type": b"application/+json"},
        {b"content-type": b"application/jsonx"},
        {b"content-type": b"image/png"},
        {b"content-type": b"\xff\xfe"},
        {b"content-encoding": b"gzip"},
    ],
)
def test_other_content_types_and_encodings_are_refused(headers):
    with pytest.raises(UnreadableBody) as caught:
        check_declared(headers)
    assert caught.value.code == "unsupported_media_type"


@pytest.mark.parametrize("length", [b"65537", b"9" * 18, b"9" * 5000])
def test_a_declared_length_over_the_limit_is_refused_unread(length):
    with pytest.raises(UnreadableBody) as caught:
        check_declared({b"content-length": length})
    assert caught.value.code == "body_too_large"


def test_a_declared_length_at_the_limit_is_taken():
    check_declared({b"content-length": b"65536"})


def test_lingering_ends_with_the_body_the_caller_or_the_limit():
    for last in (chunk(b"x", more=False), GONE, chunk(b"x" * (9 * 1024 * 1024))):
        receive = receiving(chunk(b"x"), last, chunk(b"never read"))
        asyncio.run(linger(receive))
        assert receive.left == [chunk(b"never read")]
