"""A receiver of webhooks as the Standard Webhooks specification 1.0.0 asks receivers to verify them.

Source: github.com/standard-webhooks/standard-webhooks, "Verifying webhook authenticity" and "Webhook headers".
"""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import b64decode, b64encode

from lockgate.sandbox.alerts.receiver import Answer, Protocol
from lockgate.sandbox.local_server import ApiRequest

TOLERANCE_SECONDS = 300
LARGEST_BYTES = 20_000


def webhook(path: str, secret: str) -> Protocol:
    """The receiver at a path that knows a `whsec_` secret."""
    key = b64decode(secret.removeprefix("whsec_"))

    def answer(request: ApiRequest) -> Answer:
        if request.path != path:
            return Answer(404)
        if len(request.body) > LARGEST_BYTES:
            return Answer(413)
        message_id, moment = (request.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp"))
        if not moment.isdecimal() or abs(time.time() - int(moment)) > TOLERANCE_SECONDS or "." in message_id:
            return Answer(400, "the id or the time is not right")
        signed = f"{message_id}.{moment}.".encode() + request.body
        wanted = b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        offered = [each.split(",", 1) for each in request.headers.get("webhook-signature", "").split(" ")]
        if not any(each[0] == "v1" and hmac.compare_digest(each[-1], wanted) for each in offered):
            return Answer(401, "the signature is not right")
        try:
            event = request.document()
        except ValueError:
            return Answer(400, "no JSON")
        whole = isinstance(event, dict) and {"type", "timestamp", "data"} == set(event)
        return Answer(204) if whole else Answer(400, "no type, timestamp and data")

    return answer
