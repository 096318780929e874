"""A long run of the real thing: ``make soak MINUTES=30``."""
