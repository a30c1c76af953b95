"""Files as a git repository remembers them."""

from lockgate.adapters.git.checkouts import Checkout, Checkouts

__all__ = ["Checkout", "Checkouts"]
