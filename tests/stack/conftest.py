"""What the tests of the service's processes share: one network, recognised and measured once."""

import pytest

from retinue.models.package import ModelId
from retinue.operator.publish import Candidate, examine
from tests.contract.constant_models import write_detector

pytest.register_assert_rewrite("tests.stack.faulty")  # it asserts as the tests do


@pytest.fixture(scope="session")
def candidate(tmp_path_factory: pytest.TempPathFactory) -> Candidate:
    """The tiny detector, ready to be published under any id with `Deployment.publish_like`."""
    path = write_detector(tmp_path_factory.mktemp("candidate") / "shapes.onnx")
    return examine(ModelId.parse("shapes/1"), path)
