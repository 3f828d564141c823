"""Conformance of plugins of topic `esign/1`."""

from trilend_sdk.conformance import samples
from trilend_sdk.conformance.kit import Bench, Conformance, key
from trilend_sdk.esign import (
    API,
    EnrolmentRequest,
    FieldPlan,
    Placement,
    PrepareRequest,
    SealRequest,
    SignStatus,
    TimestampRequest,
    VerifyRequest,
)
from trilend_sdk.payload import EffectQuery


class ESignConformance(Conformance):
    """Inherit and give a fixture `bench`, whose `payload` puts a real PDF and the connection's company in.

    A plugin that signs on this machine and keeps nothing sets `local`: a lost signature exists nowhere.
    """

    api = API
    local = False
    samples = {"esign_sign": samples.signature, "esign_sign_batch": samples.signature_batch}

    def test_esign_enrol_gives_what_the_manifest_names(self, bench: Bench) -> None:
        bench.need("esign_enrol")
        made = bench.call(
            "esign_enrol", request=EnrolmentRequest(organization="上海信诚小额贷款有限公司", uscc=samples.USCC)
        )
        assert set(made.config) <= set(bench.manifest.config_schema["properties"])
        assert set(made.secrets) <= {secret.name for secret in bench.manifest.secrets}

    def test_esign_sign_then_esign_verify_finds_the_signature(self, bench: Bench) -> None:
        request = self.sample(bench, "esign_sign", "verify")
        signed = bench.call("esign_sign", request=request)
        assert signed.status is SignStatus.SIGNED
        report = bench.call("esign_verify", request=VerifyRequest(document=signed.document))
        assert report.ok
        assert report.signatures[-1].field_name == request.field_name

    def test_esign_verify_reports_a_change(self, bench: Bench) -> None:
        signed = bench.call("esign_sign", request=self.sample(bench, "esign_sign", "change"))
        changed = bytearray(signed.document)
        changed[len(changed) // 3] ^= 1
        assert not bench.call("esign_verify", request=VerifyRequest(document=bytes(changed))).ok

    def test_esign_verify_reports_on_a_damaged_document(self, bench: Bench) -> None:
        assert not bench.call("esign_verify", request=VerifyRequest(document=b"no document")).ok

    def test_esign_prepare_makes_fields_that_esign_sign_fills(self, bench: Bench) -> None:
        bench.need("esign_prepare")
        sample = self.sample(bench, "esign_sign", "prepared")
        place = Placement(x=80, y=640, width=119, height=119)
        plan = PrepareRequest(document=sample.document, fields=(FieldPlan(field_name="Planned", placement=place),))
        prepared = bench.call("esign_prepare", request=plan)
        changes = {"document": prepared.document, "field_name": "Planned", "placement": None}
        signed = bench.call("esign_sign", request=sample.model_copy(update=changes))
        report = bench.call("esign_verify", request=VerifyRequest(document=signed.document))
        assert [verdict.field_name for verdict in report.signatures] == ["Planned"]

    def test_esign_sign_batch_answers_in_order(self, bench: Bench) -> None:
        bench.need("esign_sign_batch")
        batch = self.sample(bench, "esign_sign_batch", "order")
        made = bench.call("esign_sign_batch", batch=batch)
        assert [each.idempotency_key for each in made.results] == [each.idempotency_key for each in batch.requests]
        query = EffectQuery(idempotency_key=batch.idempotency_key)
        assert self.local or bench.call("esign_sign_batch_status", query=query).found

    def test_esign_seal_is_a_picture(self, bench: Bench) -> None:
        bench.need("esign_seal")
        signer = self.sample(bench, "esign_sign", "seal").signer
        picture = bench.call("esign_seal", request=SealRequest(signer=signer, width=119, height=119))
        assert picture.content
        assert picture.media_type in ("image/svg+xml", "image/png", "application/pdf")

    def test_esign_timestamp_leaves_signatures_valid(self, bench: Bench) -> None:
        bench.need("esign_timestamp")
        signed = bench.call("esign_sign", request=self.sample(bench, "esign_sign", "stamp"))
        stamped = bench.call("esign_timestamp", request=TimestampRequest(document=signed.document, field_name="Stamp"))
        assert bench.call("esign_verify", request=VerifyRequest(document=stamped.document)).ok

    def test_an_effect_is_known_by_its_key_afterwards(self, bench: Bench, effect: str) -> None:
        """Where signatures are made on this machine, the status hook is sure that nothing exists elsewhere."""
        if not self.local:
            super().test_an_effect_is_known_by_its_key_afterwards(bench, effect)
            return
        bench.call(effect, **{("request" if effect == "esign_sign" else "batch"): self.sample(bench, effect, "known")})
        status = "esign_sign_status" if effect == "esign_sign" else "esign_sign_batch_status"
        assert not bench.call(status, query=EffectQuery(idempotency_key=key("known", effect))).found

    def test_an_effect_sent_twice_happens_once(self, bench: Bench, effect: str) -> None:
        """Where signatures are made on this machine, both come out and nothing is left elsewhere."""
        if not self.local:
            super().test_an_effect_sent_twice_happens_once(bench, effect)
            return
        payload = {"request" if effect == "esign_sign" else "batch": self.sample(bench, effect, "twice")}
        assert bench.call(effect, **payload).found
        assert bench.call(effect, **payload).found
        assert bench.effects(effect, key("twice", effect)) == 0
