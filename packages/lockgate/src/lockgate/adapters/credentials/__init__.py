"""Passwords as argon2 keeps them, and tokens as JWT writes them."""
