"""The words that all sandbox pages share, in Simplified Chinese and English."""

from collections.abc import Mapping
from types import MappingProxyType

TEXTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "other_language": ("English", "中文"),
        "faults": ("故障演练", "Faults"),
        "faults_none": ("没有待发生的故障。", "No fault is waiting."),
        "faults_help": ("接口的下几次调用将按设定出错。", "The next calls of the API go wrong as ordered."),
        "kind": ("故障", "Fault"),
        "endpoint": ("接口", "Endpoint"),
        "any_endpoint": ("任意接口", "Any"),
        "count": ("次数", "Times"),
        "seconds": ("延迟(秒)", "Delay (seconds)"),
        "order_fault": ("添加故障", "Add fault"),
        "clear_faults": ("清除全部故障", "Clear all faults"),
        "error_before": ("执行前返回 500", "500 before executing"),
        "drop_after": ("执行后断开连接", "Connection lost after executing"),
        "delay": ("执行后延迟应答", "Late answer"),
        "malformed": ("应答残缺", "Cut-off answer"),
        "wrong_signature": ("应答签名错误", "Wrongly signed answer"),
        "duplicate": ("重复执行", "Carried out twice"),
        "send_twice": ("回调发送两次", "Call-back sent twice"),
        "out_of_order": ("回调次序颠倒", "Call-backs out of order"),
        "done_fault": ("故障已添加。", "The fault is set."),
        "done_cleared": ("故障已清除。", "No faults any more."),
    }
)

REFUSALS_IN_ENGLISH: Mapping[str, str] = MappingProxyType(
    {
        "date_invalid": "Write a date like 2026-08-03.",
        "count_invalid": "The number of times is 1 to 1000.",
        "seconds_invalid": "The delay is 0 to 120 seconds.",
        "kind_unknown": "Choose one of the faults.",
        "endpoint_unknown": "Choose one of the endpoints.",
    }
)
