"""The type that every builder returns."""

from typing import Any

Manifest = dict[str, Any]
"""A Kubernetes object as JSON, with only the fields that this operator decides.

Values are in the API server's canonical form (quantities as it prints them, list keys such as ``protocol`` explicit),
so that the live object, projected onto the fields that we manage, equals it.
"""
