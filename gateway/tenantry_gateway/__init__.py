"""The Tenantry gateway: chat channels and HTTP clients in, Claude agents out."""
