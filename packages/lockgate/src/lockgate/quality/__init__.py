"""Quality: what was measured of entities and loads, and whether it is as it should be."""
