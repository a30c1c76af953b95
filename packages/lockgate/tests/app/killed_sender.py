"""Sends what is due, and dies by SIGKILL after the receiver has taken it, before that is recorded."""

from __future__ import annotations

import os
import signal
import sys

from lockgate.adapters.alerts.webhook import open_webhook
from lockgate.app.notifying import deliver
from lockgate.core.notice import NotificationDeclaration
from lockgate.store import open_store
from lockgate.store.notice_log import NoticeLog
from lockgate.store.scope import Scope

address, url, secret, claim_seconds = sys.argv[1:]


class Plain:
    def resolve(self, reference: str) -> str:
        return reference


class DiesAfterwards:
    def send(self, notice) -> str:
        declaration = NotificationDeclaration("hook", "webhook", options={"url": url, "secret": secret})
        open_webhook(declaration, Plain(), origin="people.main").send(notice)
        os.kill(os.getpid(), signal.SIGKILL)
        return "never told"


store = open_store(address, project="people", target="main")
deliver(
    NoticeLog(store.database, Scope("people", "main"), claim_seconds=float(claim_seconds)), lambda _: DiesAfterwards()
)
