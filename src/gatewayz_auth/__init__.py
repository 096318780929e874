"""Sign-in for API platforms: a proven Privy identity in, the account and its API key out, always in time."""

__all__ = ["__version__"]

__version__ = "0.1.0"
