"""What all conformance suites share: the plugin called as the host calls it, what its author provides, common tests."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

import pluggy
import pytest

from trilend_sdk.context import PluginContext
from trilend_sdk.errors import CallbackRefused, OutcomeUnknown, PluginError, Retryable, Terminal
from trilend_sdk.hooks import PROJECT, Kind, facts, hooks_of_topic, implemented, topics
from trilend_sdk.manifest import Manifest
from trilend_sdk.payload import CallbackRequest, CheckResult, EffectQuery, Payload

_Kind = TypeVar("_Kind", bound=Payload)


class Fault(StrEnum):
    """What an author's fake or sandbox server can be told to do wrong with the next call."""

    ERROR_BEFORE = "error_before"
    DROP_AFTER = "drop_after"
    MALFORMED = "malformed"
    WRONG_SIGNATURE = "wrong_signature"


class Bench(ABC):
    """What an author provides to a suite: the plugin, its manifest, a working connection, and a look outside."""

    plugin: object
    manifest: Manifest
    faults: frozenset[Fault] = frozenset()

    @abstractmethod
    def context(self) -> PluginContext:
        """The context of a connection that works; the same connection at every call."""

    @abstractmethod
    def effects(self, hook: str, idempotency_key: str) -> int:
        """How often the outside carried this effect out, looked up there and not in the plugin."""

    def payload(self, kind: type[_Kind], sample: _Kind) -> _Kind:
        """A sample payload, changed to what the outside knows (accounts, products, people); as it is by default."""
        return sample

    def order_fault(self, fault: Fault) -> None:
        """Let the next call at the outside go wrong; called for faults in `faults` only."""
        raise NotImplementedError(fault)

    def callbacks(self) -> tuple[CallbackRequest, ...]:
        """Rightly signed call-backs as the outside sends them, at least one if the plugin has the hook."""
        return ()

    def call(self, hook: str, **payload: Any) -> Any:
        """Call a hook as the host does: through pluggy, payload and result over JSON, the result's type checked."""
        manager = pluggy.PluginManager(PROJECT)
        for api in self.manifest.api:
            manager.add_hookspecs(topics()[api].SPECIFICATION)
        manager.register(self.plugin)
        sent = {name: _over_json(type(value), value) for name, value in payload.items()}
        result = getattr(manager.hook, hook)(context=self.context(), **sent)
        assert isinstance(result, facts(hook).result_type), f"{hook} returned {type(result).__name__}"
        return _over_json(type(result), result)

    def has(self, hook: str) -> bool:
        """Whether the manifest says that the plugin has this hook."""
        return hook in self.manifest.all_hooks

    def need(self, *hooks: str) -> None:
        """Skip the test unless the plugin has these optional hooks."""
        missing = [hook for hook in hooks if not self.has(hook)]
        if missing:
            pytest.skip(f"the plugin does not offer {', '.join(missing)}")


def _over_json(kind: type[Payload], value: Payload) -> Payload:
    again = kind.model_validate_json(value.model_dump_json())
    assert again == value, f"{kind.__name__} is another after a trip through JSON"
    return again


class Conformance:
    """Tests for a plugin of any topic; subclasses name the topic and give a fixture `bench`."""

    api: ClassVar[str]
    samples: ClassVar[Mapping[str, Callable[[str], Payload]]] = {}

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Run tests that take `effect` once for each effect of the topic."""
        if "effect" in metafunc.fixturenames:
            names = [fact.name for fact in hooks_of_topic(self.api).values() if fact.kind is Kind.EFFECT]
            metafunc.parametrize("effect", names, indirect=True)

    def test_manifest_is_of_the_topic(self, bench: Bench) -> None:
        assert self.api in bench.manifest.api
        assert Manifest.of(bench.manifest.model_dump(mode="json")) == bench.manifest

    def test_hooks_are_those_of_the_manifest(self, bench: Bench) -> None:
        assert implemented(bench.plugin) == bench.manifest.all_hooks

    def test_hooks_take_the_parameters_of_the_topic(self, bench: Bench) -> None:
        manager = pluggy.PluginManager(PROJECT)
        for api in bench.manifest.api:
            manager.add_hookspecs(topics()[api].SPECIFICATION)
        manager.register(bench.plugin)
        manager.check_pending()

    def test_a_working_connection_checks_out(self, bench: Bench) -> None:
        checked = bench.call(f"{self.api.partition('/')[0]}_check")
        assert isinstance(checked, CheckResult)
        assert checked.ok, checked.message
        assert checked.message

    def test_an_effect_asked_for_before_it_was_sent_is_not_found(self, bench: Bench, effect: str) -> None:
        status = bench.call(facts(effect).status_hook, query=EffectQuery(idempotency_key=key("never", effect)))
        assert not status.found

    def test_an_effect_sent_twice_happens_once(self, bench: Bench, effect: str) -> None:
        payload = self.sample(bench, effect, "twice")
        first = bench.call(effect, **{facts(effect).payload: payload})
        again = bench.call(effect, **{facts(effect).payload: payload})
        assert first.idempotency_key == again.idempotency_key == key("twice", effect)
        assert first.found
        assert again.found
        assert bench.effects(effect, key("twice", effect)) == 1

    def test_an_effect_is_known_by_its_key_afterwards(self, bench: Bench, effect: str) -> None:
        payload = self.sample(bench, effect, "known")
        sent = bench.call(effect, **{facts(effect).payload: payload})
        query = EffectQuery(idempotency_key=key("known", effect), reference=sent.reference, sent_at=now())
        told = bench.call(facts(effect).status_hook, query=query)
        assert told.found
        assert told.idempotency_key == key("known", effect)

    @pytest.mark.parametrize("fault", list(Fault))
    def test_an_effect_under_a_fault_happens_at_most_once_and_is_told_truly(
        self, bench: Bench, effect: str, fault: Fault
    ) -> None:
        if fault not in bench.faults:
            pytest.skip(f"the bench cannot do {fault.value}")
        payload = self.sample(bench, effect, fault.value)
        bench.order_fault(fault)
        with pytest.raises(PluginError) as failed:
            bench.call(effect, **{facts(effect).payload: payload})
        happened = bench.effects(effect, key(fault.value, effect))
        assert happened <= 1
        assert isinstance(failed.value, OutcomeUnknown | Retryable)
        assert isinstance(failed.value, OutcomeUnknown) or happened == 0, "Retryable, though something happened"
        bench.call(effect, **{facts(effect).payload: payload})
        assert bench.effects(effect, key(fault.value, effect)) == 1

    def test_call_backs_tell_the_same_events_again(self, bench: Bench) -> None:
        hook = self.callback(bench)
        for request in bench.callbacks():
            first = bench.call(hook, request=request)
            again = bench.call(hook, request=request)
            assert [event.event_id for event in first.events] == [event.event_id for event in again.events]

    def test_a_call_back_changed_on_its_way_is_refused(self, bench: Bench) -> None:
        hook = self.callback(bench)
        requests = bench.callbacks()
        assert requests, "the bench gives no call-back"
        for request in requests:
            with pytest.raises(CallbackRefused):
                bench.call(hook, request=request.model_copy(update={"content": request.content + b" "}))

    def test_a_call_back_of_anybody_is_refused(self, bench: Bench) -> None:
        hook = self.callback(bench)
        with pytest.raises(Terminal):
            bench.call(hook, request=CallbackRequest(method="POST", content=b"{}", received_at=now()))

    def sample(self, bench: Bench, hook: str, word: str) -> Any:
        """The sample payload of a hook under the key of this word."""
        made = self.samples[hook](key(word, hook))
        return bench.payload(type(made), made)

    def callback(self, bench: Bench) -> str:
        """The topic's call-back hook; skips where there is none."""
        names = [fact.name for fact in hooks_of_topic(self.api).values() if fact.kind is Kind.CALLBACK]
        if not names:
            pytest.skip("the topic has no call-backs")
        bench.need(*names)
        return names[0]

    @pytest.fixture
    def effect(self, request: pytest.FixtureRequest, bench: Bench) -> str:
        """Each effect of the topic in turn; skips those that the plugin does not offer."""
        bench.need(str(request.param))
        return str(request.param)


def key(word: str, hook: str) -> str:
    """The idempotency key of a test."""
    return f"{word}-{hook}".replace("_", "-")[:64].ljust(8, "-")


def now() -> datetime:
    """This instant."""
    return datetime.now(UTC)
