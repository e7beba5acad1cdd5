"""Telling the world of patch events, from the outbox: signed, in order, again until it is taken."""

from repo_agent_dagster.notify.delivery import Delivery, deliver
from repo_agent_dagster.notify.signature import EVENT_HEADER, KEY_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from repo_agent_dagster.notify.subscribing import SECRET_ENV, InvalidTarget, checked_url, checked_variable, subscribe

__all__ = [
    "EVENT_HEADER",
    "KEY_HEADER",
    "SECRET_ENV",
    "SIGNATURE_HEADER",
    "TIMESTAMP_HEADER",
    "Delivery",
    "InvalidTarget",
    "checked_url",
    "checked_variable",
    "deliver",
    "sign",
    "subscribe",
]
