"""What the local stack needs from template.yaml: functions, routes, buckets, queues, tables and the API's CORS rule.

Reads both the source template and the one that `sam build` writes: paths are relative to the template's folder.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.batch_definitions import (
    JOB_DEFINITION,
    JOB_QUEUE,
    RULE,
    EventRule,
    JobDefinition,
    JobQueue,
    read_event_rule,
    read_job_definition,
)
from local.data_plane import (
    QUEUE,
    TABLE,
    Queue,
    QueueNotification,
    QueueSource,
    Table,
    read_notifications,
    read_queue,
    read_source,
    read_table,
)
from local.intrinsics import ACCOUNT_ID, REGION, STACK_NAME, Resolver, TemplateError, is_intrinsic, load_yaml

FUNCTION = "AWS::Serverless::Function"
LAYER = "AWS::Serverless::LayerVersion"
HTTP_API = "AWS::Serverless::HttpApi"
BUCKET = "AWS::S3::Bucket"

GATEWAY_TIMEOUT_S = 30.0  # the HTTP API's integration timeout, which cannot be raised
DEFAULT_TIMEOUT_S = 3  # Lambda's own defaults where the template is silent
DEFAULT_MEMORY_MB = 128
CATCH_ALL = "$default"


@dataclass(frozen=True)
class Function:
    """One Lambda function: where its code and layers lie and how it is run."""

    logical_id: str
    name: str
    code: Path
    handler: str
    runtime: str
    timeout_s: int
    memory_mb: int
    environment: Mapping[str, str]
    layers: tuple[Path, ...]
    log_format: str = "Text"
    log_level: str = ""  # ApplicationLogLevel; empty where the template leaves it to the function


@dataclass(frozen=True)
class Route:
    """One route of the HTTP API; `method` is upper case or ANY, and both are `$default` for the catch-all."""

    method: str
    path: str
    function: str
    timeout_s: float = GATEWAY_TIMEOUT_S

    @property
    def key(self) -> str:
        """What API Gateway calls the route key, for example `POST /{project}/{version}`."""
        return CATCH_ALL if self.path == CATCH_ALL else f"{self.method} {self.path}"


@dataclass(frozen=True)
class Bucket:
    """One S3 bucket, by its local name."""

    logical_id: str
    name: str
    is_versioned: bool
    notifications: tuple[QueueNotification, ...] = ()


@dataclass(frozen=True)
class Cors:
    """The API's CorsConfiguration; lists as written, so `*` stays `*`."""

    allow_origins: tuple[str, ...] = ()
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age_s: int | None = None
    allow_credentials: bool = False


@dataclass(frozen=True)
class Template:
    """Everything that the local stack runs, by logical id."""

    functions: Mapping[str, Function]
    routes: tuple[Route, ...]
    buckets: Mapping[str, Bucket]
    cors: Cors | None
    queues: Mapping[str, Queue] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    sources: tuple[QueueSource, ...] = ()
    job_queues: tuple[JobQueue, ...] = ()
    job_definitions: tuple[JobDefinition, ...] = ()
    event_rules: tuple[EventRule, ...] = ()


def read_template(path: Path, parameters: Mapping[str, str] | None = None) -> Template:
    """Returns what `path` describes; `parameters` override the template's defaults.

    Raises TemplateError, with the place, for anything that cannot be followed locally.
    """
    return _Reader(path, parameters or {}).read()


def merge_globals(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """SAM's rule for Globals: mappings are merged, lists are joined (globals first), anything else is overridden."""
    merged = dict(shared)
    for key, value in own.items():
        base = shared.get(key)
        if isinstance(base, dict) and isinstance(value, dict) and not (is_intrinsic(base) or is_intrinsic(value)):
            merged[key] = merge_globals(base, value)
        elif isinstance(base, list) and isinstance(value, list):
            merged[key] = base + value
        else:
            merged[key] = value
    return merged


class _Reader:
    """Walks one template document."""

    def __init__(self, path: Path, parameters: Mapping[str, str]) -> None:
        self._folder = path.resolve().parent
        document = load_yaml(path)
        self._resources: dict[str, dict[str, Any]] = document["Resources"]
        self._globals: Mapping[str, Any] = document.get("Globals") or {}
        values = _parameter_values(document.get("Parameters") or {}, parameters)
        self._resolver = Resolver(document, values, self._reference_to, self._attribute_of)

    def read(self) -> Template:
        functions = {logical_id: self._function(logical_id, body) for logical_id, body in self._of_type(FUNCTION)}
        routes = tuple(
            route for logical_id, body in self._of_type(FUNCTION) for route in self._routes(logical_id, body)
        )
        buckets = {logical_id: self._bucket(logical_id, body) for logical_id, body in self._of_type(BUCKET)}
        queues = {
            logical_id: read_queue(logical_id, self._name_of(logical_id), self._resolved(logical_id, body))
            for logical_id, body in self._of_type(QUEUE)
        }
        tables = {
            logical_id: read_table(logical_id, self._name_of(logical_id), self._resolved(logical_id, body))
            for logical_id, body in self._of_type(TABLE)
        }
        arns = {self._attribute_of(logical_id, "Arn"): logical_id for logical_id in queues}
        sources = tuple(
            source for logical_id, body in self._of_type(FUNCTION) for source in self._sources(logical_id, body, arns)
        )
        job_queues = tuple(JobQueue(name, self._name_of(name)) for name, _ in self._of_type(JOB_QUEUE))
        definitions = tuple(self._job_definition(name, body) for name, body in self._of_type(JOB_DEFINITION))
        rules = tuple(rule for name, body in self._of_type(RULE) if (rule := self._event_rule(name, body)))
        return Template(
            functions, routes, buckets, self._cors(), queues, tables, sources, job_queues, definitions, rules
        )

    def _of_type(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The resources of one type whose condition holds, each with its raw properties."""
        for logical_id, resource in self._resources.items():
            if resource.get("Type") != kind:
                continue
            condition = resource.get("Condition")
            if condition is None or self._resolver.condition(condition, f"Resources.{logical_id}.Condition"):
                yield logical_id, resource.get("Properties") or {}

    def _resolved(self, logical_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        resolved: dict[str, Any] = self._resolver.resolve(dict(body), f"Resources.{logical_id}.Properties")
        return resolved

    def _reference_to(self, logical_id: str) -> str:
        """What `!Ref` of a resource gives; KeyError if there is no such resource."""
        name = self._name_of(logical_id)
        match self._resources[logical_id].get("Type"):
            case "AWS::SQS::Queue":
                return Queue(logical_id, name, {}).url
            case "AWS::Batch::JobQueue":
                return JobQueue(logical_id, name).arn
            case "AWS::Batch::JobDefinition":
                return JobDefinition(logical_id, name, {}).arn
        return name

    def _name_of(self, logical_id: str) -> str:
        """The local name of a resource; KeyError if there is no such resource."""
        resource = self._resources[logical_id]
        kind, body = resource.get("Type"), resource.get("Properties") or {}
        if kind == LAYER:
            return f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:layer:{logical_id}:1"
        names = {BUCKET: "BucketName", FUNCTION: "FunctionName", QUEUE: "QueueName", TABLE: "TableName"}
        given = names.get(kind or "", "")
        if given in body:
            return str(self._resolver.resolve(body[given], f"Resources.{logical_id}.Properties.{given}"))
        name = f"{STACK_NAME}-{logical_id}"
        return name.lower() if kind == BUCKET else name  # S3 allows lower case only

    def _attribute_of(self, logical_id: str, attribute: str) -> str:
        """What `!GetAtt` gives; KeyError for an attribute without a local counterpart."""
        kind, name = self._resources[logical_id].get("Type"), self._name_of(logical_id)
        known = {
            (BUCKET, "Arn"): f"arn:aws:s3:::{name}",
            (FUNCTION, "Arn"): f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{name}",
            (QUEUE, "Arn"): f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{name}",
            (QUEUE, "QueueName"): name,
            (QUEUE, "QueueUrl"): Queue(logical_id, name, {}).url,
            (TABLE, "Arn"): f"arn:aws:dynamodb:{REGION}:{ACCOUNT_ID}:table/{name}",
        }
        return known[kind or "", attribute]

    def _function(self, logical_id: str, body: Mapping[str, Any]) -> Function:
        place = f"Resources.{logical_id}.Properties"
        merged = merge_globals(self._globals.get("Function") or {}, body)

        def value(key: str, default: Any = None) -> Any:
            found = self._resolver.resolve(merged.get(key), f"{place}.{key}")
            if found is None and default is None:
                raise TemplateError(f"{place}.{key} is missing")
            return default if found is None else found

        variables = value("Environment", {}).get("Variables") or {}
        return Function(
            logical_id=logical_id,
            name=self._name_of(logical_id),
            code=self._existing_folder(value("CodeUri"), f"{place}.CodeUri"),
            handler=str(value("Handler")),
            runtime=str(value("Runtime")),
            timeout_s=int(value("Timeout", DEFAULT_TIMEOUT_S)),
            memory_mb=int(value("MemorySize", DEFAULT_MEMORY_MB)),
            environment={key: _environment_text(item) for key, item in variables.items()},
            layers=tuple(self._layer(arn, f"{place}.Layers") for arn in value("Layers", [])),
            log_format=str(value("LoggingConfig", {}).get("LogFormat", "Text")),
            log_level=str(value("LoggingConfig", {}).get("ApplicationLogLevel", "")),
        )

    def _layer(self, arn: str, place: str) -> Path:
        for logical_id, body in self._of_type(LAYER):
            if arn == self._name_of(logical_id):
                where = f"Resources.{logical_id}.Properties.ContentUri"
                return self._existing_folder(self._resolver.resolve(body.get("ContentUri"), where), where)
        raise TemplateError(f"{place}: {arn} is not a layer of this template; the local stack runs only those")

    def _existing_folder(self, uri: Any, place: str) -> Path:
        folder = self._folder / str(uri)
        if not folder.is_dir():
            raise TemplateError(f"{place}: there is no folder {folder}")
        return folder.resolve()

    def _routes(self, logical_id: str, body: Mapping[str, Any]) -> Iterator[Route]:
        for name, event in (body.get("Events") or {}).items():
            if event.get("Type") != "HttpApi":
                continue
            place = f"Resources.{logical_id}.Properties.Events.{name}"
            settings = self._resolver.resolve(event.get("Properties") or {}, f"{place}.Properties")
            path, method = settings.get("Path", CATCH_ALL), str(settings.get("Method", "ANY")).upper()
            if path != CATCH_ALL and not path.startswith("/"):
                raise TemplateError(f"{place}.Properties.Path: {path!r} does not start with '/'")
            timeout_s = min(float(settings.get("TimeoutInMillis", GATEWAY_TIMEOUT_S * 1000)) / 1000, GATEWAY_TIMEOUT_S)
            yield Route(
                "ANY" if method in ("X-AMAZON-APIGATEWAY-ANY-METHOD", "*") else method, path, logical_id, timeout_s
            )

    def _sources(self, logical_id: str, body: Mapping[str, Any], queues: Mapping[str, str]) -> Iterator[QueueSource]:
        for name, event in (body.get("Events") or {}).items():
            if event.get("Type") == "SQS":
                place = f"Resources.{logical_id}.Properties.Events.{name}.Properties"
                settings = self._resolver.resolve(event.get("Properties") or {}, place)
                if settings.get("Enabled", True) is not False:
                    yield read_source(logical_id, settings, queues, place)

    def _job_definition(self, logical_id: str, body: Mapping[str, Any]) -> JobDefinition:
        """Without what is about machines and roles, which have no local counterpart."""
        wanted = {key: body[key] for key in ("RetryStrategy", "Timeout") if key in body}
        wanted["Environment"] = (body.get("ContainerProperties") or {}).get("Environment", [])
        return read_job_definition(logical_id, self._name_of(logical_id), self._resolved(logical_id, wanted))

    def _event_rule(self, logical_id: str, body: Mapping[str, Any]) -> EventRule | None:
        wanted = {key: body[key] for key in ("EventPattern", "State") if key in body}
        targets = [{"Arn": target["Arn"]} for target in body.get("Targets", ())]
        return read_event_rule(self._resolved(logical_id, {**wanted, "Targets": targets}))

    def _bucket(self, logical_id: str, body: Mapping[str, Any]) -> Bucket:
        place = f"Resources.{logical_id}.Properties"
        versioning = self._resolver.resolve(body.get("VersioningConfiguration"), place)
        place = f"{place}.NotificationConfiguration"
        notifications = self._resolver.resolve(body.get("NotificationConfiguration"), place)
        is_versioned = (versioning or {}).get("Status") == "Enabled"
        return Bucket(logical_id, self._name_of(logical_id), is_versioned, read_notifications(notifications, place))

    def _cors(self) -> Cors | None:
        shared = self._globals.get("HttpApi") or {}
        apis = [(logical_id, merge_globals(shared, body)) for logical_id, body in self._of_type(HTTP_API)]
        if len(apis) > 1:
            raise TemplateError(f"the template has {len(apis)} HTTP APIs; the local stack serves one")
        place, body = apis[0] if apis else ("Globals.HttpApi", shared)
        settings = self._resolver.resolve(body.get("CorsConfiguration"), f"{place}.CorsConfiguration")
        if not settings:
            return None
        if not isinstance(settings, dict):  # `true` and a bare origin are SAM's short forms
            return Cors(allow_origins=("*" if settings is True else str(settings).strip("'"),))
        return Cors(
            allow_origins=_texts(settings.get("AllowOrigins")),
            allow_methods=_texts(settings.get("AllowMethods")),
            allow_headers=_texts(settings.get("AllowHeaders")),
            expose_headers=_texts(settings.get("ExposeHeaders")),
            max_age_s=int(settings["MaxAge"]) if "MaxAge" in settings else None,
            allow_credentials=settings.get("AllowCredentials") is True,
        )


def _parameter_values(declared: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """Each declared parameter's value; TemplateError for an unknown name or a parameter without any value."""
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise TemplateError(f"no such parameter: {', '.join(unknown)} (the template has {', '.join(declared)})")
    values: dict[str, Any] = {}
    for name, body in declared.items():
        if name not in given and "Default" not in body:
            raise TemplateError(f"Parameters.{name} has no default; give it a value")
        value = given.get(name, body.get("Default"))
        is_list = body.get("Type") == "CommaDelimitedList"
        values[name] = [item.strip() for item in str(value).split(",")] if is_list else value
    return values


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(str(value) for value in values or ())


def _environment_text(value: Any) -> str:
    """A variable as CloudFormation would set it: YAML's booleans become `true` and `false`."""
    return str(value).lower() if isinstance(value, bool) else str(value)
