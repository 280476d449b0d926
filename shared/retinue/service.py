"""What one process holds while it serves: settings, keys, models, the way to pictures. Made once, at the first
request."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from retinue.aws import S3Reader
from retinue.config import ConfigurationError, Settings
from retinue.deadline import Deadline
from retinue.keys import KeyStore
from retinue.observe import Observer

if TYPE_CHECKING:
    from retinue.images.fetch import UrlFetcher
    from retinue.models.cache import WarmCache
    from retinue.workflows.compile import PlanCache
    from retinue.workflows.saved import SavedWorkflows


@dataclass
class Service:
    """The parts that the routes share; the expensive ones are made when first asked for."""

    settings: Settings
    reader: S3Reader
    observer: Observer
    workflow_secrets: Mapping[str, str] | None = None  # what workflows may read of the environment; None: nothing

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Service":
        """The service that the function's environment describes. Raises ConfigurationError."""
        settings = Settings.from_env(env)
        if not settings.models_bucket:
            raise ConfigurationError("RETINUE_MODELS_BUCKET is not set")
        reader = S3Reader.from_env(
            settings.models_bucket, env, timeout_s=settings.s3_timeout_s, attempts=settings.s3_attempts
        )
        observer = Observer(settings, env.get("POWERTOOLS_SERVICE_NAME", "retinue"))
        names = [name.strip() for name in settings.workflow_secrets.split(",") if name.strip()]
        return cls(settings, reader, observer, {name: env[name] for name in names if name in env} if names else None)

    @cached_property
    def keys(self) -> KeyStore:
        """Looks API keys up."""
        return KeyStore(self.reader, self.settings.key_cache_s)

    def fetch(self, url: str, deadline: Deadline) -> bytes:
        """The bytes behind a public https URL. Raises ImageError."""
        return self._url_fetcher(url, deadline)

    @cached_property
    def _url_fetcher(self) -> "UrlFetcher":
        from retinue.images.fetch import UrlFetcher  # 5 ms, which most requests do not need

        return UrlFetcher(
            is_allowed=self.settings.url_input,
            timeout_s=self.settings.url_timeout_s,
            max_bytes=int(self.settings.url_max_mb * 1e6),
            max_redirects=self.settings.url_max_redirects,
        )

    @cached_property
    def models(self) -> "WarmCache":
        """The warm cache. onnxruntime is imported here: functions without models never pay for it."""
        from retinue.models.cache import WarmCache
        from retinue.models.registry import Registry
        from retinue.models.weights import WeightsCache

        return WarmCache(
            self.reader,
            Registry(self.reader, self.settings.alias_cache_s),
            WeightsCache(self.settings.weights_dir, self.settings.model_disk_bytes),
            budget_bytes=self.settings.model_memory_bytes,
            threads=self.settings.effective_threads,
        )

    @cached_property
    def workflows(self) -> "SavedWorkflows":
        """Reads saved workflows."""
        from retinue.workflows.saved import SavedWorkflows

        return SavedWorkflows(self.reader, self.settings.workflow_cache_s)

    @cached_property
    def plans(self) -> "PlanCache":
        """The workflows that were compiled."""
        from retinue.workflows.compile import PlanCache

        return PlanCache()
