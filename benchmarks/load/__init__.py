"""Load on a real server: clients that ask at once, what they were told, and what that cost the server."""
