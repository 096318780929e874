"""How the service touches the world: one folder a neighbour."""
