"""Who may: what a password must be, when an account is locked, how long sessions and tokens are good for."""
