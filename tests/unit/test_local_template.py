"""The template as the local stack reads it: intrinsics, Globals, routes, layers, and errors that name the place."""

from pathlib import Path
from typing import Any

import pytest

from local.intrinsics import TemplateError
from local.template import Bucket, Cors, Function, Template, merge_globals, read_template

TEMPLATE = """
Parameters:
  Stage: {{Type: String, Default: dev}}
  Memory: {{Type: Number, Default: 1769}}
  Origins: {{Type: CommaDelimitedList, Default: "https://a.example, https://b.example"}}
Mappings:
  Sizes: {{dev: {{timeout: 7}}, prod: {{timeout: 29}}}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsSmall: !And [!Not [!Condition IsProd], !Equals [!Ref Memory, "1769"]]
Globals:
  Function:
    Runtime: python3.13
    Handler: app.handler
    Layers: [!Ref Core]
    Environment: {{Variables: {{SHARED: "1", BUCKET: !Ref Models}}}}
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties: {{CorsConfiguration: {{AllowOrigins: !Ref Origins, MaxAge: 600}}}}
  Core: {{Type: AWS::Serverless::LayerVersion, Properties: {{ContentUri: shared}}}}
  Models: {{Type: AWS::S3::Bucket, Properties: {{BucketName: !Sub "${{AWS::StackName}}-models-${{AWS::AccountId}}"}}}}
  Absent: {{Type: AWS::S3::Bucket, Condition: IsProd}}
  Detect:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: detect
      {properties}
"""


def read(folder: Path, properties: str = "Timeout: 3", parameters: dict[str, str] | None = None) -> Template:
    """The template above with `properties` (one line) of its function."""
    for name in ("detect", "shared"):
        (folder / name).mkdir(exist_ok=True)
    path = folder / "template.yaml"
    path.write_text(TEMPLATE.format(properties=properties))
    return read_template(path, parameters)


def environment(folder: Path, value: str) -> str:
    """What a variable of the function becomes that the template gives as `value`."""
    return read(folder, f"Environment: {{Variables: {{X: {value}}}}}").functions["Detect"].environment["X"]


def test_function_takes_globals_defaults_and_its_own(tmp_path: Path) -> None:
    template = read(tmp_path, "Environment: {Variables: {OWN: 2}}")

    assert template.functions["Detect"] == Function(
        logical_id="Detect",
        name="retinue-Detect",
        code=tmp_path / "detect",
        handler="app.handler",
        runtime="python3.13",
        timeout_s=3,
        memory_mb=128,
        environment={"SHARED": "1", "BUCKET": "retinue-models-123456789012", "OWN": "2"},
        layers=(tmp_path / "shared",),
    )


def test_buckets_and_conditions(tmp_path: Path) -> None:
    assert read(tmp_path).buckets == {"Models": Bucket("Models", "retinue-models-123456789012", is_versioned=False)}
    assert read(tmp_path, parameters={"Stage": "prod"}).buckets["Absent"].name == "retinue-absent"


def test_cors(tmp_path: Path) -> None:
    assert read(tmp_path).cors == Cors(allow_origins=("https://a.example", "https://b.example"), max_age_s=600)


@pytest.mark.parametrize(
    ("event", "key", "timeout_s"),
    [
        ("{Type: HttpApi}", "$default", 30),
        ("{Type: HttpApi, Properties: {Path: /a/{b}, Method: post}}", "POST /a/{b}", 30),
        ("{Type: HttpApi, Properties: {Path: /a, Method: any, TimeoutInMillis: 500}}", "ANY /a", 0.5),
        ("{Type: HttpApi, Properties: {Path: /a}}", "ANY /a", 30),
    ],
)
def test_routes(tmp_path: Path, event: str, key: str, timeout_s: float) -> None:
    quoted = event.replace("/a/{b}", '"/a/{b}"')
    (route,) = read(tmp_path, f"Events: {{E: {quoted}, Other: {{Type: Schedule}}}}").routes

    assert (route.key, route.function, route.timeout_s) == (key, "Detect", timeout_s)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("!Ref Stage", "dev"),
        ("!Ref AWS::Region", "us-east-1"),
        ("!Ref Models", "retinue-models-123456789012"),
        ("!Ref Detect", "retinue-Detect"),
        ("!GetAtt Models.Arn", "arn:aws:s3:::retinue-models-123456789012"),
        ('{"Fn::GetAtt": [Detect, Arn]}', "arn:aws:lambda:us-east-1:123456789012:function:retinue-Detect"),
        ('!Sub "${Stage}-${Models.Arn}-${!Literal}"', "dev-arn:aws:s3:::retinue-models-123456789012-${Literal}"),
        ('!Sub ["${A}/${Stage}", {A: !Ref AWS::StackName}]', "retinue/dev"),
        ("!If [IsProd, big, small]", "small"),
        ("!If [IsSmall, small, big]", "small"),
        ('!Join ["-", [a, !Ref Stage, !If [IsProd, p, !Ref AWS::NoValue]]]', "a-dev"),
        ('!Select [1, !Split [",", "a,b,c"]]', "b"),
        ("!FindInMap [Sizes, !Ref Stage, timeout]", "7"),
        ("true", "true"),
        ("512", "512"),
    ],
)
def test_intrinsics(tmp_path: Path, value: str, expected: str) -> None:
    assert environment(tmp_path, value) == expected


def test_no_value_removes_the_property(tmp_path: Path) -> None:
    template = read(tmp_path, "Timeout: !If [IsProd, 29, !Ref AWS::NoValue]")

    assert template.functions["Detect"].timeout_s == 3


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ("Timeout: !Cidr [a, 1, 2]", r"Resources\.Detect\.Properties\.Timeout: .* does not know Fn::Cidr"),
        ("Timeout: !Ref Missing", r"Detect\.Properties\.Timeout: 'Missing' is neither"),
        ("Timeout: !GetAtt Models.DomainName", r"Models\.DomainName has no local counterpart"),
        ("Timeout: !If [Missing, 1, 2]", "unknown condition 'Missing'"),
        ("Timeout: !Join [a]", r"Timeout: expected a list of 2"),
        ("Timeout: !Select [9, [a]]", "item 9 of 1"),
        ("Timeout: !FindInMap [Sizes, test, timeout]", r"no Sizes\.test\.timeout"),
        ("Handler: !Ref AWS::NoValue", r"Handler is missing"),
        ("Layers: ['arn:aws:lambda:us-east-1:1:layer:Other:3']", "arn:aws:lambda:.*:Other:3 is not a layer of this"),
        ("Events: {E: {Type: HttpApi, Properties: {Path: a}}}", r"Events\.E\.Properties\.Path: 'a' does not start"),
    ],
)
def test_what_cannot_be_followed_is_an_error_that_names_the_place(
    tmp_path: Path, properties: str, message: str
) -> None:
    with pytest.raises(TemplateError, match=message):
        read(tmp_path, properties)


def test_missing_folder_unknown_parameter_and_bad_files(tmp_path: Path) -> None:
    read(tmp_path)
    with pytest.raises(TemplateError, match="no such parameter: Colour"):
        read(tmp_path, parameters={"Colour": "red"})
    (tmp_path / "detect").rmdir()
    with pytest.raises(TemplateError, match=r"Detect\.Properties\.CodeUri: there is no folder .*detect"):
        read_template(tmp_path / "template.yaml")
    with pytest.raises(TemplateError, match="cannot read"):
        read_template(tmp_path / "missing.yaml")
    (tmp_path / "broken.yaml").write_text("a: [")
    with pytest.raises(TemplateError, match="not valid YAML"):
        read_template(tmp_path / "broken.yaml")


@pytest.mark.parametrize(
    ("shared", "own", "merged"),
    [
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": {"x": 1, "y": 1}}, {"a": {"y": 2}}, {"a": {"x": 1, "y": 2}}),
        ({"a": [1]}, {"a": [2]}, {"a": [1, 2]}),
        ({"a": {"Ref": "X"}}, {"a": {"Fn::If": ["C", 1, 2]}}, {"a": {"Fn::If": ["C", 1, 2]}}),  # not a mapping to merge
    ],
)
def test_globals_are_merged_as_sam_does(shared: dict[str, Any], own: dict[str, Any], merged: dict[str, Any]) -> None:
    assert merge_globals(shared, own) == merged


def test_the_repositorys_template_is_understood() -> None:
    template = read_template(Path(__file__).parents[2] / "template.yaml")

    assert {"DetectFunction", "ClassifyFunction", "OutlineFunction", "CatalogFunction"} <= set(template.functions)
    assert template.buckets["ModelsBucket"].name == "retinue-models-123456789012"
    assert template.buckets["ModelsBucket"].is_versioned
    assert {route.function for route in template.routes if route.key == "$default"} == {"CatalogFunction"}
