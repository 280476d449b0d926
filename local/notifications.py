"""Bucket notifications: moto delivers them, but ignores them in CloudFormation, so they are set by call."""

from collections.abc import Iterable
from typing import Any

from local.template import Bucket


def set_notifications(s3: Any, buckets: Iterable[Bucket]) -> None:
    """Makes each bucket tell its queues what the template says. The queues must exist; each gets an s3:TestEvent."""
    for bucket in buckets:
        if not bucket.notifications:
            continue
        entries = []
        for notification in bucket.notifications:
            entry: dict[str, Any] = {"QueueArn": notification.queue_arn, "Events": [notification.event]}
            if notification.rules:
                entry["Filter"] = {"Key": {"FilterRules": [dict(rule) for rule in notification.rules]}}
            entries.append(entry)
        s3.put_bucket_notification_configuration(
            Bucket=bucket.name, NotificationConfiguration={"QueueConfigurations": entries}
        )
