from typing import Any

import pytest

from tenantry_operator.api.v1alpha1.image import ImageSpec
from tenantry_operator.resources.image import Defaults, image_of

DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({}, "reg:5000/t/gateway:dev"),
        ({"pull_policy": "Always"}, "reg:5000/t/gateway:dev"),
        ({"tag": "2"}, "reg:5000/t/gateway:2"),
        ({"digest": DIGEST}, f"reg:5000/t/gateway@{DIGEST}"),
        ({"repository": "other/gw", "tag": "2"}, "other/gw:2"),
        ({"repository": "other/gw", "tag": "2", "digest": DIGEST}, f"other/gw:2@{DIGEST}"),
    ],
)
def test_parts_of_the_image_that_are_left_out_come_from_the_default(image: dict[str, Any], expected: str) -> None:
    assert image_of(ImageSpec(**image), Defaults("reg:5000/t/gateway:dev")).name == expected


def test_a_default_image_with_a_digest_gives_its_repository() -> None:
    assert image_of(ImageSpec(tag="2"), Defaults(f"gateway:1@{DIGEST}")).name == "gateway:2"


def test_the_pull_policy_is_the_gateways_else_the_default() -> None:
    defaults = Defaults("gateway:1", "Always")

    assert image_of(ImageSpec(), defaults).pull_policy == "Always"
    assert image_of(ImageSpec(pull_policy="Never"), defaults).pull_policy == "Never"


def test_defaults_come_back_from_the_annotation_that_they_were_written_to() -> None:
    defaults = Defaults(f"reg:5000/t/gateway:dev@{DIGEST}", "Always")

    assert Defaults.parse(str(defaults)) == defaults


@pytest.mark.parametrize("annotation", ["", "IfNotPresent", "IfNotPresent "])
def test_what_holds_no_defaults_gives_none(annotation: str) -> None:
    assert Defaults.parse(annotation) is None
