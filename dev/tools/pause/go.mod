module tenantry.dev/dev/tools/pause

go 1.26.0
