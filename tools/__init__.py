"""Tools that build and check: run by make."""
