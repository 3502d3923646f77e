"""What a tenant gets: pure builders, one module per Kubernetes kind."""
