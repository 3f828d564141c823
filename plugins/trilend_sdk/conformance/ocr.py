"""Conformance of plugins of topic `ocr/1`."""

from abc import abstractmethod

import pytest

from trilend_sdk.conformance.kit import Bench, Conformance
from trilend_sdk.errors import Terminal
from trilend_sdk.ocr import API, BankCardRequest, IdSide, LicenceRequest, Picture, ResidentIdRequest


class OcrBench(Bench):
    """A bench with pictures: what each shows as its key field, and one that shows nothing."""

    resident_id: tuple[Picture, str]
    emblem: tuple[Picture, str]
    licence: tuple[Picture, str]
    bank_card: tuple[Picture, str]

    @abstractmethod
    def blank(self) -> Picture:
        """A picture of nothing that could be read."""

    def effects(self, hook: str, idempotency_key: str) -> int:
        """Reading leaves nothing outside."""
        return 0


class OcrConformance(Conformance):
    """Inherit and give a fixture `bench` of `OcrBench`."""

    api = API

    def test_ocr_resident_id_reads_the_portrait_side(self, bench: OcrBench) -> None:
        picture, number = bench.resident_id
        read = bench.call("ocr_resident_id", request=ResidentIdRequest(picture=picture))
        assert (read.side, read.resident_id.text, read.resident_id.valid) == (IdSide.PORTRAIT, number, True)
        assert 0 < read.resident_id.confidence <= 1

    def test_ocr_resident_id_reads_the_emblem_side(self, bench: OcrBench) -> None:
        picture, until = bench.emblem
        read = bench.call("ocr_resident_id", request=ResidentIdRequest(picture=picture, side=IdSide.EMBLEM))
        assert (read.side, read.valid_until.text) == (IdSide.EMBLEM, until)

    def test_ocr_business_licence_reads_the_credit_code(self, bench: OcrBench) -> None:
        picture, uscc = bench.licence
        read = bench.call("ocr_business_licence", request=LicenceRequest(picture=picture))
        assert (read.uscc.text, read.uscc.valid) == (uscc, True)

    def test_ocr_bank_card_reads_the_number(self, bench: OcrBench) -> None:
        picture, number = bench.bank_card
        read = bench.call("ocr_bank_card", request=BankCardRequest(picture=picture))
        assert (read.number.text, read.number.valid) == (number, True)

    @pytest.mark.parametrize(
        ("hook", "kind"),
        [
            ("ocr_resident_id", ResidentIdRequest),
            ("ocr_business_licence", LicenceRequest),
            ("ocr_bank_card", BankCardRequest),
        ],
    )
    def test_a_picture_of_nothing_is_refused(
        self, bench: OcrBench, hook: str, kind: type[ResidentIdRequest | LicenceRequest | BankCardRequest]
    ) -> None:
        with pytest.raises(Terminal) as refused:
            bench.call(hook, request=kind(picture=bench.blank()))
        assert refused.value.code == "nothing_read"
