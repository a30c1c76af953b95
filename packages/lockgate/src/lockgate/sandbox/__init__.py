"""Local servers for demos and tests: real ones, and ones that speak a vendor's protocol over generated data."""
