from tenantry_operator.api.reference import reference

SCHEMA = {
    "description": "A thing.",
    "properties": {
        "spec": {
            "required": ["name"],
            "properties": {
                "name": {"type": "string", "maxLength": 10, "description": "Its name."},
                "mode": {"type": "string", "enum": ["a", "b"], "default": "a", "description": "a | b."},
                "parts": {
                    "type": "object",
                    "maxProperties": 4,
                    "description": "Its parts.",
                    "x-kubernetes-validations": [{"rule": "x", "message": "parts must fit"}],
                    "additionalProperties": {
                        "type": "object",
                        "description": "A part.",
                        "properties": {
                            "size": {
                                "type": "integer",
                                "minimum": 1,
                                "maximum": 9,
                                "default": 3,
                                "description": "Size.",
                            }
                        },
                    },
                },
            },
        },
        "status": {"properties": {"ready": {"type": "boolean", "description": "Whether it is ready."}}},
    },
}


def test_a_page_has_a_row_for_every_field_with_its_bounds_default_and_rules() -> None:
    rows = [line for line in reference("Thing", "tt", SCHEMA).splitlines() if line.startswith("| `")]

    assert rows == [
        "| `spec.name` | string, at most 10 characters | required | Its name. |",
        "| `spec.mode` | `a`, `b` | `a` | a \\| b. |",
        "| `spec.parts` | map to object, at most 4 |  | Its parts. Parts must fit. |",
        "| `spec.parts.NAME.size` | integer, 1 to 9 | `3` | Size. |",
        "| `status.ready` | boolean |  | Whether it is ready. |",
    ]
