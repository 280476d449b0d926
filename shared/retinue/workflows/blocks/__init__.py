"""The blocks: one module for each name, with all its versions."""
