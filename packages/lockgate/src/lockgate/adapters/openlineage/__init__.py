"""OpenLineage: events by its specification, in its classes, named by its conventions, to a file or a service."""
