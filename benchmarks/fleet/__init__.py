"""How fast and how calm the operator is with hundreds and thousands of tenants: ``make bench-fleet``."""
