"""Turns raw rows into entities: rule sets compiled to one SQL query, and dbt projects, behind the same execution."""
