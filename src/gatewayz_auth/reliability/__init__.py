"""How long, and then what: deadlines, guards and the only doors to time and randomness."""
