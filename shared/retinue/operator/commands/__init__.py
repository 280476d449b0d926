"""The operator's command, one module per group of subcommands."""
