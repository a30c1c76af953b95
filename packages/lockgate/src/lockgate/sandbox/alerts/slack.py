"""A stand-in for Slack's incoming webhooks: it takes what the documentation of Block Kit allows, and nothing else.

Source: docs.slack.dev, "Sending messages using incoming webhooks" (errors) and "Block Kit: blocks" (limits). It knows
the blocks that Lockgate sends: header, section, context.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lockgate.sandbox.alerts.receiver import Answer, Protocol
from lockgate.sandbox.local_server import ApiRequest

LONGEST = {"header": 150, "section": 3000, "field": 2000}
MOST_BLOCKS, MOST_FIELDS, MOST_ELEMENTS, LONGEST_MESSAGE = 50, 10, 10, 40_000
_OF_TEXT = {"plain_text": {"type", "text", "emoji"}, "mrkdwn": {"type", "text", "verbatim"}}
_OF_BLOCK = {
    "header": {"type", "text", "block_id"},
    "section": {"type", "text", "fields", "block_id", "accessory", "expand"},
    "context": {"type", "elements", "block_id"},
}


def slack(path: str) -> Protocol:
    """The webhook at a path such as `/services/T…/B…/…`."""

    def answer(request: ApiRequest) -> Answer:
        if request.path != path:
            return Answer(404, "no_service")
        try:
            message = request.document()
        except ValueError:
            return Answer(400, "invalid_payload")
        if not isinstance(message, dict) or not ({"text", "blocks"} & set(message)):
            return Answer(400, "no_text")
        if len(str(message.get("text", ""))) > LONGEST_MESSAGE:
            return Answer(400, "msg_too_long")
        return Answer(400, "invalid_blocks") if list(faults(message)) else Answer(200, "ok")

    return answer


def faults(message: dict[str, Any]) -> Iterator[str]:
    """What is against the documentation in a message's blocks."""
    blocks = message.get("blocks", [])
    if not isinstance(blocks, list) or len(blocks) > MOST_BLOCKS:
        yield "blocks is a list of 50 at most"
        return
    for block in blocks:
        kind = block.get("type")
        if kind not in _OF_BLOCK or set(block) - _OF_BLOCK[kind]:
            yield f"no such block, or not such a one: {kind}"
        elif kind == "header":
            yield from _text(block.get("text"), LONGEST["header"], {"plain_text"})
        elif kind == "context":
            yield from _list(block.get("elements"), MOST_ELEMENTS, LONGEST["section"])
        else:
            yield from _section(block)


def _section(block: dict[str, Any]) -> Iterator[str]:
    if not {"text", "fields"} & set(block):
        yield "a section has text or fields"
    if "text" in block:
        yield from _text(block["text"], LONGEST["section"], set(_OF_TEXT))
    if "fields" in block:
        yield from _list(block["fields"], MOST_FIELDS, LONGEST["field"])


def _list(texts: object, most: int, longest: int) -> Iterator[str]:
    if not isinstance(texts, list) or not 1 <= len(texts) <= most:
        yield f"is a list of 1 to {most}"
        return
    for text in texts:
        yield from _text(text, longest, set(_OF_TEXT))


def _text(text: Any, longest: int, kinds: set[str]) -> Iterator[str]:
    if not isinstance(text, dict) or text.get("type") not in kinds or set(text) - _OF_TEXT[text["type"]]:
        yield "is no text object"
    elif not isinstance(text.get("text"), str) or not 1 <= len(text["text"]) <= longest:
        yield f"text has 1 to {longest} characters"
