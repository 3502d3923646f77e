"""What happens around every request: record and access log, errors as JSON, authentication."""
