"""A sealed file opens whole with its secret, and in no other way."""

from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trilend.archives.envelope import MARK, Envelope, is_sealed, opened
from trilend.archives.errors import NotAnArchive, WrongPassphrase
from trilend.archives.keys import ArchiveKey, new_escrow_pair
from trilend.storage.keys import KeyRing

PIECE = 1 << 18
PRIVATE, PUBLIC = new_escrow_pair()


def sealed(*pieces: bytes) -> bytes:
    target = BytesIO()
    envelope = Envelope(_Kept(target), ArchiveKey.of_escrow(PUBLIC))
    for piece in pieces:
        envelope.write(piece)
    envelope.close()
    return target.getvalue()


class _Kept:
    """A file that can still be read once the envelope has ended."""

    def __init__(self, file: BytesIO) -> None:
        self._file = file

    def write(self, piece: bytes, /) -> int:
        return self._file.write(piece)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


def content(file: bytes, secret: str = PRIVATE) -> bytes:
    return b"".join(opened(BytesIO(file), secret))


@given(st.lists(st.sampled_from([0, 1, 17, PIECE - 1, PIECE, PIECE + 1]), max_size=4))
@settings(max_examples=25)
def test_what_was_sealed_is_opened(sizes: list[int]) -> None:
    pieces = [bytes([number % 251]) * size for number, size in enumerate(sizes)]
    assert content(sealed(*pieces)) == b"".join(pieces)


def test_an_envelope_is_known_by_its_first_bytes() -> None:
    assert is_sealed(BytesIO(sealed(b"x")))
    assert not is_sealed(BytesIO(b"PK\x03\x04"))


def test_another_escrow_key_opens_nothing() -> None:
    other, _ = new_escrow_pair()
    with pytest.raises(WrongPassphrase):
        content(sealed(b"secret"), other)


@pytest.mark.parametrize("secret", ["correct horse battery", "", "AAAA"])
def test_what_is_no_escrow_key_opens_nothing(secret: str) -> None:
    with pytest.raises(WrongPassphrase):
        content(sealed(b"secret"), secret)


def test_a_changed_byte_is_found() -> None:
    file = bytearray(sealed(b"a" * (2 * PIECE)))
    file[-PIECE // 2] ^= 1
    with pytest.raises(NotAnArchive):
        content(bytes(file))


def test_a_file_cut_between_two_pieces_is_found() -> None:
    whole = sealed(b"a" * (2 * PIECE + 5))
    begin = len(whole) - (5 + 16) - 2 * (PIECE + 16)
    for kept in (1, 2):
        with pytest.raises((NotAnArchive, WrongPassphrase)):
            content(whole[: begin + kept * (PIECE + 16)])


def test_pieces_in_another_order_are_found() -> None:
    whole = sealed(b"a" * PIECE, b"b" * PIECE, b"c")
    begin = len(whole) - (1 + 16) - 2 * (PIECE + 16)
    one, two = whole[begin : begin + PIECE + 16], whole[begin + PIECE + 16 : begin + 2 * (PIECE + 16)]
    with pytest.raises(WrongPassphrase):
        content(whole[:begin] + two + one + whole[begin + 2 * (PIECE + 16) :])


@pytest.mark.parametrize("rest", [b"", b"\xff\xff\xff\xff", b"\x00\x00\x00\x02{}", b"\x00\x00\x00\x04null"])
def test_a_lock_that_cannot_be_read_is_no_archive(rest: bytes) -> None:
    with pytest.raises(NotAnArchive):
        content(MARK + rest)


def test_two_archives_for_one_escrow_key_have_two_keys() -> None:
    assert ArchiveKey.of_escrow(PUBLIC).secret != ArchiveKey.of_escrow(PUBLIC).secret


def test_the_keys_of_a_company_open_with_the_passphrase_alone() -> None:
    ring = KeyRing({0: b"i" * 32, 1: b"a" * 32, 2: b"b" * 32}, active=2)
    key = ArchiveKey.of_passphrase("correct horse battery")
    kept = key.seal(ring)
    assert ArchiveKey.opened(key.lock, "correct horse battery").open(kept) == ring
    with pytest.raises(WrongPassphrase):
        ArchiveKey.opened(key.lock, "wrong horse battery").open(kept)


def test_the_voucher_is_that_of_this_manifest_and_this_key() -> None:
    key = ArchiveKey.of_passphrase("correct horse battery")
    vouchers = {key.voucher(b"one"), key.voucher(b"two"), ArchiveKey.of_escrow(PUBLIC).voucher(b"one")}
    assert len(vouchers) == 3
