"""Rules compiled to one SQL query: what a rule set says, what it means, and how it runs."""
