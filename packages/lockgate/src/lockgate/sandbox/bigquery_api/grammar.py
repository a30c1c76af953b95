"""GoogleSQL as sqlglot reads it, with functions left as they are called: what each means is said in `functions`."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.parsers.bigquery import BigQueryParser
from sqlglot.tokenizer_core import TokenType

from lockgate.sandbox.bigquery_api.fields import Field, field, standard
from lockgate.sandbox.bigquery_api.refusals import unknown

_SPECIAL = {"CAST", "SAFE_CAST", "EXTRACT", "ARRAY"}
_OF_SQLGLOT = {
    "BIGINT": "INT64",
    "DOUBLE": "FLOAT64",
    "TEXT": "STRING",
    "VARBINARY": "BYTES",
    "BINARY": "BYTES",
    "BOOLEAN": "BOOL",
    "DECIMAL": "NUMERIC",
    "BIGDECIMAL": "BIGNUMERIC",
    "DATE": "DATE",
    "TIME": "TIME",
    "DATETIME": "DATETIME",
    "TIMESTAMP": "DATETIME",
    "TIMESTAMPTZ": "TIMESTAMP",
    "JSON": "JSON",
    "STRUCT": "STRUCT",
}


class GoogleSql(BigQuery):
    """BigQuery's dialect, whose functions have no meaning yet."""

    class Parser(BigQueryParser):
        """Reads calls as calls."""

        FUNCTIONS = {}  # noqa: RUF012  as the library declares it
        FUNCTION_PARSERS = {  # noqa: RUF012
            name: parse for name, parse in BigQueryParser.FUNCTION_PARSERS.items() if name in _SPECIAL
        }


class Words(BigQuery):
    """What splits a script into words: none of them takes the rest of a statement with it."""

    class Tokenizer(BigQuery.Tokenizer):
        """Reads BEGIN, EXCEPTION and their like as words."""

        COMMANDS = set()  # noqa: RUF012  as the library declares it
        KEYWORDS = {  # noqa: RUF012
            word: TokenType.VAR if kind is TokenType.COMMAND else kind
            for word, kind in BigQuery.Tokenizer.KEYWORDS.items()
        }


def field_of(name: str, kind: exp.DataType) -> Field:
    """The column that a type of GoogleSQL makes.

    Raises:
        Refusal: there is no such type here.
    """
    called = str(kind.this.value).upper()
    if called == "ARRAY":
        return {**field_of(name, kind.expressions[0]), "mode": "REPEATED"}
    if called not in _OF_SQLGLOT:
        raise unknown(f"the type {kind.sql('bigquery')}")
    if called == "STRUCT":
        parts = [field_of(part.name, part.args["kind"]) for part in kind.expressions]
        return field(name, "STRUCT", fields=parts)
    found = standard(_OF_SQLGLOT[called])
    sizes = [str(part.this.name) for part in kind.expressions]
    if not sizes:
        return field(name, found)
    if found in {"NUMERIC", "BIGNUMERIC"}:
        return field(name, found, precision=sizes[0], scale=(sizes[1:] or ["0"])[0])
    return field(name, found, maxLength=sizes[0])
