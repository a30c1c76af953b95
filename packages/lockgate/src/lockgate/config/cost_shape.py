"""The shape of what a project says about prices."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field, WithJsonSchema

from lockgate.config.grammar import Shape, fault

_MOST = Decimal(1_000_000)


def parse_price(written: object) -> Decimal:
    """A price as it is written, to its last digit."""
    try:
        price = Decimal(str(written)) if isinstance(written, int | float | str) and written is not True else None
    except InvalidOperation:
        price = None
    if price is None or not price.is_finite() or not 0 <= price <= _MOST:
        raise fault(f"{written!r} is no price", "Write a number such as 0.0025, of 1000000 at most.")
    return price


Price: TypeAlias = Annotated[
    Decimal, BeforeValidator(parse_price), WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1_000_000})
]


class CostsShape(Shape):
    """What work costs, so that savings are told in money too."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = Field(description="The currency's code: `EUR`.")
    second: Price | None = Field(None, description="The price of a second of work in the target.")
    terabyte: Price | None = Field(None, description="The price of 10^12 bytes read, where the target tells them.")
