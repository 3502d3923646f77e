"""`kubectl tenantry`, for teams and platform engineers at a terminal. It reaches clusters through kubectl alone."""
