"""What one process holds while it serves: settings, keys, models, the way to pictures. Made once, at the first
request."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from retinue.aws import S3Reader, boto3_client
from retinue.config import ConfigurationError, Settings
from retinue.deadline import Deadline
from retinue.errors import NotDeployed, NotFound, UploadNotFound
from retinue.keys import KeyStore
from retinue.observe import Observer
from retinue.uploads.layout import upload_object

if TYPE_CHECKING:
    from retinue.images.fetch import UrlFetcher
    from retinue.images.load import Fetch
    from retinue.jobs.control import JobControl
    from retinue.jobs.target import Catalogue
    from retinue.keys import Access
    from retinue.models.cache import WarmCache
    from retinue.models.registry import Registry
    from retinue.workflows.compile import PlanCache
    from retinue.workflows.saved import SavedWorkflows

NO_UPLOADS_BUCKET = "Uploads are off in this stack: it has no uploads bucket (RETINUE_UPLOADS_BUCKET)."


@dataclass
class Service:
    """The parts that the routes share; the expensive ones are made when first asked for."""

    settings: Settings
    reader: S3Reader
    observer: Observer
    workflow_secrets: Mapping[str, str] | None = None  # what workflows may read of the environment; None: nothing
    uploads_reader: S3Reader | None = None  # of the uploads bucket; None where the stack has none

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Service":
        """The service that the function's environment describes. Raises ConfigurationError."""
        settings = Settings.from_env(env)
        if not settings.models_bucket:
            raise ConfigurationError("RETINUE_MODELS_BUCKET is not set")
        timeout_s, attempts = settings.s3_timeout_s, settings.s3_attempts
        reader = S3Reader.from_env(settings.models_bucket, env, timeout_s=timeout_s, attempts=attempts)
        uploads = None
        if settings.uploads_bucket:
            uploads = S3Reader.from_env(settings.uploads_bucket, env, timeout_s=timeout_s, attempts=attempts)
        observer = Observer(settings, env.get("POWERTOOLS_SERVICE_NAME", "retinue"))
        return cls(settings, reader, observer, workflow_secrets(settings, env), uploads)

    @cached_property
    def keys(self) -> KeyStore:
        """Looks API keys up."""
        return KeyStore(self.reader, self.settings.key_cache_s)

    def uploads_of(self, workspace: str) -> "Fetch":
        """Reads what was uploaded for one request (`POST /uploads`) by a key of this workspace."""

        def fetch(upload_id: str, deadline: Deadline) -> bytes:
            if self.uploads_reader is None:
                raise NotDeployed(f"upload {upload_id} without RETINUE_UPLOADS_BUCKET", public=NO_UPLOADS_BUCKET)
            most_bytes = int(self.settings.upload_max_mb * 1e6)
            try:
                return self.uploads_reader.read(upload_object(workspace, upload_id), deadline, most_bytes=most_bytes)
            except NotFound as exc:
                raise UploadNotFound(
                    f"There is no upload {upload_id}: nothing was put to its URL yet, it expired (after a day), or it "
                    "is of another workspace."
                ) from exc

        return fetch

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
            allowed_hosts=_listed(self.settings.url_allowed_hosts),
            denied_hosts=_listed(self.settings.url_denied_hosts),
        )

    @cached_property
    def s3(self) -> Any:
        """boto3's client of S3, for what is written and for links; 150 ms the first time."""
        return boto3_client("s3", attempts=self.settings.s3_attempts)

    @cached_property
    def jobs(self) -> "JobControl":
        """The jobs of the stack. boto3 is imported here."""
        from retinue.jobs.control import JobControl

        return JobControl.open(self.settings)

    def catalogue(self, access: "Access", deadline: Deadline) -> "Catalogue":
        """The models and workflows that jobs of a key may run."""
        from retinue.jobs.target import Catalogue
        from retinue.workflows.block import Limits

        settings = self.settings
        limits = Limits(steps=settings.workflow_max_steps, elements=settings.workflow_max_elements)
        return Catalogue(self.registry, self.workflows, limits, access, deadline)

    @cached_property
    def registry(self) -> "Registry":
        """Finds the manifests of models."""
        from retinue.models.registry import Registry

        return Registry(self.reader, self.settings.alias_cache_s)

    @cached_property
    def models(self) -> "WarmCache":
        """The warm cache. onnxruntime is imported here: functions without models never pay for it."""
        from retinue.models.cache import WarmCache
        from retinue.models.weights import WeightsCache

        return WarmCache(
            self.reader,
            self.registry,
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


def workflow_secrets(settings: Settings, env: Mapping[str, str]) -> dict[str, str] | None:
    """What workflows may read of the environment; None where that is switched off."""
    names = _listed(settings.workflow_secrets)
    return {name: env[name] for name in names if name in env} if names else None


def _listed(text: str) -> list[str]:
    """What a setting lists, separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]
