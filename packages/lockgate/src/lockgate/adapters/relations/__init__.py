"""Relations to compare, wherever they are: files, DuckDB databases, PostgreSQL databases."""
