"""Files as sides of a comparison: Parquet as it is, CSV as text whose types are found out from every value."""

from __future__ import annotations

from pathlib import Path

from sqlglot import exp

from lockgate.adapters.discover.files import kind_of
from lockgate.adapters.relations.bench import DuckDBBench
from lockgate.adapters.relations.duckdb import ALIKE_HINT, parquet_side, refuse_alike
from lockgate.adapters.staging.content import TEXT, name_of
from lockgate.adapters.staging.csv import CsvContent
from lockgate.adapters.warehouses.duckdb.failures import translated
from lockgate.core.comparison import ComparedColumn
from lockgate.core.ports import Side, StagedFile
from lockgate.core.relation import Column
from lockgate.core.types import ColumnType
from lockgate.errors import ContractBroken, SourceInconsistent, SourceRefused, StatementFailed

_ENCODING = "Compare a CSV file in UTF-8, plain or gzipped; iconv converts one."
_RECORDS = "Mend the line; each record needs as many values as the first line has names."


def file_side(bench: DuckDBBench, name: str, file: Path) -> Side:
    """The rows of a CSV or Parquet file.

    Raises:
        SourceRefused: the file is of another format.
        SourceInconsistent: it is empty, broken, not UTF-8, or has lines that are no records.
    """
    kind = kind_of(file)
    if kind == "parquet":
        return _parquet_side(bench, name, file)
    if kind != "csv":
        raise SourceRefused(
            f"{file.name} is neither CSV nor Parquet", hint="Give a file that ends in .csv or .parquet."
        )
    return _csv_side(bench, name, file)


def _parquet_side(bench: DuckDBBench, name: str, file: Path) -> Side:
    try:
        return parquet_side(bench, name, file)
    except StatementFailed as error:
        hint = "Write it again; it may have been cut off on its way."
        raise SourceInconsistent(f"{file.name} is not a whole Parquet file", hint=hint) from error


def _content(bench: DuckDBBench, file: Path) -> CsvContent:
    """What is in a CSV file, in the encoding and with the header that a comparison needs."""
    try:
        content = CsvContent(bench.connection, StagedFile(file, "csv", {}))
    except SourceInconsistent as error:
        raise SourceInconsistent(error.message, hint=_ENCODING) from error
    except ContractBroken as error:
        raise SourceInconsistent(error.message, hint=ALIKE_HINT) from error
    if not content.names:
        hint = "Its first line has to name the columns, also where no rows follow."
        raise SourceInconsistent(f"{file.name} is empty", hint=hint)
    refuse_alike(content.names, file.name)
    return content


def _csv_side(bench: DuckDBBench, name: str, file: Path) -> Side:
    """Every value stays the text it is, so that no digit is lost; its type is the narrowest that all values fit."""
    with translated():
        content = _content(bench, file)
        types = content.infer(content.names, whole=True)
        texts = [Column(one, TEXT) for one in content.names]
        table = f"file_{bench.number()}"
        named = [exp.alias_(exp.column(name_of(number)), one, quoted=True) for number, one in enumerate(content.names)]
        rows = exp.select(*named).from_(content.relation(texts).subquery("records"))
        bench.run(f"create temp table {table} as {rows.sql('duckdb')}")
        if left_out := content.left_out():
            position, why, _ = left_out[0]
            hint = _ENCODING if why.endswith("invalid encoding") else _RECORDS
            raise SourceInconsistent(f"{file.name}: record {position}: {why}", hint=hint, records=len(left_out))
        content.look_closer()
    return Side(name, bench, table, tuple(_column(one, types.get(one)) for one in content.names))


def _column(name: str, found: ColumnType | None) -> ComparedColumn:
    type_ = found or TEXT
    return ComparedColumn(name, type_, str(type_), is_written=True, is_empty=found is None)
