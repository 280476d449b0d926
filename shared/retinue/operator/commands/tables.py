"""Models, predictions and workflows as tables for a terminal."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Column, Table
from rich.text import Text

from retinue.models.package import Manifest, Preprocessing
from retinue.operator.commands.console import add_row
from retinue.operator.models import PublishedModel
from retinue.operator.workflow_answers import summary
from retinue.operator.workflows import SavedWorkflow
from retinue.pipeline.prediction import Prediction

_MOST_NAMES = 8
_MOST_ROWS = 30


def manifest_table(manifest: Manifest, aliases: tuple[str, ...] = ()) -> Table:
    """Everything that a person wants to know about one model."""
    network, names = manifest.network_input, manifest.class_names
    table = Table(show_header=False, title=Text(manifest.model_id), title_justify="left")
    add_row(table, "task", manifest.task)
    add_row(table, "recognised", manifest.recognised)
    add_row(table, "family", f"{manifest.family}, rules of {manifest.convention}")
    add_row(table, "classes", f"{len(names)}: {_listed(names)}")
    if (keypoints := manifest.keypoints) is not None:
        add_row(table, "keypoints", f"{keypoints.slots}: {_listed(keypoints.names[0])}")
    sizes = f"any multiple of {network.stride} up to " if network.stride else ""
    add_row(
        table, "input", f"{sizes}{network.width} x {network.height}, batch {network.batch or 'any'}, {network.dtype}"
    )
    add_row(table, "preprocessing", _preprocessing(manifest.preprocessing))
    add_row(table, "confidence", f"{manifest.default_confidence:g} unless the request says it")
    memory, load = f"{manifest.memory_bytes / 2**20:.0f} MiB", f"load {manifest.load_ms:.0f} ms"
    add_row(table, "measured when published", f"{manifest.latency_ms:.1f} ms a run, {memory}, {load}")
    add_row(table, "weights", f"{manifest.weights.size_bytes / 1e6:.2f} MB, sha256 {manifest.weights.sha256[:16]}")
    if manifest.quantization:
        add_row(table, "quantised", manifest.quantization)
    if manifest.device == "gpu":
        add_row(table, "runs on", "GPUs, in jobs only")
    if aliases:
        add_row(table, "aliases", ", ".join(aliases))
    add_row(table, "published", manifest.published)
    return table


def models_table(models: Iterable[PublishedModel]) -> Table:
    """One line per model."""
    table = Table("model", "task", "family", "input", "classes", "size", "run", "memory", "aliases", "published")
    for model in models:
        manifest, network = model.manifest, model.manifest.network_input
        add_row(
            table,
            manifest.model_id,
            manifest.task,
            manifest.family,
            f"{network.width} x {network.height}",
            str(len(manifest.class_names)),
            f"{manifest.weights.size_bytes / 1e6:.1f} MB",
            f"{manifest.latency_ms:.1f} ms",
            f"{manifest.memory_bytes / 2**20:.0f} MiB",
            ", ".join(model.aliases),
            manifest.published[:10],
        )
    return table


def prediction_table(prediction: Prediction) -> Table:
    """What a model says about one picture, the first rows of it."""
    rows = list(_rows(prediction))
    table = Table("class", "confidence", "where")
    for row in rows[:_MOST_ROWS]:
        add_row(table, *row)
    if len(rows) > _MOST_ROWS:
        add_row(table, f"and {len(rows) - _MOST_ROWS} more", "", "")
    return table


def workflows_table(workflows: Iterable[SavedWorkflow]) -> Table:
    """One line per workflow."""
    table = Table("workflow", "versions", "steps", "models", "changed")
    for workflow in workflows:
        add_row(
            table,
            str(workflow.id),
            ", ".join(workflow.versions),
            str(workflow.steps),
            ", ".join(workflow.models),
            f"{workflow.changed:%Y-%m-%d %H:%M}",
        )
    return table


def interface_table(interface: Mapping[str, Any]) -> Table:
    """What goes into a workflow and what comes out, as `/workflows/describe_interface` says it."""
    table = Table("", "name", "kind")
    for section in ("inputs", "outputs"):
        for name, kinds in interface[section].items():
            # of every output of a step there are kinds by name
            each = {"": kinds} if isinstance(kinds, list) else {f".{key}": of_key for key, of_key in kinds.items()}
            for suffix, of_one in each.items():
                add_row(table, section[:-1], name + suffix, ", ".join(of_one))
    return table


def answers_table(answers: Iterable[tuple[str, Mapping[str, Any]]]) -> Table:
    """One line per picture, one column per output. answers: name of the picture, row."""
    rows = list(answers)
    names = list(dict.fromkeys(name for _, row in rows for name in row))
    table = Table("picture")
    for name in names:
        table.add_column(Text(name))
    for picture, row in rows:
        add_row(table, picture, *(summary(row.get(name)) for name in names))
    return table


def _rows(prediction: Prediction) -> Iterable[tuple[str, str, str]]:
    names = prediction.class_names
    if (detections := prediction.detections) is not None:
        for index, class_id in enumerate(detections.class_id.tolist()):
            x1, y1, x2, y2 = detections.xyxy[index].tolist()
            where = f"x {x1:.0f}..{x2:.0f}, y {y1:.0f}..{y2:.0f}"
            if detections.polygons:
                where += f", outline of {len(detections.polygons[index])} points"
            if detections.is_keypoint_shown is not None:
                where += f", {int(detections.is_keypoint_shown[index].sum())} keypoints"
            yield names[class_id], f"{detections.confidence[index]:.3f}", where
    if (classification := prediction.classification) is not None:
        for class_id, confidence in zip(classification.class_id, classification.confidence, strict=True):
            yield names[class_id], f"{confidence:.4f}", ""
    if (labels := prediction.labels) is not None:
        for name, confidence, is_predicted in zip(names, labels.confidence, labels.is_predicted, strict=True):
            yield name, f"{confidence:.4f}", "predicted" if is_predicted else ""
    if (segmentation := prediction.segmentation) is not None:
        for class_id, name in enumerate(names):
            if share := float((segmentation.class_id == class_id).mean()):
                yield name, "", f"{share:.1%} of the picture"


def jobs_table(jobs: Iterable[Mapping[str, Any]]) -> Table:
    """Jobs as the service lists them."""
    table = Table(Column("job", no_wrap=True), "state", "target", "items", "failed", "created")
    for job in jobs:
        items = job["items"]
        counts = f"{items['done']:,} of {items['total']:,}" if items["total"] else ""
        created = job["created_at"][:19].replace("T", " ")
        add_row(table, job["id"], job["state"], job["name"], counts, f"{items['failed']:,}", f"{created} UTC")
    return table


def _listed(names: tuple[str, ...]) -> str:
    rest = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + rest


def _preprocessing(spec: Preprocessing) -> str:
    steps = []
    if spec.static_crop:
        x_min, y_min, x_max, y_max = spec.static_crop
        steps.append(f"crop to x {x_min:g}..{x_max:g} %, y {y_min:g}..{y_max:g} %")
    if spec.is_grayscale:
        steps.append("grayscale")
    if spec.contrast != "none":
        steps.append(spec.contrast)
    if spec.first_size_wh:
        width, height = spec.first_size_wh
        steps += [f"{spec.resize_mode} to {width} x {height}", "stretch"]
    else:
        steps.append(spec.resize_mode)
    steps.append(f"{spec.interpolation} filter, {spec.color_mode}, divided by {spec.scaling_factor:g}")
    if any(spec.mean) or set(spec.std) != {1.0}:
        steps.append(f"mean {', '.join(f'{value:g}' for value in spec.mean)}")
        steps.append(f"std {', '.join(f'{value:g}' for value in spec.std)}")
    return "; ".join(steps)
