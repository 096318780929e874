"""Redis or Valkey: the shared cache that is never trusted, and the embedded server."""
