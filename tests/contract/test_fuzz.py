"""Good requests, damaged at random: never a 5xx, whatever comes of them. The seed makes a failure come again."""

import json
import random
from urllib.parse import quote

from tests.contract.deployment import CLASSIFIER, DETECTOR, SEGMENTER, Deployment
from tests.contract.pictures import base64_of, scene, turned_by_exif

SEED = 20_251
REQUESTS = 300
ODD_VALUES: tuple[object, ...] = (
    None, True, -1, 0, 1e308, 2**70, "", "None", "nan", "\ud800", "\0", "ä" * 50, [], {}, [[]], {"type": []},
    ["base64"], {"type": "base64", "value": {}}, "a" * 3000, "../../x", "%00", -0.0, [None], {"": ""},
)  # fmt: skip
ODD_TEXTS = (
    "", "nan", "-inf", "1e999", "0x10", "1_000", "٣", "True", "null", "\ud800", "%", "a" * 2000, "../..", "\r\n", "💥",
    "1,2", "+1", " 1 ", "--", "[]", "{}", "';--", "best", "0.0000000001", "99999999999999999999",
)  # fmt: skip
PARAMETERS = (
    "confidence", "overlap", "stroke", "labels", "format", "image", "image_type", "max_detections", "classes",
    "disable_preproc_auto_orient", "response_mask_format", "mask_decode_mode", "tradeoff_factor", "countinference",
)  # fmt: skip
FIELDS = (
    "id", "model_id", "image", "confidence", "iou_threshold", "max_detections", "class_filter", "class_agnostic_nms",
    "visualize_predictions", "visualization_stroke_width", "visualization_labels", "api_key", "response_mask_format",
)  # fmt: skip
CONTENT_TYPES = (
    "application/json", "text/plain", "multipart/form-data", "multipart/form-data; boundary=b", "image/png", "",
    "application/x-www-form-urlencoded", "application/json; charset=utf-16", "multipart/form-data; boundary=\"",
    ";", "ä",
)  # fmt: skip
PICTURES = (scene(), scene("PNG"), scene("WEBP"), scene("GIF"), scene("TIFF"), scene("BMP")[:5000], turned_by_exif())


def test_damaged_requests_never_fail_the_service(deployment: Deployment, key: str) -> None:
    chance = random.Random(SEED)
    statuses: dict[int, int] = {}
    for number in range(REQUESTS):
        method, target, body, headers = chance.choice((_damaged_v0, _damaged_form, _damaged_v2))(chance, key)
        answer = deployment.send(method, target, body, headers)
        statuses[answer.status] = statuses.get(answer.status, 0) + 1
        request = f"request {number} of seed {SEED}: {method} {target[:200]} {headers} {body[:200]!r}"
        assert answer.status < 500, f"{request}\n{answer.status} {answer.body[:500]!r}"
        assert b"Traceback" not in answer.body, request
    # The damage must neither be harmless nor stop everything at the first check.
    assert statuses[200] > REQUESTS // 20
    assert statuses[400] > REQUESTS // 10
    assert statuses[422] > REQUESTS // 20


Request = tuple[str, str, bytes, dict[str, str]]


def _damaged_v0(chance: random.Random, key: str) -> Request:
    body = base64_of(_damaged(chance.choice(PICTURES), chance)).encode()
    if chance.random() < 0.3:
        body = _damaged(body, chance)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": _mostly("text/plain", CONTENT_TYPES, chance)}
    return chance.choice(("POST", "POST", "GET")), _target(chance), body, _sendable(headers)


def _damaged_form(chance: random.Random, key: str) -> Request:
    picture = _damaged(chance.choice(PICTURES), chance)
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    body = _damaged(head, chance, at_most=2) + picture + b"\r\n--b--\r\n"
    content_type = _mostly("multipart/form-data; boundary=b", CONTENT_TYPES, chance)
    return "POST", _target(chance), body, _sendable({"Authorization": f"Bearer {key}", "Content-Type": content_type})


def _damaged_v2(chance: random.Random, key: str) -> Request:
    fields: dict[str, object] = {
        "model_id": chance.choice((DETECTOR, SEGMENTER, CLASSIFIER)),
        "image": {"type": "base64", "value": base64_of(_damaged(chance.choice(PICTURES), chance))},
    }
    for _ in range(chance.randrange(3)):
        fields[chance.choice(FIELDS)] = chance.choice(ODD_VALUES)
    body = json.dumps(fields).encode()
    if chance.random() < 0.2:
        body = _damaged(body, chance)
    route = chance.choice(("object_detection", "classification", "instance_segmentation"))
    target = chance.choice((f"/infer/{route}", f"/infer/{route}", f"/infer/{route}", "/model/add", "/model/remove"))
    headers = {"Authorization": f"Bearer {key}", "Content-Type": _mostly("application/json", CONTENT_TYPES, chance)}
    return "POST", target, body, _sendable(headers)


def _target(chance: random.Random) -> str:
    path = f"/{chance.choice((DETECTOR, SEGMENTER, CLASSIFIER))}"
    if chance.random() < 0.1:
        path = "/" + quote(_damaged(path[1:].encode(), chance, at_most=2))
    pairs = []
    for _ in range(chance.randrange(3)):
        value = chance.choice(ODD_TEXTS)
        text = quote(value.encode("utf-8", "surrogatepass")) if chance.random() < 0.9 else "%zz%"
        pairs.append(f"{chance.choice(PARAMETERS)}={text}")
    return f"{path}?{'&'.join(pairs)}"


def _damaged(data: bytes, chance: random.Random, at_most: int = 8) -> bytes:
    """The bytes with a few changed, cut out or doubled; one time in three as they are."""
    if chance.random() < 0.33:
        return data
    damaged = bytearray(data)
    for _ in range(chance.randint(1, at_most)):
        place = chance.randrange(len(damaged) or 1)
        match chance.randrange(4):
            case 0:
                damaged[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del damaged[place : place + chance.randrange(1, 40)]
            case 2:
                damaged[place:place] = damaged[place : place + 20]
            case _:
                damaged[place:place] = chance.randbytes(3)
    return bytes(damaged)


def _mostly(usual: str, others: tuple[str, ...], chance: random.Random) -> str:
    return usual if chance.random() < 0.8 else chance.choice(others)


def _sendable(headers: dict[str, str]) -> dict[str, str]:
    """Headers that http.client takes: an empty Content-Type is left out."""
    return {name: value.encode("latin-1", "replace").decode("latin-1") for name, value in headers.items() if value}
