"""A stand-in for BigQuery: the part of its REST API v2 and of GoogleSQL that Lockgate uses, on this machine alone.

It is ours, not Google's. GoogleSQL is read by sqlglot's `bigquery` dialect and executed on an embedded DuckDB in
memory; where DuckDB means something else, the meaning of GoogleSQL is asked for, and what is not known to mean the same
is refused. Tables live as long as the server. It is a stand-in: bytes that are billed, slots, quotas, caches, regions,
permissions, streaming buffers and the isolation of BigQuery are not here. One statement runs at a time.

Source: cloud.google.com/bigquery/docs/reference (REST v2, GoogleSQL), and the discovery document of `bigquery:v2`.
"""

from lockgate.sandbox.bigquery_api.server import BigQueryApi

__all__ = ["BigQueryApi"]
