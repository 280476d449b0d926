"""The kinds of values that steps exchange: contract/workflows.md 3. A kind is a name; there are no subkinds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value is: in a sentence, as the JSON of a request or an answer, and inside the engine."""

    name: str
    description: str
    serialised_data_type: str
    internal_data_type: str


ANY = "*"
IMAGE = "image"
VIDEO_METADATA = "video_metadata"
OBJECTS = "object_detection_prediction"
INSTANCES = "instance_segmentation_prediction"
KEYPOINTS = "keypoint_detection_prediction"
RLE_INSTANCES = "rle_instance_segmentation_prediction"
SEMANTIC = "semantic_segmentation_prediction"
CLASSIFICATION = "classification_prediction"
DETECTION_KINDS = frozenset(
    {OBJECTS, INSTANCES, KEYPOINTS, RLE_INSTANCES, SEMANTIC, "qr_code_detection", "bar_code_detection"}
)

_ROWS: tuple[tuple[str, str, str, str], ...] = (
    (ANY, "Any value", "Any", "Any"),
    (IMAGE, "A picture", "dict", "WorkflowImage"),
    (VIDEO_METADATA, "Which frame of which video a picture is", "dict", "VideoMetadata"),
    ("timestamp", "A point in time", "str", "datetime"),
    ("boolean", "True or false", "bool", "bool"),
    ("integer", "A whole number", "int", "int"),
    ("float", "A number", "float", "float"),
    ("float_zero_to_one", "A number from 0 to 1", "float", "float"),
    ("string", "Text", "str", "str"),
    ("top_class", "The name of the most confident class", "str", "str"),
    ("dictionary", "Values by name", "dict", "dict"),
    ("list_of_values", "Values in order", "List[Any]", "list"),
    ("rgb_color", "A colour: '#RRGGBB', '(r, g, b)' or [r, g, b]", "Tuple[int, int, int]", "Any"),
    ("point", "A point [x, y]", "Tuple[int, int]", "list"),
    ("labeled_points", "Points that belong to an object or not", "List[Dict[str, Any]]", "list"),
    ("zone", "A polygon: points [x, y]", "List[Tuple[int, int]]", "list"),
    ("embedding", "A vector that stands for a picture or a text", "List[float]", "list"),
    ("parent_id", "The id of the picture that something was found in", "str", "str"),
    ("inference_id", "The id of a run of a model", "str", "str"),
    ("prediction_type", "Which task a prediction answers", "str", "str"),
    ("language_model_output", "The text that a language model wrote", "str", "str"),
    ("roboflow_model_id", "A model: project/version", "str", "str"),
    ("roboflow_project", "The name of a project", "str", "str"),
    ("roboflow_solution", "The name of a solution", "str", "str"),
    ("roboflow_api_key", "An API key", "str", "str"),
    ("ROBOFLOW_MANAGED_KEY", "A key that the account service holds", "str", "str"),
    ("image_metadata", "Facts about a picture", "dict", "dict"),
    ("image_keypoints", "Salient points of a picture", "dict", "list"),
    ("contours", "Outlines: lists of points", "List[list]", "list"),
    ("serialised_payloads", "Values that are already JSON", "List[Union[str, dict]]", "list"),
    ("secret", "Text that answers do not show", "str", "str"),
    ("bytes", "Bytes", "str", "bytes"),
    ("numpy_array", "An array", "list", "numpy.ndarray"),
    ("tensor", "An array", "list", "numpy.ndarray"),
    (OBJECTS, "Objects with boxes", "dict", "DetectionTable"),
    (INSTANCES, "Objects with outlines", "dict", "DetectionTable"),
    (KEYPOINTS, "Objects with keypoints", "dict", "DetectionTable"),
    (RLE_INSTANCES, "Objects with run-length masks", "dict", "DetectionTable"),
    (SEMANTIC, "Classes of pixels, as run-length masks", "dict", "DetectionTable"),
    ("qr_code_detection", "QR codes with their text", "dict", "DetectionTable"),
    ("bar_code_detection", "Bar codes with their text", "dict", "DetectionTable"),
    (
        "detection",
        "One detection",
        "Tuple[list, Optional[list], Optional[float], Optional[float], Optional[int], dict]",
        "tuple",
    ),
    (CLASSIFICATION, "The classes of a picture", "dict", "dict"),
    ("detections_overlaps", "Pairs of detections that overlap", "List[Dict[str, Any]]", "list"),
    ("action_recognition_prediction", "Classified parts of a video", "List[dict]", "list"),
)

KINDS: dict[str, Kind] = {row[0]: Kind(*row) for row in _ROWS}
