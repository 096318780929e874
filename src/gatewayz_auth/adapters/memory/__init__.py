"""Verified fakes: they pass the same contract suite as the real neighbours."""
