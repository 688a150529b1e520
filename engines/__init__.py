"""How each kind of data is copied and verified, by its own tools: a folder a dataset. Ports are handed in."""
