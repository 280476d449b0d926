"""The query language of workflows: conditions and chains of operations, written as JSON (contract/workflows.md 6)."""
