"""The shape of what a project says about who is told of builds, and how."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, WithJsonSchema

from lockgate.config.grammar import Address, Name, Shape, fault
from lockgate.core.secret import SCHEME

SECRET_PATTERN = r"^secret://[A-Za-z0-9][A-Za-z0-9_-]{0,62}$"
# What servers take without extensions (RFC 5321, 4.1.2), without quoted names.
MAIL_PATTERN = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$"


def _secret(written: str) -> str:
    """A reference to a secret, and never the secret itself."""
    if not re.fullmatch(SECRET_PATTERN, written):
        raise fault("must be a reference to a secret", f"Keep it as a secret, and write {SCHEME}name here.")
    return written


def _mail(written: str) -> str:
    """A mail address, and nothing else that a header could hold."""
    if not re.fullmatch(MAIL_PATTERN, written) or written.endswith("\n"):
        raise fault(f"{written!r} is not a mail address", "Write it as data@example.com.")
    return written


def _of_schemes(*schemes: str) -> AfterValidator:
    """A validator of addresses that are a secret or begin with one of these schemes."""
    names = " or ".join(f"{scheme}://" for scheme in schemes)

    def validate(written: str) -> str:
        parts = urlsplit(written)
        if not written.startswith(SCHEME) and (parts.scheme not in schemes or not parts.hostname):
            raise fault(
                f"is neither a secret nor an address with {names}", f"Write {schemes[0]}://host, or {SCHEME}name."
            )
        if parts.username is not None:
            raise fault("a user stands in the address", f"Keep the address as a secret: {SCHEME}name.")
        return written

    return AfterValidator(validate)


SecretReference: TypeAlias = Annotated[
    str, AfterValidator(_secret), WithJsonSchema({"type": "string", "pattern": SECRET_PATTERN})
]
MailAddress: TypeAlias = Annotated[
    str, AfterValidator(_mail), WithJsonSchema({"type": "string", "pattern": MAIL_PATTERN})
]
HttpAddress: TypeAlias = Annotated[Address, _of_schemes("https", "http")]
MailServerAddress: TypeAlias = Annotated[Address, _of_schemes("smtp", "smtps")]


class NotificationShape(Shape):
    """A channel over which notices go."""

    severity: Literal["info", "warning", "critical"] = Field("info", description="The least grave notices that go.")
    entities: list[Name] = Field(
        default_factory=list, description="Only notices about these entities, and those about none; none: about all."
    )


class EmailNotification(NotificationShape):
    """Mail, by an SMTP server."""

    kind: Literal["email"] = Field(description="`email`.")
    server: MailServerAddress = Field(
        description="`secret://name` of `smtp://user:password@host:587` (STARTTLS) or `smtps://…:465`."
    )
    from_: MailAddress = Field(alias="from", description="Whom the mail is from.")
    to: list[MailAddress] = Field(min_length=1, max_length=50, description="Whom it goes to.")


class SlackNotification(NotificationShape):
    """Messages in a Slack channel, by an incoming webhook."""

    kind: Literal["slack"] = Field(description="`slack`.")
    url: SecretReference = Field(description="`secret://name` of the webhook's address: who knows it can post.")


class PagerDutyNotification(NotificationShape):
    """Alerts of a PagerDuty service, by the Events API v2."""

    kind: Literal["pagerduty"] = Field(description="`pagerduty`.")
    key: SecretReference = Field(description="`secret://name` of the service's integration key.")
    url: HttpAddress = Field(
        "https://events.pagerduty.com/v2/enqueue",
        description="Where events go; in the EU region `https://events.eu.pagerduty.com/v2/enqueue`.",
    )


class WebhookNotification(NotificationShape):
    """JSON to an address of one's own, signed by the Standard Webhooks specification."""

    kind: Literal["webhook"] = Field(description="`webhook`.")
    url: HttpAddress = Field(description="The address, or `secret://name` of it.")
    secret: SecretReference = Field(
        description="`secret://name` of the key that signs: `whsec_` and 32 bytes in base64."
    )


AnyNotification: TypeAlias = Annotated[
    EmailNotification | SlackNotification | PagerDutyNotification | WebhookNotification, Field(discriminator="kind")
]
