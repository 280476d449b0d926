"""A model asked about the pictures of a job: the pipeline of the synchronous routes, in batches."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from retinue.errors import ParameterError
from retinue.http.parameters import UrlParameters, parse_url_parameters
from retinue.http.render import render_prediction
from retinue.ids import ids_of
from retinue.images.decode import Image
from retinue.models.session import LoadedModel
from retinue.pipeline.predict import StageTimes, predict_prepared
from retinue.pipeline.prediction import Prediction
from retinue.pipeline.preprocess import prepare
from retinue.worker.pictures import Failure
from retinue.worker.plan import PlanError
from retinue.worker.targets import Answer, Moment, Ready


class ModelTarget:
    """A loaded model. `batch_size`: that of the graph if it has a fixed one, else that of the plan."""

    def __init__(self, model: LoadedModel, parameters: Mapping[str, Any], batch_size: int, *, is_drawn: bool) -> None:
        """`parameters` are those of the URL routes. Raises PlanError if one of them has a wrong value."""
        self._model, self._is_drawn = model, is_drawn
        self._parameters = read_parameters(parameters)
        self.batch_size = model.manifest.network_input.batch or batch_size

    @property
    def colors(self) -> tuple[str, ...]:
        """Those of its classes, "#RRGGBB" by class id."""
        return self._model.manifest.colors

    def prepare(self, item_id: str, image: Image, moment: Moment | None = None) -> Ready:
        """The network's input for the picture."""
        # One thread each: the pictures that are prepared side by side keep the cores busy.
        prepared = prepare(image, self._model.manifest, 1, skipped=self._parameters.skipped)
        kept = image if self._is_drawn else None
        size_bytes = prepared[0].nbytes + (image.nbytes if self._is_drawn else 0)
        return Ready(item_id, (prepared, kept), size_bytes)

    def answer(self, batch: Sequence[Ready | Failure]) -> list[Answer]:
        """As Target.answer says.

        The shape of what the network gets decides about the last bits of its numbers, so a picture that is missing is
        stood in for by a black one of its neighbour's size: the others run as if it were there.
        """
        ready = [place for place in batch if isinstance(place, Ready)]
        if not ready:
            return [Answer(place) for place in batch if isinstance(place, Failure)]
        prepared, neighbour = [], ready[0]
        for place in batch:
            if isinstance(place, Ready):
                neighbour = place
                prepared.append(place.content[0])
            else:
                tensor, placement = neighbour.content[0]
                prepared.append((np.zeros_like(tensor), placement))
        predictions = predict_prepared(self._model, prepared, self._parameters.thresholds, StageTimes())
        return [
            self._answer(place, prediction) if isinstance(place, Ready) else Answer(place)
            for place, prediction in zip(batch, predictions, strict=True)
        ]

    def _answer(self, ready: Ready, prediction: Prediction) -> Answer:
        with ids_of(ready.item_id):
            result = render_prediction(prediction, inference_id=ready.item_id, time_s=0.0)
        del result["time"]
        return Answer(result, self._draw(ready.content[1], prediction) if self._is_drawn else b"")

    def _draw(self, image: Image, prediction: Prediction) -> bytes:
        from retinue.pipeline.draw import draw_prediction  # Pillow

        return draw_prediction(
            image,
            prediction,
            colors=self._model.manifest.colors,
            has_labels=self._parameters.has_labels,
            stroke_width=self._parameters.stroke_width,
        )


def read_parameters(parameters: Mapping[str, Any]) -> UrlParameters:
    """The parameters of a plan, read as those of a URL. Raises PlanError."""
    try:
        return parse_url_parameters({name: _text(value) for name, value in parameters.items() if value is not None})
    except ParameterError as exc:
        raise PlanError(f"the parameters of the plan are wrong: {exc.public}") from exc


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(str(item) for item in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
