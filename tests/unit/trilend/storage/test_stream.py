"""The sealed stream: any part opens in its place, and nothing that was cut, moved, mixed or renamed opens at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trilend.storage.errors import ObjectDamaged
from trilend.storage.stream import CHUNK, TAG, StreamCipher, StreamHead, chunk_count, sealed_length

KEY = bytes(range(32))
NAME = b"documents/0a"
SEALED = CHUNK + TAG
LENGTHS = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 17]


def plain(length: int) -> bytes:
    return (b"0123456789abcdef" * (length // 16 + 1))[:length]


def cipher(head: StreamHead, key: bytes = KEY, name: bytes = NAME) -> StreamCipher:
    return StreamCipher(key, head, name)


def sealed(head: StreamHead, content: bytes) -> bytes:
    return b"".join(cipher(head).seal([content]))


def opened(head: StreamHead, stream: bytes) -> bytes:
    return b"".join(cipher(head).open([stream]))


@pytest.mark.parametrize("length", LENGTHS)
def test_a_stream_opens_to_what_was_sealed_and_has_the_length_foretold(length: int) -> None:
    head = StreamHead.new(7)
    stream = sealed(head, plain(length))
    assert opened(head, stream) == plain(length)
    assert len(head.to_bytes()) + len(stream) == sealed_length(length)


@given(st.lists(st.integers(min_value=0, max_value=200_000), max_size=6), st.integers(min_value=1, max_value=100_000))
def test_how_it_is_cut_into_pieces_does_not_matter(lengths: list[int], step: int) -> None:
    head = StreamHead.new(1)
    content = plain(sum(lengths))
    at, pieces = 0, []
    for length in lengths:
        pieces.append(content[at : at + length])
        at += length
    stream = b"".join(cipher(head).seal(pieces))
    assert b"".join(cipher(head).open(stream[i : i + step] for i in range(0, len(stream), step))) == content


@pytest.mark.parametrize("length", LENGTHS)
def test_any_run_of_chunks_opens_in_its_place_and_in_no_other(length: int) -> None:
    head = StreamHead.new(1)
    stream, count = sealed(head, plain(length)), chunk_count(length)
    for first in range(count):
        for after in range(first + 1, count + 1):
            part, ends = stream[first * SEALED : after * SEALED], after == count
            found = b"".join(cipher(head).open([part], position=first, ends=ends))
            assert found == plain(length)[first * CHUNK : after * CHUNK]
            with pytest.raises(ObjectDamaged):
                list(cipher(head).open([part], position=first + 1, ends=ends))
            with pytest.raises(ObjectDamaged):
                list(cipher(head).open([part], position=first, ends=not ends))


@pytest.mark.parametrize("left", [0, 1, SEALED - 1, SEALED, SEALED + 1, 2 * SEALED, 3 * SEALED, 3 * SEALED + 5])
def test_a_stream_that_was_cut_does_not_open(left: int) -> None:
    head = StreamHead.new(1)
    with pytest.raises(ObjectDamaged):
        opened(head, sealed(head, plain(3 * CHUNK + 100))[:left])


def test_a_stream_that_was_lengthened_does_not_open() -> None:
    head = StreamHead.new(1)
    stream = sealed(head, plain(2 * CHUNK))
    for more in (b"\x00", stream[:SEALED], stream[SEALED:]):
        with pytest.raises(ObjectDamaged):
            opened(head, stream + more)


def test_chunks_that_were_exchanged_do_not_open() -> None:
    head = StreamHead.new(1)
    one, two, three = (sealed(head, plain(3 * CHUNK))[at * SEALED : (at + 1) * SEALED] for at in range(3))
    for order in ((two, one, three), (one, one, three), (one, three), (three,), (one, three, two)):
        with pytest.raises(ObjectDamaged):
            opened(head, b"".join(order))


def test_chunks_of_another_stream_of_the_same_key_do_not_open() -> None:
    first, second = StreamHead.new(1), StreamHead.new(1)
    mine, theirs = sealed(first, plain(2 * CHUNK)), sealed(second, plain(2 * CHUNK))
    with pytest.raises(ObjectDamaged):
        opened(first, mine[:SEALED] + theirs[SEALED:])
    with pytest.raises(ObjectDamaged):
        opened(first, theirs)


def test_nothing_opens_under_another_name_or_key_or_head() -> None:
    head = StreamHead.new(1)
    stream = sealed(head, b"contract")
    for other in (
        cipher(head, name=b"documents/0b"),
        cipher(head, key=bytes(32)),
        cipher(StreamHead(2, head.salt)),
        cipher(StreamHead(1, bytes(32))),
    ):
        with pytest.raises(ObjectDamaged):
            list(other.open([stream]))


@given(st.integers(min_value=0), st.integers(min_value=0, max_value=7))
def test_no_bit_can_be_changed(at: int, bit: int) -> None:
    head = StreamHead.new(1)
    stream = bytearray(sealed(head, plain(CHUNK + 500)))
    stream[at % len(stream)] ^= 1 << bit
    with pytest.raises(ObjectDamaged):
        opened(head, bytes(stream))


def test_not_a_byte_of_a_changed_chunk_is_handed_on() -> None:
    head = StreamHead.new(1)
    stream = bytearray(sealed(head, plain(3 * CHUNK)))
    stream[SEALED + 5] ^= 1
    chunks = cipher(head).open([bytes(stream)])
    assert next(chunks) == plain(CHUNK)
    with pytest.raises(ObjectDamaged):
        next(chunks)


def test_a_head_says_its_number_and_an_old_object_has_none() -> None:
    head = StreamHead.new(70_000)
    assert StreamHead.read(head.to_bytes() + b"more") == head
    assert StreamHead.read(bytes(100)) is None
    assert StreamHead.read(head.to_bytes()[:-1]) is None
