"""The networks: a module for each family, found by their names in the registry."""
