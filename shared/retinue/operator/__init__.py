"""What operators do: publish models, make keys. Needs the extra `operator`; never imported by a function."""
