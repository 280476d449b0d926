"""The jobs table in DynamoDB's own words: keys, expressions, conditions. What they mean for a job: `store.py`."""

import random
import time
from collections.abc import Iterator, Mapping
from typing import Any

from retinue.errors import StorageUnavailable
from retinue.jobs.items import SHARD, Item, encoded, job_key, shard_key
from retinue.jobs.record import State

INDEX = "by-workspace"
# Shards that end together contend for one counter; DynamoDB refuses the loser at once, so it tries again.
_TRANSACTION_ATTEMPTS = 12
_LEAST_FILTERED = 100

Update = dict[str, Any]
"""The arguments of UpdateItem, or of an Update in a transaction."""


class JobTable:
    """Reads and writes the items of one table. `client`: boto3, DynamoDB."""

    def __init__(self, table: str, client: Any) -> None:
        self._table, self._client = table, client

    def get(self, key: Item) -> Item:
        """An item as it is now; empty if there is none."""
        found: Item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item", {})
        return found

    def shards(self, job_id: str) -> Iterator[Item]:
        """The shards of a job that have started, by index."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="job_id = :job AND begins_with(#item, :shard)",
            ExpressionAttributeNames={"#item": "item"},
            ExpressionAttributeValues=encoded({":job": job_id, ":shard": SHARD}),
        )
        return (item for page in pages for item in page["Items"])

    def listed(
        self, workspace: str, state: State | None, limit: int, position: Item | None
    ) -> tuple[list[Item], Item | None]:
        """Jobs of a workspace from a position on, newest first, about `limit` of them, and where to go on."""
        query: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": INDEX,
            "KeyConditionExpression": "workspace = :workspace",
            "ExpressionAttributeValues": encoded({":workspace": workspace}),
            "ScanIndexForward": False,
            # A filter sees what the limit lets through.
            "Limit": limit if state is None else max(limit, _LEAST_FILTERED),
        }
        if state is not None:
            query["FilterExpression"] = "#state = :state"
            query["ExpressionAttributeNames"] = {"#state": "state"}
            query["ExpressionAttributeValues"] |= encoded({":state": state})
        if position:
            query["ExclusiveStartKey"] = {**position, **encoded({"workspace": workspace})}
        page = self._client.query(**query)
        return page["Items"], page.get("LastEvaluatedKey")

    def update(self, update: Update) -> Item | None:
        """The item after the update; None if its condition does not hold."""
        try:
            changed: Item = self._client.update_item(**update, ReturnValues="ALL_NEW")["Attributes"]
        except self._client.exceptions.ConditionalCheckFailedException:
            return None
        return changed

    def put(self, item: Item) -> dict[str, Any]:
        """The part of a transaction that writes an item, unless there is one."""
        return {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(job_id)"}}

    def job_update(
        self,
        job_id: str,
        values: Mapping[str, str | int],
        allowed: tuple[State, ...],
        count: Mapping[str, int] | None = None,
    ) -> Update:
        """An update of a job that holds only in the `allowed` states."""
        states = {f":is_{state}": state for state in allowed}
        update = self._update(job_key(job_id), values, f"#state IN ({', '.join(states)})", count or {})
        update["ExpressionAttributeNames"]["#state"] = "state"
        update["ExpressionAttributeValues"] |= encoded(states)
        return update

    def shard_update(
        self, job_id: str, index: int, values: Mapping[str, str | int], *, may_be_new: bool = False
    ) -> Update:
        """An update of a shard that has not ended; may_be_new: nor need it have started."""
        condition = "#state = :running"
        if may_be_new:
            condition = f"attribute_not_exists(#state) OR {condition}"
        update = self._update(shard_key(job_id, index), values, condition, {})
        update["ExpressionAttributeNames"]["#state"] = "state"
        update["ExpressionAttributeValues"] |= encoded({":running": "running"})
        return update

    def shard_start(self, job_id: str, index: int, now: str) -> Update:
        """An update by which an attempt at a shard begins, unless the shard has ended."""
        update = self.shard_update(job_id, index, {"state": "running", "updated_at": now}, may_be_new=True)
        update["UpdateExpression"] += (
            ", started_at = :updated_at, #done = if_not_exists(#done, :zero), #failed = if_not_exists(#failed, :zero), "
            "started_done = if_not_exists(#done, :zero) ADD attempt :one"
        )
        update["ExpressionAttributeNames"] |= {"#done": "done", "#failed": "failed"}
        update["ExpressionAttributeValues"] |= encoded({":zero": 0, ":one": 1})
        return update

    def _update(self, key: Item, values: Mapping[str, str | int], condition: str, count: Mapping[str, int]) -> Update:
        """The arguments of an update that sets `values` and adds `count`. Names go by aliases: some are reserved."""
        settings = {name: f":{name}" for name in values}
        if "reason" in values and "state" not in values:  # of several deaths the first is told
            settings["reason"] = "if_not_exists(#reason, :reason)"
        expression = "SET " + ", ".join(f"#{name} = {value}" for name, value in settings.items())
        if count:
            expression += " ADD " + ", ".join(f"#{name} :{name}" for name in count)
        return {
            "TableName": self._table,
            "Key": key,
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {f"#{name}": name for name in (*values, *count)},
            "ExpressionAttributeValues": encoded({f":{name}": value for name, value in {**values, **count}.items()}),
        }

    def transact(self, items: list[dict[str, Any]]) -> bool:
        """Whether all items were written; False if a condition did not hold. Conflicts are tried again."""
        for attempt in range(_TRANSACTION_ATTEMPTS):
            try:
                self._client.transact_write_items(TransactItems=items)
                return True
            except self._client.exceptions.TransactionCanceledException as exc:
                codes = {reason.get("Code") for reason in exc.response.get("CancellationReasons", [])}
                if "ConditionalCheckFailed" in codes:
                    return False
                if not codes & {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}:
                    raise
            time.sleep(min(2.0, 0.02 * 2**attempt) * random.uniform(0.5, 1.5))
        raise StorageUnavailable(
            f"DynamoDB refused a transaction {_TRANSACTION_ATTEMPTS} times because others wrote the same records",
            public="The job table does not answer at the moment - retry request.",
        )
