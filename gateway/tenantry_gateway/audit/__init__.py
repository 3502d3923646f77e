"""The audit log: what happened, by whom, chained so that nothing can be changed or left out unnoticed."""
