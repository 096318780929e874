"""Privy: tokens, signing keys, and the development issuer."""
