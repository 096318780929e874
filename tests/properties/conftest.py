"""How properties are tried: a slow machine is no counter-example, and what reproduces a failure is printed."""

from hypothesis import settings

settings.register_profile("properties", deadline=None, print_blob=True)
settings.load_profile("properties")
