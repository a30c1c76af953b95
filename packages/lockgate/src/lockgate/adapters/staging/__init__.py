"""Staging: packages of raw records become validated Parquet files."""
