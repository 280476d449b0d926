"""The DynamoDB tables of the template."""

from collections.abc import Iterable
from typing import Any

from local.data_plane import Table


def create_tables(dynamodb: Any, tables: Iterable[Table]) -> None:
    """Makes each table, with its indexes and the attribute by which items expire."""
    for table in tables:
        dynamodb.create_table(TableName=table.name, **table.definition)
        if table.expires_by:
            dynamodb.update_time_to_live(
                TableName=table.name,
                TimeToLiveSpecification={"Enabled": True, "AttributeName": table.expires_by},
            )
