"""How the service is asked: HTTP in, HTTP out, no decisions."""
