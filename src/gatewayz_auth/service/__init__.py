"""What the service does: use cases over ports, with no driver in sight."""
