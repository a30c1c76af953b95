"""The inventory solution: users and applications, from a generated source to the right result."""
