from typing import Any

import pytest

from tenantry_operator.errors import InvalidObject
from tests.unit.tenantry_operator.objects import gateway


def test_a_gateway_that_says_nothing_of_storage_gets_one_gibibyte_that_is_kept() -> None:
    spec = gateway().spec

    assert (spec.storage.size, spec.storage.storage_class_name) == ("1Gi", None)
    assert spec.storage.access_modes == ("ReadWriteOnce",)
    assert spec.deletion_policy == "Retain"


@pytest.mark.parametrize(
    ("storage", "path"),
    [
        ({"size": "1Mi"}, "spec.storage.size"),
        ({"size": "65Ti"}, "spec.storage.size"),
        ({"size": "1.5Gi"}, "spec.storage.size"),
        ({"size": "1Gi\n"}, "spec.storage.size"),
        ({"storageClassName": "Fast"}, "spec.storage.storageClassName"),
        ({"accessModes": []}, "spec.storage.accessModes"),
        ({"accessModes": ["ReadOnlyMany"]}, "spec.storage.accessModes[0]"),
        ({"accessModes": ["ReadWriteOnce", "ReadWriteOnce"]}, "spec.storage.accessModes"),
        ({"accessModes": ["ReadWriteOncePod", "ReadWriteOnce"]}, "spec.storage.accessModes"),
    ],
)
def test_what_the_api_server_refuses_is_refused_here_too(storage: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidObject) as refused:
        gateway({"storage": storage})

    assert refused.value.path == path
