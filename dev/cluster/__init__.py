"""The development cluster: one interface, the providers `kind` and `local`, and a control plane alone for tests."""
