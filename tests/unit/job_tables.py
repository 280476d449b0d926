"""A jobs table as the template declares it, in moto's server."""

import uuid
from typing import Any

from local.intrinsics import load_yaml
from local.stack import SOURCE_TEMPLATE


def create_jobs_table(client: Any) -> str:
    """Creates a table with the template's keys and index; returns its name. client: boto3, DynamoDB."""
    declared = load_yaml(SOURCE_TEMPLATE)["Resources"]["JobsTable"]["Properties"]
    name = f"jobs-{uuid.uuid4().hex}"
    client.create_table(
        TableName=name,
        **{
            key: declared[key] for key in ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
        },
    )
    return name
