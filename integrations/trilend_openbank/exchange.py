"""One call to the bank, and what its failure means for an order and for a read."""

from collections.abc import Mapping
from typing import Any

from trilend_openbank.wire import Answer, AnswerNotTrusted, bank_key, checked_answer, signed_request
from trilend_sdk import OutcomeUnknown, PluginContext, PluginError, Retryable, Terminal

_REPLAYED = "nonce_seen"


def send_order(context: PluginContext, path: str, body: Mapping[str, Any]) -> Answer:
    """Send what may move money; only a signed answer ends the doubt.

    Raises `Retryable` when nothing was sent, `Terminal` when the bank refused, `OutcomeUnknown` in all other cases.
    """
    # A bad key must show before the order leaves, not when its answer comes back.
    bank_key(context)
    return _call(context, path, body, OutcomeUnknown)


def ask(context: PluginContext, path: str, body: Mapping[str, Any]) -> Answer:
    """Read without moving anything; raises `Terminal` when the bank refused, `Retryable` in all other cases."""
    try:
        return _call(context, path, body, Retryable)
    except OutcomeUnknown as lost:
        raise Retryable(lost.message, "answer_lost") from lost


def _call(context: PluginContext, path: str, body: Mapping[str, Any], doubt: type[PluginError]) -> Answer:
    request, nonce = signed_request(context, path, body)
    response = context.http.send(request)
    if response.status >= 500:
        raise doubt(f"银行系统出错(HTTP {response.status})。", "bank_error")
    try:
        answer = checked_answer(context, response, nonce)
    except AnswerNotTrusted:
        context.log.warning("openbank.answer_not_trusted", path=path, status=response.status)
        raise untrusted(doubt) from None
    if answer.status == 200:
        return answer
    raise _refusal(answer, doubt)


def untrusted(doubt: type[PluginError]) -> PluginError:
    """The error for an answer that cannot be relied on."""
    return doubt("银行应答的签名或内容不正确,未采信。", "answer_not_trusted")


def _refusal(answer: Answer, doubt: type[PluginError]) -> PluginError:
    code, message = (answer.fields.get(name) for name in ("code", "message"))
    if not 400 <= answer.status < 500 or not isinstance(code, str) or not isinstance(message, str):
        return untrusted(doubt)
    if code == _REPLAYED:
        # The bank has had this very request before (a gateway repeated it) and may have carried it out.
        return doubt(f"银行:{message}", code)
    return Terminal(f"银行拒绝:{message}", code)
