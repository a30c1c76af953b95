"""The SQL that rules are written in: a typed subset of PostgreSQL's that means the same on every engine."""
