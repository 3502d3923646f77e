"""The custom resources: one package per API version."""
