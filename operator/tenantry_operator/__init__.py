"""The Tenantry operator."""
