"""tenantry.dev/v1alpha1: the models here are the only source of the CRD schema."""
