"""The HTTP surface: events in, responses out."""
