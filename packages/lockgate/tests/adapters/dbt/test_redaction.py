"""Messages lose the values of rows, whichever database wrote them, and keep what helps to mend the model."""

from __future__ import annotations

import json

import pytest

from lockgate.adapters.dbt.redaction import Redaction

RUNTIME = "Runtime Error in model fct (models/fct.sql)\n  "
DATABASE = "Database Error in model fct (models/fct.sql)\n  "
COMPILED = "\n  compiled code at /run/models/fct.sql"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "Conversion Error: Could not convert string 'bob' to INT32 when casting from source column v",
            "Conversion Error: Could not convert string … to INT32 when casting from source column v",
        ),
        (
            "Conversion Error: Could not convert string 'bob\n  LINE 1: al'ice\"' to INT32\n\n  LINE 7: )",
            "Conversion Error: Could not convert string … to INT32",
        ),
        (
            "Conversion Error: Type VARCHAR with value 'bob' can't be cast to the destination type INTEGER[]",
            "Conversion Error: Type VARCHAR with value … cannot be cast to the destination type INTEGER[]",
        ),
        (
            "Conversion Error: Type INT32 with value 4000001 can't be cast",
            "Conversion Error: Type INT32 with value … cannot be cast",
        ),
        (
            'Invalid Input Error: Could not parse string "bob" according to format specifier "%Y"\n  bob\n  ^',
            "Invalid Input Error: Could not parse string …",
        ),
        ("Invalid Input Error: missing ): (bob", "Invalid Input Error: missing ): …"),
        ('Constraint Error: Duplicate key "id: bob" violates', "Constraint Error: Duplicate key … violates"),
        ('Binder Error: column "nowhere" not found', 'Binder Error: column "nowhere" not found'),
    ],
)
def test_duckdbs_words_stay_and_its_values_go(said, told):
    assert Redaction("duckdb").safe(RUNTIME + said) == RUNTIME + told


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('invalid input syntax for type integer: "bob"', "invalid input syntax for type integer"),
        ('invalid input syntax for type integer: "bob\n  LINE 1: "al"', "invalid input syntax for type integer"),
        (
            'date/time field value out of range: "bob"\n  HINT:  Perhaps you need a different "DateStyle" setting.',
            "date/time field value out of range",
        ),
        ('value "4000" is out of range for type smallint', "value is out of range for type smallint"),
        ('invalid value "bob" for "Mon"\n  DETAIL:  The given value did not match.', 'invalid value for "Mon"'),
        (
            'invalid input syntax for type json\n  DETAIL:  Token "bob" is invalid.\n  CONTEXT:  JSON data: bob',
            "invalid input syntax for type json",
        ),
        (
            'null value in column "id" of relation "fct" violates not-null constraint\n  DETAIL:  Failing row (bob).',
            'null value in column "id" of relation "fct" violates not-null constraint',
        ),
        (
            'column "nowhere" does not exist\n  LINE 12: select nowhere\n           ^\n  HINT:  Perhaps "somewhere".',
            'column "nowhere" does not exist\n  LINE 12: select nowhere\n           ^\n  HINT:  Perhaps "somewhere".',
        ),
    ],
)
def test_postgresqls_words_stay_and_its_values_go(said, told):
    assert Redaction("postgres").safe(DATABASE + said + COMPILED) == DATABASE + told + COMPILED


def test_what_dbt_left_in_files_is_cleaned_too(tmp_path):
    message = RUNTIME + "Conversion Error: Could not convert string 'bób' to INT32"
    (tmp_path / "dbt.log").write_text(f"08:04 [error]:   {message}\n08:05 done\n", encoding="utf-8")
    (tmp_path / "run_results.json").write_text(json.dumps({"results": [{"message": message}]}), encoding="utf-8")
    redaction = Redaction("duckdb")

    told = redaction.safe(message)
    redaction.clean(tmp_path)

    assert (tmp_path / "dbt.log").read_text(encoding="utf-8") == f"08:04 [error]:   {told}\n08:05 done\n"
    assert json.loads((tmp_path / "run_results.json").read_text(encoding="utf-8"))["results"][0]["message"] == told


def test_a_folder_that_dbt_left_nothing_in_is_fine(tmp_path):
    redaction = Redaction("duckdb")
    redaction.safe("Conversion Error: 'bob'")

    redaction.clean(tmp_path)

    assert list(tmp_path.iterdir()) == []
