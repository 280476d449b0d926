"""Workflows: models and image operations chained by a JSON document."""
